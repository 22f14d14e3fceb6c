"""The people feed and the duplicates as assets: started by hand, then kept up to date by a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sync_pipeline.assembly import declarations
from sync_pipeline.lake import Lake, pause
from sync_pipeline.orchestration.actions import CAPACITY, DUPLICATES, NO_NEW_GROUPS, PEOPLE
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.orchestration.reminders import ALL_DONE, REMINDERS
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.orchestration.unsubscribes import ALL_TAKEN, UNSUBSCRIBES
from sync_pipeline_tests.lake.conftest import lake, new_catalog
from sync_pipeline_tests.sales_insight.org import Mirrored

__all__ = ["lake", "new_catalog"]


class Deployed:
    """Dagster over a lake with mirrors; the mirrors are edited through `mirrored`."""

    def __init__(self, lake: Lake, instance: dg.DagsterInstance, capacity: int) -> None:
        self.mirrored = Mirrored(lake)
        self.instance = instance
        overrides = {"lake_catalog": lake.catalog, "lake_data": lake.data, "actions_capacity": str(capacity)}
        self.sync = SyncResource(overrides=overrides)
        settings = self.sync.settings()
        self.definitions = definitions(declarations.objects(settings), settings, self.sync)

    def run(self, job: str) -> dg.ExecuteInProcessResult:
        found = self.definitions.resolve_job_def(job)
        return found.execute_in_process(instance=self.instance, raise_on_error=False)

    def shown(self, result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
        (event,) = result.asset_materializations_for_node(result.get_step_success_events()[0].step_key or "")
        assert event.asset_key == key
        return {name: value.value for name, value in event.metadata.items()}

    def scheduled(self, job: str) -> dg.RunRequest | dg.SkipReason:
        schedule = self.definitions.resolve_schedule_def(f"{job}_schedule")
        with dg.build_schedule_context(instance=self.instance, resources={"sync": self.sync}) as context:
            data = schedule.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else dg.SkipReason(data.skip_message)


@pytest.fixture
def deployed(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:  # a schedule cannot be given an ephemeral one
        yield Deployed(lake, instance, capacity=2)


def warned(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def test_the_feed_is_started_once_and_then_follows_by_schedule(deployed: Deployed) -> None:
    for person in (1, 2):
        deployed.mirrored.linked(person)
    assert "has not been started" in str(deployed.scheduled("feed"))
    assert deployed.run("feed_preview").success
    started = deployed.run("feed_start")
    assert warned(started) == {CAPACITY: True}
    shown = deployed.shown(started, PEOPLE)
    assert (shown["insert"], shown["dagster/row_count"]) == (2, 2)
    assert isinstance(deployed.scheduled("feed"), dg.RunRequest)
    deployed.mirrored.linked(3)
    followed = deployed.run("feed")
    shown = deployed.shown(followed, PEOPLE)
    assert (shown["people looked at"], shown["insert"], shown["dagster/row_count"]) == (1, 1, 3)
    assert warned(followed) == {CAPACITY: False}


def test_a_feed_that_was_not_started_is_a_red_run_that_says_so(deployed: Deployed) -> None:
    """Law 10."""
    result = deployed.run("feed")
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert not result.success
    assert "has not been started" in str(failed.step_failure_data.error)


def test_new_duplicates_are_warned_of_once(deployed: Deployed) -> None:
    for person in (1, 2):
        deployed.mirrored.person(person, email="a@example.com")
    assert isinstance(deployed.scheduled("duplicates"), dg.RunRequest)
    first = deployed.run("duplicates")
    shown = deployed.shown(first, DUPLICATES)
    assert (shown["groups"], shown["groups marketo"], shown["new groups"], warned(first)) == (
        1, 1, 1, {NO_NEW_GROUPS: False},
    )  # fmt: skip
    again = deployed.run("duplicates")
    assert (deployed.shown(again, DUPLICATES)["groups"], warned(again)) == (1, {NO_NEW_GROUPS: True})


def test_unsubscribes_are_exchanged_each_night_in_los_angeles(deployed: Deployed) -> None:
    """SIA-UNS-2; decision 24."""
    nightly = deployed.definitions.resolve_schedule_def("unsubscribes_schedule")
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("0 20 * * *", "America/Los_Angeles")
    assert "WRITE_BACK=plan" in str(deployed.scheduled("unsubscribes_waiting"))
    contact = deployed.mirrored.linked(1)
    deployed.mirrored.start()
    deployed.mirrored.contact(contact, HasOptedOutOfEmail=True)
    result = deployed.run("unsubscribes")
    shown = deployed.shown(result, UNSUBSCRIBES)
    assert (shown["found in Salesforce"], shown["due in Salesforce"], shown["dagster/row_count"]) == (1, 0, 1)
    assert warned(result) == {ALL_TAKEN: True}


def test_reminders_are_an_asset_once_they_are_switched_on(deployed: Deployed) -> None:
    """SIA-TASK-1."""
    assert not deployed.definitions.resolve_asset_graph().has(REMINDERS)
    deployed.sync.overrides["actions_reminders"] = "true"
    settings = deployed.sync.settings()
    deployed.definitions = definitions(declarations.objects(settings), settings, deployed.sync)
    result = deployed.run("reminders")
    assert (deployed.shown(result, REMINDERS)["due in Salesforce"], warned(result)) == (0, {ALL_DONE: True})
    assert isinstance(deployed.scheduled("reminders"), dg.RunRequest)
    pause.begin(deployed.mirrored.lake, datetime(2026, 5, 17, tzinfo=UTC), "")
    assert "the sync is paused since 2026-05-17" in str(deployed.scheduled("reminders"))


def test_without_marketo_s_people_no_run_is_started(deployed: Deployed) -> None:
    with deployed.mirrored.lake.transaction() as con:
        con.execute("drop table lake.marketo.person")
    assert "have not been read yet" in str(deployed.scheduled("duplicates"))
