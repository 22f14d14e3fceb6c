"""What a network, used-up limits and slow jobs do to a client of Marketo: the kinds of faults, and their asking."""

from __future__ import annotations

from collections.abc import Callable

from sync_pipeline.sandbox.core.forms import NORMALISE, Normalising
from sync_pipeline.sandbox.core.misbehaviour import Kind
from sync_pipeline.sandbox.marketo.errors import RecordError

KINDS: dict[str, Kind] = {
    "expire": Kind("every token ends before the request: 602"),
    "status": Kind("the answer has this HTTP status, and perhaps a Retry-After", {"status": 502, "retry_after": 0}),
    "lacks": Kind("the address is not known, as on a server of an older version", times=None),
    "header": Kind("the answer has this header, in place of its own", {"name": "", "value": ""}),
    "error": Kind("the answer is this error, with HTTP 200", {"code": "713", "message": "Transient Error"}),
    "slow": Kind("the answer takes so long", {"seconds": 1.0}),
    "drop": Kind("the connection breaks in mid-body", {"after_bytes": 1000}),
    "quota": Kind("from this request on, so many more calls are allowed today", {"calls": 0}),
    "short_page": Kind("a page of activities has at most so many, and says that more follow", {"rows": 1}, "pages"),
    "reject": Kind("a record that is written is skipped so", {"code": 1001, "message": "Invalid data"}, "records"),
    "slow_job": Kind("a bulk job stays in work so long", {"seconds": 1.0}, "jobs"),
    "fail_job": Kind("a bulk job ends Failed", {"message": "The job failed"}, "jobs"),
    "normalise": NORMALISE,
    "late": Kind(
        "activities are seen only so long after their time", {"seconds": 2.0}, counts="", times=None, has_path=False
    ),
}


class Faults(Normalising):
    """The faults in force in a subscription; `restored` is called when all of them are taken back."""

    def __init__(self, restored: Callable[[], None] = lambda: None) -> None:
        super().__init__(KINDS)
        self._restored = restored

    def clear(self) -> None:
        super().clear()
        self._restored()

    def check(self, path: str) -> None:
        """Raise what stands, on command, against a record that a request to `path` writes."""
        fault = self.take("reject", path)
        if fault:
            raise RecordError(fault["code"], fault["message"])

    def late_seconds(self) -> float:
        """Return for how long activities stay unseen."""
        fault = self.standing("late")
        return float(fault["seconds"]) if fault else 0.0
