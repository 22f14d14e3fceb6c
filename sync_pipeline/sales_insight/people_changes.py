"""What becomes of each person of the feed: `compare` finds it, `apply` writes it to the feed and its changes."""

from __future__ import annotations

from datetime import datetime

import duckdb

from sync_pipeline.lake.differences import Differences
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.fields import KEY, NAMES
from sync_pipeline.sales_insight.mirrors import PERSON, Mirrors

Connection = duckdb.DuckDBPyConnection
PEOPLE, CHANGES = full_name(*tables.PEOPLE.table), full_name(*tables.PEOPLE.changes_table)
KINDS = ("insert", "update", "return", "leave", "delete", "merge")
REMOVALS = "('delete', 'merge')"
NO_OWNER, NO_RECORD = "the owner is no user", "no living lead or contact is linked"


def compare(con: Connection, mirrors: Mirrors, query: str, among: str) -> None:
    """Fill the temporary table `delta`: each person with a change of the feed, its new row, and what becomes of it."""
    differ = Differences([name for name in NAMES if name != KEY], "f", "k")
    gone, columns = quoted(DELETED_AT), commas(map(quoted, NAMES))
    con.execute(f"""
        create or replace temp table delta as {query},
        kept as (select * from {PEOPLE} {f"where {KEY} in ({among})" if among else ""}),
        coming as (
            select f.*, null::timestamptz as _updated_at, null::varchar as _left_because, null::bigint as _merged_into,
                case when k.{KEY} is null then 'insert' when k._left_at is not null then 'return'
                    when {differ.any} then 'update' end as _change
            from fed f left join kept k on k.{KEY} = f.{KEY}
        ),
        leaving as (
            select {commas(f"k.{quoted(name)}" for name in NAMES)}, k._updated_at,
                if(k.{KEY} in (select marketo_id from owned), '{NO_OWNER}', '{NO_RECORD}') as _left_because,
                p."mergedInto" as _merged_into,
                case when p.{gone} is not null then if(p."mergedInto" is null, 'delete', 'merge')
                    when k._left_at is null then 'leave' end as _change
            from kept k left join {mirrors.records("person", PERSON)} p on p.id = k.{KEY}
            where k.{KEY} not in (select {KEY} from fed)
        )
        select {columns}, _updated_at, _left_because, _merged_into, _change from coming where _change is not null
        union all
        select {columns}, _updated_at, _left_because, _merged_into, _change from leaving where _change is not null
    """)


def apply(con: Connection, run_id: str, now: datetime) -> dict[str, int]:
    """Write `delta` to the feed and its changes; return how many of each kind.

    Rows are removed and put in anew: DuckLake 1.5.5 loses rows of a table that is updated twice in part within one
    transaction. The values of an insert are in the feed itself.
    """
    kinds: dict[str, int] = dict(con.execute("select _change, count(*) from delta group by all").fetchall())
    if not kinds:
        return {}
    differ = Differences([name for name in NAMES if name != KEY], "d", "k")
    told = "case when k.marketo_id is not null then {} end"
    edited = f"select {KEY} from delta where _change in ('update', 'return')"
    con.execute(f"""
        insert into {CHANGES} by name
        select d.{KEY}, _change, {literal(now)} as _detected_at, {literal(run_id)} as _run_id,
            {told.format(differ.fields)} as _fields, {told.format(differ.before)} as _before,
            {told.format(differ.after)} as _after, d._merged_into
        from delta d left join (select * from {PEOPLE} where {KEY} in ({edited})) k on k.{KEY} = d.{KEY}
    """)
    if kinds.keys() != {"insert"}:
        con.execute(f"delete from {PEOPLE} where {KEY} in (select {KEY} from delta)")
    con.execute(f"""
        insert into {PEOPLE} by name
        select {commas(map(quoted, NAMES))}, coalesce(_updated_at, {literal(now)}) as _updated_at,
            case when _change = 'leave' then {literal(now)} end as _left_at,
            case when _change = 'leave' then _left_because end as _left_because
        from delta where _change not in {REMOVALS}
    """)
    return kinds
