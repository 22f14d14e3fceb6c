"""What a source tells becomes activities to be logged, each once: SQL in the caller's transaction.

A source is a query for candidates. Each has a `key`, and what is logged is how its state moves: it is there, it
differs, it is gone. So a record that is read twice, or changed and changed back, tells nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal

Connection = duckdb.DuckDBPyConnection
CRM, MARKETO = "crm", "marketo"
TASK = "task"  # the type of what is logged in the CRM
ACTIVITY = ledger.table("activity")
# What a candidate says where its source does not: when it changed, what decides whether it differs (as text), whether
# it is there, and why it cannot be logged.
OTHERWISE = {
    "changed_at": "null::timestamptz", "state": "''", "present": "true", "code": "null::varchar",
    "message": "null::varchar",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Where activities come from, and where they go.

    Attributes:
        side: the side on which they are logged.
        type: the name of a custom activity type, or `task`.
        query: SQL for the candidates: `key`, `person` (the Marketo id, or the id of the lead or contact),
            `happened_at`, `event`, `attributes` (map of texts), and the columns of `OTHERWISE` where they are not as
            there: see `candidate`.
        given: SQL that has a row if there may be candidates, where that is told sooner than by the query.
        changed, removed: what is said when the state differs or it is gone; empty where neither is told.
    """

    name: str
    side: str
    type: str
    query: str
    given: str = ""
    changed: str = ""
    removed: str = ""


def follow(con: Connection, source: Source, run_id: str, now: datetime) -> int:
    """Take in what is new of a source; return how many activities are to be logged."""
    if source.given and not con.execute(f"select 1 from ({source.given}) limit 1").fetchone():
        return 0
    changed, removed = literal(source.changed or None), literal(source.removed or None)
    found = con.execute(f"""
        insert into {ACTIVITY} by name
        with candidate as ({source.query}),
        last as (
            select key, max(number) as number, max_by(event, number) as event, max_by(state, number) as state
            from {ACTIVITY} where source = {literal(source.name)} and key in (select key from candidate) group by key
        ),
        told as (
            select c.* replace (
                coalesce(case when l.key is not null then c.changed_at end, c.happened_at) as happened_at,
                case
                    when c.present and (l.key is null or l.event = {removed}) then c.event
                    when c.present and l.state is distinct from c.state then {changed}
                    when not c.present and l.event is distinct from {removed} and l.key is not null then {removed}
                end as event), coalesce(l.number, 0) + 1 as number
            from candidate c left join last l using (key)
        )
        select md5({literal(source.name)} || '/' || key || '/' || number) as activity_id,
            {literal(source.name)} as source, key, number, event, {literal(source.side)} as side,
            {literal(source.type)} as type, person, happened_at, {literal(now)} as queued_at,
            {literal(run_id)} as run_id, attributes, state, code, message
        from told where event is not null
    """).fetchone()
    return int(found[0]) if found else 0


def candidate(**columns: str) -> str:
    """Return the select list of a source's query from SQL expressions by column."""
    return commas(f"{sql} as {name}" for name, sql in {**OTHERWISE, **columns}.items())


def text_map(values: Mapping[str, str]) -> str:
    """Return SQL for a map of texts from SQL expressions by name; what is null or empty is left out."""
    entries = commas(f"{{k: {literal(name)}, v: nullif(({sql})::varchar, '')}}" for name, sql in values.items())
    return f"map_from_entries(list_filter([{entries}], lambda e: e.v is not null))"


def known(source: str) -> str:
    """Return SQL for the keys that were taken in from a source."""
    return f"(select key from {ACTIVITY} where source = {literal(source)})"
