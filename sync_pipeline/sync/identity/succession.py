"""The life of a link: what has ended is ended, what came back is opened, and who goes on gets it (DEL, MERGE, CONV).

Links follow the mirrors at once, also where only a plan is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from sync_pipeline import faults
from sync_pipeline.lake import Lake, LakeError, ledger
from sync_pipeline.lake.sql import commas, literal, without
from sync_pipeline.model import Pairing
from sync_pipeline.sync.changed import find_changed, is_quiet, look_again, look_at_referring, marks
from sync_pipeline.sync.identity.end_reasons import (
    EXPIRED,
    FILTERED,
    FILTERED_OR_OLD,
    GONE,
    MARKETO_DELETED,
    PASSED_SQL,
    REMOVED,
)
from sync_pipeline.sync.identity.facts import read_ends, surroundings
from sync_pipeline.sync.identity.link_ends import HEAVY, find_ends
from sync_pipeline.sync.identity.mirror_sql import living
from sync_pipeline.sync.identity.survivors import Succession, successions
from sync_pipeline.sync.planning.brakes import Released
from sync_pipeline.sync.planning.limits import RefusedError, exceeded_by_ends
from sync_pipeline.sync.policy import Limits
from sync_pipeline.sync.relation import Relation

Connection = duckdb.DuckDBPyConnection
SETTLED = Relation(
    "settled",
    "what becomes of a link: it ends, or opens again where `because` is null; for the rest see `survivors.Succession`",
    {
        "pairing": "varchar", "crm_id": "varchar", "marketo_object": "varchar", "marketo_id": "varchar",
        "linked_at": "timestamptz", "because": "varchar", "heir_pairing": "varchar", "heir_id": "varchar",
        "next_pairing": "varchar", "next_crm_id": "varchar", "next_marketo_id": "varchar", "winner": "varchar",
        "unites": "boolean", "sharer_pairing": "varchar", "sharer_id": "varchar",
    },
)  # fmt: skip


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
    if con.execute("from ending where because is distinct from ended_because or hands_on limit 1").fetchone() is None:
        return 0
    allowed = known.released.get(pairing.name, {})
    if is_first and (excesses := exceeded_by_ends(con, pairing, known.limits, allowed)):
        raise RefusedError(pairing, excesses)
    _find_successions(con, pairing, known)
    of = "crm_id, marketo_id, linked_at, because, heir_pairing, heir_id, next_pairing, next_crm_id, next_marketo_id"
    (number,) = con.execute(f"select coalesce(bit_xor(hash({of})), 0) from settled").fetchone() or (0,)
    if number:
        _apply(con, pairing, known)
    return int(number)


def _find_successions(con: Connection, pairing: Pairing, known: Settling) -> None:
    """Fill `settled`: the links whose end differs from what they tell, what survives, and where the link moves to.

    What hands on nothing stays in SQL, as a filter may end many at once; merges and conversions are few, see
    `survivors`. A link opens again only where its person has no other one by now.
    """
    SETTLED.create(con)
    con.execute(f"""
        insert into settled by name
        select pairing, crm_id, marketo_object, marketo_id, linked_at, because, false as unites from ending e
        where because is distinct from ended_because and not hands_on
            and (because is not null or not exists (from {ledger.table("link")} x where x.ended_at is null
                and x.marketo_object = e.marketo_object and x.marketo_id = e.marketo_id))
    """)
    if ends := read_ends(con, pairing):
        becomes = known.named(pairing.becomes[0]) if pairing.becomes else None
        earlier = [p.name for p in known.pairings if p.becomes and p.becomes[0] == pairing.name]
        found = successions(ends, surroundings(con, pairing, becomes, earlier, ends))
        SETTLED.insert(con, [_row(pairing, one) for one in found])


def _row(pairing: Pairing, found: Succession) -> tuple[object, ...]:
    """Return a row of `settled`."""
    link, end, nothing = found.end.link, found.end, (None, None)
    to, person = found.moves_to or (None, None)
    return (
        *link.record, pairing.marketo.name, link.person, link.linked_at, found.because,
        *(found.successor or nothing), *(to or nothing), person, end.winner, found.unites, *(found.sharer or nothing),
    )  # fmt: skip


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
        from settled join (
            select pairing, crm_id, marketo_id, linked_at, agreed_at, crm_written_at, marketo_written_at, {HEAVY}
            from {link}
        ) using (pairing, crm_id, marketo_id, linked_at)
        where next_pairing is not null
        qualify row_number() over (partition by next_pairing, next_crm_id order by linked_at, crm_id) = 1
        union all  -- Marketo merged the person with somebody else: who goes on in the CRM is one with that one too.
        select pairing, crm_id, marketo_object, winner, {now}, {literal(known.run_id)}, null::map(varchar, varchar),
            null, null, null, null, null, null, {now}, because, heir_pairing, heir_id
        from settled where unites
    """)
    # Who goes on is looked at even if it did not change; so is a lead whose person a contact's has been merged into.
    look_again(
        con,
        f"select next_pairing, next_crm_id, 'goes on for ' || crm_id, {now} from settled "
        "where next_pairing is not null "
        f"union all select sharer_pairing, sharer_id, 'shares a person with ' || crm_id, {now} "
        "from settled where sharer_id is not null",
    )
    _look_at_left_over(con, now)
    made = (
        f"select pairing, crm_id from settled where because is null or because in ({FILTERED_OR_OLD}) "
        "union all select next_pairing, next_crm_id from settled where next_pairing is not null"
    )
    look_at_referring(con, known.pairings, made, known.now)


def _look_at_left_over(con: Connection, now: str) -> None:
    """Have the records looked at that became one which lost its person: theirs may be left, and goes on with it."""
    link, lost = ledger.table("link"), commas(map(literal, (MARKETO_DELETED, *GONE)))
    before = f"select l.pairing, l.crm_id from {link} l join"
    became = f"on l.heir_pairing = b.pairing and l.heir_id = b.crm_id where l.ended_because in ({PASSED_SQL})"
    look_again(
        con,
        f"with recursive earlier as ({before} settled b {became} and b.because in ({lost}) "
        f"union {before} earlier b {became}) "
        f"select pairing, crm_id, 'what it became lost its person', {now} from earlier",
    )
