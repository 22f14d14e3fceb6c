"""After a merge in Marketo the loser's sales activities and unsubscribes are the winner's (SIA-FEED-18, SIA-ACT-9)."""

from __future__ import annotations

import duckdb

from sync_pipeline.actions import tables
from sync_pipeline.actions.inputs import ACTIVITY, UNSUBSCRIBE
from sync_pipeline.actions.mirrors import PERSON, Mirrors
from sync_pipeline.lake.table import full_name

Connection = duckdb.DuckDBPyConnection


def follow(con: Connection, mirrors: Mirrors) -> None:
    """Address what was told of people who have been merged away to those who won, the last of a chain of merges.

    `marketo_id` stays as the sender told it, so that the same record is known again; `_person_id` moves.
    """
    if not mirrors.has("person", "mergedInto"):
        return
    person = mirrors.records("person", PERSON)
    for given in (ACTIVITY, UNSUBSCRIBE):
        table = full_name(tables.SCHEMA, given.table)
        con.execute(f"""
            create or replace temp table moved as
            with recursive led(loser, winner) as (
                select id, "mergedInto" from {person}
                where "mergedInto" is not null and id in (select _person_id from {table})
                union
                select led.loser, p."mergedInto" from led join {person} p on p.id = led.winner
                where p."mergedInto" is not null
            )
            select loser, winner from led
            where winner not in (select id from {person} where "mergedInto" is not null)
        """)
        if con.execute("select 1 from moved limit 1").fetchone():
            con.execute(f"update {table} a set _person_id = m.winner from moved m where a._person_id = m.loser")
    con.execute("drop table moved")
