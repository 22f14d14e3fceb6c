"""The switch that stops the background sync and lets it go on (GEN-8, GEN-10).

What is asked for on demand goes on, and so do unsubscribes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.connection import Lake
from sync_pipeline.lake.errors import LakeError

PAUSE = ledger.table("pause")


class PausedError(LakeError):
    """Somebody has switched the sync off; the message says since when, why, and how to switch it on."""


@dataclass(frozen=True)
class Pause:
    """A pause that has not ended."""

    since: datetime
    because: str

    def __str__(self) -> str:
        why = f" ({self.because})" if self.because else ""
        return f"the sync is paused since {self.since:%Y-%m-%d %H:%M} UTC{why}; `sync-pipeline resume` lets it go on"


def begin(lake: Lake, now: datetime, because: str, wait_seconds: float = 0) -> Pause:
    """Switch the sync off as soon as the cycle at work is over; a pause that holds already stays as it is.

    Raises:
        LakeInUseError: the cycle at work took longer than `wait_seconds`.
    """
    with lake.only_pipeline(wait_seconds), lake.transaction() as con:
        if holding := current(con):
            return holding
        ledger.insert(con, "pause", [(now, because, None)])
    return Pause(now, because)


def end(lake: Lake, now: datetime) -> Pause | None:
    """Switch the sync on; return the pause that ended, None if none held."""
    with lake.transaction() as con:
        if ended := current(con):
            con.execute(f"update {PAUSE} set ended_at = ? where ended_at is null", [now])
    return ended


def current(con: duckdb.DuckDBPyConnection) -> Pause | None:
    """Return the pause that holds, None while the sync is on, as it is in a lake of an older version."""
    if not table.columns(con, ledger.SCHEMA, "pause"):
        return None
    found = con.execute(f"select began_at, because from {PAUSE} where ended_at is null").fetchone()
    return Pause(*found) if found else None


@contextmanager
def cycle(lake: Lake, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lake for one pipeline (`Lake.only_pipeline`) that reads from or writes to the systems.

    Raises:
        PausedError: the sync is switched off.
        LakeInUseError: another pipeline holds the lake.
    """
    with lake.only_pipeline(wait_seconds):
        with lake.reading() as con:
            holding = current(con)
        if holding:
            raise PausedError(str(holding))
        yield
