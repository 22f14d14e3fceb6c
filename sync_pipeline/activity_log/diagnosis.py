"""Why something is not there: what is still open with what it calls for, and stories (SIA-DIAG)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import duckdb

from sync_pipeline.activity_log import sales, sales_tasks
from sync_pipeline.activity_log.follow import ACTIVITY, CRM
from sync_pipeline.activity_log.send import OPERATION, RESULT, SEND
from sync_pipeline.catalog.write_errors import CATEGORIES, INTERMITTENT, OTHER
from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.sales_insight import feed, people, tables
from sync_pipeline.sales_insight.feed import Options
from sync_pipeline.sales_insight.mirrors import PERSON, look
from sync_pipeline.sales_insight.people_changes import NO_OWNER, NO_RECORD, PEOPLE
from sync_pipeline.sales_insight.touched import marks
from sync_pipeline.sync.delivery.retries import PUSH
from sync_pipeline.sync.inspection.explain import Chapter

Connection = duckdb.DuckDBPyConnection
OPEN = ("noted_at", "object", "operation", "record_id", "field", "code", "category", "message", "next")
SHOWN = 20
# Activities that found no place in the CRM, and that nobody has let be.
UNPLACED = f"side = '{CRM}' and code is not null and dismissed_at is null"
_WHAT_BECAME = (
    "case when a.code is not null then 'not logged: ' || a.code when s.write_id is null then 'waits to be sent' "
    f"when r.verdict is null then 'sent, its answer was lost' when r.verdict = '{Verdict.ACCEPTED}' "
    f"then 'logged as ' || r.record_id when r.verdict = '{Verdict.RETRY}' then 'to be sent again: ' || r.code "
    "else 'rejected: ' || r.code end"
)


def still_open(con: Connection, crm: str, most: int) -> list[dict[str, Any]]:
    """Return what was not done and still stands, the newest first; of writes to the CRM also category and what is next.

    Those are open errors, writes that wait to be tried again, and activities that found no place in the CRM.
    """
    each = " ".join(f"when {literal(code)} then {literal(name)}" for code, name in CATEGORIES.items())
    rows = con.execute(f"""
        with open as (
            select noted_at, system || '/' || object as object, operation, record_id, field, code, message,
                system = {literal(crm)} and record_id is not null and not starts_with(operation, 'Pull') as is_write
            from {ledger.table("error")} where resolved_at is null
            union all
            select since, pairing, {literal(PUSH)}, crm_id, null, trim(split_part(because, ':', 2)), because, true
            from {ledger.table("pending")} where starts_with(because, 'try again: ')
            union all
            select queued_at, source, {literal(OPERATION)}, key, null, code, message, true
            from {ACTIVITY} where {UNPLACED}
        ),
        judged as (select *, if(is_write, case code {each} else '{OTHER}' end, null) as category from open)
        select {commas(OPEN[:-1])},
            if(is_write, if(category = '{INTERMITTENT}', 'is tried again', 'needs somebody'), null) as "next"
        from judged order by noted_at desc limit {most:d}
    """).fetchall()
    return [dict(zip(OPEN, row, strict=True)) for row in rows]


def unplaced(con: Connection) -> set[str]:
    """Return the keys, as `still_open` shows them, of the activities that found no place in the CRM."""
    return {key for (key,) in con.execute(f"select key from {ACTIVITY} where {UNPLACED}").fetchall()}


def dismiss(con: Connection, keys: Collection[str], now: datetime) -> int:
    """Let activities be that found no place in the CRM: they are not logged, nor shown as open; return how many."""
    which = f"{UNPLACED} and key in ({commas(map(literal, keys)) or 'null'})"
    (count,) = con.execute(f"select count(*) from {ACTIVITY} where {which}").fetchone() or (0,)
    if count:
        con.execute(f"update {ACTIVITY} set dismissed_at = {literal(now)} where {which}")
    return int(count)


def of_persons(con: Connection, ids: Collection[str], options: Options) -> Iterator[Chapter]:
    """Yield what was logged on people, known by their ids on either side, and why they are in the feed or not."""
    yield _logged(con, f"a.person in ({commas(map(literal, ids)) or 'null'})")
    persons = commas(one for one in ids if one.isdigit())
    if persons and look(con, options.crm).has("person"):
        yield _fed(con, persons, options)


def of_sales_activity(con: Connection, key: str) -> list[Chapter]:
    """Return the story of an activity that a sales tool told, by its own id of it; empty if there is none."""
    given = ("activity_id", "kind", "happened_at", "marketo_id", "salesforce_id", "email", "_person_id", "_received_at")
    if not table.columns(con, tables.SCHEMA, "sales_activity"):
        return []
    rows = con.execute(f"select {commas(given)} from {sales.GIVEN} where activity_id = ?", [key]).fetchall()
    if not rows:
        return []
    logged = _logged(con, f"a.key = {literal(key)} and a.source in ('{sales.NAME}', '{sales_tasks.NAME}')")
    sides = {row[1] for row in logged.rows}
    why = {
        "marketo": "its person is not known in Marketo yet, or Marketo has no type for it",
        CRM: "its kind is not one of ACTIONS_TASK_KINDS, or nobody was found for it yet",
    }
    missing = tuple((side, said) for side, said in why.items() if side not in sides)
    return [
        Chapter("told by a sales tool", given, tuple(rows)),
        logged,
        Chapter("not taken in for", ("side", "because"), missing),
    ]


def _logged(con: Connection, condition: str) -> Chapter:
    names = ("happened_at", "side", "type", "event", "person", "what became of it", "message")
    rows = con.execute(f"""
        select a.happened_at, a.side, a.type, a.event, a.person, {_WHAT_BECAME}, coalesce(a.message, r.message)
        from {ACTIVITY} a left join {SEND} s using (activity_id) left join {RESULT} r using (write_id)
        where {condition}
        qualify row_number() over (partition by a.activity_id order by s.sent_at desc) = 1
        order by a.happened_at desc limit {SHOWN}
    """).fetchall()
    return Chapter("activities", names, tuple(rows))


def _fed(con: Connection, persons: str, options: Options) -> Chapter:
    mirrors, gone = look(con, options.crm), quoted(DELETED_AT)
    started = bool(table.columns(con, *tables.PEOPLE.table)) and bool(marks(con, feed.FEED))
    query = people.people_sql(mirrors, people.fields(options.linkedin), persons)
    kept = f"select marketo_id from {PEOPLE} where _left_at is null" if started else "select null::bigint"
    rows = con.execute(f"""
        {query}
        select p.id, case
            when p.id in ({kept}) and p.id in (select marketo_id from fed) then 'is in it'
            when p.id in (select marketo_id from fed) then
                {literal("comes with its next run" if started else "is not: the feed has not been started")}
            when p.{gone} is not null then 'is not: deleted or merged in Marketo'
            when p.id not in (select marketo_id from linked) then 'is not: no lead or contact is linked'
            when p.id in (select marketo_id from owned) then {literal(f"is not: {NO_OWNER}")}
            else {literal(f"is not: {NO_RECORD}")} end
        from {mirrors.records("person", PERSON)} p where p.id in ({persons})
    """).fetchall()
    return Chapter("people feed", ("marketo_id", "because"), tuple(rows))
