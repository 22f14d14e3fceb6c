"""Readers beside a writer, longer than the tests watch them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, exactly
from benchmarks.lakes import bench
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline_tests.readers import reading

PEOPLE, CYCLES, EDITS, READERS = 20_000, 20, 100, 4


def readers() -> Iterator[Bar]:
    """Watch four readers during a first load and twenty cycles."""
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_people(PEOPLE), Path(folder, "org.duckdb"))
        with bench(copy, Path(folder, "lake")) as at, reading(at.pipeline, READERS) as seen:
            at.pipeline.sync()
            for number in range(CYCLES):
                edit(at.org, EDITS, number)
                at.clock.pass_seconds(300)
                at.pipeline.sync()
    transactions = sum(reader.transactions for reader in seen)
    states = max(len(reader.states) for reader in seen)
    note = f" ({transactions:,} transactions of {READERS} processes, {states} states)"
    yield exactly(f"readers, a first load and {CYCLES} cycles: errors", sum(len(r.errors) for r in seen), 0, note)
    yield exactly("... transactions half seen", sum(len(reader.half_seen) for reader in seen), 0)
