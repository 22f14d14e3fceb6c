"""The limits above which a pass stops a pairing: nothing of it is done, and the message says why (law 7).

A share counts only above a floor of records, so that a small org has a brake too, and a handful is never stopped.
What was stopped is kept in `brakes`, which lets it through once on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.identity.email_match import ADDRESS, known_addresses, mail_field
from sync_pipeline.sync.identity.facts import CONVERT, MERGE
from sync_pipeline.sync.mapping.canonical import BOOLEAN
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.planning.plan import CREATE, DELETE, UPSERT, Planned
from sync_pipeline.sync.policy import Limits
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
SHOWN = 3  # ids named in a message
GONE = "links that end"
TITLES = {CRM: "the CRM", MARKETO: "Marketo"}


@dataclass(frozen=True)
class Excess:
    """One limit that a pass would exceed.

    Attributes:
        kind: which limit, of which side and field; one for each pairing.
        number: records or values that count against it.
        message: the number, what it is a share of, and the limit.
    """

    kind: str
    number: int
    message: str


class RefusedError(Exception):
    """A pass would exceed limits: nothing is done about the pairing (law 7)."""

    def __init__(self, pairing: Pairing, excesses: Sequence[Excess]) -> None:
        self.excesses = tuple(excesses)
        super().__init__(message(pairing, excesses))


def message(pairing: Pairing, excesses: Sequence[Excess]) -> str:
    """Return what stopped a pairing, and what an operator can do about it."""
    found = ", and ".join(excess.message for excess in excesses)
    return (
        f"{pairing.name}: {found}; nothing is done about {pairing.name}: see `sync-pipeline plan`, and "
        f"`sync-pipeline brakes --release {pairing.name}` lets it through once"
    )


def exceeded(con: Connection, request: DecisionRequest, planned: Planned, allowed: Mapping[str, int]) -> list[Excess]:
    """Return the limits of the request's policy that a draft exceeds.

    Args:
        allowed: what an operator lets through once, by kind; see `brakes`.
    """
    limits = request.policy.limits
    found = [*_writes(planned, limits), *_overwritten(con, request, planned, limits), *_emptied(con, request, limits)]
    return _not_allowed([*found, *_doubled(con, request, limits), *_told(con, request, limits)], limits, allowed)


def exceeded_by_ends(con: Connection, pairing: Pairing, limits: Limits, allowed: Mapping[str, int]) -> list[Excess]:
    """Return the limit that the open links which end now exceed, as `ending` tells them (DEL-10)."""
    if limits.gone >= 1:
        return []
    ends = "from ending where ended_at is null and because is not null"
    (number,) = con.execute(f"select count(*) {ends}").fetchone() or (0,)
    links = _links(con, pairing) if number > limits.few_gone else 0
    if number <= max(links * limits.gone, limits.few_gone):
        return []
    reasons = con.execute(f"select because, count(*) {ends} group by all order by all").fetchall()
    some = con.execute(f"select crm_id {ends} order by crm_id limit {SHOWN}").fetchall()
    why = ", ".join(f"{count:,} {because}" for because, count in reasons)
    said = (
        f"{number:,} of {links:,} links would end ({why}; for instance {commas(crm_id for (crm_id,) in some)}), "
        f"more than the limit of {limits.gone:.0%}"
    )
    return _not_allowed([Excess(GONE, number, said)], limits, allowed)


def _not_allowed(found: Sequence[Excess], limits: Limits, allowed: Mapping[str, int]) -> list[Excess]:
    """Return what was not let through: a few more than were seen pass too, as people go on working meanwhile."""
    return [e for e in found if e.kind not in allowed or e.number > allowed[e.kind] + limits.few]


def _writes(planned: Planned, limits: Limits) -> Iterator[Excess]:
    for side, number in _by_side(planned):
        if limits.writes and number > limits.writes:
            said = f"{number:,} writes to {side} are more than the limit of {limits.writes:,}"
            yield Excess(f"writes to {side}", number, said)


def _by_side(planned: Planned) -> tuple[tuple[str, int], ...]:
    return (MARKETO, planned.creates + planned.to_marketo), (CRM, planned.to_crm)


def _overwritten(con: Connection, request: DecisionRequest, planned: Planned, limits: Limits) -> Iterator[Excess]:
    """Yield the sides of too many of whose records the draft replaces or empties a value."""
    if limits.share >= 1:
        return
    for side, writes in _by_side(planned):
        if writes <= limits.few:
            continue
        taken, value = (Outcome.TAKE_CRM, "marketo") if side == MARKETO else (Outcome.TAKE_MARKETO, "crm")
        (number,) = con.execute(
            f"select count(distinct crm_id) from outcome where taken = '{taken}' and refusal is null "
            f"and marketo_id is not null and {value} is not null and gone is not true"
        ).fetchone() or (0,)
        links = _links(con, request.pairing) if number > limits.few else 0
        if number > max(links * limits.share, limits.few):
            said = (
                f"{number:,} of {links:,} links would be overwritten in {side}, more than the limit of "
                f"{limits.share:.0%}"
            )
            yield Excess(f"overwritten in {side}", number, said)


def _links(con: Connection, pairing: Pairing) -> int:
    of = f"from {ledger.table('link')} where pairing = {literal(pairing.name)} and ended_at is null"
    (links,) = con.execute(f"select count(*) {of}").fetchone() or (0,)
    return int(links)


def _emptied(con: Connection, request: DecisionRequest, limits: Limits) -> Iterator[Excess]:
    """Yield the fields of which the draft empties too many values; a box that is unticked is emptied."""
    if limits.emptied >= 1:
        return
    by_name = {field.name: field for field in request.fields}
    boxes = commas(literal(name) for name, field in by_name.items() if field.kind == BOOLEAN) or "null"
    nothing, something = (
        f"coalesce(if(field in ({boxes}), {{0}} = 'false', {{0}} is null), true)",
        f"coalesce(if(field in ({boxes}), {{0}} = 'true', {{0}} is not null), false)",
    )
    found = con.execute(f"""
        select taken, field, count(*) from outcome
        where refusal is null and crm_id is not null and marketo_id is not null and gone is not true and (
            (taken = '{Outcome.TAKE_CRM}' and {nothing.format("crm")} and {something.format("marketo")})
            or (taken = '{Outcome.TAKE_MARKETO}' and {nothing.format("marketo")} and {something.format("crm")}))
        group by all having count(*) > {limits.few} order by all
    """).fetchall()
    for taken, name, number in found:
        side = MARKETO if taken == Outcome.TAKE_CRM else CRM
        values = _values(con, request, by_name[name], side)
        if number > max(values * limits.emptied, limits.few):
            title = by_name[name].marketo.name if side == MARKETO else by_name[name].crm.name
            said = (
                f"{number:,} of {values:,} values of {title} would be emptied in {TITLES[side]}, more than the limit "
                f"of {limits.emptied:.0%}"
            )
            yield Excess(f"{title} emptied in {side}", number, said)


def _values(con: Connection, request: DecisionRequest, field: Compared, side: str) -> int:
    """Return how many linked records of a side have a value of a field."""
    obj = request.pairing.object(side)
    name = quoted(field.marketo.name if side == MARKETO else field.crm.name)
    is_set = f"coalesce(try_cast({name} as boolean), false)" if field.kind == BOOLEAN else f"{name} is not null"
    (values,) = con.execute(
        f"select count(*) from {full_name(*obj.table)} where {is_set} and {quoted(obj.key)}::varchar in (select "
        f"{side}_id from {ledger.table('link')} where pairing = {literal(request.pairing.name)} and ended_at is null)"
    ).fetchone() or (0,)
    return int(values)


def _doubled(con: Connection, request: DecisionRequest, limits: Limits) -> Iterator[Excess]:
    """Yield the sides that would get too many people whose e-mail address they have already (CONN-15, DEDUP-1)."""
    pairing = request.pairing
    mail = {CRM: mail_field(pairing), MARKETO: ADDRESS}
    if limits.doubled >= 1 or not pairing.merges or not mail[CRM]:
        return
    people = [p for p in request.referred.values() if p.merges and p.marketo.name == pairing.marketo.name]
    kept = {CRM: [(p.crm, mail_field(p)) for p in people], MARKETO: [(pairing.marketo, mail[MARKETO])]}
    for side, operation in ((MARKETO, UPSERT), (CRM, CREATE)):
        created = f"from write where side = '{side}' and operation = '{operation}'"
        (creates,) = con.execute(f"select count(*) {created}").fetchone() or (0,)
        if creates <= limits.few:
            continue
        (number,) = con.execute(
            f"select count(*) {created} "
            f"and {address_sql(f'fields[{literal(mail[side])}]')} in ({known_addresses(con, kept[side])})"
        ).fetchone() or (0,)
        if number > max(creates * limits.doubled, limits.few):
            said = (
                f"{number:,} of {creates:,} people to be created in {TITLES[side]} have the e-mail address of one that "
                f"is there already, more than the limit of {limits.doubled:.0%} (SYNC_MATCH_EMAIL can link them)"
            )
            yield Excess(f"doubled in {side}", number, said)


def _told(con: Connection, request: DecisionRequest, limits: Limits) -> Iterator[Excess]:
    """Yield how many deletions and merges the other system would be told of, whenever their links ended."""
    if limits.gone >= 1:
        return
    (number,) = con.execute(
        f"select count(*) from write where operation in ('{DELETE}', '{MERGE}', '{CONVERT}') "
        "or crm_id in (select crm_id from touched where gone)"
    ).fetchone() or (0,)
    records = _links(con, request.pairing) + number if number > limits.few_gone else 0
    if number > max(records * limits.gone, limits.few_gone):
        said = f"{number:,} of {records:,} records were deleted or merged, more than the limit of {limits.gone:.0%}"
        yield Excess(GONE, number, said)
