"""Mappings that an operator chose, from when on they hold and what ends them: fields of members (SF-CAMP-14 to 16).

Which hold is in `sync.mapping`. One that ended because a field was renamed or got another type does not begin again by
itself: it is taken out of the settings, looked at, and chosen anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from sync_pipeline.catalog.member_fields import is_alike, kind
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.sql import literal, without
from sync_pipeline.model import Describe, Pairing
from sync_pipeline.model import Mapping as FieldMapping

Connection = duckdb.DuckDBPyConnection
NOT_CHOSEN = "not chosen any more"

Pair = tuple[str, str]  # the names of the field in the CRM and in Marketo


@dataclass(frozen=True)
class _Kept:
    """The last time that a pair was in force, and the types that its fields had then."""

    kinds: Pair
    since: datetime
    ended_because: str | None


def in_force(con: Connection, pairing: Pairing) -> Pairing:
    """Return the pairing with those of its chosen mappings that hold, each with the time since when."""
    if not any(mapping.chosen for mapping in pairing.mappings):
        return pairing
    kept = _kept(con, pairing)
    return replace(pairing, mappings=tuple(_holding(pairing, kept)))


def known(con: Connection) -> set[str]:
    """Return the names of the pairings of which a mapping was ever chosen."""
    return {name for (name,) in con.execute(f"select distinct pairing from {ledger.table('mapping')}").fetchall()}


def settle(
    lake: Lake, pairing: Pairing, crm: Describe, marketo: Describe, run_id: str, now: datetime
) -> tuple[Pairing, list[Notice]]:
    """Begin and end mappings as settings and describes ask for; return what holds, and why something cannot.

    Doing it again changes nothing. That a mapping ended is noted when it does.
    """
    chosen = {(m.crm, str(m.marketo)) for m in pairing.mappings if m.chosen}
    with lake.reading() as con:
        kept = _kept(con, pairing)
    open_ = {pair: one for pair, one in kept.items() if one.ended_because is None}
    ends = {pair: NOT_CHOSEN for pair, one in kept.items() if pair not in chosen and one.ended_because != NOT_CHOSEN}
    ends |= {
        pair: because
        for pair, one in open_.items()
        if pair in chosen and (because := _broken(pair, one.kinds, crm, marketo))
    }
    unfit: list[Notice] = []
    begins: list[tuple[Pair, Pair]] = []
    for pair in sorted(chosen):
        if pair in kept and kept[pair].ended_because != NOT_CHOSEN:
            continue
        kinds = _kinds(pair, crm, marketo)
        ours, its = crm.field(pair[0]), marketo.field(pair[1])
        if ours is None or its is None or not is_alike(ours, its):
            said = f"{pair[0]} ({kinds[0] or 'not to be seen'}) and {pair[1]} ({kinds[1] or 'not to be seen'})"
            unfit.append(Notice("unmapped_field", pair[0], f"{said} are not of the same type: they are not synced"))
        else:
            begins.append((pair, kinds))
    if begins or ends:
        with lake.transaction() as con:
            _write(con, pairing, begins, ends, run_id, now)
    with lake.reading() as con:
        return in_force(con, pairing), unfit


def _kinds(pair: Pair, crm: Describe, marketo: Describe) -> Pair:
    ours, its = crm.field(pair[0]), marketo.field(pair[1])
    return kind(ours) if ours else "", kind(its) if its else ""


def _broken(pair: Pair, kinds: Pair, crm: Describe, marketo: Describe) -> str:
    """Return why a mapping cannot go on; empty if it can."""
    for name, was, now in zip(pair, kinds, _kinds(pair, crm, marketo), strict=True):
        if not now:
            return f"{name} was renamed, or is not to be seen any more"
        if now != was:
            return f"{name} was {was} and is {now}"
    return ""


def _holding(pairing: Pairing, kept: Mapping[Pair, _Kept]) -> Iterator[FieldMapping]:
    for mapping in pairing.mappings:
        one = kept.get((mapping.crm, str(mapping.marketo)))
        if not mapping.chosen:
            yield mapping
        elif one and one.ended_because is None:
            yield replace(mapping, since=one.since)


def _kept(con: Connection, pairing: Pairing) -> dict[Pair, _Kept]:
    rows = con.execute(
        "select crm_field, marketo_field, crm_type, marketo_type, since, ended_because "
        f"from {ledger.table('mapping')} where pairing = ? order by since",
        [pairing.name],
    ).fetchall()
    return {(crm, marketo): _Kept((ours, its), since, ended) for crm, marketo, ours, its, since, ended in rows}


def _write(
    con: Connection,
    pairing: Pairing,
    begins: list[tuple[Pair, Pair]],
    ends: Mapping[Pair, str],
    run_id: str,
    now: datetime,
) -> None:
    for pair, because in ends.items():
        con.execute(
            f"update {ledger.table('mapping')} set ended_at = coalesce(ended_at, ?), ended_because = ? "
            "where pairing = ? and crm_field = ? and marketo_field = ? and ended_because is distinct from ?",
            [now, because, pairing.name, *pair, NOT_CHOSEN],
        )
    for (_, marketo), _ in begins:  # what was agreed when it was chosen before is no base for what changes from now on
        con.execute(
            f"update {ledger.table('link')} set agreed = {without('agreed', [marketo])} "
            f"where pairing = {literal(pairing.name)} and map_contains(agreed, {literal(marketo)})"
        )
    ledger.insert(con, "mapping", [(pairing.name, *pair, *kinds, now, None, None) for pair, kinds in begins])
    notices = [
        Notice("ended_mapping", crm, f"{crm} and {marketo} are not synced any more: {because}")
        for (crm, marketo), because in ends.items()
        if because != NOT_CHOSEN
    ]
    ledger.add_notices(con, run_id, pairing.crm, notices, now)
