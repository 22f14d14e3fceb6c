"""A Veeva org: the first load of its calls against the floor, and a cycle in which nothing happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, exactly
from benchmarks.lakes import bench
from benchmarks.speed import against_floor, best, columns_of, csv_of, floor_of, load_of

PEOPLE = 100_000  # person accounts, each with ten calls
TIMES = 3
CALL = "Call2_vod__c"


def veeva(people: int = PEOPLE) -> Iterator[Bar]:
    """Measure on an org of a million calls; its lake is kept beside it, so that only the first run loads it whole."""
    with (
        bench(orgs.of_veeva(people), orgs.FOLDER / f"lake-veeva-{people}") as at,
        orgs.new_folder() as folder,
    ):
        columns = columns_of(at.sandbox, CALL)
        csv = csv_of(at.sandbox, CALL, columns, f"calls-{people}.csv")
        floor = best(floor_of(csv, Path(folder, f"{i}.parquet"), json.dumps(columns)) for i in range(TIMES))
        ours = best(load_of(at.sandbox, Path(folder, f"lake-{i}"), "call") for i in range(TIMES))
        at.pipeline.sync()
        at.sandbox.log.clear()
        read = at.pipeline.sync()
        calls = at.sandbox.log.count("*/query*")
    yield from against_floor(f"{10 * people:,} calls x {len(columns)}", csv, floor, ours)
    yield exactly(f"quiet cycle, {len(read)} objects: data calls", calls, len(read))
