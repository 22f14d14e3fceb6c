"""The life of a link: what has ended is ended, what came back is opened, and who goes on gets it (DEL, MERGE, CONV).

Links follow the mirrors at once, also where only a plan is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from sync_pipeline import faults
from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import Lake, LakeError, ledger
from sync_pipeline.lake.sql import commas, literal, quoted, without
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.changed import find_changed, is_quiet, look_again, look_at_referring, marks
from sync_pipeline.sync.identity.end_reasons import (
    CONVERTED,
    EXPIRED,
    FILTERED,
    FILTERED_OR_OLD,
    MARKETO_MERGED,
    MERGED,
    REMOVED,
)
from sync_pipeline.sync.identity.link_ends import HEAVY, column_or_null, find_ends, lasting
from sync_pipeline.sync.identity.merges import in_crm
from sync_pipeline.sync.identity.mirror_sql import living
from sync_pipeline.sync.planning.brakes import Released
from sync_pipeline.sync.planning.limits import Limits, RefusedError, exceeded_by_ends

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Settling:
    """What a pass knows when it settles links, and how many of them it may end; see `limits`."""

    pairings: Sequence[Pairing]
    run_id: str
    now: datetime
    limits: Limits = field(default_factory=Limits)
    released: Released = field(default_factory=dict)

    def named(self, name: str) -> Pairing | None:
        return next((p for p in self.pairings if p.name == name), None)


def settle(lake: Lake, known: Settling) -> dict[str, LakeError | RefusedError]:
    """End, open and hand on links as the mirrors tell; doing it again changes nothing.

    A chain of merges and conversions is followed to its end, until a round settles only what one has settled before.

    Returns the pairings whose links could not be settled, by name, and why: nothing may be decided of them. Where too
    many would end, none does.
    """
    _look_at_all(lake, known)
    failed: dict[str, LakeError | RefusedError] = {}
    counted = set[str]()  # what ends later in a pass follows from what ended first
    settled, before = set[tuple[str, int]](), -1
    while len(settled) > before:
        before = len(settled)
        with lake.reading() as con:
            decided = marks(con)
            moved = [p for p in known.pairings if p.name not in failed and not is_quiet(con, p, decided)]
        for pairing in moved:
            try:
                with lake.transaction() as con:
                    done = _settle(con, pairing, known, is_first=pairing.name not in counted)
                if done:
                    settled.add((pairing.name, done))
                counted.add(pairing.name)
            except (LakeError, RefusedError) as error:  # a column is hidden, say: the other pairings go on (law 8)
                failed[pairing.name] = error
            except Exception as error:
                failed[pairing.name] = LakeError(faults.noted(error, pairing.name))
    return failed


def _look_at_all(lake: Lake, known: Settling) -> None:
    """Have all that another condition than the last one leaves out, or lets in, looked at again (FILT-5).

    A day that has passed makes a condition another one too, where it names one (VV-CALL-3).
    """
    kept, decided = ledger.table("condition"), ledger.table("decided")
    with lake.reading() as con:
        before = dict(con.execute(f"select pairing, alive from {kept}").fetchall())
        begun = {name for (name,) in con.execute(f"select pairing from {decided}").fetchall()}
    moved = _moved(lake, known)
    for pairing in known.pairings:
        if before.get(pairing.name) == pairing.alive and pairing.scope_of not in moved:
            continue
        with lake.transaction() as con:
            if pairing.name in begun:
                look_again(con, _out_and_in(pairing, known.now))
            con.execute(f"delete from {kept} where pairing = {literal(pairing.name)}")
            ledger.insert(con, "condition", [(pairing.name, pairing.alive)])


def _moved(lake: Lake, known: Settling) -> set[str]:
    """Return the pairings whose records moved and that decide on which records of another take part (FILT-4)."""
    leaders = {pairing.scope_of for pairing in known.pairings} - {""}
    if not leaders:
        return set()
    with lake.reading() as con:
        decided = marks(con)
        moved = {p.name for p in known.pairings if p.name in leaders and not is_quiet(con, p, decided)}
    return moved | {p.name for p in known.pairings if p.scope_of in moved}


def _out_and_in(pairing: Pairing, now: datetime) -> str:
    """Return SQL for the linked records that take no part any more, and those that may take part now.

    The latter were never linked, or took no part before; a record whose person is gone for another reason stays away.
    """
    marketo, name, link = pairing.marketo, literal(pairing.name), ledger.table("link")
    of = f"from {link} where pairing = {name}"
    returning = commas(map(literal, (FILTERED, EXPIRED, REMOVED)))
    refused = (
        f"select record_id from {ledger.table('error')} where resolved_at is null and record_id is not null "
        f"and system = {literal(marketo.system)} and object = {literal(marketo.name)}"
    )
    return (
        f"select {name}, crm_id, {literal(FILTERED)}, {literal(now)} {of} and ended_at is null "
        f"and crm_id not in ({living(pairing)}) "
        f"union all select {name}, id, 'takes part now', {literal(now)} from ({living(pairing)}) r(id) "
        f"where id not in (select crm_id {of} "
        f"and (ended_at is null or not coalesce(ended_because in ({returning}), false))) "
        f"and id not in ({refused})"
    )


def _settle(con: Connection, pairing: Pairing, known: Settling, is_first: bool) -> int:
    """Settle the links of a pairing; return a number that stands for these and what became of them, 0 for none."""
    find_changed(con, pairing)
    find_ends(con, pairing, known.named(pairing.becomes[0]) if pairing.becomes else None)
    if con.execute("from ending where because is distinct from ended_because limit 1").fetchone() is None:
        return 0
    allowed = known.released.get(pairing.name, {})
    if is_first and (excesses := exceeded_by_ends(con, pairing, known.limits, allowed)):
        raise RefusedError(pairing, excesses)
    _find_successions(con, pairing, known)
    told = "crm_id, marketo_id, linked_at, because, heir_pairing, heir_id, next_pairing, next_crm_id, next_marketo_id"
    (number,) = con.execute(f"select coalesce(bit_xor(hash({told})), 0) from settled").fetchone() or (0,)
    if number:
        _apply(con, pairing, known)
    return int(number)


def _find_successions(con: Connection, pairing: Pairing, known: Settling) -> None:
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
            left join {full_name(*marketo.table)} m on m.{key}::varchar = l.marketo_id
            where case
                when m.{key} is null then l.ended_at is null  -- it was made just now, and not read yet
                else m.{quoted(DELETED_AT)} is null or (l.ended_at is null and {into} is not null)
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


def _consent(pairing: Pairing, known: Settling) -> set[str]:
    """Return the fields of consent of a pairing's Marketo object, whichever records of the CRM fill them."""
    alike = (p for p in (pairing, *known.pairings) if p.marketo.name == pairing.marketo.name)
    return {m.marketo for p in alike for m in p.mappings if m.consent and m.marketo}


def _apply(con: Connection, pairing: Pairing, known: Settling) -> None:
    """Write what was settled: one update and one insert of links; see `mirror.merge` for why not two updates.

    A link that opens again, or moves, or whose record another one was made part of, has no agreed value of consent any
    more: what was agreed on before is not of these two records as they are now (law 13).
    """
    link, now, marketo = ledger.table("link"), literal(known.now), pairing.marketo
    consent = _consent(pairing, known)
    con.execute(f"""
        update {link} l set ended_because = s.because, heir_pairing = s.heir_pairing, heir_id = s.heir_id,
            ended_at = if(s.because is null, null, coalesce(l.ended_at, {now})),
            agreed = if(s.because is null, {without("l.agreed", consent)}, l.agreed)
        from (
            select pairing, crm_id, marketo_id, linked_at, because, heir_pairing, heir_id from settled
            union all
            select h.pairing, h.crm_id, h.marketo_id, h.linked_at, null, null, null from {link} h
            where h.ended_at is null and (h.pairing, h.crm_id) in (select heir_pairing, heir_id from settled)
                and not exists (from settled s where s.pairing = h.pairing and s.crm_id = h.crm_id)
        ) s
        where l.pairing = s.pairing and l.crm_id = s.crm_id and l.marketo_id = s.marketo_id
            and l.linked_at = s.linked_at
    """)
    con.execute(f"""
        insert into {link} by name
        select next_pairing as pairing, next_crm_id as crm_id, {literal(marketo.name)} as marketo_object,
            next_marketo_id as marketo_id, {now} as linked_at, {literal(known.run_id)} as run_id,
            {without("agreed", consent)} as agreed, agreed_at, crm_written_at, marketo_written_at,
            crm_sent, marketo_sent, spelled,
            null::timestamptz as ended_at, null::varchar as ended_because,
            null::varchar as heir_pairing, null::varchar as heir_id
        from settled join (select pairing, crm_id, marketo_id, linked_at, {HEAVY} from {link})
            using (pairing, crm_id, marketo_id, linked_at)
        where next_pairing is not null
        qualify row_number() over (partition by next_pairing, next_crm_id order by linked_at, crm_id) = 1
        union all  -- Marketo merged the person with somebody else: who goes on in the CRM is one with that one too.
        select pairing, crm_id, marketo_object, winner, {now}, {literal(known.run_id)}, null::map(varchar, varchar),
            null, null, null, null, null, null, {now}, because, heir_pairing, heir_id
        from settled where by_both
    """)
    # Who goes on is looked at even if it did not change; so is a lead whose person a contact's has been merged into.
    look_again(
        con,
        f"select next_pairing, next_crm_id, 'goes on for ' || crm_id, {now} from settled "
        "where next_pairing is not null "
        f"union all select other_pairing, other, 'shares a person with ' || crm_id, {now} "
        "from settled where by_winner and other is not null",
    )
    made = (
        f"select pairing, crm_id from settled where because is null or because in ({FILTERED_OR_OLD}) "
        "union all select next_pairing, next_crm_id from settled where next_pairing is not null"
    )
    look_at_referring(con, known.pairings, made, known.now)
