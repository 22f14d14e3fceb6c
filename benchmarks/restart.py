"""A pipeline killed fifty times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks import orgs
from benchmarks.bars import Bar, exactly
from benchmarks.lakes import bench
from sync_pipeline_tests.crashes import Killer, org_patient, survive
from sync_pipeline_tests.pipeline import Pipeline

FIRST, LATER = 15, 35
BULK_FROM = "1000"


def restart() -> Iterator[Bar]:
    """Kill first loads by Bulk API, cycles and maintenance, then compare every value with the org."""
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_contacts(100_000), Path(folder, "org.duckdb"))
        with bench(copy, Path(folder, "lake")) as at:
            settings = {**at.pipeline.settings, "SALESFORCE_BULK_FROM": BULK_FROM}
            killer = Killer(Pipeline(at.pipeline.folder, settings), Random(1))
            wrong = survive(org_patient(at.org, at.clock.pass_seconds), killer, FIRST, LATER)
    note = "".join(f"; {one}" for one in wrong[:3])
    yield exactly(f"after {killer.kills} kill -9: values, records, changes lost or doubled", len(wrong), 0, note)
