"""The merges that ended links ask for: in Marketo where the CRM merged or converted, in the CRM where Marketo merged.

Which they are is seen from both mirrors, so a merge that was done although its answer was lost is not asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.merges import winners
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.end_reasons import CONVERTED, MARKETO_MERGED, MERGED
from sync_pipeline.sync.identity.link_ends import column_or_null, lasting, told
from sync_pipeline.sync.identity.mirror_sql import living
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
MERGE, CONVERT = "merge", "convert"
Score = Literal["sum", "max", "winner"]
SCORE = "leadScore"  # the standard score; others keep the winner's value (MERGE-6)


def followed(con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], losers: str) -> str:
    """Return SQL for CRM records whose link has ended for another's, and all who went on, one after another (MERGE-17).

    The columns are `crm_id`, `to_pairing`, `to_id`. Links tell, and the CRM of those who were never linked.

    Args:
        losers: SQL for their links.
    """
    link = ledger.table("link")
    becomes = pairings.get(pairing.becomes[0]) if pairing.becomes else None
    unlinked = " union all ".join(
        f"select {literal(p.name)}, crm_id, to_pairing, to_id from ({told(con, p, heir)}) "
        f"where to_id is not null and crm_id not in (select crm_id from {link} where pairing = {literal(p.name)})"
        for p, heir in ((pairing, becomes), (becomes, None))
        if p
    )
    return f"""
        with recursive gone_on(pairing, of_id, to_pairing, to_id) as materialized (
            select pairing, crm_id, heir_pairing, heir_id from {link} where heir_id is not null
            union all {unlinked}
        ), led(crm_id, to_pairing, to_id) as (
            select crm_id, heir_pairing, heir_id from ({losers})
            union
            select led.crm_id, g.to_pairing, g.to_id from led
            join gone_on g on g.pairing = led.to_pairing and g.of_id = led.to_id
        )
        from led
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
    con: Connection,
    pairing: Pairing,
    pairings: Mapping[str, Pairing],
    run_id: str,
    score: Score,
    fields: Sequence[Compared],
) -> str:
    """Fill the temporary table `merging` with the merges asked for by the links of changed records.

    Returns SQL for the losers, and the reason, whose winner's person was not made or read yet.

    Args:
        score: what becomes of the scores when the CRM merges two records (SPEC 31, decision 4).
        fields: the pairing's, of which those of consent are handed over.
    """
    none(con)
    nobody = "select null::varchar, null where false"
    if not pairing.merges:
        return nobody
    link, name, key = ledger.table("link"), literal(pairing.name), quoted(pairing.marketo.key)
    losers = (
        f"select * from {link} where pairing = {name} and crm_id in (select id from changed) and heir_id is not null"
    )
    if con.execute(f"{losers} limit 1").fetchone() is None:
        return nobody
    table = full_name(*pairing.marketo.table)
    passed = f"ended_because in ({literal(MERGED)}, {literal(CONVERTED)})"
    persons = f"(select {key}::varchar from {table} where {quoted(DELETED_AT)} is null)"
    targets = (pairing.name, *pairing.becomes[:1]) if pairing.becomes else (pairing.name,)
    may_win = " or ".join(
        f"(f.to_pairing = {literal(to)} and f.to_id in ({living(pairings[to])}))" for to in targets if to in pairings
    )
    may_win = f"({may_win or 'false'})"
    _meet(con, pairing, pairings, losers)
    asked = f"""
        from met where ({passed}) and is_last and marketo_id is distinct from to_marketo_id
            and marketo_id in {persons} and to_marketo_id in {persons}
            and (marketo_id = own_id or to_linked_at <= ended_at)
        qualify row_number() over (partition by marketo_id order by own_id <> marketo_id, ended_at, crm_id) = 1
    """
    con.execute(f"""
        insert into merging
        select {literal(MARKETO)} as side, {literal(MERGE)} as operation, crm_id, marketo_id, to_marketo_id as into_id,
            map_concat({_handed_over(con, pairing, run_id, score)}, {_opt_outs_in_marketo(pairing, fields)}) as fields,
            ended_because as because
        from ({asked}) met
        union all
        select {literal(CRM)}, if(to_pairing = {name}, {literal(MERGE)}, {literal(CONVERT)}), crm_id, marketo_id, to_id,
            {_opt_outs_in_crm(con, pairing, pairings, fields)}, ended_because
        from met f
        where ended_because = {literal(MARKETO_MERGED)} and to_marketo_id is not null and {may_win}
            and crm_id in ({living(pairing)})
            -- One that was answered is not asked for again: the record of one that was refused is a person of its own.
            and (crm_id, to_id) not in (select (crm_id, into_id) from ({in_crm(pairing)})
                where verdict <> {literal(Verdict.RETRY)})
            and crm_id not in (select crm_id from {link} where pairing = {name} and ended_at is null)
    """)
    return (
        f"select crm_id, 'its winner was not read yet' from met where ({passed}) and is_last "
        f"and not coalesce(to_marketo_id in (select {key}::varchar from {table}), true) "
        f"union all select crm_id, 'its winner is not linked yet' from met f where ({passed}) and is_last "
        f"and to_marketo_id is null and {may_win}"
    )


def _meet(con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], losers: str) -> None:
    """Fill `met`: losers and who goes on for each, with the persons of both, of which `marketo_id` is the loser's.

    Who goes on may have no person yet (`to_marketo_id` is null). Whoever was merged in Marketo meanwhile is the one to
    be merged there now; `own_id` is the person of the link. Where several links had a person, only the last (`is_last`)
    has it merged, and none if it has gone on as somebody's.

    Args:
        losers: SQL for their links, with an `heir_id`.
    """
    link, name = ledger.table("link"), literal(pairing.name)
    key, into = quoted(pairing.marketo.key), column_or_null(con, pairing.marketo, pairing.marketo.master, "bigint")
    records = f"(select {key}::varchar as id, {into}::varchar as into_id from {full_name(*pairing.marketo.table)})"
    con.execute(f"""
        create or replace temp table met as
        with loser as ({losers}), led as ({followed(con, pairing, pairings, "from loser")}),
        linked as ({lasting("(pairing, crm_id) in (select (to_pairing, to_id) from led)")}),
        went as ({winners(records, "id", "into_id", "select marketo_id from loser")}),
        met as (
            select l.* replace (coalesce(w.winner, l.marketo_id) as marketo_id), l.marketo_id as own_id,
                f.to_pairing, f.to_id, t.marketo_id as to_marketo_id, t.linked_at as to_linked_at
            from loser l join led f using (crm_id)
            left join linked t on t.pairing = f.to_pairing and t.crm_id = f.to_id
            left join went w on w.loser = l.marketo_id
            where t.crm_id is not null or (f.to_pairing, f.to_id) not in (select (pairing, crm_id) from {link})
        ), owned as (
            select pairing, crm_id, marketo_id, linked_at, ended_at, heir_pairing, heir_id from {link}
            where (marketo_object, marketo_id) in (select marketo_object, marketo_id from loser)
        ), held as (  -- Since when each is also somebody whom Marketo merged with them, and who has it by such a union.
            select *, max(linked_at) filter (linked_at = ended_at) over (partition by marketo_id) as shared_at,
                (pairing, crm_id, linked_at) in (
                    select pairing, crm_id, ended_at from {link} where ended_because = {literal(MARKETO_MERGED)}
                ) or (pairing, crm_id) in (
                    select heir_pairing, heir_id from owned where heir_id is not null
                ) as by_union
            from owned
        ), last as (
            select crm_id, marketo_id from (
                from held where ended_at is not null or not (by_union or coalesce(linked_at < shared_at, false))
                qualify row_number() over (
                    partition by marketo_id order by ended_at desc nulls first, linked_at desc, pairing, crm_id) = 1
            ) where ended_at is not null and pairing = {name}
        )
        select met.*, marketo_id <> own_id or (crm_id, own_id) in (from last) as is_last from met
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
    given = (  # as wide a number as a sum of scores may need
        f"(select try_cast(max_by(fields[{literal(SCORE)}], crm_id) as hugeint) from {ledger.table('outbox')} "
        f"where run_id = {literal(run_id)} and operation = {literal(MERGE)} and into_id = met.to_marketo_id "
        f"and map_contains(fields, {literal(SCORE)}))"
    )
    own, others = told % "marketo_id", f"coalesce({given}, {told % 'to_marketo_id'}, 0)"
    before = "over (partition by to_marketo_id order by crm_id)"
    both = (
        f"{others} + sum(coalesce({own}, 0)) {before}" if score == "sum" else f"greatest({others}, max({own}) {before})"
    )
    return (
        f"if(coalesce({own}, 0) <> 0, map {{{literal(SCORE)}: try_cast({both} as hugeint)::varchar}}, "
        "map {}::map(varchar, varchar))"
    )


def _opt_outs_in_marketo(pairing: Pairing, fields: Sequence[Compared]) -> str:
    """Return SQL for the opt-outs that the loser of a merge in `met` has, and its winner has not (law 13)."""
    key, table = quoted(pairing.marketo.key), full_name(*pairing.marketo.table)
    told = f"(select max({{}}) from {table} where {key}::varchar = met.{{}})"
    return _ticked(
        (f.name, told.format(quoted(f.name), "marketo_id"), told.format(quoted(f.name), "to_marketo_id"))
        for f in fields
        if f.is_checkbox_of_consent and f.marketo_writable
    )


def _opt_outs_in_crm(
    con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], fields: Sequence[Compared]
) -> str:
    """Return SQL for the same of the CRM, by the winner's name of each field; it may be of another object."""
    entries = []
    for name in (pairing.name, *pairing.becomes[:1]) if pairing.becomes else (pairing.name,):
        to = pairings.get(name, pairing)
        told, there = "(select max({}) from {} where {} = f.{})", columns(con, *to.crm.table)
        for field in (f for f in fields if f.is_checkbox_of_consent and f.crm_writable):
            for its in (m.crm for m in to.mappings if m.crm in there and str(m.marketo).lower() == field.name.lower()):
                own = told.format(
                    quoted(field.crm.name), full_name(*pairing.crm.table), quoted(pairing.crm.key), "crm_id"
                )
                others = told.format(quoted(its), full_name(*to.crm.table), quoted(to.crm.key), "to_id")
                entries.append((its, f"to_pairing = {literal(name)} and {own}", others))
    return _ticked(entries)


def _ticked(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return SQL for a map of the fields that one record has ticked and another has not: name, and SQL of both."""
    each = commas(
        f"{{k: {literal(name)}, v: if(coalesce({own}, false) and not coalesce({other}, false), 'true', null)}}"
        for name, own, other in entries
    )
    if not each:
        return "map {}::map(varchar, varchar)"
    return f"map_from_entries(list_filter([{each}], lambda e: e.v is not null))"
