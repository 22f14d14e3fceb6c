"""Analysts who query a lake without pause while a pipeline writes it, each a process of its own.

`python -m sync_pipeline_tests.readers CATALOG DATA STOP HOW` queries until the file STOP is there, then
prints what it saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from sync_pipeline.lake import Lake
from sync_pipeline_tests.pipeline import Pipeline

# HOW: one connection kept open all the time, or a new one for each transaction.
KEPT, ANEW = "kept", "anew"
OBJECTS = ("contact", "lead", "account")


@dataclass
class Seen:
    """What a reader saw: the number of transactions, errors, and by object and watermark the different states.

    A state is: records in the mirror, records that the changes tell of, changes, newest stamp before the watermark.
    """

    transactions: int = 0
    errors: list[str] = field(default_factory=list)
    states: dict[str, list[tuple[int, int, int, bool]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def half_seen(self) -> list[str]:
        """Return the watermarks at which mirror, changes and watermark did not belong together."""
        return [
            f"{at}: {states}"
            for at, states in self.states.items()
            if len(states) > 1 or any(rows != told or not whole for rows, told, _, whole in states)
        ]


@contextmanager
def reading(pipeline: Pipeline, readers: int) -> Iterator[list[Seen]]:
    """Let an even number of readers query the pipeline's lake while the block runs; the list is filled when it ends."""
    with pipeline.lake(read_only=False):
        pass  # so that there is a lake to open
    stop, seen = pipeline.folder / "stop", list[Seen]()
    started = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(pipeline.catalog), str(pipeline.files), str(stop), how],
            stdout=subprocess.PIPE,
            text=True,
        )
        for how in (KEPT, ANEW) * (readers // 2)
    ]
    try:
        yield seen
    finally:
        stop.touch()
        told = [reader.communicate()[0] for reader in started]
    seen += [Seen(**json.loads(line)) for line in told]


def query(catalog: str, data: str, stop: Path, how: str) -> Seen:
    """Query until there is a file `stop`; an error is noted and ends it."""
    seen, lake = Seen(), Lake.open(catalog, data, read_only=True, threads=1)
    try:
        while not stop.exists():
            if how == ANEW:
                lake.close()
                lake = Lake.open(catalog, data, read_only=True, threads=1)
            for name in OBJECTS:
                _look(lake, name, seen)
            seen.transactions += 1
    except Exception as error:  # whatever it is, it is what the test is about
        seen.errors.append(f"{type(error).__name__}: {error}")
    finally:
        lake.close()
    return seen


def _look(lake: Lake, name: str, seen: Seen) -> None:
    """Look at one object in one transaction, in several statements, as an analyst's notebook does."""
    with lake.reading() as con:
        con.execute("begin transaction")
        found = con.execute("select watermark from lake.sync.watermark where object = ?", [name]).fetchone()
        if found:
            at = f"{name} at {found[0].isoformat()}"
            state = (_mirror(con, name), *_changes(con, name), _is_whole(con, name, found[0]))
            if state not in seen.states[at]:
                seen.states[at].append(state)
        con.execute("commit")


def _mirror(con: duckdb.DuckDBPyConnection, name: str) -> int:
    (count,) = con.execute(f"select count(*) from lake.salesforce.{name}").fetchone() or (-1,)
    return int(count)


def _changes(con: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int]:
    """Return the number of mirrored records that the changes tell of, and of the changes."""
    told, changes = con.execute(
        f"select count(distinct m.Id), count(*) from lake.salesforce.{name} m "
        f"join lake.salesforce.{name}_changes c on c.Id = m.Id"
    ).fetchone() or (-1, -1)
    return int(told), int(changes)


def _is_whole(con: duckdb.DuckDBPyConnection, name: str, watermark: object) -> bool:
    """Tell whether no record is newer than the watermark that came with it."""
    query = f"select coalesce(max(SystemModstamp) < ?, true) from lake.salesforce.{name}"
    return bool((con.execute(query, [watermark]).fetchone() or (False,))[0])


if __name__ == "__main__":
    os.nice(15)  # four of them must not starve the pipeline they watch
    catalog, data, stop, how = sys.argv[1:]
    print(json.dumps(vars(query(catalog, data, Path(stop), how))))
