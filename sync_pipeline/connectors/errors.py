"""What can go wrong with a system, by what the caller can do about it: try again, leave it, or stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sync_pipeline.redactor import clean

if TYPE_CHECKING:
    from sync_pipeline.connectors.records import Answer


# What a system says is put on record, and a broken one may say megabytes.
LONGEST_CODE, LONGEST_MESSAGE = 80, 2_000


class ConnectorError(Exception):
    """A system did not do what was asked. `code` is the system's own word, or ours where it has none.

    `notice` is the kind of notice that an operator is owed for it (OPS-15), empty if none is.
    """

    notice = ""

    def __init__(self, code: str, message: str) -> None:
        code, message = clean(code)[:LONGEST_CODE], clean(message)[:LONGEST_MESSAGE]  # half a secret is one too
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class RetryableError(ConnectorError):
    """Passing: the same call may go through later (a lock, a time-out, a dropped connection).

    `may_be_done` tells that the call reached the system, so that what it asked for may have happened.
    """

    def __init__(self, code: str, message: str, wait_seconds: float = 0.0, may_be_done: bool = False) -> None:
        super().__init__(code, message)
        self.wait_seconds = wait_seconds
        self.may_be_done = may_be_done


class MalformedAnswerError(RetryableError):
    """An answer is not what its request is answered with: cut off, a page of a proxy, without a key, of another kind.

    It says nothing of what was asked for, so a write may have been done.
    """

    notice = "sync_down"

    def __init__(self, system: str, request: str, reason: str) -> None:
        super().__init__("MALFORMED_ANSWER", f"{system} answered {request} with {reason}", may_be_done=True)


class OverdueError(RetryableError):
    """A bound of time or size was reached. It is not tried again at once; the next cycle tries anew."""

    notice = "sync_down"

    def __init__(self, code: str, message: str, may_be_done: bool = True) -> None:
        super().__init__(code, message, may_be_done=may_be_done)


class RejectedError(ConnectorError):
    """This request will never go through as it is; others may (a field that is not there, a bad query)."""

    notice = "permission"  # of a whole object: it is hidden from the sync user, or not there


class FatalError(ConnectorError):
    """Nothing more goes through until somebody acts: wrong password, missing permission, quota used up."""

    notice = "sync_down"


class QuotaError(FatalError):
    """The day's calls are used up, or down to the reserve we leave to others (LIM-4)."""

    notice = "api_limit"


class ForbiddenError(FatalError):
    """The API is closed to this user or org."""

    notice = "permission"


class CredentialsError(FatalError):
    """The login was refused, or there is nothing to log in with."""

    notice = "credentials"


class PausedError(ConnectorError):
    """Not now: it goes on by itself later, and what else there is to do goes on meanwhile (a quota of exports)."""


class ThrottledError(RetryableError):
    """Refused before anything was done, because too much is asked at the moment; somebody else may have asked it."""


class SessionExpiredError(ConnectorError):
    """The session ended; the connector logs in again once."""


class UnknownOutcomeError(ConnectorError):
    """A write was sent and its answer was lost: it may have been done, so look before it is sent again (GEN-16).

    `answers` are in the order of the records that were to be written; None stands for those to look for.
    """

    def __init__(self, code: str, message: str, answers: Sequence[Answer | None] = ()) -> None:
        super().__init__(code, message)
        self.answers = answers


class AmbiguousError(ConnectorError):
    """Several records fit where one was looked for; `ids` are theirs."""

    def __init__(self, code: str, message: str, ids: Sequence[str]) -> None:
        super().__init__(code, message)
        self.ids = tuple(ids)
