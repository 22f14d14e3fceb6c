"""A cycle over the sandbox when something is wrong: one clear message, nothing lost, and the next run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.assembly import systems
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import FAILED, SUCCEEDED
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.settings import Settings
from sync_pipeline_tests.connectors.conftest import a_minute_ago, org, sandbox

__all__ = ["org", "sandbox"]
OBJECTS = [catalog.by_name(name, catalog.objects("salesforce")) for name in ("user", "account", "lead")]
Point = Callable[..., Source]


def settings_for(sandbox: Sandbox, landing: Path, **changed: Any) -> Settings:
    given: dict[str, Any] = {name.lower(): value for name, value in sandbox.env().items()}
    return Settings(**{"_env_file": None, "lake_landing": landing, **given, **changed})


@pytest.fixture
def point(lake: Lake, sandbox: Sandbox, tmp_path: Path) -> Point:
    """Return a function that makes a source from the sandbox into the lake, as the settings of a user would."""

    def make(**changed: Any) -> Source:
        return looking_ahead(systems.source(settings_for(sandbox, tmp_path / "landing", **changed), lake))

    return make


def looking_ahead(source: Source) -> Source:
    """Let windows end two seconds after now, where a real one ends before it: tests need not wait for their edits."""
    return replace(source, policy=replace(source.policy, lag=timedelta(seconds=-2)))


@pytest.fixture
def loaded(org: Org, point: Point) -> Source:
    org.insert("Account", [{"Name": "Acme"}])
    org.insert("Lead", [{"LastName": "Ann", "Company": "Acme"}, {"LastName": "Bob", "Company": "Acme"}])
    source = point()
    assert sync(source).status == SUCCEEDED
    return source


def sync(source: Source) -> Cycle:
    return runs.sync(source, OBJECTS)


def names(source: Source) -> list[str]:
    return sorted(n for (n,) in source.lake.rows("select LastName from lake.salesforce.lead where _deleted_at is null"))


def said(cycle: Cycle) -> dict[str, str]:
    return {d.obj.name: d.error for d in cycle.done}


def on_record(source: Source, cycle: Cycle) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """Return the run and the open errors by object as the lake tells them."""
    run = source.lake.rows("select status, message from lake.sync.run where run_id = ?", [cycle.run_id])
    return run, set(source.lake.rows("select object, code from lake.sync.error where resolved_at is null"))


def test_a_wrong_password_stops_the_run_and_harms_nothing(loaded: Source, point: Point, org: Org) -> None:
    """CONN-17, OPS-15: noted once, however often it is tried."""
    wrong = point(salesforce_client_id=None, salesforce_client_secret=None, salesforce_password="not-it")
    refused = sync(wrong)
    assert refused.status == FAILED
    assert all(message.startswith("not begun: INVALID_LOGIN: the login at") for message in said(refused).values())
    assert "not-it" not in refused.message
    assert sync(wrong).status == FAILED
    ((kind, told),) = loaded.lake.rows("select kind, message from lake.sync.notice where object is null")
    assert (kind, told.startswith("INVALID_LOGIN: the login at")) == ("credentials", True)
    run, errors = on_record(loaded, refused)
    assert run == [(FAILED, refused.message)]
    assert errors == {(name, "NOT_BEGUN") for name in ("user", "account", "lead")}
    org.insert("Lead", [{"LastName": "Cy", "Company": "x"}])
    assert sync(point()).status == SUCCEEDED
    assert names(loaded) == ["Ann", "Bob", "Cy"]
    assert on_record(loaded, refused)[1] == set()


def test_a_hidden_object_fails_alone(loaded: Source, org: Org) -> None:
    org.hide_object("Account")
    org.insert("Lead", [{"LastName": "Cy", "Company": "x"}])
    done = sync(loaded)
    assert (done.status, [name for name, error in said(done).items() if error]) == (FAILED, ["account"])
    assert "Account" in said(done)["account"]
    assert loaded.lake.rows("select system, kind from lake.sync.notice") == [("salesforce", "permission")]
    assert names(loaded) == ["Ann", "Bob", "Cy"]
    jobs = loaded.lake.rows("select object, status from lake.sync.job where run_id = ? order by 1", [done.run_id])
    assert jobs == [("account", FAILED), ("lead", SUCCEEDED), ("user", SUCCEEDED)]


def test_a_hidden_field_keeps_its_last_values_and_is_told(loaded: Source, org: Org) -> None:
    """FIELD-13."""
    (lead, *_) = org.insert("Lead", [{"LastName": "Cy", "Company": "Old Ltd"}])
    sync(loaded)
    org.hide_field("Lead", "Company")
    org.update("Lead", lead, {"LastName": "Cyd"})
    assert sync(loaded).status == SUCCEEDED
    kept = loaded.lake.rows("select LastName, Company from lake.salesforce.lead where Id = ?", [lead])
    assert kept == [("Cyd", "Old Ltd")]
    notices = "select object, kind, field from lake.sync.notice"
    assert loaded.lake.rows(notices) == [("lead", "vanished_field", "Company")]
    sync(loaded)
    assert len(loaded.lake.rows(notices)) == 1


def test_a_quota_used_up_in_mid_run_stops_it_and_the_next_run_goes_on(
    loaded: Source, org: Org, sandbox: Sandbox, point: Point
) -> None:
    """CONN-17, OPS-15."""
    org.insert("Lead", [{"LastName": "Cy", "Company": "x"}])
    source = point(salesforce_call_reserve=0, sync_object_threads=1)
    source.connector.organization_id()
    sandbox.sessions.allowed = sandbox.sessions.used + 1  # of what the connector was told last, it has plenty left
    stopped = sync(source)
    errors = said(stopped)
    assert errors["user"] == ""
    assert "API calls are used" in errors["account"]
    assert errors["lead"] == f"not begun: {errors['account']}"
    assert loaded.lake.rows("select kind from lake.sync.notice") == [("api_limit",)]
    assert names(loaded) == ["Ann", "Bob"]
    sandbox.sessions.new_day()
    assert sync(point()).status == SUCCEEDED
    assert names(loaded) == ["Ann", "Bob", "Cy"]


def test_a_nul_is_kept_as_its_symbol(loaded: Source, org: Org) -> None:
    org.insert("Lead", [{"LastName": "a\0b", "Company": "x"}])
    assert sync(loaded).status == SUCCEEDED
    assert "a\u2400b" in names(loaded)


def test_another_organization_is_refused(loaded: Source, lake: Lake, tmp_path: Path) -> None:
    """GEN-18."""
    with Org.open(clock=a_minute_ago) as other, Sandbox(other) as elsewhere:
        other.insert("Lead", [{"LastName": "Stranger", "Company": "x"}])
        refused = sync(systems.source(settings_for(elsewhere, tmp_path / "other"), lake))
        assert elsewhere.log.count("*/query*") == 0
        theirs = other.organization_id
    mine = loaded.connector.organization_id()
    assert (refused.status, mine != theirs) == (FAILED, True)
    assert f"this lake mirrors organization {mine}, but the login is to {theirs}" in refused.message
    assert names(loaded) == ["Ann", "Bob"]


def test_a_lake_of_another_crm_is_refused(loaded: Source, lake: Lake, sandbox: Sandbox, tmp_path: Path) -> None:
    """VV-GEN-9."""
    refused = sync(systems.source(settings_for(sandbox, tmp_path / "other", crm="veeva"), lake))
    assert refused.status == FAILED
    assert "this lake mirrors a salesforce org; a veeva org needs a lake of its own" in refused.message


@pytest.fixture
def many(loaded: Source, org: Org) -> int:
    org.insert("Lead", [{"LastName": f"L{i}", "Company": "x"} for i in range(2_100)])
    return 2_102


def test_a_page_cut_off_is_read_again(many: int, sandbox: Sandbox, point: Point) -> None:
    sandbox.faults.add("short_page", rows=5)
    source = point(salesforce_bulk_from=1_000)
    assert sync(source).status == SUCCEEDED
    assert len(names(source)) == many


@pytest.mark.parametrize("clock_ahead", [0, 5])
def test_after_a_crash_a_bulk_result_is_gone_on_with_where_it_stopped(
    many: int, sandbox: Sandbox, point: Point, tmp_path: Path, clock_ahead: int
) -> None:
    sandbox.faults.add("error", path="*/results", code="INVALID_TYPE", message="gone for now")
    assert sync(point(salesforce_bulk_from=1_000)).status == FAILED
    (manifest,) = tmp_path.rglob("manifest.json")
    told = json.loads(manifest.read_text())
    end = datetime.fromisoformat(told["end"]) + timedelta(seconds=clock_ahead)
    manifest.write_text(json.dumps({**told, "end": end.isoformat()}))
    sandbox.log.clear()
    source = point(salesforce_bulk_from=1_000)
    assert sync(source).status == SUCCEEDED
    assert sandbox.log.count("*/jobs/query", "POST") == 0
    assert len(names(source)) == many


FULL_DISK = """
import resource, signal, sys
sys.dont_write_bytecode = True  # a module's cache cut short would break whoever imports it next
from sync_pipeline.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
main(["sync", "--objects", "lead"])
"""


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    folders = {"LAKE_CATALOG": "catalog.sqlite", "LAKE_DATA": "files", "LAKE_LANDING": "landing"}
    return sandbox.env() | {name: str(tmp_path / folder) for name, folder in folders.items()}


def test_a_full_disk_is_told_in_a_line_and_costs_nothing_that_was_committed(
    many: int, loaded: Source, environment: dict[str, str], point: Point, tmp_path: Path
) -> None:
    size = (tmp_path / "catalog.sqlite").stat().st_size
    # Without -B, Python would leave compiled modules behind that end at the limit.
    command = [sys.executable, "-B", "-c", FULL_DISK, str(min(size, 20_000))]
    full = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    assert "Error:" in full.stderr
    assert names(loaded) == ["Ann", "Bob"]
    assert sync(point()).status == SUCCEEDED
    assert len(names(loaded)) == many


def test_no_call_is_spent_on_an_object_without_news(loaded: Source, sandbox: Sandbox) -> None:
    sandbox.log.clear()
    quiet = sync(loaded)
    assert (quiet.counts().changed, quiet.counts().calls) == (0, len(OBJECTS))
    assert sandbox.log.count() == len(OBJECTS)
