"""Bringing `actions.duplicates` up to date: only the addresses that a change may concern are grouped again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.duplicates import COLUMNS, Scope, duplicates_sql, records_sql
from sync_pipeline.sales_insight.mirrors import ACTIVITY, Mirrors, look
from sync_pipeline.sales_insight.touched import changed, changed_links, marks, move_marks, since

Connection = duckdb.DuckDBPyConnection
DUPLICATES = full_name(*tables.DUPLICATES.table)
FEED = "duplicates"
SOURCES = ("person", "contact", "lead", "activity")


@dataclass(frozen=True)
class Report:
    """What there is now: groups in each scope (one group may be in several), groups and records in all; what is new."""

    scopes: Mapping[str, int]
    groups: int
    records: int
    new: int
    ended: int
    looked_at: int


def report(lake: Lake, crm: str, now: datetime, whole: bool = False) -> Report:
    """Bring the table up to date and count it.

    Args:
        whole: look at all addresses, not just at those that a change may concern.
    """
    with lake.transaction() as con:
        tables.create(con)
        mirrors, at = look(con, crm), marks(con, FEED)
        looked_at = "select email from fresh" if whole or not at else "from touched"
        if at and not whole:
            con.execute(f"create or replace temp table touched as {_touched(mirrors, at)}")
        _group(con, mirrors, "from touched" if at and not whole else "", now)
        new, ended = _apply(con)
        move_marks(con, FEED, mirrors, SOURCES, now)
        groups, records = con.execute(f"select count(distinct email), count(*) from {DUPLICATES}").fetchone() or (0, 0)
        (looked,) = con.execute(f"select count(distinct email) from ({looked_at})").fetchone() or (0,)
        scopes = dict.fromkeys(map(str, Scope), 0) | dict(
            con.execute(
                f"select scope, count(distinct email) from (select email, unnest(scopes) as scope from {DUPLICATES}) "
                "group by scope"
            ).fetchall()
        )
        con.execute("drop table if exists touched; drop table fresh; drop table differing")
        return Report(scopes, groups, records, new, ended, looked)


def _touched(mirrors: Mirrors, at: Mapping[str, datetime]) -> str:
    """Return SQL for the addresses whose groups may have changed: what changed records have now, and had before."""
    ids = " union all ".join(
        [
            *(changed(mirrors, name, "Id", at) for name in ("contact", "lead")),
            f"select id::varchar from ({changed(mirrors, 'person', 'id', at)})",
            f"select unnest([marketo_id::varchar, crm_id]) from ({changed_links(at)})",
        ]
    )
    active = f'select "leadId"::varchar from {mirrors.records("activity", ACTIVITY)} where {since(at.get("activity"))}'
    return (
        f"with changed(id) as ({ids}) "
        f"select email from {records_sql(mirrors)} where email is not null and record_id in (from changed) "
        f"union select email from {DUPLICATES} where record_id in (from changed) "
        f"or (system = 'marketo' and record_id in ({active}))"
    )


def _group(con: Connection, mirrors: Mirrors, among: str, now: datetime) -> None:
    """Fill `fresh` with the groups as they are, and `differing` with the addresses whose rows have changed."""
    names, looked_at = commas(map(quoted, COLUMNS)), f"where email in ({among})" if among else ""
    con.execute(f"""
        create or replace temp table fresh as
        select d.*, coalesce(k.found_at, {literal(now)}) as found_at from ({duplicates_sql(mirrors, among)}) d
        left join (select email, min(found_at) as found_at from {DUPLICATES} {looked_at} group by email) k using (email)
    """)
    kept = f"select {names} from {DUPLICATES} {looked_at}"
    con.execute(f"""
        create or replace temp table differing as
        select distinct email from (
            (select {names} from fresh except {kept}) union all ({kept} except select {names} from fresh)
        )
    """)


def _apply(con: Connection) -> tuple[int, int]:
    """Replace the groups that differ; return how many are new and how many ended."""
    known = f"select email from {DUPLICATES}"
    new, ended = con.execute(
        f"select count(*) filter (email not in ({known})), count(*) filter (email not in (select email from fresh)) "
        "from differing"
    ).fetchone() or (0, 0)
    if con.execute("select 1 from differing limit 1").fetchone():
        con.execute(f"delete from {DUPLICATES} where email in (from differing)")
        con.execute(f"insert into {DUPLICATES} by name select * from fresh where email in (from differing)")
    return int(new), int(ended)
