"""Misbehaviour on command: what a network, a busy org or a late index does to a client.

`Faults` is asked by the server at the right moments; tests and the admin route add to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sync_pipeline.sandbox.errors import ApiError

KINDS: dict[str, dict[str, Any]] = {
    "expire": {},  # every session ends before the next request
    "status": {"status": 503, "retry_after": 0},  # answers with this HTTP status
    "error": {"status": 400, "code": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."},
    "slow": {"seconds": 1.0},  # answers late
    "drop": {"after_bytes": 1000},  # the connection ends in mid-body
    "short_page": {"rows": 1},  # a bulk page lacks its last rows, the header still counts them
    "slow_job": {"seconds": 1.0},  # a bulk job stays InProgress
    "fail_job": {"message": "InternalServerError: the query failed"},  # a bulk job ends Failed
    "quota": {"calls": 0},  # from the next request on so many more calls are allowed today
    "lock": {},  # a record that is written meets a lock: UNABLE_TO_LOCK_ROW; `times` and `skip` count records
    "reject": {"code": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred.", "every": 1},  # likewise
    "late": {"seconds": 2.0},  # a record is seen only so long after its stamp, until cleared
}
STANDING = frozenset({"late"})  # not used up by being applied


@dataclass
class Fault:
    """One kind of misbehaviour for the next `times` requests (None: until cleared) whose path fits `path`."""

    kind: str
    path: str = "*"
    times: int | None = 1
    skip: int = 0  # so many fitting requests pass first
    settings: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "path": self.path, "times": self.times, "skip": self.skip, **self.settings}


class Faults:
    """The faults in force; `kinds` are those that may be, with their settings."""

    def __init__(self, kinds: Mapping[str, dict[str, Any]] = KINDS) -> None:
        self.kinds = kinds
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, *, path: str = "*", times: int | None = 1, skip: int = 0, **settings: Any) -> Fault:
        """Put a fault in force; `path` is a shell pattern over the request's path.

        Raises:
            ValueError: unknown kind or setting.
        """
        if kind not in self.kinds:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(self.kinds)}")
        known = self.kinds[kind]
        unknown = set(settings) - set(known)
        if unknown:
            raise ValueError(f"{kind} has no setting {', '.join(sorted(unknown))}; it has {', '.join(known)}")
        fault = Fault(kind, path, None if kind in STANDING else times, skip, {**known, **settings})
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, kind: str, path: str = "") -> Fault | None:
        """Return the fault of this kind that the request meets, if any, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.kind != kind or not fnmatchcase(path, fault.path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def spoil(self, path: str) -> Callable[[str], ApiError | None]:
        """Return what stands, on command, against a record that a request to `path` writes."""
        met = 0

        def error(record: str) -> ApiError | None:
            nonlocal met
            if not self._faults:
                return None
            if self.take("lock", path):
                message = f"unable to obtain exclusive access to this record or 1 records: {record}"
                return ApiError("UNABLE_TO_LOCK_ROW", message, fields=[])
            met += 1
            every = next((f["every"] for f in self._faults if f.kind == "reject" and fnmatchcase(path, f.path)), 0)
            fault = self.take("reject", path) if every and met % every == 0 else None
            return ApiError(fault["code"], fault["message"], fields=[]) if fault else None

        return error

    def late_seconds(self) -> float:
        """Return for how long new stamps stay unseen."""
        with self._lock:
            return max((float(fault["seconds"]) for fault in self._faults if fault.kind == "late"), default=0.0)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_dict() for fault in self._faults]
