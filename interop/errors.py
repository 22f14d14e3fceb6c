"""How an operation says that it did not go well."""


class DifferenceError(Exception):
    """The client and the sandbox do not agree; the message says on what, in its first line."""


class SkipError(Exception):
    """Something cannot be tried here; the message says why."""
