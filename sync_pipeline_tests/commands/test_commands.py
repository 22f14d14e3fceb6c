"""The command line as scripts use it: exit codes, the line of --json, and what goes to which stream."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync_pipeline.cli import main
from sync_pipeline.lake import Lake
from sync_pipeline.model import Counts
from sync_pipeline.sandbox import Org, Sandbox

OBJECTS = "user,account,lead"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with Org.open(clock=lambda: datetime.now(UTC)) as org:
        stamps = {"CreatedDate": yesterday, "LastModifiedDate": yesterday, "SystemModstamp": yesterday}
        org.insert("Account", [{"Name": "Acme", **stamps}])
        org.insert("Lead", [{"LastName": f"Lead {i}", "Company": "Żółć", **stamps} for i in range(3)])
        yield org


def ids(org: Org, name: str) -> list[str]:
    with org.cursor() as cursor:
        return [record_id for (record_id,) in cursor.execute(f'select Id from "{name}"').fetchall()]


@pytest.fixture(scope="module")
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def environment(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the settings of one lake that the tests of this module share; the first sync fills it."""
    folder = tmp_path_factory.mktemp("cli")
    folders = {"LAKE_CATALOG": "catalog.sqlite", "LAKE_DATA": "files", "LAKE_LANDING": "landing"}
    return sandbox.env() | {name: str(folder / part) for name, part in folders.items()}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in an empty folder with the settings of the sandbox."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, stdin: str = "", **changed: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **changed}, input=stdin)

    return command


@pytest.fixture(scope="module")
def filled(environment: dict[str, str]) -> None:
    """Fill the lake once for all tests of this module."""
    done = CliRunner().invoke(main, ["sync", "--objects", OBJECTS], env=environment)
    assert done.exit_code == 0, done.stderr


@pytest.fixture
def synced(filled: None, run: Run) -> Run:
    return run


def test_a_sync_ends_with_one_line_of_json_for_scripts(run: Run, tmp_path: Path) -> None:
    done = run("sync", "--objects", OBJECTS, "--json", LAKE_CATALOG=str(tmp_path / "c.sqlite"), LAKE_DATA="files")
    assert done.exit_code == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert set(told) == {"run_id", "status", "started_at", "ended_at", "objects", "decided"}
    assert (told["status"], list(told["objects"])) == ("Succeeded", ["user", "account", "lead"])
    lead = told["objects"]["lead"]
    assert set(lead) == {"status", *Counts().as_dict()}
    assert (lead["read"], lead["inserted"], lead["updated"], lead["deleted"], lead["skipped"]) == (3, 3, 0, 0, 0)
    assert min(lead["calls"], lead["bytes"], lead["seconds"]) > 0
    assert [text.split()[0] for text in done.stderr.splitlines()] != []


def test_without_json_progress_is_plain_lines_on_stderr(synced: Run) -> None:
    done = synced("sync", "--objects", "LEAD, account")
    assert (done.exit_code, done.stdout) == (0, "")
    assert sorted(line.split()[0] for line in done.stderr.splitlines()) == ["account", "lead"]
    assert "nothing new" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sync", "--objects", "shoe"], "unknown object 'shoe'; known: user, group"),
        (["sync", "--since", "yesterday"], "'yesterday' is no ISO time"),
        (["sync", "--full", "--reconcile"], "exclude one another"),
        (["sync", "--no-such-option"], "No such option"),
        (["no-such-command"], "No such command"),
        (["sandbox", "edit", "--count", "0"], "x>=1"),
    ],
)
def test_a_wrong_use_leaves_with_2_and_says_why(run: Run, arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_bad_setting_is_a_wrong_use_that_names_the_variable_and_no_value(run: Run) -> None:
    done = run("sync", SYNC_PAUSE_SECONDS="s3cret")
    assert done.exit_code == 2
    assert "SYNC_PAUSE_SECONDS" in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SYNC_FILTERS", "shoe: Size__c = 1", "SYNC_FILTERS: shoe cannot have a filter; user, account"),
        ("SYNC_FIELDS", "shoe.Size__c=size", "SYNC_FIELDS: nothing is called shoe; account, campaign"),
        ("SYNC_CAMPAIGNS", "1001=003", "SYNC_CAMPAIGNS: a link is the id of a program"),
    ],
)
def test_settings_that_do_not_go_together_say_what_is_there_instead(run: Run, name: str, value: str, said: str) -> None:
    done = run("status", **{name: value})
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_an_org_with_person_accounts_is_made_once_and_not_out_of_another(run: Run) -> None:
    made = run("sandbox", "populate", "--people", "200", "--person-accounts", "0.5", "--org", "persons.duckdb")
    assert made.exit_code == 0, made.stderr
    with Org.open(Path("persons.duckdb")) as org, org.cursor() as cursor:
        (persons,) = cursor.execute('select count(*) from "Account" where IsPersonAccount').fetchone() or (0,)
    assert 20 < persons < 80
    with Org.open(Path("companies.duckdb")):
        pass
    refused = run("sandbox", "populate", "--person-accounts", "0.5", "--org", "companies.duckdb")
    assert refused.exit_code == 2
    assert "holds an org without person accounts" in refused.stderr


def test_a_veeva_org_is_made_and_taken_for_no_salesforce_org(run: Run) -> None:
    made = run("sandbox", "populate", "--crm", "veeva", "--people", "40", "--org", "veeva.duckdb")
    assert made.exit_code == 0, made.stderr
    assert "400 Call2_vod__c" in made.stdout
    for arguments, said in (
        (["--crm", "salesforce", "--org", "veeva.duckdb"], "holds a Veeva org"),
        (["--crm", "veeva", "--org", "veeva.duckdb"], "already holds an org"),
        (["--crm", "veeva", "--person-accounts", "0.5"], "--person-accounts is for Salesforce orgs"),
    ):
        refused = run("sandbox", "populate", *arguments)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr


def test_a_veeva_sync_says_what_must_be_chosen_first_and_what_it_refuses(run: Run) -> None:
    """VV-PA-1, VV-GEN-5: nothing is guessed, nothing is left out silently."""
    undecided = run("sync", CRM="veeva")
    assert (undecided.exit_code, "VEEVA_PROFESSIONAL_TYPES must name" in undecided.stderr) == (2, True)
    refused = run("sync", "--objects", "lead", CRM="veeva", VEEVA_PROFESSIONAL_TYPES="Professional_vod")
    assert (refused.exit_code, "Lead is not part of the Veeva sync" in refused.stderr) == (2, True)


def test_the_demo_of_both_systems_shows_a_conflict_and_a_refusal(run: Run) -> None:
    """SF-LEAD-2, SF-LEAD-8."""
    done = run("demo", "--people", "40", "--cycles", "2", LAKE_CATALOG="both.sqlite", LAKE_DATA="both")
    assert done.exit_code == 0, done.stderr
    for said in (
        "and a Marketo subscription",
        "to create in Marketo",
        "make ui CRM=sales",
    ):
        assert said in done.stdout
    # The staff edit at random beside the scenes: they may meet in a field, or break a rule, of their own.
    assert re.search(r"[1-9]\d* conflicts", done.stdout)
    assert re.search(r"[1-9]\d* fields refused", done.stdout)
    story = done.stdout.split("the whole story of one lead")[1]
    assert "marketo_wins" in story
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION  A phone number has digits, not letters" in story


@pytest.mark.bench
def test_the_demo_of_a_veeva_org_shows_a_conflict_that_veeva_wins(run: Run) -> None:
    """VV-PA-5, VV-GEN-9: in a lake of its own, so that both demos can be played in one folder."""
    nothing_said = dict.fromkeys(("LAKE_CATALOG", "LAKE_DATA", "LAKE_LANDING"), "")
    done = run("demo", "--crm", "veeva", "--people", "40", "--cycles", "1", **nothing_said)
    assert done.exit_code == 0, done.stderr
    assert Path("data/veeva/catalog.sqlite").exists()
    for said in ("A Veeva org and a Marketo subscription", " conflicts", "call_key_message", "make ui CRM=veeva"):
        assert said in done.stdout
    assert "crm_wins" in done.stdout.split("the whole story of one person account")[1]


@pytest.mark.parametrize("option", ["--full", "--reconcile", "--formulas", "--since=2026-01-01T00:00:00Z"])
def test_every_kind_of_sync_runs(synced: Run, option: str) -> None:
    done = synced("sync", option, "--objects", OBJECTS, "--json")
    assert done.exit_code == 0, done.stderr
    lead = json.loads(done.stdout)["objects"]["lead"]
    assert (lead["inserted"], lead["updated"], lead["deleted"]) == (0, 0, 0)
    if option in ("--full", "--reconcile", "--since=2026-01-01T00:00:00Z"):
        assert lead["read"] == 3


def test_what_was_not_done_leaves_with_1_and_is_told(synced: Run) -> None:
    done = synced("sync", "--objects", "lead", "--json", SALESFORCE_CLIENT_SECRET="wrong", SALESFORCE_PASSWORD="wrong")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["status"] == told["objects"]["lead"]["status"] == "Failed"
    assert "the login at http://127.0.0.1" in told["objects"]["lead"]["error"]
    status = json.loads(synced("status", "--json").stdout)
    assert [e["object"] for e in status["errors"]] == ["salesforce/lead"]
    synced("sync", "--objects", "lead")
    assert json.loads(synced("status", "--json").stdout)["errors"] == []


SYNC = [sys.executable, "-m", "sync_pipeline", "sync", "--objects", "lead"]


def test_a_second_sync_says_so_and_leaves_with_1(synced: Run, environment: dict[str, str], tmp_path: Path) -> None:
    with Lake.open(environment["LAKE_CATALOG"], environment["LAKE_DATA"]) as lake, lake.only_pipeline():
        second = subprocess.run(
            SYNC, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert json.loads(synced("status", "--json").stdout)["syncing"] is True
    assert second.returncode == 1
    assert second.stderr.startswith("Error: another pipeline is syncing into the lake")
    assert len(second.stderr.splitlines()) == 1


def test_queries_as_table_csv_and_json(synced: Run) -> None:
    query = "select LastName, Company, Title, SystemModstamp is null as n from salesforce.lead order by LastName"
    as_json = [json.loads(line) for line in synced("sql", query, "--json").stdout.splitlines()]
    assert as_json[0] == {"LastName": "Lead 0", "Company": "Żółć", "Title": None, "n": False}
    rows = list(csv.reader(io.StringIO(synced("sql", query, "--csv").stdout)))
    assert (rows[0], rows[1][:3]) == (["LastName", "Company", "Title", "n"], ["Lead 0", "Żółć", ""])
    assert len(rows) == 4
    assert synced("sql", "select 1 as one").exit_code == 0


@pytest.mark.parametrize("query", ["select * from salesforce.shoe", "selec 1", "delete from salesforce.lead"])
def test_a_query_that_fails_leaves_with_1_and_changes_nothing(synced: Run, query: str) -> None:
    done = synced("sql", query)
    assert (done.exit_code, done.stderr.startswith("Error: ")) == (1, True)
    assert synced("sql", "select count(*) from salesforce.lead", "--csv").stdout.splitlines()[1] == "3"


def test_a_shell_runs_statement_after_statement_and_an_error_ends_it_not(synced: Run) -> None:
    done = synced("sql", stdin="select 41 + 1\nas answer;\nselec;\nselect 'still here' as s;\n")
    assert done.exit_code == 1
    assert "Parser Error" in done.stderr
    assert synced("sql", stdin="select 1;\n").exit_code == 0


def test_attach_prints_one_statement(synced: Run, environment: dict[str, str]) -> None:
    (line,) = synced("sql", "--attach").stdout.splitlines()
    assert line.startswith("attach 'ducklake:sqlite:/")
    assert line.endswith(";")
    assert environment["LAKE_CATALOG"] in line
    assert "read_only" in line


def test_there_is_no_status_before_the_first_sync(run: Run, tmp_path: Path) -> None:
    done = run("status", LAKE_CATALOG=str(tmp_path / "none.sqlite"))
    assert done.exit_code == 1
    assert "run a sync first" in done.stderr


def test_status_tells_how_far_each_object_is(synced: Run) -> None:
    """CONN-16."""
    told = json.loads(synced("status", "--json").stdout)
    assert {o["object"] for o in told["objects"]} >= {"salesforce/lead", "salesforce/account", "salesforce/user"}
    assert told["syncing"] is False
    shown = synced("status")
    assert shown.exit_code == 0
    assert "salesforce/lead" in shown.stdout


def test_check_tells_what_the_first_sync_will_cost(run: Run) -> None:
    done = run("check")
    assert "login works" in done.stdout
    assert "API calls of today" in done.stdout
    assert "first sync:" in done.stdout


def test_check_names_the_fields_of_the_specification_that_are_hidden(run: Run, org: Org) -> None:
    """CONN-9."""
    org.hide_field("Lead", "Company")
    try:
        done = run("check")
    finally:
        org.show_field("Lead", "Company")
    assert done.exit_code == 1
    assert "error: lead: fields not visible to the sync user: Company" in done.stdout


def test_check_offers_the_custom_objects_that_the_sync_user_can_read_and_no_others(run: Run, org: Org) -> None:
    """SF-CO-3."""
    offered = "note: salesforce: custom objects that can be chosen (SYNC_CUSTOM_OBJECTS): "
    assert f"{offered}Invoice__c, Product_Interest__c" in run("check").stdout
    assert f"{offered}Product_Interest__c\n" in run("check", SYNC_CUSTOM_OBJECTS="Invoice__c").stdout
    org.hide_object("Invoice__c", org.user_id)
    assert f"{offered}Product_Interest__c\n" in run("check").stdout
    chosen = run("check", SYNC_CUSTOM_OBJECTS="Invoice__c")
    assert "error: invoice__c: Invoice__c is not visible to the sync user" in chosen.stdout


def test_check_names_what_the_sync_user_is_not_allowed_and_what_follows(run: Run, org: Org) -> None:
    """CONN-3 to 5, CONN-7: permissions of the profile, rights on objects, the box of a Marketing User."""
    everything = run("check")
    assert "sync user" not in everything.stdout
    (access,) = (one for one in ids(org, "UserPermissionAccess"))
    lead = org.schema["Lead"].describe
    denied = dict.fromkeys(("PermissionsConvertLeads", "PermissionsEditHtmlTemplates"), False)
    org.update("UserPermissionAccess", access, denied)
    org.update("User", org.user_id, {"UserPermissionsMarketingUser": False})
    org.hide_object("Invoice__c")
    lead |= {"deletable": False}
    try:
        done = run("check", SYNC_CUSTOM_OBJECTS="Invoice__c")
    finally:
        org.update("UserPermissionAccess", access, dict.fromkeys(denied, True))
        org.update("User", org.user_id, {"UserPermissionsMarketingUser": True})
        lead |= {"deletable": True}
    assert done.exit_code == 1
    for said in (
        "warning: salesforce: the sync user has not the permission Convert Leads: no lead is converted",
        "Adobe's set-up also asks for Edit HTML Templates, which the sync user has not; nothing here needs it",
        "the sync user is no Marketing User",
        "the sync user may not delete records of Lead",
        "error: invoice__c: Invoice__c is not visible to the sync user",
    ):
        assert said in done.stdout


def test_tidy_tells_what_it_did(synced: Run) -> None:
    done = synced("lake", "tidy")
    assert done.exit_code == 0
    assert done.stdout.startswith("files ")


def test_a_damaged_catalog_is_named_in_one_line(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_text("no database", "utf-8")
    done = run("sync", LAKE_CATALOG=str(broken))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the lake's catalog ")
    assert "broken.sqlite" in done.stderr
