"""The merges that ended links ask for: in Marketo where the CRM merged or converted, in the CRM where Marketo merged.

Which they are is seen from both mirrors, so a merge that was done although its answer was lost is not asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import duckdb

from sync_pipeline.connectors.writes import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.ends import CONVERTED, MARKETO_MERGED, MERGED, lasting
from sync_pipeline.sync.touched import CRM, MARKETO, living

Connection = duckdb.DuckDBPyConnection
MERGE, CONVERT = "merge", "convert"
Score = Literal["sum", "max", "winner"]
SCORE = "leadScore"  # the standard score; others keep the winner's value (MERGE-6)


def followed(of: str) -> str:
    """Return SQL for CRM records whose link has ended for another's, and who goes on in the end (MERGE-17).

    The columns are `pairing`, `crm_id`, `to_pairing`, `to_id`, `marketo_id`: a late change of a loser, and whatever
    still names it, belongs to `to_id`.

    Args:
        of: a condition on the links, `l`, that are asked about.
    """
    link = ledger.table("link")
    return f"""
        with recursive led(pairing, crm_id, to_pairing, to_id) as (
            select l.pairing, l.crm_id, l.heir_pairing, l.heir_id from {link} l where l.heir_id is not null and ({of})
            union
            select led.pairing, led.crm_id, l.heir_pairing, l.heir_id from led
            join {link} l on l.pairing = led.to_pairing and l.crm_id = led.to_id and l.heir_id is not null
        )
        select led.*, s.marketo_id from led
        join ({lasting("(pairing, crm_id) in (select (to_pairing, to_id) from led)")}) s
            on s.pairing = led.to_pairing and s.crm_id = led.to_id
    """


def in_crm(*pairings: Pairing) -> str:
    """Return SQL for the merges that the CRM was asked for and answered: both records, the verdict, and when."""
    names = commas(literal(pairing.name) for pairing in pairings)
    return (
        f"select crm_id, into_id, verdict, answered_at from {ledger.table('outbox')} "
        f"join {ledger.table('write_result')} using (write_id) where pairing in ({names}) "
        f"and side = {literal(CRM)} and operation in ({literal(MERGE)}, {literal(CONVERT)})"
    )


def none(con: Connection) -> None:
    """Leave `merging` empty: nothing is to be merged."""
    con.execute(
        "create or replace temp table merging as select null::varchar as side, null::varchar as operation, "
        "null::varchar as crm_id, null::varchar as marketo_id, null::varchar as into_id, "
        "map {}::map(varchar, varchar) as fields, null::varchar as because where false"
    )


def find_merges(
    con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], run_id: str, score: Score = "sum"
) -> None:
    """Fill the temporary table `merging` with the merges asked for by the links of changed records.

    Args:
        score: what becomes of the scores when the CRM merges two records (SPEC 31, decision 4).
    """
    none(con)
    if not pairing.merges:
        return
    link, name, key = ledger.table("link"), literal(pairing.name), quoted(pairing.marketo.key)
    changed = "crm_id in (select id from changed)"
    losers = f"select * from {link} where pairing = {name} and {changed} and heir_id is not null"
    if con.execute(f"{losers} limit 1").fetchone() is None:
        return
    persons = f"(select {key}::varchar from {full_name(*pairing.marketo.table)} where {quoted(DELETED_AT)} is null)"
    targets = {pairing.name: MERGE, **({pairing.becomes[0]: CONVERT} if pairing.becomes else {})}
    winners = " or ".join(
        f"(f.to_pairing = {literal(to)} and f.to_id in ({living(pairings[to])}))" for to in targets if to in pairings
    )
    con.execute(f"""
        insert into merging
        with loser as ({losers}), led as ({followed(f"l.pairing = {name} and l.{changed}")}), met as (
            select l.*, f.to_pairing, f.to_id, f.marketo_id as to_marketo_id from loser l join led f using (crm_id)
        ), held as (  -- Who has the persons, and since when each is also somebody whom Marketo merged with them.
            select *, max(linked_at) filter (linked_at = ended_at) over (partition by marketo_id) as shared_at,
                (pairing, crm_id, linked_at) in (
                    select pairing, crm_id, ended_at from {link} where ended_because = {literal(MARKETO_MERGED)}) as won
            from (select pairing, crm_id, marketo_id, linked_at, ended_at from {link}
                where (marketo_object, marketo_id) in (select marketo_object, marketo_id from loser))
        ), last as (  -- A person that went on as another record's is merged for that one, or for none.
            select crm_id, marketo_id from (
                from held where ended_at is not null or not (won or coalesce(linked_at < shared_at, false))
                qualify row_number() over (
                    partition by marketo_id order by ended_at desc nulls first, linked_at desc, pairing, crm_id) = 1
            ) where ended_at is not null and pairing = {name}
        )
        select {literal(MARKETO)} as side, {literal(MERGE)} as operation, crm_id, marketo_id, to_marketo_id as into_id,
            {_handed_over(con, pairing, run_id, score)} as fields, ended_because as because
        from met
        where ended_because in ({commas(map(literal, (MERGED, CONVERTED)))}) and marketo_id <> to_marketo_id
            and marketo_id in {persons} and to_marketo_id in {persons} and (crm_id, marketo_id) in (from last)
        union all
        select {literal(CRM)}, if(to_pairing = {name}, {literal(MERGE)}, {literal(CONVERT)}), crm_id, marketo_id, to_id,
            map {{}}::map(varchar, varchar), ended_because
        from met f
        where ended_because = {literal(MARKETO_MERGED)} and ({winners or "false"})
            and crm_id in ({living(pairing)})
            -- One that was answered is not asked for again: the record of one that was refused is a person of its own.
            and (crm_id, to_id) not in (select (crm_id, into_id) from ({in_crm(pairing)})
                where verdict <> {literal(Verdict.RETRY)})
            and crm_id not in (select crm_id from {link} where pairing = {name} and ended_at is null)
    """)


def _handed_over(con: Connection, pairing: Pairing, run_id: str, score: Score) -> str:
    """Return SQL for the values that the winner of a merge in `met` is given: the scores (MERGE-4, MERGE-5).

    They are what the mirror has now. A merge that is tried twice counts no score twice, as the loser is left without
    one (`writes.Record`); of several losers each adds to what this pass gives the winner for those before it.
    """
    if score == "winner" or SCORE not in columns(con, *pairing.marketo.table):
        return "map {}::map(varchar, varchar)"
    key, name = quoted(pairing.marketo.key), quoted(SCORE)
    told = f"(select max({name}) from {full_name(*pairing.marketo.table)} where {key}::varchar = met.%s)"
    given = (
        f"(select max_by(fields[{literal(SCORE)}], crm_id)::bigint from {ledger.table('outbox')} "
        f"where run_id = {literal(run_id)} and operation = {literal(MERGE)} and into_id = met.to_marketo_id "
        f"and map_contains(fields, {literal(SCORE)}))"
    )
    own, others = told % "marketo_id", f"coalesce({given}, {told % 'to_marketo_id'}, 0)"
    before = "over (partition by to_marketo_id order by crm_id)"
    both = (
        f"{others} + sum(coalesce({own}, 0)) {before}" if score == "sum" else f"greatest({others}, max({own}) {before})"
    )
    return (
        f"if(coalesce({own}, 0) <> 0, map {{{literal(SCORE)}: ({both})::bigint::varchar}}, "
        "map {}::map(varchar, varchar))"
    )
