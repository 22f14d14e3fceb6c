"""A lake that follows an org every five minutes: how large and how slow it becomes.

Pauses are left out and time is scaled: a day is `DAY` cycles, an hour `HOUR`, and maintenance keeps what lies as many
cycles back as it would keep by the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, stated
from benchmarks.lakes import Bench, bench
from sync_pipeline.lake import maintenance
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sandbox.salesforce.population.live import edit

PEOPLE, EDITS = 20_000, 40
CYCLES = 600
HOUR, DAY, MONTH = 12, 288, 8_640


@dataclass(frozen=True)
class Size:
    """The lake after some cycles: files, bytes and snapshots in use, seconds of a quiet cycle."""

    files: int
    bytes: int
    snapshots: int
    quiet: float


def month(cycles: int = CYCLES) -> Iterator[Bar]:
    """Measure a lake after its first day, when old snapshots begin to go, and after `cycles`."""
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_people(PEOPLE), Path(folder, "org.duckdb"))
        with bench(copy, Path(folder, "lake")) as at, at.source() as source:
            begin, day, end = _live(at, source, cycles)
    for name, size in (("the first load", begin), ("a day", day), (f"{cycles} cycles", end)):
        said = f"{size.files} files, {size.bytes / 1e6:.1f} MB, {size.snapshots} snapshots, quiet {size.quiet:.2f} s"
        yield stated(f"five-minute cycles, {EDITS} edits each: after {name}", said)
    growth = (end.bytes - day.bytes) / (cycles - DAY) * (MONTH - DAY) + day.bytes
    files = (end.files - day.files) / (cycles - DAY) * (MONTH - DAY) + day.files
    yield at_most("... quiet cycle at the end, to that of the start", end.quiet / begin.quiet, 2, "x")
    yield at_most("... files at the end, to those of a day", end.files / day.files, 1.5, "x")
    yield stated(f"... extrapolated to {MONTH:,} cycles", f"{max(files, 0):,.0f} files, {growth / 1e6:,.0f} MB")


def _live(at: Bench, source: Source, cycles: int) -> tuple[Size, Size, Size]:
    """Let the org live for so many cycles; return the lake's size at the begin, after a day and at the end."""
    _cycle(at, source)
    begin = day = _size(at, source)
    ended: list[float] = []
    for number in range(1, cycles + 1):
        edit(at.org, EDITS, number)
        _cycle(at, source)
        ended.append(time.time())
        if number % HOUR == 0:
            keep, grace = (timedelta(seconds=time.time() - ended[max(number - back, 0)]) for back in (DAY, HOUR))
            maintenance.tidy(source.lake, keep, grace)
        if number == DAY:
            day = _size(at, source)
    return begin, day, _size(at, source)


def _size(at: Bench, source: Source) -> Size:
    return Size(*maintenance.size(source.lake), min(_cycle(at, source) for _ in range(3)))


def _cycle(at: Bench, source: Source) -> float:
    """Run a cycle, five minutes of the org's time after the last one; return its seconds."""
    at.clock.pass_seconds(300)
    began = time.monotonic()
    cycle = runs.sync(source, at.objects)
    if cycle.status != SUCCEEDED:
        raise RuntimeError(cycle.message)
    return time.monotonic() - began
