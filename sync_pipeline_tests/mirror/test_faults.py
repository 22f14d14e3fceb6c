"""A mirror that follows an org which misbehaves as real ones do: what it holds in the end is what the org holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_pipeline.mirror.source import Source
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import sandbox
from sync_pipeline_tests.mirror.test_cycle import loaded, names, point, sync
from sync_pipeline_tests.sandbox.conftest import Clock

__all__ = ["loaded", "point", "sandbox"]
from sync_pipeline.model import SUCCEEDED


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.at = datetime.now(UTC) - timedelta(minutes=1)
    return clock


@pytest.fixture
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(clock=clock) as org:
        yield org


def test_no_record_is_lost_though_some_are_seen_late(loaded: Source, org: Org, clock: Clock, sandbox: Sandbox) -> None:
    """GEN-17."""
    sandbox.faults.add("late", seconds=3, spread=2.5)
    made = ["Ann", "Bob"]
    for number in range(6):
        made += [f"late {number} {i}" for i in range(20)]
        org.insert("Lead", [{"LastName": name, "Company": "x"} for name in made[-20:]])
        clock.pass_seconds(1)
        assert sync(loaded).status == SUCCEEDED
    assert names(loaded) != sorted(made)
    clock.pass_seconds(3)
    assert sync(loaded).status == SUCCEEDED
    assert names(loaded) == sorted(made)


def test_no_record_is_lost_though_many_have_one_stamp(loaded: Source, org: Org, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.faults.add("same_stamp", times=None, object="Lead")
    made = ["Ann", "Bob"]
    for number in range(4):
        made.append(f"equal {number}")
        org.insert("Lead", [{"LastName": made[-1], "Company": "x"}])
        clock.pass_seconds(10)
        assert sync(loaded).status == SUCCEEDED
        assert names(loaded) == sorted(made)


def test_a_field_that_disappears_from_a_page_keeps_its_last_values_and_is_told(
    loaded: Source, org: Org, clock: Clock, sandbox: Sandbox
) -> None:
    (lead, *_) = org.insert("Lead", [{"LastName": "Cy", "Company": "x", "Title": "Chief"}])
    sync(loaded)
    clock.pass_seconds(1)
    org.update("Lead", lead, {"LastName": "Cyd"})
    sandbox.faults.add("field_gone", field="Title", object="Lead")
    assert sync(loaded).status == SUCCEEDED
    assert loaded.lake.rows("select LastName, Title from lake.salesforce.lead where Id = ?", [lead]) == [
        ("Cyd", "Chief")
    ]
    assert loaded.lake.rows("select object, kind, field from lake.sync.notice") == [("lead", "vanished_field", "Title")]


def test_a_field_that_appears_on_a_page_is_taken_along_after_the_next_look(
    loaded: Source, org: Org, clock: Clock, sandbox: Sandbox
) -> None:
    sandbox.faults.add("field_new", field="Mood__c", object="Lead")
    (lead,) = org.insert("Lead", [{"LastName": "Cy", "Company": "x"}])
    assert sync(loaded).status == SUCCEEDED
    clock.pass_seconds(1)
    org.update("Lead", lead, {"Mood__c": "fine"})
    sandbox.faults.clear()
    looking = replace(loaded, policy=replace(loaded.policy, describe_age=timedelta(0)))
    assert sync(looking).status == SUCCEEDED
    assert loaded.lake.rows("select Mood__c from lake.salesforce.lead where Id = ?", [lead]) == [("fine",)]
