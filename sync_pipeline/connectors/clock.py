"""The time of a system, as its answers tell it and as ours bears it out: a `Date` is a hint, never a fact.

Windows are cut by the system's clock. A time that is wrong must cost no record: too late a one would move watermarks
over what was never read, so our own clock bounds it; too early a one only makes reading wait, so it is followed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sync_pipeline.connectors import headers

# Clocks that are kept differ by less. It is less than the overlap of windows, so that even so much loses nothing.
AGREEMENT = timedelta(minutes=2)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """The clock of one system beside ours; shared by all threads and views of a connector."""

    def __init__(self, ours: Callable[[], datetime] = utc_now) -> None:
        self.ours = ours
        self._lock = threading.Lock()
        self._ahead = timedelta(0)  # of the system's clock before ours, by its last answer
        self._doubt = timedelta(0)

    def begin(self) -> None:
        """A run begins: forget how far the clocks were apart in an earlier one, but not by how much they differ now."""
        with self._lock:
            self._doubt = timedelta(0)

    def note(self, told: headers.Headers) -> None:
        """Take note of an answer's `Date`."""
        at = headers.date(told)
        if at is None:
            return
        with self._lock:
            self._ahead = at - self.ours()
            if abs(self._ahead) > max(AGREEMENT, abs(self._doubt)):
                self._doubt = self._ahead

    def now(self) -> datetime:
        """Return the system's time, aware UTC; ours where the system tells a later one than can be."""
        with self._lock:
            return self.ours() + (self._ahead if self._ahead <= AGREEMENT else timedelta(0))

    def doubt(self) -> str:
        """Tell how far the clocks were apart in this run, where that is more than clocks differ; else ""."""
        with self._lock:
            apart = self._doubt
        if not apart:
            return ""
        way = "ahead of" if apart > timedelta(0) else "behind"
        return (
            f"an answer's Date was {_spelled(abs(apart))} {way} this machine's clock. Windows end at the earlier of "
            "both times, so nothing is passed over, but records may come late; set the clock that is wrong"
        )


def _spelled(apart: timedelta) -> str:
    seconds = apart.total_seconds()
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:.0f} seconds"
