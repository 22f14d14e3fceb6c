"""Reminder tasks of a sales tool and tasks of Salesforce, each following the other (SIA-TASK)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Error
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import FAILED, INCOMPLETE, SUCCEEDED, Counts
from sync_pipeline.sales_insight import reminder_tasks, tables, written
from sync_pipeline.sales_insight.inputs import REMINDER as REMINDER_INPUT
from sync_pipeline.sales_insight.mirrors import look
from sync_pipeline.sales_insight.reminder_tasks import DROPPED, FIELDS, LINK, PAIRING, REMINDER
from sync_pipeline.sales_insight.reminder_writes import OPERATION, TASK, Org, due, forget_unanswered, sent, settle
from sync_pipeline.sales_insight.written import Write
from sync_pipeline.sync.decision.case_table import Outcome

KINDS = {value.name: value.type.value for value in REMINDER_INPUT.values if value.name in FIELDS.values()}


@dataclass(frozen=True)
class Done:
    """What a run came to.

    Attributes:
        taken, changed, deleted: reminders that Salesforce made, changed and deleted.
        due: writes to Salesforce; the three after it are what became of them.
        nobody: reminders whose person is no lead or contact, or several.
        error: why something was not done; empty if all was.
    """

    taken: int = 0
    changed: int = 0
    deleted: int = 0
    due: int = 0
    accepted: int = 0
    rejected: int = 0
    retry: int = 0
    nobody: int = 0
    error: str = ""

    @property
    def status(self) -> str:
        return FAILED if self.error else INCOMPLETE if self.rejected or self.retry or self.nobody else SUCCEEDED

    @property
    def said(self) -> str:
        """What was not done; empty if all was."""
        numbers = {"rejected": self.rejected, "to be tried again": self.retry, "about nobody": self.nobody}
        told = [f"{number:,} {what}" for what, number in numbers.items() if number]
        return "; ".join([*told, *([self.error] if self.error else [])])


def exchange(lake: Lake, org: Org | None, run_id: str, now: datetime, named: bool = True) -> Done:
    """Let both sides follow one another; the first run imports the tasks of the last 24 hours (SIA-TASK-2).

    Args:
        org: Salesforce; None to take over its changes and only count what is due there.
        named: whether a task's subject follows the reminder's name (SIA-TASK-3).
    """
    done = Done()
    try:
        if org:
            settle(lake, org, run_id, now)
        done, writes = _decide(lake, run_id, now, named, applied=org is not None)
        for answers in sent(lake, org, writes, run_id, now) if org else ():
            done = replace(done, **{v.value: getattr(done, v.value) + count for v, count in answers.items()})
    except ConnectorError as error:
        done = replace(done, error=f"crm: {error}")
    if done != Done():
        _record(lake, done, run_id, now)
    return done


def _decide(lake: Lake, run_id: str, now: datetime, named: bool, applied: bool) -> tuple[Done, list[Write]]:
    """Take over what Salesforce changed, in one transaction, and plan what is to be written there."""
    with lake.transaction() as con:
        tables.create(con)
        mirrors = look(con, TASK.system)
        if not mirrors.has(TASK.name):
            return Done(error="salesforce/task is not mirrored yet"), []
        forget_unanswered(con)
        reminder_tasks.decide(con, mirrors, _switched_on(con, now), now, named)
        taken, changed, deleted = _take_over(con, now)
        _relink(con, run_id, now)
        writes = list(due(con, now))
        nobody = con.execute("select task_id from going where who_id is null").fetchall()
        said = "no lead or contact, or several with this address: name its id"
        errors = [Error("NOBODY", said, task_id) for (task_id,) in nobody]
        ledger.add_errors(con, run_id, TASK, OPERATION, errors, now)
        if applied:
            written.plan(con, run_id, PAIRING, writes, now)
    return Done(taken, changed, deleted, len(writes), nobody=len(nobody)), writes


def _switched_on(con: written.Connection, now: datetime) -> datetime:
    """Return when the sync ran first."""
    taken = ledger.table("taken")
    found = con.execute(f"select synced_at from {taken} where feed = '{PAIRING}'").fetchone()
    if not found:
        ledger.insert(con, "taken", [(PAIRING, "switched on", now, now)])
    return found[0] if found else now


def _take_over(con: written.Connection, now: datetime) -> tuple[int, int, int]:
    """Write to the reminders what Salesforce made, changed and deleted; return how many of each.

    Rows are removed and put in anew: DuckLake 1.5.5 loses rows of a table that is updated twice in part within one
    transaction.
    """
    at = literal(now)
    texts = commas(
        f"if(list_contains(o.fields, '{name}'), o.told['{name}']::{kind}, r.{name}) as {name}"
        for name, kind in KINDS.items()
    )
    con.execute(f"""
        create or replace temp table fresh as
        with edited as (
            select marketo_id as task_id, list(field) as fields, max(crm_at) as crm_at,
                map_from_entries(list({{k: field, v: crm}})) as told
            from outcome where taken = '{Outcome.TAKE_CRM}' group by all
        )
        select r.* replace ({texts}, greatest(r.updated_at, o.crm_at) as updated_at, {at} as _changed_at)
        from {REMINDER} r join edited o using (task_id)
        union all by name
        select r.* replace (e.task_deleted_at as deleted_at, {at} as _changed_at)
        from {REMINDER} r join ending e using (task_id)
        where e.because = '{reminder_tasks.GONE}' and r.deleted_at is null
        union all by name
        select task_id, name, status, priority, due_on::date as due_on, details, owner_id, modified_at as updated_at,
            marketo_id, who_id as salesforce_id, marketo_id as _person_id, {at} as _received_at,
            '{TASK.system}' as _from, {at} as _changed_at
        from coming
    """)
    (taken,) = con.execute("select count(*) from coming").fetchone() or (0,)
    changed, deleted = con.execute(
        "select count(*) filter (deleted_at is null), count(*) filter (deleted_at is not null) from fresh"
    ).fetchone() or (0, 0)
    if changed or deleted:
        con.execute(f"delete from {REMINDER} where task_id in (select task_id from fresh)")
        con.execute(f"insert into {REMINDER} by name select * from fresh")
    return taken, changed - taken, deleted


def _relink(con: written.Connection, run_id: str, now: datetime) -> None:
    """Note on the links what both sides now agree on, and which are over; make those of the tasks taken over."""
    con.execute(f"""
        create or replace temp table relinked as
        select crm_id, map_from_entries(list({{k: field, v: crm}})) as agreed, null as because from outcome
        where taken = '{Outcome.TAKE_CRM}' or (taken = '{Outcome.SAME}' and (not known or crm is distinct from base))
        group by crm_id
        union all by name
        select crm_id, map {{}}::map(varchar, varchar) as agreed, because from ending
        where because <> '{DROPPED}'
    """)
    if con.execute("select 1 from relinked limit 1").fetchone():
        con.execute(
            f"update {LINK} l set agreed = map_concat(l.agreed, r.agreed), agreed_at = {literal(now)}, "
            f"ended_at = if(r.because is null, null, {literal(now)}), ended_because = r.because from relinked r "
            f"where l.pairing = '{PAIRING}' and l.crm_id = r.crm_id and l.ended_at is null"
        )
    agreed = commas(f"{{k: '{name}', v: {name}}}" for name in FIELDS.values())
    con.execute(
        f"insert into {LINK} by name select '{PAIRING}' as pairing, crm_id, '{tables.REMINDERS.name}' as "
        f"marketo_object, task_id as marketo_id, {literal(now)} as linked_at, {literal(run_id)} as run_id, "
        f"map_from_entries([{agreed}]) as agreed, {literal(now)} as agreed_at from coming"
    )


def _record(lake: Lake, done: Done, run_id: str, now: datetime) -> None:
    obj = tables.REMINDERS
    counts = Counts(
        read=done.taken + done.changed + done.deleted + done.due, inserted=done.taken, updated=done.changed,
        deleted=done.deleted, failed=done.rejected + done.nobody,
    )  # fmt: skip
    job = (run_id, obj.system, obj.name, OPERATION, done.status, now, now, None, None)
    with lake.transaction() as con:
        ledger.insert(con, "job", [(*job, *counts.as_dict().values(), done.said)])
