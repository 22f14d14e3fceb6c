"""What a network, a busy org or a late index does to a client of Salesforce: the kinds of faults, and their asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sync_pipeline.sandbox.core.forms import NORMALISE, Normalising
from sync_pipeline.sandbox.core.misbehaviour import Kind
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.sight import PROMPT, Lateness

UNKNOWN = "An unexpected error occurred."
KINDS: dict[str, Kind] = {
    "expire": Kind("every session ends before the request"),
    "status": Kind("the answer has this HTTP status, and perhaps a Retry-After", {"status": 503, "retry_after": 0}),
    "rotate": Kind(
        "a refresh token is good for one login, which brings the next one", counts="", times=None, has_path=False
    ),
    "lacks": Kind("the address is not known, as on a server of an older version", times=None),
    "header": Kind("the answer has this header, in place of its own", {"name": "", "value": ""}),
    "error": Kind("the answer is this error", {"status": 400, "code": "UNKNOWN_EXCEPTION", "message": UNKNOWN}),
    "slow": Kind("the answer takes so long", {"seconds": 1.0}),
    "drop": Kind("the connection breaks in mid-body", {"after_bytes": 1000}),
    "quota": Kind("from this request on, so many more calls are allowed today", {"calls": 0}),
    "short_page": Kind(
        "a page of a bulk result lacks its last records, its header still counts them", {"rows": 1}, "pages"
    ),
    "field_gone": Kind("the field is deleted, and this page and those after it lack it", {"field": ""}, "pages", None),
    "field_new": Kind(
        "the field is added, and this page and those after it have it",
        {"field": ""},
        "pages",
        None,
    ),
    "slow_job": Kind("a bulk job stays InProgress so long", {"seconds": 1.0}, "jobs"),
    "fail_job": Kind("a bulk job ends Failed", {"message": "InternalServerError: the query failed"}, "jobs"),
    "lock": Kind("a record that is written meets UNABLE_TO_LOCK_ROW", {}, "records"),
    "reject": Kind(
        "a record that is written is refused so", {"code": "UNKNOWN_EXCEPTION", "message": UNKNOWN}, "records"
    ),
    "late": Kind(
        "a record is seen only so long after its stamp; with a spread, each up to that much earlier",
        {"seconds": 2.0, "spread": 0.0},
        counts="",
        times=None,
        has_path=False,
    ),
    "normalise": NORMALISE,
    "same_stamp": Kind(
        "this write and those after it are stamped like the first of them", {}, "writes", 10, has_path=False
    ),
}


class Faults(Normalising):
    """The faults in force in an org.

    Args:
        object_of: the name of the object that a record's id belongs to.
        restored: called when all faults are taken back, for what they have left behind.
    """

    def __init__(
        self, object_of: Callable[[str], str] = lambda record: "", restored: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(KINDS)
        self._object_of = object_of
        self._restored = restored

    def clear(self) -> None:
        super().clear()
        self._restored()

    def spoil(self, path: str) -> Callable[[str], ApiError | None]:
        """Return what stands, on command, against a record that a request to `path` writes."""

        def error(record: str) -> ApiError | None:
            if not self:
                return None
            about = self._object_of(record)
            if self.take("lock", path, about):
                message = f"unable to obtain exclusive access to this record or 1 records: {record}"
                return ApiError("UNABLE_TO_LOCK_ROW", message, fields=[])
            fault = self.take("reject", path, about)
            return ApiError(fault["code"], fault["message"], fields=[]) if fault else None

        return error

    def lateness(self, name: str) -> Lateness:
        """Return for how long the stamps of an object's records stay unseen."""
        fault = self.standing("late", name)
        return Lateness(fault["seconds"], fault["spread"]) if fault else PROMPT

    def stamp(self, name: str, now: datetime) -> datetime:
        """Return the time by which a write of an object's records is stamped."""
        fault = self.take("same_stamp", about=name)
        at: datetime = fault.kept.setdefault("at", now) if fault else now
        return at
