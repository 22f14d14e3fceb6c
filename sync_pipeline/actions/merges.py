"""After a merge in Marketo what the sales tool told of the loser is the winner's (SIA-FEED-18, SIA-ACT-9)."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from sync_pipeline.actions import tables
from sync_pipeline.actions.inputs import INPUTS
from sync_pipeline.actions.mirrors import MARKETO, PERSON, Mirrors, look
from sync_pipeline.lake import merges
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import full_name

Connection = duckdb.DuckDBPyConnection


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


def winners(con: Connection, persons: Collection[str]) -> dict[str, str]:
    """Return who won, by the Marketo ids of those among `persons` who have been merged away."""
    mirrors = look(con, MARKETO)
    if not persons or not mirrors.has("person", "mergedInto"):
        return {}
    among = f"select try_cast(unnest([{commas(map(literal, persons))}]) as bigint)"
    return {str(loser): str(winner) for loser, winner in con.execute(moved_sql(mirrors, among)).fetchall()}


def moved_sql(mirrors: Mirrors, among: str) -> str:
    """Return SQL for the losers of merges, if they are among these ids, and the last winner of each."""
    return merges.winners(mirrors.records("person", PERSON), "id", "mergedInto", among)
