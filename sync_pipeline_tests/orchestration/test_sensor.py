"""The rhythm of GEN-1: a cycle, a pause counted from its end, the next cycle; never two at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipeline.assembly import systems
from sync_pipeline.lake import pause
from sync_pipeline.lake.pause import PausedError
from sync_pipeline.orchestration.sensors import STARTING, Last, why_wait
from sync_pipeline.sandbox import Schema
from sync_pipeline_tests.orchestration.conftest import Deployment, deployed

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)
PAUSE = timedelta(minutes=5)


def test_a_twelve_minute_cycle_gives_seventeen_minutes_from_start_to_start() -> None:
    """GEN-1: the pause is counted from the end, it is not a fixed rate."""
    last = Last("a", NOON, NOON + timedelta(minutes=12))
    assert "12:17:00" in why_wait(last, False, NOON + timedelta(minutes=16, seconds=59), PAUSE)
    assert why_wait(last, False, NOON + timedelta(minutes=17), PAUSE) == ""


@given(st.integers(0, 10_000), st.booleans())
def test_nothing_starts_while_a_sync_is_at_work(seconds: int, ended: bool) -> None:
    last = Last("a", NOON, NOON if ended else None)
    assert why_wait(last, True, NOON + timedelta(seconds=seconds), PAUSE)


def test_a_run_that_died_does_not_stand_in_the_way_for_ever() -> None:
    last = Last("a", NOON, None)
    assert why_wait(last, False, NOON + STARTING - timedelta(seconds=1), PAUSE)
    assert why_wait(last, False, NOON + STARTING, PAUSE) == ""


def tick(deployment: Deployment) -> object:
    definitions = deployment.definitions
    sensor = definitions.resolve_sensor_def("cycle_sensor") if hasattr(definitions, "resolve_sensor_def") else None
    sensor = sensor or definitions.get_repository_def().get_sensor_def("cycle_sensor")
    with dg.build_sensor_context(
        instance=deployment.instance,
        resources={"sync": deployment.sync},
        repository_def=definitions.get_repository_def(),
    ) as context:
        return sensor.evaluate_tick(context)


def test_the_sensor_starts_a_first_cycle_and_then_says_when_the_next_one_comes(deployment: Deployment) -> None:
    first = tick(deployment)
    assert [r.run_key for r in first.run_requests] == ["first"]  # type: ignore[attr-defined]
    deployment.run("cycle")
    second = tick(deployment)
    assert second.run_requests == []  # type: ignore[attr-defined]
    assert "the next cycle starts at" in second.skip_message  # type: ignore[attr-defined]
    deployment.overrides["sync_pause_seconds"] = "0"
    [third] = tick(deployment).run_requests  # type: ignore[attr-defined]
    assert third.run_key.startswith("after ")
    assert third.partition_key == datetime.now(UTC).strftime("%Y-%m-01")


def test_while_somebody_has_switched_the_sync_off_the_sensor_says_since_when_and_why(deployment: Deployment) -> None:
    """GEN-8, GEN-10: no run of Dagster reads or writes meanwhile."""
    given = deployment.sync.settings()
    with systems.lake(given) as lake:
        pause.begin(lake, NOON, "new fields")
    said = "the sync is paused since 2026-05-17 12:00 UTC (new fields); `sync-pipeline resume` lets it go on"
    assert tick(deployment).skip_message == said  # type: ignore[attr-defined]
    with pytest.raises(PausedError, match="new fields"), deployment.sync.sources():
        pass
    with systems.lake(given) as lake:
        pause.end(lake, NOON)
    assert [r.run_key for r in tick(deployment).run_requests] == ["first"]  # type: ignore[attr-defined]


def test_a_veeva_org_has_the_same_rhythm(tmp_path: Path) -> None:
    """VV-GEN-1."""
    with deployed(tmp_path, Schema.veeva()) as deployment:
        assert [r.run_key for r in tick(deployment).run_requests] == ["first"]  # type: ignore[attr-defined]
        assert deployment.run("cycle").success
        assert "0:05:00 after the last one ended" in tick(deployment).skip_message  # type: ignore[attr-defined]


def test_without_credentials_the_sensor_says_so(deployment: Deployment) -> None:
    for name in ("salesforce_client_id", "salesforce_username"):
        del deployment.overrides[name]
    assert "no credentials" in tick(deployment).skip_message  # type: ignore[attr-defined]


def test_before_the_professionals_of_a_veeva_org_are_chosen_the_sensor_says_so(deployment: Deployment) -> None:
    deployment.overrides["crm"] = "veeva"
    assert "VEEVA_PROFESSIONAL_TYPES" in tick(deployment).skip_message  # type: ignore[attr-defined]
    deployment.overrides["veeva_professional_types"] = "Professional_vod"
    assert [r.run_key for r in tick(deployment).run_requests] == ["first"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_of_the_future_is_waited_for_by_nobody(ended: bool) -> None:
    """It ended, or began, before this machine's clock was set back by a month."""
    later = NOON + timedelta(days=30)
    last = Last("a" * 32, later, later if ended else None)
    assert why_wait(last, False, NOON, PAUSE) == ""
    assert why_wait(last, False, later + timedelta(seconds=10), PAUSE) != ""
