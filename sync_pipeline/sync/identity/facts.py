"""What `survivors` and `unions` decide on, from the lake: few links, people and merges around those that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.clusters import Link, Person, Record
from sync_pipeline.sync.identity.end_reasons import MARKETO_MERGED
from sync_pipeline.sync.identity.link_ends import column_or_null, told
from sync_pipeline.sync.identity.survivors import End, Surroundings
from sync_pipeline.sync.sides import CRM

Connection = duckdb.DuckDBPyConnection
MERGE, CONVERT = "merge", "convert"
_LINK = "pairing, crm_id, marketo_id, linked_at, ended_at, ended_because, heir_pairing, heir_id"


def in_crm(*pairings: Pairing) -> str:
    """Return SQL for the merges that the CRM was asked for and answered: both records, the verdict, and when."""
    names = commas(literal(pairing.name) for pairing in pairings)
    return (
        f"select crm_id, into_id, verdict, answered_at from {ledger.table('outbox')} "
        f"join {ledger.table('write_result')} using (write_id) where pairing in ({names}) "
        f"and side = {literal(CRM)} and operation in ({literal(MERGE)}, {literal(CONVERT)})"
    )


def read_ends(con: Connection, pairing: Pairing) -> list[End]:
    """Return the links in `ending` that hand something on."""
    becomes = pairing.becomes[0] if pairing.becomes else ""
    rows = con.execute(
        f"select {_LINK}, because, to_pairing, to_id, winner, in_marketo, in_winner, twin from ending where hands_on"
    ).fetchall()
    return [
        End(
            _link(row),
            because,
            Record(to_pairing, to_id) if to_id is not None else None,
            winner,
            person_is_alive,
            winner_is_alive,
            Record(becomes, twin) if twin is not None else None,
        )
        for *row, because, to_pairing, to_id, winner, person_is_alive, winner_is_alive, twin in rows
    ]


def surroundings(
    con: Connection, pairing: Pairing, becomes: Pairing | None, earlier: Sequence[str], ends: Sequence[End]
) -> Surroundings:
    """Return what is known around the ends of a pairing's links.

    Args:
        becomes: the pairing whose records those of this one may turn into.
        earlier: the pairings whose records may turn into those of this one.
    """
    marketo, name, link = pairing.marketo, literal(pairing.name), ledger.table("link")
    near = commas(map(literal, [pairing.name, *earlier, *([becomes.name] if becomes else [])]))
    survivors = "select (to_pairing, to_id) from ending where goes_on and hands_on"
    winners = "select winner from ending where hands_on and not goes_on"
    links = _links(
        con,
        f"(pairing, crm_id) in ({survivors}) or (marketo_object = {literal(marketo.name)} "
        f"and marketo_id in ({winners}) and pairing in ({near}))",
    )
    became = con.execute(f"""
        with recursive turned as materialized (
            select crm_id, to_id from ending where goes_on and to_pairing = pairing
            union all
            select crm_id, heir_id from {link} where pairing = {name} and heir_pairing = {name}
                and crm_id not in (select crm_id from {link} where pairing = {name} and ended_at is null)
        ), edge(crm_id, to_id) as (
            select crm_id, to_id from turned where to_id in (select crm_id from ending where hands_on)
            union
            select t.crm_id, t.to_id from turned t join edge e on e.crm_id = t.to_id
        )
        from edge
    """).fetchall()
    refused = con.execute(
        f"select crm_id from ({in_crm(pairing, becomes or pairing)}) where verdict = {literal(Verdict.REJECTED)}"
    ).fetchall()
    return Surroundings(
        links=links,
        people=read_people(con, pairing, {link.person for link in links}),
        became=became,
        named=_named(con, pairing, [pairing, *([becomes] if becomes else [])], ends),
        refused={crm_id for (crm_id,) in refused},
        earlier=earlier,
    )


def _named(con: Connection, pairing: Pairing, survivors: Sequence[Pairing], ends: Iterable[End]) -> set[Record]:
    """Return the survivors that a living person without a link names in its key."""
    marketo, asked = pairing.marketo, sorted({end.into.id for end in ends if end.into})
    if not asked:
        return set()
    carried = " union all ".join(
        f"select {literal(p.name)} as pairing, {carrier} as crm_id, {quoted(marketo.key)}::varchar as marketo_id "
        f"from {full_name(*marketo.table)} "
        f"where {quoted(DELETED_AT)} is null and {carrier} in (select unnest($asked::varchar[]))"
        for p, carrier in ((p, column_or_null(con, marketo, p.key, "varchar")) for p in survivors)
    )
    found = con.execute(carried, {"asked": asked}).fetchall()
    linked = {link.person for link in _links_of(con, pairing, {person for *_, person in found})}
    return {Record(name, crm_id) for name, crm_id, person in found if person not in linked}


def read_losers(con: Connection, pairing: Pairing) -> list[Link]:
    """Return the links of changed records that ended for another record."""
    return _links(
        con,
        f"pairing = {literal(pairing.name)} and heir_id is not null and crm_id in (select id from changed)",
    )


def read_became(
    con: Connection, pairing: Pairing, becomes: Pairing | None, losers: Iterable[Link]
) -> list[tuple[Record, Record]]:
    """Return which record became which other one, from the losers' successors on (MERGE-17).

    Links tell, and the CRM of those that were never linked.
    """
    link, starts = ledger.table("link"), sorted({loser.successor for loser in losers if loser.successor})
    unlinked = " union all ".join(
        f"select {literal(p.name)}, crm_id, to_pairing, to_id from ({told(con, p, heir)}) "
        f"where to_id is not null and crm_id not in (select crm_id from {link} where pairing = {literal(p.name)})"
        for p, heir in ((pairing, becomes), (becomes, None))
        if p
    )
    rows = con.execute(
        f"""
        with recursive start as (select unnest($pairings::varchar[]) as pairing, unnest($ids::varchar[]) as crm_id),
        gone_on(pairing, crm_id, to_pairing, to_id) as materialized (
            select pairing, crm_id, heir_pairing, heir_id from {link} where heir_id is not null
            union all {unlinked}
        ), edge(pairing, crm_id, to_pairing, to_id) as (
            select g.* from gone_on g join start using (pairing, crm_id)
            union
            select g.* from edge e join gone_on g on g.pairing = e.to_pairing and g.crm_id = e.to_id
        )
        from edge
        """,
        {"pairings": [record.pairing for record in starts], "ids": [record.id for record in starts]},
    ).fetchall()
    return [(Record(*row[:2]), Record(*row[2:])) for row in rows]


def read_links_around(
    con: Connection, pairing: Pairing, losers: Sequence[Link], became: Iterable[tuple[Record, Record]]
) -> list[Link]:
    """Return the links of the survivors and of the losers' people, and what Marketo ended of the latter's records."""
    survivors = {loser.successor for loser in losers if loser.successor} | {to for _, to in became}
    owned = _links_of(con, pairing, {loser.person for loser in losers})
    names = survivors | {link.record for link in owned}
    found = _links_of_records(con, names)
    return list({*owned, *(one for one in found if one.record in survivors or one.because == MARKETO_MERGED)})


def read_people(con: Connection, pairing: Pairing, asked: Collection[str]) -> dict[str, Person]:
    """Return these people as the mirror tells of them, and all that they were merged into; one not read yet lacks."""
    if not asked:
        return {}
    marketo = pairing.marketo
    key, into = quoted(marketo.key), column_or_null(con, marketo, marketo.master, "bigint")
    columns = f"{key}::varchar as id, {quoted(DELETED_AT)} is null as is_alive, {into}::varchar as into_id"
    of, among = f"from {full_name(*marketo.table)}", "in (select unnest($asked::varchar[]))"
    chains = f"""
        with recursive merged as materialized (select {columns} {of} where {into} is not null), met as (
            select {columns} {of} where {key}::varchar {among}
            union
            select m.* from met join merged m on m.id = met.into_id
        )
        from met
    """
    found = _people(con, chains, asked)
    ends = {person.into for person in found.values() if person.into} - found.keys()
    return found | (_people(con, f"select {columns} {of} where {key}::varchar {among}", ends) if ends else {})


def _people(con: Connection, query: str, asked: Collection[str]) -> dict[str, Person]:
    rows = con.execute(query, {"asked": sorted(asked)}).fetchall()
    return {person: Person(is_alive, into) for person, is_alive, into in rows}


def _links_of(con: Connection, pairing: Pairing, people: Collection[str]) -> list[Link]:
    if not people:
        return []
    condition = (
        f"marketo_object = {literal(pairing.marketo.name)} and marketo_id in (select unnest($people::varchar[]))"
    )
    return _links(con, condition, {"people": sorted(people)})


def _links_of_records(con: Connection, records: Collection[Record]) -> list[Link]:
    if not records:
        return []
    asked = "select unnest($pairings::varchar[]), unnest($ids::varchar[])"
    return _links(
        con,
        f"(pairing, crm_id) in (select (p, i) from ({asked}) asked(p, i))",
        {"pairings": [record.pairing for record in records], "ids": [record.id for record in records]},
    )


def _links(con: Connection, condition: str, parameters: Mapping[str, object] | None = None) -> list[Link]:
    rows = con.execute(f"select {_LINK} from {ledger.table('link')} where {condition}", parameters or {}).fetchall()
    return [_link(row) for row in rows]


def _link(row: Sequence[object]) -> Link:
    pairing, crm_id, person, linked_at, ended_at, because, to_pairing, to_id = row
    successor = Record(to_pairing, to_id) if to_id is not None else None  # type: ignore[arg-type]
    return Link(Record(pairing, crm_id), person, linked_at, ended_at, because, successor)  # type: ignore[arg-type]
