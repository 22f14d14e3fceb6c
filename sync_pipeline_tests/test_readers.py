"""Readers are never locked out and never see half a transaction; two pipelines never share a lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline.sandbox.salesforce.population.populate import populate
from sync_pipeline_tests.pipeline import Pipeline
from sync_pipeline_tests.readers import reading
from sync_pipeline_tests.sandbox.conftest import Clock

PEOPLE, CYCLES, READERS = 400, 2, 2  # `make bench` watches twenty cycles with four readers


@pytest.fixture
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(clock=clock) as org:
        populate(org, PEOPLE, 3)
        clock.pass_seconds(60)
        yield org


@pytest.fixture
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(sandbox: Sandbox, tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path, sandbox.env())


def test_readers_see_every_transaction_whole_during_a_first_load_and_the_cycles_after_it(
    org: Org, clock: Clock, pipeline: Pipeline
) -> None:
    with reading(pipeline, READERS) as seen:
        pipeline.sync()
        for number in range(CYCLES):
            edit(org, 50, number)
            clock.pass_seconds(60)
            pipeline.sync("--objects", "account,contact,lead")
    assert [reader.errors for reader in seen] == [[]] * READERS
    assert [reader.half_seen for reader in seen] == [[]] * READERS
    assert min(len(reader.states) for reader in seen) >= CYCLES, "they did not read while it was written"


def test_of_two_pipelines_on_one_lake_the_second_says_so_and_leaves(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow", path="*/query*", seconds=4, times=1)
    first = pipeline.start("sync", "--objects", "contact")
    while sandbox.log.count() == 0:  # it has the lake before it speaks to the org
        sleep(0.05)
    second = pipeline.run("sync", "--objects", "lead")
    assert second.returncode == 1
    assert "another pipeline is syncing into the lake" in second.stderr
    assert first.wait() == 0
    assert pipeline.sync("--objects", "contact")["contact"]["inserted"] == 0
