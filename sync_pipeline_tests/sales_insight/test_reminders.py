"""Reminder tasks of a sales tool and Salesforce's tasks follow one another (SPEC 26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sync_pipeline.connectors.errors import FatalError
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import Object, Window
from sync_pipeline.sales_insight.inputs import REMINDER
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sales_insight.reminder_writes import TASK
from sync_pipeline.sales_insight.reminders import Done, exchange
from sync_pipeline_tests.connectors.memory_writer import MemoryWriter
from sync_pipeline_tests.sales_insight.org import Mirrored

QUIET = Done()
REFUSED = Answer(Verdict.REJECTED, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="No")


class Org(MemoryWriter):
    """An org of tasks that stamps what it writes."""

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        before = {one: dict(values) for one, values in self.tasks.items()}
        try:
            return super().write(obj, operation, records, key)
        finally:
            for one, values in self.tasks.items():
                if values != before.get(one) or one in self.deleted:
                    values["LastModifiedDate"] = self.at.isoformat()

    @property
    def tasks(self) -> dict[str, dict[str, Value]]:
        return self.records.setdefault("Task", {})


class Desk:
    """A sales tool with its reminders, an org with its tasks, and their mirrors; every event takes a minute."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.mirrored, self.org = lake, Mirrored(lake), Org()
        self.ada = self.mirrored.linked(1, email="ada@x.example")
        self.mirrored.start()

    @property
    def now(self) -> datetime:
        return self.mirrored.now

    def tick(self, **more: float) -> datetime:
        self.mirrored.minute += int(timedelta(**more).total_seconds() // 60) if more else 1
        self.org.at = self.now
        return self.now

    def remind(self, key: str = "r1", **values: object) -> None:
        """Make a reminder in the sales tool, or tell how it is now."""
        at = self.tick()
        kept = {"task_id": key, "name": "Call back", "status": "open", "priority": "normal", "marketo_id": 1}
        assert take(self.lake, REMINDER, [{**kept, "updated_at": at, **values}], at).refused == ()

    def task(self, record_id: str | None = None, **values: Value) -> str:
        """Make or change a task in the org."""
        at = self.tick()
        kept = {"Subject": "Write", "Status": "Not Started", "Priority": "Normal", "WhoId": self.ada}
        record_id = record_id or self.org.insert("Task", kept)
        self.org.tasks[record_id].update({"LastModifiedDate": at.isoformat(), **values})
        return record_id

    def delete(self, record_id: str) -> None:
        self.tick()
        self.org.deleted.add(record_id)

    def read(self) -> None:
        """Mirror the org's tasks."""
        at = self.tick()
        with self.lake.transaction() as con:
            known = dict(con.execute(f'select "Id", {DELETED_AT} from lake.salesforce.task').fetchall())
            for one, values in self.org.tasks.items():
                gone = {DELETED_AT: known.get(one) or at} if one in self.org.deleted else {}
                row: dict[str, Any] = {**values, **gone}
                self.mirrored._put(con, "salesforce.task", one, row)
            ledger.move_watermarks(con, [(TASK, Window(None, self.tick()))], self.now)

    def run(self, *, read: bool = True, writes: bool = True, **options: Any) -> Done:
        if read:
            self.read()
        return exchange(self.lake, self.org if writes else None, f"run{self.mirrored.minute}", self.tick(), **options)

    def reminders(self, columns: str = "task_id, name, status, priority, due_on, details") -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select {columns} from lake.actions.reminder_task order by task_id")

    def shown(self, record_id: str) -> tuple[Value, ...]:
        names = ("Subject", "Status", "Priority", "ActivityDate", "Description")
        return tuple(self.org.tasks[record_id].get(name) for name in names)

    def linked(self) -> dict[str, str]:
        """Return the task of each reminder."""
        return dict(self.lake.rows("select marketo_id, crm_id from lake.sync.link where pairing = 'reminder'"))


@pytest.fixture
def desk(lake: Lake) -> Desk:
    """Give a desk whose sync has been switched on."""
    made = Desk(lake)
    with lake.transaction() as con:
        ledger.insert(con, "taken", [("reminder", "switched on", made.now, made.now)])
    return made


def settled(desk: Desk) -> None:
    """Nothing is left to be done."""
    calls = len(desk.org.calls)
    assert desk.run() == QUIET
    assert len(desk.org.calls) == calls


def test_when_switched_on_only_tasks_of_the_last_24_hours_come_and_no_reminder_goes(lake: Lake) -> None:
    """SIA-TASK-1 and 2; a task that has happened, one of nobody in the feed and a series are no reminders."""
    desk = Desk(lake)
    desk.remind("old")
    desk.task(Subject="Too old")
    desk.tick(hours=23)
    recent = desk.task(Description="Ask for Żółć\r\nand more", ActivityDate="2026-03-09", Priority="High")
    desk.task(TaskSubtype="Call")
    desk.task(IsRecurrence=True)
    desk.task(WhoId="003000000000099AAA")
    desk.tick(hours=1)
    assert desk.run() == replace(QUIET, taken=1)
    assert desk.reminders() == [
        ("old", "Call back", "open", "normal", None, None),
        (f"salesforce/{recent}", "Write", "open", "high", date(2026, 3, 9), "Ask for Żółć\nand more"),
    ]
    assert desk.reminders("marketo_id, salesforce_id, _from")[1] == (1, desk.ada, "salesforce")
    settled(desk)


def test_what_is_made_edited_completed_and_deleted_follows_both_ways(desk: Desk) -> None:
    """SIA-TASK-3 to 7 and 9."""
    desk.remind(due_on="2026-04-01", details="Soon", priority="high")
    assert desk.run() == replace(QUIET, due=1, accepted=1)
    task = desk.linked()["r1"]
    assert desk.shown(task) == ("Call back", "Not Started", "High", "2026-04-01", "Soon")
    assert desk.org.tasks[task]["WhoId"] == desk.ada

    desk.remind(name="Call again", status="complete", due_on="2026-04-02", details=None)
    assert desk.run().accepted == 1
    assert desk.shown(task) == ("Call again", "Completed", "Normal", "2026-04-02", None)

    desk.task(task, Subject="Not this", Status="Not Started", Priority="High", ActivityDate=None, Description="Late")
    assert desk.run() == replace(QUIET, changed=1)
    assert desk.reminders() == [("r1", "Call again", "open", "high", None, "Late")]
    assert desk.org.tasks[task]["Subject"] == "Not this"  # nor is it put back

    came = desk.task()
    desk.run()
    desk.remind(f"salesforce/{came}", name="Write", status="complete")
    desk.run()
    assert desk.shown(came)[:2] == ("Write", "Completed")
    settled(desk)


def test_a_subject_without_the_reminder_s_name_in_its_template_is_left_alone(desk: Desk) -> None:
    """SIA-TASK-3."""
    desk.remind()
    desk.run()
    desk.remind(name="Other", status="complete")
    desk.run(named=False)
    assert desk.shown(desk.linked()["r1"])[:2] == ("Call back", "Completed")


def test_what_the_other_side_has_no_word_for_leaves_both_as_they_are(desk: Desk) -> None:
    """SIA-TASK-4, SIA-TASK-5; decision 23: the other fields go on, and so does this one once there is a word again."""
    desk.remind()
    desk.run()
    task = desk.linked()["r1"]
    desk.task(task, Status="Waiting on someone else", Priority="Low", Description="Held up")
    assert desk.run().changed == 1
    desk.remind(status="complete", priority="high", details="Held up")
    settled(desk)
    assert desk.shown(task)[1:3] == ("Waiting on someone else", "Low")
    assert desk.reminders("status, priority, details") == [("complete", "high", "Held up")]
    desk.task(task, Status="Not Started")
    desk.run()
    assert desk.shown(task)[1:3] == ("Completed", "Low")
    desk.task(Status="In Progress")
    assert desk.run() == QUIET


def test_of_two_edits_of_one_field_the_later_stays_and_other_fields_do_not_meet(desk: Desk) -> None:
    """SIA-TASK-10."""
    for key in ("r1", "r2"):
        desk.remind(key)
    desk.run()
    first, second = (desk.linked()[key] for key in ("r1", "r2"))
    desk.remind("r1", details="older", due_on="2026-05-01")
    desk.task(first, Description="newer")
    desk.task(second, Description="older")
    desk.remind("r2", details="newer")
    desk.run()
    assert [row[-1] for row in desk.reminders()] == ["newer", "newer"]
    assert [desk.shown(task)[3:] for task in (first, second)] == [("2026-05-01", "newer"), (None, "newer")]
    settled(desk)


def test_deletions_go_both_ways_and_those_of_long_ago_are_not_recognised(desk: Desk) -> None:
    """SIA-TASK-8, SIA-TASK-9."""
    for key in ("r1", "r2", "r3"):
        desk.remind(key)
    desk.run()
    tasks = desk.linked()
    desk.remind("r1", deleted_at=desk.now)
    desk.delete(tasks["r2"])
    assert desk.run() == replace(QUIET, deleted=1, due=1, accepted=1)
    assert tasks["r1"] in desk.org.deleted
    assert [deleted is None for (deleted,) in desk.reminders("deleted_at")] == [False, False, True]
    settled(desk)
    desk.delete(tasks["r3"])
    desk.read()
    desk.tick(days=16)
    assert desk.run().deleted == 0
    assert desk.reminders("deleted_at")[2] == (None,)


def test_a_creation_whose_answer_is_lost_is_found_and_neither_made_nor_taken_twice(desk: Desk) -> None:
    """GEN-16, law 4."""
    for key in ("r1", "r2"):
        desk.remind(key)
    desk.org.loses_answers = True
    assert desk.run().status == "Failed"
    desk.org.loses_answers = False
    assert desk.run(writes=False).taken == 0  # what may be our own is not taken for somebody's
    assert desk.run() == QUIET
    assert (len(desk.org.tasks), set(desk.linked().values()), len(desk.reminders())) == (2, set(desk.org.tasks), 2)


def test_a_creation_that_never_arrived_is_made_again_later(desk: Desk) -> None:
    """Law 4, law 6."""
    desk.remind()
    desk.org.rules["Task"] = [_killed]
    with pytest.raises(KeyboardInterrupt):
        desk.run()
    desk.org.rules.clear()
    settled(desk)  # it may still be on its way
    desk.tick(hours=1)
    assert desk.run().accepted == 1
    assert len(desk.org.tasks) == 1


def _killed(_: Mapping[str, object]) -> None:
    raise KeyboardInterrupt


def _shut(_: Mapping[str, object]) -> None:
    raise FatalError("API_DISABLED", "no access")


def test_what_is_refused_is_on_record_and_tried_again_when_it_changes_or_a_day_later(desk: Desk) -> None:
    """SIA-DIAG-1, law 8, law 10: nothing is sent in between."""
    desk.remind("r1")
    desk.run()
    task = desk.linked()["r1"]
    desk.org.rules["Task"] = [lambda values: REFUSED if values.get("Description") == "bad" else None]
    desk.remind("r1", details="bad")
    desk.remind("r2", details="bad")
    desk.remind("r3")
    done = desk.run()
    assert (done.status, done.said, done.accepted) == ("Incomplete", "2 rejected", 1)
    errors = "select record_id, operation from lake.sync.error where resolved_at is null order by 1"
    assert desk.lake.rows(errors) == [(task, "Reminder tasks"), ("r2", "Reminder tasks")]
    settled(desk)
    desk.remind("r1", details="good")
    assert desk.run().accepted == 1
    desk.tick(days=1)
    assert desk.run().rejected == 1
    assert desk.lake.rows(errors) == [("r2", "Reminder tasks")]
    desk.org.rules["Task"] = [_shut]
    desk.remind("r4")
    assert desk.run().error == "crm: API_DISABLED: no access"
    desk.org.rules.clear()
    assert desk.run().accepted == 1


def test_a_reminder_about_nobody_is_told_and_one_address_of_one_person_will_do(desk: Desk) -> None:
    desk.mirrored.linked(2, email="two@x.example")
    desk.mirrored.linked(3, email="two@x.example")
    desk.mirrored.increment()
    desk.remind("by address", marketo_id=None, email="ADA@x.example")
    desk.remind("shared", marketo_id=None, email="two@x.example")
    done = desk.run()
    assert (done.accepted, done.nobody, done.status) == (1, 1, "Incomplete")
    assert desk.org.tasks[desk.linked()["by address"]]["WhoId"] == desk.ada


def test_an_older_telling_changes_nothing(lake: Lake, desk: Desk) -> None:
    """SIA-TASK-10."""
    desk.remind(details="new")
    before = desk.now
    told = {"task_id": "r1", "name": "Old", "status": "open", "marketo_id": 1, "due_on": "2026-13-01"}
    refused = take(lake, REMINDER, [{**told, "updated_at": before}], desk.tick()).refused
    assert [(r.value, r.message) for r in refused] == [("due_on", "is no ISO date")]
    done = take(lake, REMINDER, [{**told, "due_on": None, "updated_at": before}], desk.tick())
    assert (done.new, done.known, desk.reminders("details")) == (0, 1, [("new",)])


@pytest.mark.parametrize("side", ["marketo", "crm"])
def test_a_reminder_of_a_record_that_was_merged_a_moment_before_is_the_other_one_s(desk: Desk, side: str) -> None:
    """SIA-TASK-1: the mirror tells it a cycle later."""
    lead = desk.mirrored.linked(2, "lead")
    desk.mirrored.unlink(lead)
    named: dict[str, object] = {"marketo_id": 2} if side == "marketo" else {"salesforce_id": lead}
    loser, winner = ("2", "1") if side == "marketo" else (lead, desk.ada)
    desk.mirrored.united(side, loser, winner)
    given: dict[str, object] = {"marketo_id": None, **named}
    desk.remind("r2", **given)
    desk.run()
    assert [task["WhoId"] for task in desk.org.tasks.values()] == [desk.ada]
