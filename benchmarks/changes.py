"""What ten thousand changes cost, on a small mirror and on one ten times as large."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, stated
from benchmarks.lakes import Bench, bench

CHANGED = 10_000
SMALL, LARGE = 100_000, 1_000_000
TIMES = 3


def changes() -> Iterator[Bar]:
    """Measure the same number of changes on two mirrors."""
    seconds = {count: _seconds(count) for count in (SMALL, LARGE)}
    yield stated(f"{CHANGED:,} changes on a mirror of {SMALL:,}", f"{seconds[SMALL]:.1f} s")
    yield stated(f"{CHANGED:,} changes on a mirror of {LARGE:,}", f"{seconds[LARGE]:.1f} s")
    yield at_most("... ratio", seconds[LARGE] / seconds[SMALL], 2, "x")


def _seconds(count: int) -> float:
    """Return the best time of a cycle that reads and merges the changes, without the start of its process."""
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_contacts(count), Path(folder, "org.duckdb"))
        with bench(copy, Path(folder, "lake"), orgs.FORTY) as at:
            at.pipeline.sync("--objects", "contact")
            return min(_one(at, number) for number in range(TIMES))


def _one(at: Bench, number: int) -> float:
    at.clock.pass_seconds(600)
    with at.org.writing, at.org.cursor() as cursor:
        cursor.execute(
            """update "Contact" set Title = ?, SystemModstamp = ?, LastModifiedDate = ? where Id in
            (select Id from "Contact" where not IsDeleted order by hash(Id, ?) limit ?)""",
            [f"Title {number}", *[at.org.now().replace(tzinfo=None)] * 2, number, CHANGED],
        )
    at.clock.pass_seconds(60)
    told = at.pipeline.sync("--objects", "contact")["contact"]
    if told["updated"] != CHANGED:
        raise RuntimeError(f"{told['updated']} of {CHANGED} changes arrived")
    return float(told["seconds"])
