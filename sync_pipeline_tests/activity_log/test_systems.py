"""The step of a cycle against both sandboxes, as the settings put it together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.activity_log import diagnosis
from sync_pipeline.activity_log.send import Sent
from sync_pipeline.activity_log.step import Logged
from sync_pipeline.assembly import declarations, systems
from sync_pipeline.assembly import runs as assembly
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sales_insight.inputs import ACTIVITY
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.settings import Settings
from sync_pipeline_tests.lake.conftest import lake, new_catalog
from sync_pipeline_tests.sandbox.conftest import Clock

__all__ = ["lake", "new_catalog"]
TYPES = [{"value": name, "label": name, "active": True} for name in ("Email", "Call")]
KEY = {"name": "Sync_Pipeline_Id__c", "type": "string", "length": 32, "externalId": True, "unique": True}


class Both:
    """An org and a subscription with one clock, synced both ways into one lake, activities included."""

    def __init__(self, opened: ExitStack, lake: Lake, folder: Path) -> None:
        self.clock, self.lake = Clock(), lake
        self.org = opened.enter_context(Org.open(clock=self.clock))
        self.subscription = opened.enter_context(Subscription.open(clock=self.clock))
        self.crm = opened.enter_context(Sandbox(self.org))
        self.marketo = opened.enter_context(MarketoSandbox(self.subscription))
        given = {
            **self.crm.env(), **self.marketo.env(), "marketo_first_day": self.clock().date().isoformat(),
            "marketo_poll_seconds": "0.1", "write_back": "apply", "actions_task_kinds": "send_email",
            "lake_landing": str(folder),
        }  # fmt: skip
        self.given = {name.lower(): value for name, value in given.items()}
        self.settings = Settings(_env_file=None, **self.given)  # type: ignore[arg-type]
        self.systems = systems.Systems(self.settings, lake)
        paired = {one.title for p in declarations.pairings(self.settings) for one in (p.crm, p.marketo)}
        wanted = {*paired, "salesforce/task"}
        self.objects = [one for one in declarations.objects(self.settings) if one.title in wanted]

    def cycle(self) -> dict[str, Logged]:
        """Read both systems, decide, write, and log; return what was logged by system."""
        self.clock.pass_seconds(300)
        for system in ("salesforce", "marketo"):
            self.systems.connector(system).names()  # any answer tells what time it is now
            source = systems.source(self.settings, self.lake, system, over=self.systems)
            done = runs.sync(source, [one for one in self.objects if one.system == system])
            assert (done.status, done.message) == (SUCCEEDED, "")
        assembly.pass_over(self.settings, self.lake, self.systems)
        return self.log()

    def log(self) -> dict[str, Logged]:
        _, done = assembly.log_activities(self.settings, self.lake, self.systems)
        return {one.obj.system: one for one in done}

    def logged(self) -> list[tuple[str, dict[str, Any]]]:
        """Return our custom activities in Marketo: what happened, and the attributes but for our id."""
        rows = self.subscription.rows('from activity where "activityTypeId" > 100000 order by id')
        told = [(row["primaryAttributeValue"], json.loads(row["attributes"])) for row in rows]
        assert len({attributes.pop("sourceId") for _, attributes in told}) == len(told)
        return told

    def tasks(self) -> list[dict[str, Any]]:
        with self.org.cursor() as cursor:
            ids = cursor.execute('select "Id" from "Task" order by "CreatedDate", "Id"').fetchall()
        return [self.org.record("Task", one) or {} for (one,) in ids]


@pytest.fixture
def both(lake: Lake, tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as opened:
        yield Both(opened, lake, tmp_path / "landing")


def test_activities_go_both_ways_once_and_an_echo_is_told_once_with_its_origin(both: Both) -> None:
    """SF-ACT-1, 3 and 12, SIA-ACT-1, SIA-LOG-1 to 3, 6 and 9, OPS-5 and 8, GEN-15, SIA-DIAG-1 and 2."""
    both.org.add_field("Task", KEY)
    both.org.add_field("Task", {"name": "Type", "type": "picklist", "length": 40, "picklistValues": TYPES})
    (ann,) = both.org.insert("Contact", [{"LastName": "Ann", "Email": "ann@x.example", "Phone": "1"}])
    both.org.insert("Task", [{"WhoId": ann, "Subject": "Call Ann"}])
    assert [one.status for one in both.cycle().values()] == [SUCCEEDED] * 2
    assert both.logged() == []  # Marketo has no types yet
    both.systems.marketo.make_activity_types(ACTIVITY_TYPES)
    with both.lake.transaction() as con:
        con.execute("delete from lake.sync.activity_type")  # as an hour later
    assert both.log()["marketo"].sent == Sent(accepted=1)
    ((event, attributes),) = both.logged()
    assert (event, attributes["subject"], attributes["isTask"]) == ("Logged", "Call Ann", True)

    person = both.subscription.rows("select id from lead")[0]["id"]
    mail = {"kind": "send_email", "happened_at": both.clock(), "marketo_id": person, "email_subject": "Hi"}
    take(both.lake, ACTIVITY, [{"activity_id": "m1", **mail}], datetime.now(UTC))
    both.crm.faults.add("drop", after_bytes=10, path="*/composite/sobjects*", times=1)
    assert [one.sent for one in both.log().values()] == [Sent(accepted=1)] * 2
    assert (both.logged()[-1][0], len(both.tasks())) == ("Send Sales Email", 2)  # the answer was lost, the task is not
    (task,) = [one for one in both.tasks() if one["Type"]]
    assert (task["Subject"], task["WhoId"], task["Type"], task["Status"]) == ("Email: Hi", ann, "Email", "Completed")

    both.org.rules.validate("Contact", lambda record: "6" in (record.get("Phone") or ""), "No sixes, please")
    both.clock.pass_seconds(60)
    write = {"action": "updateOnly", "lookupField": "id", "input": [{"id": person, "phone": "666"}]}
    both.systems.marketo.calls.post("/rest/v1/leads.json", write)
    assert both.cycle()["marketo"].sent == Sent(accepted=2)
    told = dict(both.logged()[2:])
    assert (told["Logged"]["subject"], told["Logged"]["origin"]) == ("Email: Hi", "sales_task")
    assert (told["Sync Error"]["message"], told["Sync Error"]["crmId"]) == ("No sixes, please", ann)
    with both.lake.reading() as con:
        (refused,) = diagnosis.still_open(con, "salesforce", 5)
    assert (refused["category"], refused["next"]) == ("access/validation", "needs somebody")

    quiet = both.log()
    assert {system: (one.sent, one.spent.calls) for system, one in quiet.items()} == {
        "marketo": (Sent(), 0), "salesforce": (Sent(), 0),
    }  # fmt: skip


def test_a_system_that_is_out_of_reach_does_not_keep_the_other_from_being_told(both: Both) -> None:
    """Law 8, law 10."""
    (ann,) = both.org.insert("Contact", [{"LastName": "Ann"}])
    both.systems.marketo.make_activity_types(ACTIVITY_TYPES)
    both.cycle()
    person = both.subscription.rows("select id from lead")[0]["id"]
    mail = {"kind": "send_email", "happened_at": both.clock(), "marketo_id": person}
    take(both.lake, ACTIVITY, [{"activity_id": "m1", **mail}], datetime.now(UTC))
    both.marketo.faults.add("error", code="603", message="Access denied", path="/rest/v1/activities/*", times=1)
    done = both.log()
    assert (done["marketo"].status, done["salesforce"].sent.accepted) == ("Failed", 1)
    assert "603" in done["marketo"].said
    assert both.tasks()[-1]["WhoId"] == ann
    assert both.log()["marketo"].sent == Sent(accepted=1)
