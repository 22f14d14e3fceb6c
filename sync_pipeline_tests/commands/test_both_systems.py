"""The commands where both systems are set up: one cycle reads both, and an outage of one is not the other's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync_pipeline.cli import main
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests import hostile

OBJECTS = "user,marketo/person,marketo/company"
Run = Callable[..., Result]


def a_minute_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture(scope="module")
def marketo() -> Iterator[MarketoSandbox]:
    with Subscription.open(clock=a_minute_ago) as subscription, MarketoSandbox(subscription) as sandbox:
        now = a_minute_ago().replace(tzinfo=None) - timedelta(days=1)
        person = {"id": 1, "email": "ann@x.example", "createdAt": now, "updatedAt": now}
        subscription.insert(subscription.lead, [person])
        subscription.reserve("lead", 1)
        yield sandbox


@pytest.fixture(scope="module")
def salesforce() -> Iterator[Sandbox]:
    with Org.open(clock=a_minute_ago) as org, Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def environment(
    salesforce: Sandbox, marketo: MarketoSandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("both")
    first = a_minute_ago() - timedelta(days=40)
    return {
        **salesforce.env(),
        **marketo.env(),
        "MARKETO_FIRST_DAY": first.date().isoformat(),
        "MARKETO_POLL_SECONDS": "0.1",
        "LAKE_CATALOG": str(folder / "catalog.sqlite"),
        "LAKE_DATA": str(folder / "files"),
        "LAKE_LANDING": str(folder / "landing"),
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, **changed: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **changed})

    return command


def told(done: Result) -> dict[str, str]:
    objects: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])["objects"]
    return {name: one["status"] for name, one in objects.items()}


def test_one_cycle_reads_both_systems(run: Run) -> None:
    done = run("sync", "--objects", OBJECTS, "--json")
    assert done.exit_code == 0, done.stderr
    assert told(done) == {"user": "Succeeded", "marketo/person": "Succeeded", "marketo/company": "Succeeded"}
    assert run("sql", "--csv", "select id, email from lake.marketo.person").stdout.splitlines()[1:] == [
        "1,ann@x.example"
    ]
    shown = run("status")
    assert "marketo/person" in shown.stdout
    assert "salesforce/user" in shown.stdout


def test_an_outage_of_one_system_never_blocks_the_others_mirror(run: Run) -> None:
    lost = dict.fromkeys(("SALESFORCE_CLIENT_SECRET", "SALESFORCE_PASSWORD"), "wrong")
    one = run("sync", "--objects", OBJECTS, "--json", **lost)
    assert one.exit_code == 1
    assert told(one) == {"user": "Failed", "marketo/person": "Succeeded", "marketo/company": "Succeeded"}
    other = run("sync", "--objects", OBJECTS, "--json", MARKETO_CLIENT_SECRET="wrong")
    assert other.exit_code == 1
    assert told(other) == {"user": "Succeeded", "marketo/person": "Failed", "marketo/company": "Failed"}
    assert "wrong" not in one.output + other.output


def test_a_name_that_both_systems_have_means_the_crms_unless_marketo_is_named(run: Run) -> None:
    done = run("sync", "--objects", "opportunity,marketo/opportunity", "--json")
    assert (json.loads(done.stdout.splitlines()[-1])["decided"], "only read" in done.stderr) == (False, True)
    assert told(done) == {"opportunity": "Succeeded", "marketo/opportunity": "Succeeded"}
    assert run("sync", "--objects", ",").exit_code == 2


def test_the_check_looks_at_both_and_finds_what_the_mappings_miss(run: Run) -> None:
    """FIELD-22."""
    done = run("check")
    assert "salesforce: organization" in done.stdout
    assert "marketo: organization" in done.stdout
    assert "warning: company: mapped fields not visible, so not synced: accountType" in done.stdout
    assert "custom activity types that are not ready: CRM Activity" in done.stdout
    assert "native mode" not in done.stdout


def test_the_check_tells_native_mode_and_missing_permissions(run: Run, marketo: MarketoSandbox) -> None:
    """MK-REST-1."""
    marketo.subscription.native = True
    marketo.faults.add("error", code="603", message="Access denied", path="/rest/v1/leads/describe.json", times=1)
    try:
        done = run("check")
    finally:
        marketo.subscription.native = False
    assert done.exit_code == 1
    assert "warning: marketo: native mode: Marketo's own CRM sync is on" in done.stdout
    assert "error: person: 603: Access denied" in done.stdout
    assert "error: opportunity_role: 1018: CRM Enabled" in done.stdout


def test_the_check_of_one_system_goes_on_where_the_others_login_fails(run: Run) -> None:
    done = run("check", MARKETO_CLIENT_SECRET="wrong")
    assert done.exit_code == 1
    assert "salesforce: organization" in done.stdout
    assert "Error: marketo: unauthorized: the login at" in done.stderr


def test_an_unsubscribe_reaches_the_org_at_once_and_only_where_writing_is_asked_for(
    run: Run, salesforce: Sandbox, tmp_path: Path
) -> None:
    """SIA-UNS-1, SIA-UNS-5: the person in Marketo is left as it was."""
    (lead,) = salesforce.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee"}])
    told = {"unsubscribe_id": "u1", "happened_at": "2026-01-01T00:00:00Z", "salesforce_id": lead}
    (tmp_path / "told.jsonl").write_text(json.dumps(told), "utf-8")
    planned = run("activities", "import", "told.jsonl", "--unsubscribes")
    assert "1 opt-outs due in Salesforce: none set, as WRITE_BACK=plan" in planned.stderr
    assert not (salesforce.org.record("Lead", lead) or {})["HasOptedOutOfEmail"]
    assert run("activities", "import", "told.jsonl", "--unsubscribes", WRITE_BACK="apply").exit_code == 0
    assert (salesforce.org.record("Lead", lead) or {})["HasOptedOutOfEmail"]
    assert run("unsubscribes", "clear", "u1", "u2").stdout == "1 of 2 taken back\n"
    night = run("unsubscribes", "sync", "--json", WRITE_BACK="apply")
    assert (night.exit_code, json.loads(night.stdout)["due"]) == (0, 0)


def test_a_reminder_becomes_a_task_of_the_org_once_it_is_switched_on(
    run: Run, salesforce: Sandbox, tmp_path: Path
) -> None:
    """SIA-TASK-1, SIA-TASK-9."""
    assert "set ACTIONS_REMINDERS=true" in run("reminders").stderr
    on = {"ACTIONS_REMINDERS": "true", "WRITE_BACK": "apply"}
    (lead,) = salesforce.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee"}])
    assert run("sync", "--objects", "task", "--json").exit_code == 0
    run("pause")
    assert "the sync is paused since" in run("reminders", **on).stderr
    run("resume")
    assert run("reminders", **on).exit_code == 0
    told = {
        "task_id": "r1",
        "updated_at": "2026-01-01T00:00:00Z",
        "name": "Call",
        "status": "open",
        "due_on": "2026-02-01",
    }
    (tmp_path / "told.jsonl").write_text(json.dumps({**told, "salesforce_id": lead}), "utf-8")
    assert run("activities", "import", "told.jsonl", "--reminders").stdout.startswith("1 new")
    done = json.loads(run("reminders", "--json", **on).stdout)
    assert (done["due"], done["accepted"]) == (1, 1)
    with salesforce.org.cursor() as cursor:
        names = '"WhoId", "Subject", "Status", "Priority", "ActivityDate"::varchar'
        (task,) = cursor.execute(f"select {names} from {salesforce.org.truth('Task')}").fetchall()
    assert task == (lead, "Call", "Not Started", "Normal", "2026-02-01")
    assert run("sync", "--objects", "task", "--json").exit_code == 0
    assert json.loads(run("reminders", "--json", **on).stdout)["due"] == 0


def test_a_send_is_checked_in_marketo_and_blocked_without_an_answer(run: Run, marketo: MarketoSandbox) -> None:
    """SIA-UNS-6, SIA-UNS-8: too slow is no answer, and nobody waits for a used-up quota."""
    on = {"ACTIONS_MARKETO_CHECK": "true", "ACTIONS_CHECK_SECONDS": "2"}
    assert run("unsubscribes", "check", "ann@x.example", **on).stdout == "yes: not unsubscribed in Marketo\n"
    marketo.faults.add("error", code="607", message="Daily quota reached", path="/rest/v1/leads.json", times=1)
    assert run("unsubscribes", "check", "ann@x.example", **on).stdout == "no: Marketo did not answer: 607\n"
    now = a_minute_ago().replace(tzinfo=None)
    bob = {"id": 2, "email": "bob@x.example", "unsubscribed": True, "createdAt": now, "updatedAt": now}
    marketo.subscription.insert(marketo.subscription.lead, [bob])
    assert run("unsubscribes", "check", "BOB@x.example", **on).stdout == "no: unsubscribed in Marketo\n"
    marketo.faults.add("slow", seconds=1, path="/rest/v1/leads.json", times=1)
    slow = run("unsubscribes", "check", "ann@x.example", ACTIONS_MARKETO_CHECK="true", ACTIONS_CHECK_SECONDS="0.5")
    assert (slow.exit_code, slow.stdout) == (1, "no: Marketo did not answer: WOULD_WAIT\n")


@pytest.mark.matrix
@pytest.mark.parametrize(
    "command",
    [("explain", "--"), ("errors", "--retry"), ("errors", "--dismiss"), ("unsubscribes", "check", "--")],
    ids=" ".join,
)
def test_what_is_no_one_record_gets_a_line_and_does_nothing(run: Run, command: tuple[str, ...]) -> None:
    """Neither a traceback nor another record's story, and no mail is allowed to what is no address."""
    assert run("sync", "--objects", OBJECTS).exit_code == 0  # an empty lake refuses before it looks
    for name, text in (*hostile.TEXTS.items(), ("option", "--help-me"), ("nothing", "")):
        done = run(*command, text)
        assert (done.exit_code in (1, 2), type(done.exception)) == (True, SystemExit), (name, done.output[:200])
        assert "Traceback" not in done.output, name
        assert not done.stdout.startswith("yes"), name
