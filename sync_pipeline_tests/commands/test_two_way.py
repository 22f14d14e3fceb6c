"""`plan` and `explain` as a user meets them: what is to be written and why, one person's story, and what is missing."""

from __future__ import annotations

import csv
import io
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
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline.sandbox.marketo.population.live import change
from sync_pipeline.sync.inspection.backlog import ADVICE
from sync_pipeline_tests.commands.test_both_systems import Run, environment, marketo, run, salesforce

__all__ = ["environment", "marketo", "run", "salesforce"]

TWO_WAY = ",".join({side.title.removeprefix("salesforce/") for p in pairings() for side in (p.crm, p.marketo)})
MAPPED_ANEW = "mapped anew: what was agreed on before does not count"


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
    """CONN-13: plan and pass are the same rows; nothing is written before WRITE_BACK says so."""
    assert "next: `sync-pipeline plan` shows what would be written; WRITE_BACK=apply writes it" in said_by(run, "check")
    shown = run("plan")
    assert shown.exit_code == 0, shown.stderr
    assert "contact                               1 looked at  1 to create in Marketo" in shown.stdout
    assert "contact  marketo  create  new to Marketo  1        email, externalPersonId, lastName, phone" in shown.stdout
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


def test_what_a_limit_stops_is_listed_and_let_through_once(run: Run, synced: str, salesforce: Sandbox) -> None:
    """Law 7, as an operator meets it: the message names the command that lets it through."""
    assert run("sync", WRITE_BACK="apply").exit_code == 0
    assert (run("brakes").stdout, run("brakes", "--json").stdout) == ("nothing is stopped\n", "")
    given = {"WRITE_BACK": "apply", "SYNC_LAG_SECONDS": "0", "SYNC_LIMITS_FROM": "0"}
    salesforce.org.update("Contact", synced, {"Phone": "777"})
    for _ in range(2):
        stopped = run("sync", **given)
        assert stopped.exit_code == 1
        assert "1 of 1 links would be overwritten in marketo, more than the limit of 50%" in stopped.stderr
        assert "`sync-pipeline brakes --release contact` lets it through once" in stopped.stderr
    (told,) = [json.loads(line) for line in run("brakes", "--json").stdout.splitlines()]
    assert (told["pairing"], told["kind"], told["number"]) == ("contact", "overwritten in marketo", 1)
    assert json.loads(run("status", "--json").stdout)["brakes"] == [told]
    shown = run("plan", **given)
    assert (shown.exit_code, "contact  marketo  update  only the CRM changed it" in shown.stdout) == (1, True)
    assert "nothing of lead is stopped" in run("brakes", "--release", "lead").stderr
    assert "contact: let through once" in run("brakes", "--release", "contact").stdout
    passed = run("sync", **given)
    assert (passed.exit_code, "1 to update in Marketo" in passed.stderr) == (0, True)
    assert run("brakes").stdout == "nothing is stopped\n"


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


def said_by(run: Run, *command: str, **changed: str) -> str:
    """Return what a command says, in one line, whatever came of it."""
    done = run(*command, **changed)
    return " ".join(f"{done.stdout} {done.stderr}".split())


def test_the_way_to_a_first_sync_goes_from_credentials_over_fields_to_reading(run: Run, tmp_path: Path) -> None:
    """CONN-13: each step names the next; fields that Marketo lacks are named before anything is read or written."""
    empty = {"LAKE_CATALOG": str(tmp_path / "empty.sqlite"), "LAKE_DATA": str(tmp_path / "empty")}
    wrong = said_by(run, "check", **empty, MARKETO_CLIENT_SECRET="wrong")
    assert "next: mend what is called an error, and check again" in wrong
    checked = said_by(run, "check", **empty)
    assert "mapped fields not visible, so not synced: accountType" in checked
    assert "next: `sync-pipeline sync` reads everything, and writes nothing unless WRITE_BACK=apply" in checked
    assert not (tmp_path / "empty.sqlite").exists()


def test_a_refused_write_is_listed_tried_again_and_dismissed_and_status_tells_of_writes_and_calls(
    run: Run, synced: str, salesforce: Sandbox, marketo: MarketoSandbox
) -> None:
    """OPS-1, OPS-6, OPS-7, OPS-9, OPS-17 and 18, LIM-1, SIA-DIAG-1 and 2."""
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

    jobs = ["jobs", "--object", "contact", "--object", "salesforce/lead", "--status", "incomplete", "--csv"]
    (told_job,) = csv.DictReader(io.StringIO(run(*jobs, "--operation", "push updates").stdout))
    assert (told_job["object"], told_job["status"], told_job["failed"]) == ("salesforce/contact", "Incomplete", "1")
    began = datetime.fromisoformat(told_job["started_at"])
    later = [*jobs, "--since", (began + timedelta(seconds=1)).isoformat()]
    assert run(*later).stdout.count("\n") == run(*jobs, "--until", told_job["started_at"]).stdout.count("\n") == 1
    assert len(run("jobs", "--json").stdout.splitlines()) > 20
    assert "no job" in run("jobs", "--operation", "Sync schema").stdout

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


def test_status_gives_advice_while_a_backlog_grows(run: Run, synced: str, environment: dict[str, str]) -> None:
    """OPS-14."""
    assert "while a backlog grows" not in run("status").stdout
    with Lake.open(environment["LAKE_CATALOG"], environment["LAKE_DATA"]) as lake, lake.transaction() as con:
        earlier = datetime.now(UTC) - timedelta(hours=7)
        ledger.insert(con, "backlog", [(earlier, "contact", "crm", -1)])
    shown = run("status").stdout
    assert all(one in shown for one in ADVICE)


def test_who_will_be_in_marketo_twice_is_told_before_it_happens(run: Run, synced: str, salesforce: Sandbox) -> None:
    """CONN-15: somebody whom Marketo has already, and the CRM too."""
    salesforce.org.insert("Lead", [{"LastName": "Ann", "Company": "A", "Email": " ANN@x.example"}])
    warning = "warning: 1 of the people to create have the e-mail address of somebody whom Marketo has already"
    assert warning in said_by(run, "sync", SYNC_LAG_SECONDS="0")
    assert warning in run("plan").stdout


def test_the_mapping_in_force_is_shown_another_one_is_tried_and_its_field_filled(
    run: Run, synced: str, salesforce: Sandbox, marketo: MarketoSandbox
) -> None:
    """FIELD-19, FIELD-20, SPEC 31 decision 14."""
    salesforce.org.update("Contact", synced, {"Department": "Sales"})
    given = {"WRITE_BACK": "apply", "SYNC_LAG_SECONDS": "0"}
    for _ in range(2):  # what a cycle wrote is decided on again once it has been read
        assert run("sync", **given).exit_code == 0

    def shown(**settings: str) -> dict[str, dict[str, str]]:
        told = run("fields", "show", "contact", "--json", **settings).stdout.splitlines()
        return {one["crm"]: one for one in map(json.loads, told)}

    declared = {"object": "contact", "crm": "Title", "marketo": "title", "direction": "⇄", "rule": "crm_wins"}
    assert shown()["Title"] == {**declared, "because": "declared", "said": ""}
    own = {"SYNC_FIELDS": "contact.Department=title:crm_only"}
    assert "Title" not in shown(**own)
    assert shown(**own)["Department"] == {**declared, "crm": "Department", "direction": "→", "rule": "crm_only",
                                          "because": "chosen", "said": MAPPED_ANEW}  # fmt: skip
    listed = [line.split()[:4] for line in run("fields", "show").stdout.splitlines()]
    assert ["contact", "Title", "title", "⇄"] in listed
    assert run("fields", "show", "nobody").stderr.startswith("Error: nothing is mapped of nobody")

    trial = run("fields", "try", "contact.Department=title:crm_only", "--json")
    filled = {"links": 1, "to": "marketo", "how": "fill", "because": "the field flows to Marketo only"}
    assert json.loads(trial.stdout) == {"marketo": "title", "rule": "crm_only", "counts": [filled]}
    assert run("fields", "try", "contact.Department").stderr.startswith("Error: contact.Department is not synced")
    assert run("fields", "try", "contact.Department=title:never").exit_code == 2
    assert run("fields", "backfill", "contact.Department", "--from", "marketo", **own).exit_code == 1

    assert run("fields", "backfill", "contact.Department", "--from", "crm", **own).stdout.startswith("1 links are")
    assert "1 to update in Marketo" in run("plan", **own).stdout
    assert run("sync", **given, **own).exit_code == 0
    (person,) = marketo.subscription.rows('select title from lead where "externalPersonId" = ?', [synced])
    assert person["title"] == "Sales"


def test_fields_that_marketo_lacks_are_told_and_made_only_after_a_warning_that_they_stay(
    run: Run, synced: str, salesforce: Sandbox, marketo: MarketoSandbox
) -> None:
    """CONN-14, FIELD-1, FIELD-2 and 17, FIELD-22, SF-LEAD-9: afterwards they are synced by their names."""
    fields = {
        "Region__c": {"label": "City", "type": "string", "length": 20},
        "Notes__c": {"type": "textarea", "length": 4000},
    }
    for source, names in {"Lead": fields, "Contact": fields, "Account": ("Region__c",)}.items():
        for name in names:
            salesforce.org.add_field(source, {"name": name, **fields[name]})
    salesforce.org.update("Contact", synced, {"Region__c": "North"})
    given = {"SYNC_LAG_SECONDS": "0", "SYNC_DESCRIBE_SECONDS": "0"}
    assert run("sync", **given).exit_code == 0
    told = run("fields", "setup", "--create")
    assert "Create 1 fields? [y/N]" in told.stderr
    assert "stays there for good: no field can be deleted. Hide from the sync user what is not wanted" in told.stderr
    by_hand = ", and no call can make one (FIELD-22)"
    assert told.stdout.splitlines()[:5] == [
        f"account.Region__c (string) has no field in Marketo{by_hand}",
        "contact.Region__c (string) has no field in Marketo",
        f"contact.Notes__c (textarea) has no field in Marketo{by_hand}",
        "lead.Region__c (string) has no field in Marketo",
        f"lead.Notes__c (textarea) has no field in Marketo{by_hand}",
    ]
    assert "Region__c" not in marketo.subscription.objects["lead"].fields
    assert run("fields", "setup", "--create", "--yes").stdout.splitlines()[-1].startswith("1 fields are created")
    made = marketo.subscription.objects["lead"].fields["Region__c"]
    assert (made.label, made.type) == ("City Region c", "string")

    for _ in range(2):
        assert run("sync", WRITE_BACK="apply", **given).exit_code == 0
    assert run("fields", "backfill", "contact.Region__c", "--from", "crm", **given).exit_code == 0
    assert run("sync", WRITE_BACK="apply", **given).exit_code == 0
    (person,) = marketo.subscription.rows('select "Region__c" from lead where "externalPersonId" = ?', [synced])
    assert person["Region__c"] == "North"
    types = run("sql", "--csv", "select type, crm_id from lake.people.crm_type order by all").stdout.splitlines()
    assert f"Contact,{synced}" in types  # FIELD-2: whoever the tests before have made a lead is one, all others nothing
    assert all(row.startswith("Lead,00Q") or row == "," for row in types[1:] if row != f"Contact,{synced}")
