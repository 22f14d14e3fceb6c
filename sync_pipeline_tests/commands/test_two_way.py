"""`plan` and `explain` as a user meets them: what is to be written and why, one person's story, and what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from sync_pipeline.catalog import pairings
from sync_pipeline.cli import main
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline.sandbox.marketo.live import change
from sync_pipeline_tests.commands.test_both_systems import Run, environment, marketo, run, salesforce

__all__ = ["environment", "marketo", "run", "salesforce"]

TWO_WAY = ",".join({side.title.removeprefix("salesforce/") for p in pairings() for side in (p.crm, p.marketo)})


@pytest.fixture(scope="module")
def synced(environment: dict[str, str], salesforce: Sandbox) -> str:
    """Mirror a contact that Marketo does not know; give its id."""
    at = datetime.now(UTC) - timedelta(days=1)
    stamps = {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
    (ada,) = salesforce.org.insert("Contact", [{"LastName": "Ada", "Email": "ada@x.example", "Phone": "1", **stamps}])
    done = CliRunner().invoke(main, ["sync", "--objects", TWO_WAY], env=environment)
    assert done.exit_code == 0, done.stderr
    return ada


def test_a_plan_tells_what_a_cycle_would_write_and_why_and_applying_it_is_told_by_explain(
    run: Run, synced: str, marketo: MarketoSandbox
) -> None:
    """Plan and pass are the same rows; nothing is written before WRITE_BACK says so."""
    shown = run("plan")
    assert shown.exit_code == 0, shown.stderr
    assert "contact                               1 looked at  1 to create in Marketo" in shown.stdout
    assert (
        "contact  marketo  create  new to Marketo  1        email, externalPersonId, lastName, phone, and 1 more"
        in shown.stdout
    )
    assert f"contact  marketo  create  {synced}" in shown.stdout
    assert "WRITE_BACK=apply sync-pipeline sync" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 120
    planned = json.loads(run("plan", "--json", "--samples", "0").stdout)
    assert (planned["status"], planned["objects"]["contact"]["creates"], planned["samples"]) == ("Succeeded", 1, [])
    assert len(marketo.subscription.rows("from lead")) == 1

    unknown = run("explain", "ada@x.example", "--json")
    assert json.loads(unknown.stdout)["records"][0]["takes no part because"] == "Marketo does not know it yet"
    written = run("sync", WRITE_BACK="apply")
    assert written.exit_code == 0, written.stderr
    assert "1 to create in Marketo" in written.stderr
    story = run("explain", synced[:15]).stdout
    for said in ("links\n", "accepted", "      lastName: Ada  (new to Marketo)", "none: conflicts, errors"):
        assert said in story
    assert "nothing is to be written" in run("plan").stdout


def test_explain_tells_a_person_whom_only_marketo_knows_and_nobody_at_all(run: Run, synced: str) -> None:
    """GEN-11."""
    told = json.loads(run("explain", "ann@x.example", "--json").stdout)
    assert [record["takes no part because"] for record in told["records"]] == ["only Marketo knows it"]
    nobody = run("explain", "nobody@x.example")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert nobody.stderr == "Error: no mirrored record of either system has the address or id 'nobody@x.example'\n"


@pytest.mark.parametrize("command", [["plan"], ["explain", "ann@x.example"], ["drift"]])
def test_without_a_second_system_or_a_mirror_both_ways_commands_say_what_is_missing(
    run: Run, command: list[str], tmp_path: Path
) -> None:
    alone = run(*command, MARKETO_URL="")
    assert (alone.exit_code, "it needs MARKETO_URL" in alone.stderr) == (2, True)
    empty = {"LAKE_CATALOG": str(tmp_path / "empty.sqlite"), "LAKE_DATA": str(tmp_path / "empty")}
    unread = run(*command, **empty)
    assert (unread.exit_code, "run a sync first" in unread.output) == (1, True)


def test_a_refused_write_is_listed_tried_again_and_dismissed_and_status_tells_of_writes_and_calls(
    run: Run, synced: str, salesforce: Sandbox, marketo: MarketoSandbox
) -> None:
    """OPS-1, OPS-7, OPS-9, OPS-17 and 18, LIM-1, SIA-DIAG-1 and 2."""
    assert run("sync", WRITE_BACK="apply").exit_code == 0
    (person,) = marketo.subscription.rows('select id from lead where "externalPersonId" = ?', [synced])
    salesforce.org.rules.validate("Contact", lambda record: record.get("Phone") == "666", "No sixes, please")
    change(marketo.subscription, person["id"], {"phone": "666"})
    given = {"WRITE_BACK": "apply", "SYNC_LAG_SECONDS": "0"}
    assert run("sync", **given).exit_code == 1
    listed = run("errors").stdout
    assert synced in listed
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION  access/validation  No sixes, please  needs somebody" in listed
    told = json.loads(run("status", "--json").stdout)
    (job,) = [one for one in told["writes"] if one["object"] == "salesforce/contact"]
    assert (job["status"], job["failed"]) == ("Incomplete", 1)
    assert {(one["object"], one["to"]) for one in told["backlog"]} >= {("contact", "crm"), ("lead", "marketo")}
    assert {one["system"]: one["today"] > 0 for one in told["calls"]} == {"salesforce": True, "marketo": True}
    assert "hours to clear" in run("status").stdout or told["backlog"][0]["hours_to_clear"] is None

    assert run("errors", "--retry", "nobody").exit_code == 1
    salesforce.org.rules.clear()
    assert run("errors", "--retry", synced).stdout.startswith("1 records are decided on again")
    assert run("sync", **given).exit_code == 0
    assert (salesforce.org.record("Contact", synced) or {})["Phone"] == "666"

    drifted = run("drift")
    assert (drifted.exit_code, drifted.stdout) == (0, "no field differs\n")
    repaired = run("drift", "--repair", "crm").stdout
    assert "contact                               0 links are decided on by the next cycle" in repaired
    assert run("errors").stdout == "no open errors\n"
    assert run("errors", "--dismiss", "all").stdout == "0 errors dismissed\n"


def test_a_flow_action_is_a_command_that_tells_what_became_of_it(run: Run, synced: str, salesforce: Sandbox) -> None:
    """FLOW-18, CONN-18, SF-LEAD-6, GEN-8: WRITE_BACK=off switches the cycle off, not what is asked for."""
    refused = run("flow", "sync-person", "ann@x.example", "--request-id", "first", WRITE_BACK="off")
    assert (refused.exit_code, "failed; Marketo 1; REQUIRED_FIELD_MISSING: " in refused.stdout) == (1, True)
    named = {"FLOW_DEFAULT_LAST_NAME": "Unknown", "FLOW_DEFAULT_COMPANY": "None yet"}
    done = run("flow", "create-task", "1", "--subject", "Call", "--due-in", "1", "--json", WRITE_BACK="off", **named)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    lead, task = salesforce.org.record("Lead", told["crm_id"]), salesforce.org.record("Task", told["record_id"])
    assert lead
    assert (lead["LastName"], lead["Company"], (task or {})["WhoId"]) == ("Unknown", "None yet", told["crm_id"])
    assert "create-task" in run("explain", "ann@x.example").stdout
    assert "failed" in run("flow", "sync-person", "ann@x.example", "--request-id", "first", **named).stdout
    assert run("flow", "change-owner", "1").exit_code == 2
    assert "EMAIL|ID" in run("flow", "convert", "--help").stdout


def test_flow_actions_leave_a_subscription_with_a_sync_of_its_own_alone(run: Run, marketo: MarketoSandbox) -> None:
    marketo.subscription.native = True
    try:
        refused = run("flow", "sync-person", "1")
    finally:
        marketo.subscription.native = False
    assert (refused.exit_code, "NATIVE_MODE: Marketo's own CRM sync is on" in refused.stderr) == (1, True)


def test_serving_takes_a_token_and_ends_when_it_is_told_to(
    run: Run, synced: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """FLOW-18."""
    assert run("serve").exit_code == 2
    token, address = "a token of many letters", tmp_path / "url"
    command = [sys.executable, "-m", "sync_pipeline", "serve", "--port", "0", "--url-file", str(address)]
    with subprocess.Popen(command, env={**os.environ, **environment, "HTTP_TOKEN": token}, cwd=tmp_path) as process:
        try:
            while not address.exists():
                assert process.poll() is None
                time.sleep(0.1)
            told = requests.post(
                f"{address.read_text()}/flow/remove-from-campaign",
                json={"person": "1", "campaign": "701000000000001AAA"},
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
            ).json()
        finally:
            process.terminate()
    assert (told["status"], process.returncode) == ("skipped", 0)
