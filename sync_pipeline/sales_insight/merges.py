"""After a merge in Marketo what the sales tool told of the loser is the winner's (SIA-FEED-18, SIA-ACT-9)."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger, merges
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.inputs import INPUTS
from sync_pipeline.sales_insight.mirrors import MARKETO, PERSON, TEXT, Mirrors, look

Connection = duckdb.DuckDBPyConnection
CRM = "crm"  # the side, whichever system it is


def follow(con: Connection, mirrors: Mirrors) -> None:
    """Address what was told of people who have been merged away to those who won, the last of a chain of merges.

    `marketo_id` stays as the sender told it, so that the same record is known again; `_person_id` moves.
    """
    if not mirrors.has("person", "mergedInto"):
        return
    for given in INPUTS.values():
        table = full_name(tables.SCHEMA, given.table)
        con.execute(f"create or replace temp table moved as {moved_sql(mirrors, f'select _person_id from {table}')}")
        if con.execute("select 1 from moved limit 1").fetchone():
            con.execute(f"update {table} a set _person_id = m.winner from moved m where a._person_id = m.loser")
    con.execute("drop table moved")


def survivors(con: Connection, system: str, ids: Collection[str]) -> dict[str, str]:
    """Return who goes on for those among these records of a system that were merged away or converted."""
    if not ids:
        return {}
    mirrors = look(con, system)
    if system == MARKETO:
        among = f"select try_cast(unnest([{commas(map(literal, ids))}]) as bigint)"
        query = moved_sql(mirrors, among)
    else:
        query = became_sql(mirrors, f"select unnest([{commas(map(literal, ids))}])")
    return {str(loser): str(winner) for loser, winner in con.execute(query).fetchall()}


def moved_sql(mirrors: Mirrors, among: str) -> str:
    """Return SQL for the losers of merges of people, if they are among these ids, and the last winner of each.

    What this sync has merged itself counts at once: its mirror tells it a cycle later.
    """
    mirrored = f'select id, "mergedInto" as into_id from {mirrors.records("person", PERSON)}'
    ours = f"select try_cast(marketo_id as bigint), try_cast(into_id as bigint) from ({_united(MARKETO)})"
    return merges.winners(f"({mirrored} union all {ours})", "id", "into_id", among)


def became_sql(mirrors: Mirrors, among: str) -> str:
    """Return SQL for the leads and contacts that were merged or converted, if among these ids, and what they became."""
    lead = mirrors.records("lead", {"Id": TEXT, "MasterRecordId": TEXT, "ConvertedContactId": TEXT})
    contact = mirrors.records("contact", {"Id": TEXT, "MasterRecordId": TEXT})
    each = (
        f'select "Id" as id, coalesce("MasterRecordId", "ConvertedContactId") as into_id from {lead}',
        f'select "Id", "MasterRecordId" from {contact}',
        ours_sql(),
    )
    return merges.winners(f"({' union all '.join(each)})", "id", "into_id", among)


def ours_sql() -> str:
    """Return SQL for the CRM's records that this sync has merged away or converted, and what each became."""
    return f"select crm_id as loser_id, into_id from ({_united(CRM)})"


def _united(side: str) -> str:
    return (
        f"select o.marketo_id, o.crm_id, o.into_id from {ledger.table('outbox')} o "
        f"join {ledger.table('write_result')} w using (write_id) where o.side = {literal(side)} "
        f"and o.into_id is not null and w.verdict = '{Verdict.ACCEPTED}'"
    )
