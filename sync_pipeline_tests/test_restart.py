"""Killed at any moment and run again, the lake ends equal to the system: nothing lost, nothing doubled (law 4)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.live import edit
from sync_pipeline.sandbox.marketo.population.populate import populate
from sync_pipeline.sandbox.salesforce.population.populate import make, sizes
from sync_pipeline_tests.crashes import EDITS, OBJECTS, Killer, Patient, org_patient, survive
from sync_pipeline_tests.marketo import Connected, declared, differences
from sync_pipeline_tests.pipeline import Pipeline
from sync_pipeline_tests.sandbox.conftest import Clock

CONTACTS = 55_000  # two pages of a bulk result
BULK_FROM = 100
PERSONS = 500
KILLS = int(os.environ.get("SYNC_PIPELINE_KILLS", "2"))  # of a pipeline that follows a subscription


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
        assert survive(org_patient(org, clock.pass_seconds), killer, first=2, later=2) == []
    assert killer.kills == 4


@pytest.mark.bench
def test_a_subscription_that_is_followed_by_a_pipeline_that_is_killed_is_mirrored_as_it_is(
    clock: Clock, tmp_path: Path
) -> None:
    """MK-REST-8 and 18. Persons are made, changed, merged and deleted between the kills."""
    with Subscription.open(clock=clock) as subscription, MarketoSandbox(subscription) as sandbox:
        populate(subscription, PERSONS, seed=5, until=clock(), months=1)
        clock.pass_seconds(60)
        sandbox.limits.calls = 10_000  # its clock stands still while the pipeline's goes on
        system = Connected(subscription, sandbox, clock)
        followed = Patient(
            [declared("person"), declared("activity")],
            lambda number: edit(subscription, EDITS, number),
            clock.pass_seconds,
            # The past of a person that is merged becomes the winner's; a mirror keeps what it saw.
            lambda lake, obj: differences(system, lake, obj, without=("leadId",)),
        )
        types = {row["kind"] for row in subscription.rows('select distinct "activityTypeId" as kind from activity')}
        settings = {
            **sandbox.env(),
            "MARKETO_ACTIVITY_TYPES": ",".join(map(str, types)),
            "MARKETO_POLL_SECONDS": "0.1",
        }
        killer = Killer(Pipeline(tmp_path, settings), Random(3))
        assert survive(followed, killer, first=KILLS // 2, later=KILLS - KILLS // 2) == []
    assert killer.kills == KILLS
