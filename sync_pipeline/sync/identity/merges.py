"""The merges that ended links ask for: in Marketo where the CRM merged or converted, in the CRM where Marketo merged.

Which they are is seen from both mirrors, so a merge that was done although its answer was lost is not asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.clusters import Link
from sync_pipeline.sync.identity.end_reasons import MARKETO_MERGED, PASSED_SQL
from sync_pipeline.sync.identity.facts import (
    CONVERT,
    MERGE,
    in_crm,
    read_became,
    read_links_around,
    read_losers,
    read_people,
)
from sync_pipeline.sync.identity.mirror_sql import living
from sync_pipeline.sync.identity.unions import merge_candidates
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.policy import Score
from sync_pipeline.sync.relation import Relation
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
CANDIDATE = Relation(
    "met",
    "an ended link and a record that survives it, see `unions.MergeCandidate`; `own_id` is the person of the link",
    {
        "crm_id": "varchar", "marketo_id": "varchar", "own_id": "varchar", "ended_at": "timestamptz",
        "ended_because": "varchar", "to_pairing": "varchar", "to_id": "varchar", "to_marketo_id": "varchar",
        "to_linked_at": "timestamptz", "is_last": "boolean",
    },
)  # fmt: skip
SCORE = "leadScore"  # the standard score; others keep the winner's value (MERGE-6)


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
    if not (losers := read_losers(con, pairing)):
        return nobody
    table = full_name(*pairing.marketo.table)
    passed = f"ended_because in ({PASSED_SQL})"
    persons = f"(select {key}::varchar from {table} where {quoted(DELETED_AT)} is null)"
    targets = (pairing.name, *pairing.becomes[:1]) if pairing.becomes else (pairing.name,)
    may_win = " or ".join(
        f"(f.to_pairing = {literal(to)} and f.to_id in ({living(pairings[to])}))" for to in targets if to in pairings
    )
    may_win = f"({may_win or 'false'})"
    _find_candidates(con, pairing, pairings, losers)
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


def _find_candidates(
    con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], losers: Sequence[Link]
) -> None:
    """Fill `met`: one row a loser and record that goes on for it, with the people of both; see `unions`."""
    becomes = pairings.get(pairing.becomes[0]) if pairing.becomes else None
    became = read_became(con, pairing, becomes, losers)
    links = read_links_around(con, pairing, losers, became)
    people = read_people(con, pairing, {link.person for link in (*losers, *links)})
    CANDIDATE.create(con)
    rows = [
        (c.loser.record.id, c.person, c.loser.person, c.loser.ended_at, c.loser.because, *c.survivor,
         c.survivor_person, c.survivor_since, c.is_last)
        for c in merge_candidates(losers, became, links, people)
    ]  # fmt: skip
    CANDIDATE.insert(con, rows)


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
