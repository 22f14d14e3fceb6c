"""Killed at any moment and run again, the lake ends equal to the org: nothing lost, nothing doubled (law 4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.populate import make, sizes
from sync_pipeline_tests.crashes import OBJECTS, Killer, survive
from sync_pipeline_tests.pipeline import Pipeline
from sync_pipeline_tests.sandbox.conftest import Clock

CONTACTS = 55_000  # two pages of a bulk result
BULK_FROM = 100


@pytest.fixture
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(clock=clock) as org:
        make(org, {**sizes(400), "Contact": CONTACTS}, 5)
        clock.pass_seconds(60)
        yield org


def test_a_pipeline_that_is_killed_again_and_again_ends_with_the_lake_equal_to_the_org(
    org: Org, clock: Clock, tmp_path: Path
) -> None:
    """GEN-16."""
    with Sandbox(org) as sandbox:
        settings = {
            **sandbox.env(),
            "SALESFORCE_BULK_FROM": str(BULK_FROM),
            "SYNC_CUSTOM_OBJECTS": ",".join(obj.source for obj in OBJECTS if obj.source.endswith("__c")),
        }
        killer = Killer(Pipeline(tmp_path, settings), Random(7))
        assert survive(org, clock.pass_seconds, killer, first=3, later=3) == []
    assert killer.kills == 6
