"""What differs between the sales tool's reminders and Salesforce's tasks, and what follows from it. SQL (SIA-TASK).

Each field of a pair goes through the case table of the two-way sync, the sales tool standing on Marketo's side and the
last modified winning a conflict (SIA-TASK-10). What is found is left in temporary tables; nothing is written here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Rule
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.merges import became_sql, moved_sql
from sync_pipeline.sales_insight.mirrors import STAMP, TEXT, TRUTH, Mirrors, links
from sync_pipeline.sync.decision import case_table
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.mapping.canonical import canonical

Connection = duckdb.DuckDBPyConnection
PAIRING = "reminder"
REMINDER, PEOPLE = full_name(*tables.REMINDERS.table), full_name(*tables.PEOPLE.table)
LINK = ledger.table("link")
FIRST = timedelta(hours=24)  # how far back the first import reaches (SIA-TASK-2)
BIN = timedelta(days=15)  # how long Salesforce keeps what was deleted (SIA-TASK-8)
AGAIN = timedelta(days=1)  # after which a refused write is tried again, if neither side changed before
DROPPED, GONE, FORGOTTEN = "deleted in the sales tool", "deleted in Salesforce", "deleted in Salesforce too long ago"
# Our names of the fields, by Salesforce's; and its values by ours. Others do not sync (SIA-TASK-4 and 5, decision 23).
FIELDS = {"Subject": "name", "Status": "status", "Priority": "priority", "ActivityDate": "due_on",
          "Description": "details"}  # fmt: skip
VALUES = {
    "Status": {"open": "Not Started", "complete": "Completed"},
    "Priority": {"normal": "Normal", "high": "High"},
}
LENGTHS = {"name": 255, "details": 32_000}
TASK = {
    "Id": TEXT, "WhoId": TEXT, "OwnerId": TEXT, "Subject": TEXT, "Status": TEXT, "Priority": TEXT, "Type": TEXT,
    "ActivityDate": "date", "Description": TEXT, "TaskSubtype": TEXT, "IsRecurrence": TRUTH, "LastModifiedDate": STAMP,
}  # fmt: skip
LOGS = ("Call", "Email", "Reply")  # types of what has happened; a reminder has none (SIA-LOG-6)


def decide(con: Connection, mirrors: Mirrors, since: datetime, now: datetime, named: bool) -> None:
    """Fill the temporary tables `task`, `pair`, `ending`, `outcome`, `coming` and `going`.

    `pair` holds what is linked and was read since it was written; `ending` the pairs of which one side is deleted;
    `outcome` a row a field of the others; `coming` the tasks that the sales tool does not know yet, `going` the
    reminders that Salesforce does not, with the id of the lead or contact they are about, null if there is none.

    Args:
        since: when the sync was switched on: older reminders are not pushed (SIA-TASK-2).
        named: whether the subject follows the reminder's name (SIA-TASK-3).
    """
    con.execute(f"create or replace temp table task as {_tasks(mirrors)}")
    con.execute(f"create or replace temp table pair as {_pairs(mirrors)}")
    con.execute(f"""
        create or replace temp table ending as
        select crm_id, task_id, task_deleted_at, deleted_at, case when task_deleted_at is null then '{DROPPED}'
            when task_deleted_at >= {literal(now - BIN)} then '{GONE}' else '{FORGOTTEN}' end as because
        from pair where task_deleted_at is not null or deleted_at is not null
    """)
    con.execute(f"create or replace temp table outcome as {_outcomes(named)}")
    con.execute(f"create or replace temp table coming as {_coming(since)}")
    con.execute(f"create or replace temp table going as {_going(mirrors, since, now)}")


def _reminder_values() -> dict[str, str]:
    texts = {name: canonical(name, TEXT.upper(), TEXT.upper(), LENGTHS.get(name, 0)) for name in FIELDS.values()}
    return {**texts, "due_on": "due_on::varchar"}


def _tasks(mirrors: Mirrors) -> str:
    """Return SQL for all tasks in the sales tool's words; a value that has none there is null and `odd_…` is true."""
    text = TEXT.upper()
    values = {name: canonical(quoted(crm), text, text, LENGTHS.get(name, 0)) for crm, name in FIELDS.items()}
    values["due_on"] = '"ActivityDate"::varchar'
    for crm, ours in VALUES.items():
        cases = " ".join(f"when {literal(theirs)} then {literal(our)}" for our, theirs in ours.items())
        values[FIELDS[crm]] = f"case {quoted(crm)} {cases} end"
    odd = commas(f"{quoted(crm)} is not null and {values[FIELDS[crm]]} is null as odd_{FIELDS[crm]}" for crm in VALUES)
    logged = (
        f"select w.record_id from {ledger.table('write_result')} w "
        f"join {ledger.table('activity_send')} using (write_id) where w.record_id is not null"
    )
    return f"""
        select "Id" as crm_id, "WhoId" as who_id, "OwnerId" as owner_id, "LastModifiedDate" as modified_at,
            {quoted(DELETED_AT)} as deleted_at, {commas(f"{value} as {name}" for name, value in values.items())}, {odd},
            coalesce("TaskSubtype", 'Task') = 'Task' and coalesce("Type", '') not in ({commas(map(literal, LOGS))})
                and not coalesce("IsRecurrence", false) and "Id" not in ({logged}) as is_reminder
        from {mirrors.records("task", TASK)}
    """


def _pairs(mirrors: Mirrors) -> str:
    read_at = (
        f"select max(watermark) from {ledger.table('watermark')} "
        f"where system = {literal(mirrors.crm)} and object = 'task'"
    )
    values = _reminder_values()
    ours, named = commas(f"{value} as our_{name}" for name, value in values.items()), commas(f"our_{n}" for n in values)
    return f"""
        select l.crm_id, l.marketo_id as task_id, l.agreed, r.updated_at, r.deleted_at, r._changed_at, {named},
            t.deleted_at as task_deleted_at, t.modified_at, {commas(f"t.{name}" for name in FIELDS.values())},
            t.odd_status, t.odd_priority
        from {LINK} l join task t using (crm_id) join (select *, {ours} from {REMINDER}) r on r.task_id = l.marketo_id
        where l.pairing = '{PAIRING}' and l.ended_at is null
            and not coalesce(l.crm_written_at >= ({read_at}), false)
    """


def _outcomes(named: bool) -> str:
    values = commas(
        f"{{field: '{name}', crm: {name}, marketo: our_{name}, base: agreed['{name}'], "
        f"known: coalesce(map_contains(agreed, '{name}'), false), "
        f"odd: {f'odd_{name}' if crm in VALUES else 'false'}}}"
        for crm, name in FIELDS.items()
        if named or name != "name"
    )
    return f"""
        with valued as (
            select crm_id, task_id as marketo_id, modified_at as crm_at, updated_at as marketo_at, _changed_at,
                false as waits, false as behind, false as gone, false as tells_end, false as unfilled,
                false as consent, null::varchar as moved,
                unnest([{values}], recursive := true)
            from pair where task_deleted_at is null and deleted_at is null
        ), numbered as (
            select *, if(field = 'name', '{Rule.MARKETO_ONLY}', '{Rule.NEWEST}') as rule,
                crm is distinct from base as by_crm, marketo is distinct from base as by_marketo,
                {case_table.case_sql()} as number
            from valued where not odd
        ), resolved as (
            select *, {case_table.outcome_sql("number")} as outcome,
                if(outcome = '{Outcome.CONFLICT}', {case_table.resolution_sql()}, outcome) as taken
            from numbered
        )
        select * from resolved
    """


def _coming(since: datetime) -> str:
    """Return SQL for the tasks to be taken over, about people of the feed (SIA-TASK-2 and 9).

    One that was deleted and comes back is the reminder it was. One that may be our own create whose answer was lost
    waits until that is settled.
    """
    ended = (
        f"select crm_id, max(marketo_id) as task_id, max(ended_at) as ended_at from {LINK} where pairing = '{PAIRING}'"
    )
    return f"""
        select coalesce(e.task_id, 'salesforce/' || t.crm_id) as task_id, t.*, p.marketo_id
        from task t join {PEOPLE} p on t.who_id in (p.salesforce_contact_id, p.salesforce_lead_id)
        left join ({ended} and ended_at is not null group by crm_id) e using (crm_id)
        where t.is_reminder and t.deleted_at is null and t.status is not null and p._left_at is null
            and t.modified_at >= {literal(since - FIRST)} and coalesce(e.ended_at < t.modified_at, true)
            and t.crm_id not in (select crm_id from {LINK} where pairing = '{PAIRING}' and ended_at is null)
            and (t.who_id, t.name) not in (select (fields['WhoId'], fields['Subject']) from ({unanswered_sql()}))
    """


def _going(mirrors: Mirrors, since: datetime, now: datetime) -> str:
    ours = commas(f"{value} as our_{name}" for name, value in _reminder_values().items())
    mirrored = " union all ".join(
        f'select "Id" as crm_id from {mirrors.records(name, {"Id": TEXT})}' for name in ("contact", "lead")
    )
    return f"""
        with new as (
            select *, {ours}, {address_sql("email")} as address from {REMINDER} r
            where deleted_at is null and _received_at > {literal(since)}
                and task_id not in (select marketo_id from {LINK} where pairing = '{PAIRING}')
                and task_id not in (select marketo_id from ({unanswered_sql()}))
                and task_id not in ({refused_sql("marketo_id", "r._changed_at", now)})
        ), moved as ({moved_sql(mirrors, "select _person_id from new")}),
        told as (
            select new.task_id, r.crm_id as who_id
            from new join ({mirrored}) r on left(r.crm_id, 15) = left(new.salesforce_id, 15)
        ), became as ({became_sql(mirrors, "select who_id from told")}),
        named as (select task_id, coalesce(winner, who_id) as who_id from told left join became on loser = who_id),
        linked as (
            select new.task_id, min(l.crm_id) as who_id from new left join moved on moved.loser = new._person_id
            join {links()} l on l.marketo_id = coalesce(moved.winner, new._person_id)
            group by all
        ), sharing as (
            select new.task_id, min(coalesce(p.salesforce_contact_id, p.salesforce_lead_id)) as who_id
            from new join {PEOPLE} p on {address_sql("p.email")} = new.address and p._left_at is null
            group by all having count(*) = 1
        )
        select new.*, coalesce(l.who_id, n.who_id, new.salesforce_id, s.who_id) as who_id
        from new left join linked l using (task_id) left join named n using (task_id)
        left join sharing s using (task_id)
    """


def unanswered_sql() -> str:
    """Return SQL for the creations of tasks that were sent, or were to be, and have no answer."""
    return (
        f"select o.* from {ledger.table('outbox')} o where o.pairing = '{PAIRING}' and o.operation = 'create' "
        f"and not exists (from {ledger.table('write_result')} w where w.write_id = o.write_id)"
    )


def refused_sql(key: str, changed_at: str, now: datetime) -> str:
    """Return SQL for the ids of what Salesforce refused since it changed, and not so long ago as to be tried again."""
    return (
        f"select o.{key} from {ledger.table('outbox')} o join {ledger.table('write_result')} w using (write_id) "
        f"where o.pairing = '{PAIRING}' and w.verdict = 'rejected' and o.{key} is not null "
        f"and w.answered_at >= {changed_at} and w.answered_at > {literal(now - AGAIN)}"
    )
