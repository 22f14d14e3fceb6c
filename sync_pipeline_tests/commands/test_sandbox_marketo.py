"""`sync-pipeline sandbox marketo`, and both sandboxes served by one command."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from sync_pipeline.cli import main
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY
from sync_pipeline_tests.sandbox.conftest import Clock


def test_a_subscription_is_populated_once(tmp_path: Path) -> None:
    file = tmp_path / "play" / "subscription.duckdb"
    arguments = ["sandbox", "marketo", "populate", "--people", "100", "--subscription", str(file)]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert "98 lead" in first.output
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 2
    assert "already holds a subscription" in again.output
    with Subscription.open(file) as subscription:
        assert len(subscription.rows("select id from lead")) == 98


def test_the_first_day_of_a_subscription_is_that_of_its_oldest_record_or_activity(clock: Clock) -> None:
    """MK-REST-18: a first load costs an export job for each 31 days since."""
    with Subscription.open(clock=clock) as subscription:
        assert subscription.first_day() == clock().date()
        earlier = subscription.present() - timedelta(days=40)
        subscription.insert(subscription.lead, [{"id": 1, "createdAt": earlier, "updatedAt": subscription.present()}])
        assert subscription.first_day() == earlier.date()
        told = {"id": 1, "leadId": 1, "activityTypeId": 1, "activityDate": earlier - timedelta(days=1)}
        subscription.insert(ACTIVITY, [told])
        assert subscription.first_day() == earlier.date() - timedelta(days=1)


@pytest.mark.parametrize(
    ("command", "systems"),
    [(["sandbox", "serve", "--marketo", "--people", "100"], ("SALESFORCE", "MARKETO")),
     (["sandbox", "marketo", "serve", "--people", "100"], ("MARKETO",))],
)  # fmt: skip
def test_servers_write_settings_that_lead_to_them(tmp_path: Path, command: list[str], systems: tuple[str, ...]) -> None:
    env = tmp_path / ".env"
    arguments = [sys.executable, "-m", "sync_pipeline", *command, "--env-file", str(env)]
    process = subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        settings = _settings(env, process)
        assert {name.split("_")[0] for name in settings} - {"CRM"} == set(systems)
        credentials = {"client_id": settings["MARKETO_CLIENT_ID"], "client_secret": settings["MARKETO_CLIENT_SECRET"]}
        answer = requests.post(
            f"{settings['MARKETO_URL']}/identity/oauth/token",
            params={"grant_type": "client_credentials", **credentials},
            timeout=30,
        )
        assert answer.json()["token_type"] == "bearer"
        assert "2010-01-01" < settings["MARKETO_FIRST_DAY"] < f"{datetime.now(UTC):%Y-%m-%d}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def _settings(env: Path, process: subprocess.Popen[str]) -> dict[str, str]:
    """Return what the server has written, as soon as it says where it is."""
    for _ in range(1_200):
        if process.poll() is not None:
            raise AssertionError("the server ended")
        if env.exists() and "MARKETO_CLIENT_SECRET" in env.read_text(encoding="utf-8"):
            return dict(line.split("=", 1) for line in env.read_text(encoding="utf-8").splitlines())
        time.sleep(0.1)
    raise AssertionError("the server wrote no settings")
