"""A cycle in which nothing happened, over all objects, on a populated lake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, exactly
from benchmarks.lakes import Bench, bench
from benchmarks.processes import spent
from sync_pipeline.mirror import runs
from sync_pipeline.model import SUCCEEDED

PEOPLE = 100_000
OBJECTS = 16
TIMES = 3


def quiet() -> Iterator[Bar]:
    """Measure calls and seconds; the lake is kept beside its org, so that only the first run loads it."""
    with bench(orgs.of_people(PEOPLE), orgs.FOLDER / f"lake-people-{PEOPLE}") as at:
        at.clock.at = datetime.now(
            UTC
        )  # or each cycle reads the last edits again, which lie within the windows' overlap
        at.pipeline.sync()
        at.sandbox.log.clear()
        read = at.pipeline.sync()
        calls = at.sandbox.log.count("*/query*")
        process = min(_process(at, "sync", "--json") for _ in range(TIMES))
        start = min(_process(at, "--version") for _ in range(TIMES))
        inside = _inside(at)
    yield exactly(f"quiet cycle, {len(read)} objects, {PEOPLE:,} people: data calls", calls, OBJECTS)
    yield at_most("... in a process that has the lake open", inside, 2, " s")
    yield at_most("... a whole process, less --version", process - start, 2, " s", f" ({process:.1f} - {start:.1f})")


def _process(at: Bench, *arguments: str) -> float:
    return spent(at.pipeline.command(*arguments), at.pipeline.folder, at.pipeline.environment).seconds


def _inside(at: Bench) -> float:
    with at.source() as source:
        times = []
        for _ in range(TIMES):
            began = time.monotonic()
            cycle = runs.sync(source, at.objects)
            times.append(time.monotonic() - began)
            if cycle.status != SUCCEEDED:
                raise RuntimeError(cycle.message)
    return min(times)
