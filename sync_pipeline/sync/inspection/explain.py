"""The whole story of one person, company or owner: who it is on both sides, what was decided and written, and why not.

Only reading, in SQL over mirrors, changes and ledger; the caller decides how to show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from sync_pipeline.identifiers import BLANKS, CrmId, EmailAddress, IdentifierError, address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
SHOWN = 10
PERSON = "lead"  # Marketo's word for a person


@dataclass(frozen=True)
class Chapter:
    """A part of the story: a heading and a table; `rows` are empty where there is nothing to tell."""

    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class _Known:
    """A record that is meant: `why_not` says why it takes no part in the sync, empty if it does."""

    side: str
    obj: Object
    id: str
    why_not: str


def explain(con: Connection, pairings: Sequence[Pairing], who: str) -> list[Chapter]:
    """Return the story of whoever has this e-mail address or id, on either side.

    Marketo counts the records of each object from 1, so that its ids may be those of several: `company/12` names one.

    Raises:
        IdentifierError: this is not one e-mail address, though it holds an @.
        LookupError: no mirrored record has it, or records of several objects of Marketo have the id.
    """
    found = _meant(con, pairings, who)
    crm = _ids(found, CRM)
    names = commas(literal(p.name) for p in pairings)
    own = commas(
        f"({literal(p.name)}, {literal(k.id)})" for p in pairings for k in found if k.obj.table == p.marketo.table
    )
    linked = f"pairing in ({names}) and (crm_id in ({crm}) or (pairing, marketo_id) in ({own or '(null, null)'}))"
    told = commas(dict.fromkeys(_errors_of(pairings, found)))
    people = [k for k in found if k.obj.source == PERSON]
    return [
        Chapter(
            "records", ("system", "object", "id", "takes no part because"),
            tuple((k.obj.system, k.obj.name, k.id, k.why_not) for k in found),
        ),
        _chapter(con, "links", "link", ("pairing", "crm_id", "marketo_id", "linked_at", "agreed_at", "ended_at",
                                        "ended_because"), linked, "linked_at"),
        *(_changes(con, obj, ids) for obj, ids in _by_object(found)),
        _chapter(con, "conflicts", "conflict", ("noted_at", "field", "crm_value", "marketo_value", "base_value",
                                                "winner", "because", "rule"), linked, "noted_at"),
        _writes(con, linked),
        _chapter(con, "errors", "error", ("noted_at", "object", "operation", "field", "code", "message", "resolved_at"),
                 f"(object, record_id) in ({told})", "noted_at"),
        _chapter(con, "asked for on demand", "request", ("noted_at", "request_id", "action", "state", "step",
                                                         "record_id", "code", "message"),
                 f"marketo_id in ({_ids(people, MARKETO)})", "noted_at desc, number"),
        _chapter(con, "to be looked at again", "pending", ("pairing", "because", "since"),
                 f"pairing in ({names}) and crm_id in ({crm})",
                 "since"),
    ]  # fmt: skip


def _meant(con: Connection, pairings: Sequence[Pairing], who: str) -> list[_Known]:
    """Return the records that an address or id names, or `object/id`, and those they are linked to; else LookupError.

    An address may be that of several objects' records, who are all told of; an id of Marketo's is that of one.
    """
    name, _, of_one = who.rpartition("/")
    among = {
        side: [p for p in pairings if name in (p.object(side).name, p.object(side).title)] for side in (CRM, MARKETO)
    }
    if any(among.values()):
        known = [k for side, some in among.items() for p in some for k in _records(con, p, _called(of_one), (side,))]
    else:
        known = [k for p in pairings for k in _records(con, p, _called(who))]
    found = list({(k.side, k.obj.table, k.id): k for k in known}.values())
    if not found:
        raise LookupError(f"no mirrored record of either system has the address or id {who!r}")
    if len(same := sorted({k.obj.name for k in found if k.side == MARKETO and k.id == who})) > 1:
        named = ", ".join(f"{name}/{who}" for name in same)
        raise LookupError(f"records of {len(same)} objects of Marketo have the id {who}; name one of them: {named}")
    return found


def _called(who: str) -> str:
    """Return an address, an id of the CRM in its long form, or any other key as it is."""
    if "@" in who:
        return EmailAddress(who)
    try:
        return CrmId(who)
    except IdentifierError:
        return who.strip(BLANKS)  # keys of Marketo's objects may be any text


def _errors_of(pairings: Sequence[Pairing], found: Sequence[_Known]) -> Iterator[str]:
    """Yield SQL for the objects and ids by which errors name these records: what is not made yet has the other's id."""
    for pairing in pairings:
        both = {obj.table: obj for obj in (pairing.crm, pairing.marketo)}
        for known in found:
            if known.obj.table in both:
                yield from (f"({literal(obj.name)}, {literal(known.id)})" for obj in both.values())


def _ids(found: Sequence[_Known], side: str) -> str:
    return commas(literal(k.id) for k in found if k.side == side) or "null"


def _by_object(found: Sequence[_Known]) -> Iterator[tuple[Object, str]]:
    for obj in {k.obj.table: k.obj for k in found}.values():
        yield obj, commas(literal(k.id) for k in found if k.obj.table == obj.table)


def _records(con: Connection, pairing: Pairing, who: str, sides: Collection[str] = (CRM, MARKETO)) -> Iterator[_Known]:
    """Yield the records of these sides that are meant, and those they are linked to."""
    mail = next((m for m in pairing.mappings if m.marketo == "email"), None)
    address = {CRM: mail.crm if mail else "", MARKETO: str(mail.marketo) if mail else ""}
    found = {
        side: _matching(con, pairing, side, who, address[side]) if side in sides else [] for side in (CRM, MARKETO)
    }
    for side, other in ((CRM, MARKETO), (MARKETO, CRM)):
        ids = commas(literal(known.id) for known in found[side]) or "null"
        linked = con.execute(
            f"select {other}_id from {ledger.table('link')} "
            f"where pairing = {literal(pairing.name)} and {side}_id in ({ids})"
        ).fetchall()
        for (record_id,) in linked:
            found[other] += _matching(con, pairing, other, record_id)
    for some in found.values():
        yield from some


def _matching(con: Connection, pairing: Pairing, side: str, who: str, mail: str = "") -> list[_Known]:
    """Return the records of one side with this id, or this address in the field `mail`."""
    obj, is_crm = pairing.object(side), side == CRM
    kept, key = columns(con, *obj.table), f"{quoted(obj.key)}::varchar"
    same = f"{key} = {literal(who)}"
    if isinstance(who, EmailAddress):
        same = f"{address_sql(quoted(mail))} = {literal(who.key)}" if mail in kept else "false"
    if not kept:
        return []
    of_kind = f"pairing = {literal(pairing.name)}" if is_crm else f"marketo_object = {literal(obj.name)}"
    linked = f"select {side}_id from {ledger.table('link')} where ended_at is null and {of_kind}"
    rows = con.execute(
        f"select {key}, {quoted(DELETED_AT)} is not null, coalesce({pairing.alive if is_crm else 'true'}, false), "
        f"{key} in ({linked}) from {full_name(*obj.table)} where {same} order by 1 limit {SHOWN}"
    ).fetchall()
    return [_Known(side, obj, row[0], _why_not(pairing, side, *row[1:])) for row in rows]


def _why_not(pairing: Pairing, side: str, deleted: bool, alive: bool, linked: bool) -> str:
    """Return why a record takes no part in the sync, empty if it does."""
    if deleted:
        return "it is deleted"
    if not alive:
        return f"of {pairing.crm.name}s only those count where {pairing.filter or pairing.alive}"
    if linked:
        return ""
    return "Marketo does not know it yet" if side == CRM else "only Marketo knows it"  # which stays so: GEN-11


def _changes(con: Connection, obj: Object, ids: str) -> Chapter:
    names = ("_detected_at", "_change", "_changed_at", "_before", "_after")
    rows = con.execute(
        f"select {commas(names)} from {full_name(*obj.changes_table)} where {quoted(obj.key)}::varchar in ({ids}) "
        f"order by _detected_at desc limit {SHOWN}"
    ).fetchall()
    return Chapter(f"changes of {obj.system}.{obj.name}", tuple(n.lstrip("_") for n in names), tuple(rows))


def _chapter(con: Connection, title: str, table: str, names: tuple[str, ...], where: str, latest: str) -> Chapter:
    rows = con.execute(
        f"select {commas(names)} from {ledger.table(table)} where {where} order by {latest} desc limit {SHOWN}"
    ).fetchall()
    return Chapter(title, names, tuple(rows))


def _writes(con: Connection, linked: str) -> Chapter:
    names = ("planned_at", "side", "operation", "fields", "because", "verdict", "answered_at", "code", "message")
    rows = con.execute(
        f"select {commas(names)} from {ledger.table('outbox')} "
        f"left join {ledger.table('write_result')} using (write_id) where {linked} "
        f"order by planned_at desc limit {SHOWN}"
    ).fetchall()
    return Chapter("writes", names, tuple(rows))
