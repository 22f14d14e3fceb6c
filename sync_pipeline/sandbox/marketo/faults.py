"""What can go wrong on command in a Marketo subscription; how it is ordered and counted: `sandbox/misbehaviour.py`."""

from __future__ import annotations

from sync_pipeline.sandbox.marketo.errors import RecordError
from sync_pipeline.sandbox.misbehaviour import Kind, Misbehaviour

KINDS: dict[str, Kind] = {
    "expire": Kind("every token ends before the request"),
    "status": Kind("the answer has this HTTP status, and perhaps a Retry-After", {"status": 502, "retry_after": 0}),
    "error": Kind("the answer is HTTP 200 with this error", {"code": "713", "message": "Transient Error"}),
    "slow": Kind("the answer takes so long", {"seconds": 1.0}),
    "drop": Kind("the connection breaks in mid-body", {"after_bytes": 1000}),
    "quota": Kind("from this request on, so many more calls are allowed today", {"calls": 0}),
    "reject": Kind("a record that is written is skipped so", {"code": 1001, "message": "Invalid data"}, "records"),
    "short_page": Kind("a page of activities has at most so many, and says that more follow", {"rows": 1}, "pages"),
    "slow_job": Kind("a bulk job stays Processing so long", {"seconds": 1.0}, "jobs", has_path=False),
    "fail_job": Kind("a bulk job ends Failed", {"message": "Export failed"}, "jobs", has_path=False),
    "late": Kind(
        "an activity is seen only so long after its time", {"seconds": 2.0}, counts="", times=None, has_path=False
    ),
}


class Faults(Misbehaviour):
    """The faults in force in a subscription."""

    def __init__(self) -> None:
        super().__init__(KINDS)

    def check(self, path: str) -> None:
        """Raise what stands, on command, against the next record that a request to `path` writes."""
        fault = self.take("reject", path)
        if fault:
            raise RecordError(int(fault["code"]), fault["message"])

    def late_seconds(self) -> float:
        """Return for how long new activities stay unseen."""
        late = self.standing("late")
        return float(late["seconds"]) if late else 0.0
