"""What may be wrong with a lake."""


class LakeError(Exception):
    """The lake cannot be opened or written; the message says which file and what to do."""


class LakeInUseError(LakeError):
    """Another pipeline is at work on this lake."""


class OwnershipError(LakeError):
    """A folder is another lake's, or holds what this lake did not make; the message names both and what to do."""
