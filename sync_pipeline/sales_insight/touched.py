"""Whom a change may concern: the people to be looked at again since a feed last took in its tables.

Stamps find candidates only; whether anything is different is for the values to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import SYNCED_AT
from sync_pipeline.sales_insight.mirrors import CRM_TABLES, PERSON, Mirrors, links

Connection = duckdb.DuckDBPyConnection
Marks = Mapping[str, datetime]
LINK = "link"


def marks(con: Connection, feed: str) -> dict[str, datetime]:
    """Return how far a feed has taken in its tables; empty if it was never started."""
    if not table.columns(con, ledger.SCHEMA, "taken"):  # a lake of an older version, open for reading alone
        return {}
    found = con.execute(f"select source, synced_at from {ledger.table('taken')} where feed = ?", [feed])
    return dict(found.fetchall())


def move_marks(con: Connection, feed: str, mirrors: Mirrors, sources: Sequence[str], now: datetime) -> None:
    """Note that all that the tables hold in this transaction has been taken in."""
    newest = _newest(mirrors, sources)
    rows = f"select {literal(feed)} as feed, source, synced_at, {literal(now)} as taken_at from ({newest})"
    con.execute(f"delete from {ledger.table('taken')} where feed = ?", [feed])
    con.execute(f"insert into {ledger.table('taken')} by name {rows}")


def newest(con: Connection, mirrors: Mirrors, sources: Sequence[str]) -> dict[str, datetime]:
    """Return how far a feed of these tables would be if it took in all that they hold."""
    return dict(con.execute(_newest(mirrors, sources)).fetchall())


def _newest(mirrors: Mirrors, sources: Sequence[str]) -> str:
    queries = {name: mirrors.synced_at(name) for name in sources if mirrors.has(name)}
    queries[LINK] = f"select greatest(max(linked_at), max(ended_at)) from {ledger.table(LINK)}"
    return " union all ".join(
        f"select {literal(source)} as source, coalesce(({query}), timestamptz '-infinity') as synced_at"
        for source, query in queries.items()
    )


def since(mark: datetime | None, column: str = SYNCED_AT) -> str:
    return f"{quoted(column)} > {literal(mark)}" if mark else "true"


def changed(mirrors: Mirrors, name: str, column: str, at: Marks) -> str:
    """Return SQL for the values of a column in the records of a mirror that were written since."""
    wanted = CRM_TABLES.get(name, PERSON)
    return f"select {quoted(column)} from {mirrors.records(name, wanted)} where {since(at.get(name))}"


def changed_links(at: Marks) -> str:
    """Return SQL for the links of people that were made or ended since."""
    mark = at.get(LINK)
    return (
        f"select try_cast(marketo_id as bigint) as marketo_id, crm_id from {ledger.table(LINK)} "
        f"where marketo_object = 'person' and ({since(mark, 'linked_at')} or {since(mark, 'ended_at')})"
    )


def touched_people(mirrors: Mirrors, people: str, at: Marks) -> str:
    """Return SQL for the Marketo ids whose 13 values, or whose place in the feed, may have changed.

    A role that moves from one contact to another names only the new one; the old one is found by its opportunity.
    """
    roles = mirrors.crm_records("opportunity_contact_role")
    role = changed(mirrors, "opportunity_contact_role", "ContactId", at)
    opportunity = changed(mirrors, "opportunity", "Id", at)
    moved = changed(mirrors, "opportunity_contact_role", "OpportunityId", at)
    crm_ids = (
        f"{changed(mirrors, 'contact', 'Id', at)} union all {changed(mirrors, 'lead', 'Id', at)} union all {role} "
        f'union all select "ContactId" from {roles} where "OpportunityId" in ({opportunity})'
    )
    return (
        f"select marketo_id from {links()} where crm_id in ({crm_ids}) "
        f"union select marketo_id from ({changed_links(at)}) "
        f"union {changed(mirrors, 'person', 'id', at)} "
        f"union select marketo_id from {people} where salesforce_opportunity_id in ({moved})"
    )
