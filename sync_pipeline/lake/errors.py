"""What may be wrong with a lake."""

from __future__ import annotations

from sync_pipeline.redactor import clean


class LakeError(Exception):
    """The lake cannot be opened or written; the message says which file and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


class LakeInUseError(LakeError):
    """Another pipeline is at work on this lake."""


class OwnershipError(LakeError):
    """A folder is another lake's, or holds what this lake did not make; the message names both and what to do."""
