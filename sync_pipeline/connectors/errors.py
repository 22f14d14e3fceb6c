"""What can go wrong with a system, by what the caller can do about it: try again, leave it, or stop."""

from __future__ import annotations


class ConnectorError(Exception):
    """A system did not do what was asked. `code` is the system's own word, or ours where it has none."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class RetryableError(ConnectorError):
    """Passing: the same call may go through later (a lock, a time-out, a dropped connection)."""

    def __init__(self, code: str, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(code, message)
        self.wait_seconds = wait_seconds


class RejectedError(ConnectorError):
    """This request will never go through as it is; others may (a field that is not there, a bad query)."""


class FatalError(ConnectorError):
    """Nothing more goes through until somebody acts: wrong password, missing permission, quota used up."""


class QuotaError(FatalError):
    """The day's calls are used up, or down to the reserve we leave to others (LIM-4)."""


class SessionExpiredError(ConnectorError):
    """The session ended; the connector logs in again once."""


class UnknownOutcomeError(ConnectorError):
    """A write was sent and its answer was lost: it may have been done, so look before it is sent again (GEN-16)."""
