"""How links were settled in SQL before `identity.survivors` and `identity.unions`: what these are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.merges import winners
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.end_reasons import CONVERTED, MARKETO_MERGED, MERGED
from sync_pipeline.sync.identity.facts import in_crm
from sync_pipeline.sync.identity.link_ends import column_or_null, lasting, told
from sync_pipeline.sync.identity.succession import Settling

Connection = duckdb.DuckDBPyConnection


def find_successions(con: Connection, pairing: Pairing, known: Settling) -> None:
    """Fill `settled`: the links whose end differs from what they tell, who goes on, and where the link moves to.

    A link moves with its Marketo record to a CRM record that has none yet (`next_*`), or with its CRM record to the
    winner of a merge in Marketo. Where both are linked already, the link ends, and a merge is to be done. The record
    that goes on may have been deleted before anybody read of it, or its person: then the one that is left is taken.
    Where the CRM made a record one with somebody and Marketo its person with another (`by_both`), the latter's person
    is noted as the record's own for no time, so that `merging` unites them too. Where each made the other one go on
    (`leads`), the record that is left gets the person that is left. One that goes on may have a person that is not
    linked yet, as the answer to its making was lost (`carried`): it is linked to that one, and a merge is to be done.
    """
    link, marketo, name = ledger.table("link"), pairing.marketo, literal(pairing.name)
    key, into = quoted(marketo.key), column_or_null(con, marketo, marketo.master, "bigint")
    rivals = [p.name for p in known.pairings if p.becomes and p.becomes[0] == pairing.name]
    becomes = known.named(pairing.becomes[0]) if pairing.becomes else None
    near = commas(map(literal, [pairing.name, *rivals, *([becomes.name] if becomes else [])]))
    asked = in_crm(pairing, becomes or pairing)
    carried = " union all ".join(
        f"select {literal(heir.name)}, {carrier}, {key}::varchar from {full_name(*marketo.table)} "
        f"where {quoted(DELETED_AT)} is null and {carrier} in (select to_id from ending)"
        for heir, carrier in ((p, column_or_null(con, marketo, p.key, "varchar")) for p in (pairing, becomes) if p)
    )
    records = f"(select {key}::varchar as id, {into}::varchar as into_id from {full_name(*marketo.table)})"
    went = winners(records, "id", "into_id", f"select marketo_id from {link}")
    of_heirs = "(pairing, crm_id) in (select (to_pairing, to_id) from ending)"
    by_winner = f"in_another and (other is null or coalesce(other_pairing in ({_listed(rivals)}), false))"
    passed = f"o.ended_because in ({literal(MERGED)}, {literal(CONVERTED)})"
    # Its record is another one's now: who was merged into its person is joined to that one, not given the person.
    merged = f"{passed} and o.heir_id is not null and not coalesce(o.pairing in ({_listed(rivals)}), false)"
    con.execute(f"""
        create or replace temp table settled as
        with recursive turned as materialized (
            select crm_id, to_id from ending where goes_on and to_pairing = pairing
            union all
            select crm_id, heir_id from {link} where pairing = {name} and heir_pairing = {name} and crm_id not in (
                select crm_id from {link} where pairing = {name} and ended_at is null)
        ), leads(crm_id, to_id) as (
            select crm_id, to_id from turned where to_id in (select crm_id from ending)
            union
            select t.crm_id, l.to_id from turned t join leads l on l.crm_id = t.to_id
        ), heirs as (
            select l.pairing, l.crm_id from ({lasting(of_heirs)}) l
            left join ({went}) w on w.loser = l.marketo_id
            left join {full_name(*marketo.table)} m on m.{key}::varchar = coalesce(w.winner, l.marketo_id)
            where case
                when m.{key} is null then l.ended_at is null  -- it was made just now, and not read yet
                else m.{quoted(DELETED_AT)} is null
            end
            union all
            select pairing, crm_id from {link}  -- merged in Marketo: whoever joins it is joined to its winner
            where {of_heirs} and ended_because = {literal(MARKETO_MERGED)} and heir_id is not null
                and crm_id not in (select crm_id from ({asked}) where verdict = {literal(Verdict.REJECTED)})
        ), others as (
            select e.crm_id as of_id, w.pairing, w.crm_id, null::timestamptz as linked_at, null::timestamptz as ended_at
            from ending e join heirs w on w.pairing = e.to_pairing and w.crm_id = e.to_id where e.goes_on
            union all
            select e.crm_id, o.pairing, o.crm_id, o.linked_at, o.ended_at
            from ending e join {link} o on o.marketo_object = e.marketo_object and o.marketo_id = e.winner
            where e.in_another and o.crm_id <> e.crm_id
                and o.pairing in ({near}) and (o.ended_at is null or ({merged}))
        ), met as (
            select e.*, coalesce(o.crm_id, e.twin) as other, o.pairing as other_pairing
            from ending e
            left join (from others where (crm_id, of_id) not in (from leads)) o on o.of_id = e.crm_id
            where e.because is distinct from e.ended_because
            qualify row_number() over (partition by e.crm_id order by o.ended_at is not null,
                o.pairing in ({_listed(rivals)}), o.ended_at desc, o.linked_at desc, o.crm_id) = 1
        ), carried(pairing, crm_id, marketo_id) as materialized (  -- few, before all links are gone through
            {carried}
        ), placed as (
            select *, {by_winner} as by_winner,
                goes_on and other is null and (in_marketo or in_winner)
                    and (to_pairing, to_id) not in (
                        select (pairing, crm_id) from carried
                        where marketo_id not in (
                            select marketo_id from {link} where marketo_object = {literal(marketo.name)})
                    ) as by_heir,
                goes_on and other is not null and in_winner as by_both,
                case when goes_on then to_pairing
                    when in_another and not by_winner
                    then coalesce(other_pairing, {literal(pairing.becomes[0] if pairing.becomes else None)})
                end as heir
            from met
        )
        select * exclude (heir_pairing, heir_id), heir as heir_pairing,
            if(heir is null, null, coalesce(to_id, other)) as heir_id,
            if(by_winner, pairing, if(by_heir, to_pairing, null)) as next_pairing,
            if(by_winner, crm_id, to_id) as next_crm_id, if(by_winner, winner, marketo_id) as next_marketo_id
        from placed
        where because is not null or not exists (
            from {link} x where x.ended_at is null and x.marketo_object = placed.marketo_object
                and x.marketo_id = placed.marketo_id)
        qualify not by_winner or row_number() over (partition by by_winner, winner order by crm_id) = 1
    """)


def _listed(names: Sequence[str]) -> str:
    return commas(map(literal, names)) or "null"


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


def meet(con: Connection, pairing: Pairing, pairings: Mapping[str, Pairing], losers: str) -> None:
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
