"""Misbehaviour that Marketo's sandbox knows on command; how it is ordered and counted: `sandbox/faults.py`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sync_pipeline.sandbox import faults
from sync_pipeline.sandbox.marketo.errors import RecordError

KINDS: dict[str, dict[str, Any]] = {
    "expire": {},  # every token ends before the next request
    "status": {"status": 502, "retry_after": 0},  # answers with this HTTP status
    "error": {"code": "713", "message": "Transient Error"},  # answers 200 with this error
    "slow": {"seconds": 1.0},  # answers late
    "drop": {"after_bytes": 1000},  # the connection ends in mid-body
    "quota": {"calls": 0},  # from the next request on so many more calls are allowed today
    "reject": {"code": 1001, "message": "Invalid data", "every": 1},  # every n-th record that is written is skipped so
    "short_page": {"rows": 1},  # a page of activities has at most so many, and says that more follow
    "slow_job": {"seconds": 1.0},  # a bulk job stays Processing
    "fail_job": {"message": "Export failed"},  # a bulk job ends Failed
    "late": {"seconds": 2.0},  # an activity is seen only so long after its time, until cleared
}


class Faults(faults.Faults):
    """The faults in force in a subscription."""

    def __init__(self) -> None:
        super().__init__(KINDS)

    def check(self, path: str, position: int) -> None:
        """Raise what stands, on command, against the record at this place (from 0) of a request to `path`."""
        every = next((f["every"] for f in self._faults if f.kind == "reject" and fnmatchcase(path, f.path)), 0)
        fault = self.take("reject", path) if every and (position + 1) % every == 0 else None
        if fault:
            raise RecordError(int(fault["code"]), fault["message"])
