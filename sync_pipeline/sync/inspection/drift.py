"""What must hold of all links between two cycles, judged from the lake alone: both records are there, and they agree.

A cycle looks at what changed; this looks at everything, so it would also find what a cycle had overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted, without
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Pairing, Rule
from sync_pipeline.sync.changed import changed_sql, look_again, marks
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.decision.outcomes import outcomes_in_parts
from sync_pipeline.sync.decision.spelling import of_link
from sync_pipeline.sync.identity.mirror_sql import alive, unread, watermark
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
SHOWN = 3


@dataclass(frozen=True)
class Drift:
    """A two-way field that differs although nothing is left to be decided: how many links, and some of them."""

    pairing: str
    field: str
    links: int
    crm_ids: tuple[str, ...]


def drift(con: Connection, request: DecisionRequest) -> list[Drift]:
    """Return the fields in which settled links differ; after clean cycles there are none (law 2).

    Not settled is what changed since it was decided on, waits to be looked at again, was written to since it was read,
    or has an open error: of these it is known that they differ.
    """
    _find(con, request)
    found = con.execute(
        f"select field, count(*), list(crm_id order by crm_id)[:{SHOWN}] from drifted group by field order by field"
    )
    return [Drift(request.pairing.name, field, count, tuple(ids)) for field, count, ids in found.fetchall()]


def repair(con: Connection, request: DecisionRequest, winner: str, now: datetime) -> int:
    """Let the next pass bring drifted fields to the value of one side; return how many links (OPS-18).

    The other side's value is noted as the one last agreed on, so that the pass finds the winner's changed, and plans,
    limits and writes it like any edit. Of consent nothing counts as agreed any more, so that an opt-out wins (law 13).
    A side that may not be written to stays as it is, and is told as refused.

    Args:
        con: in a transaction of the caller's.
        winner: `crm` or `marketo`.
    """
    _find(con, request)
    name, other = literal(request.pairing.name), quoted(MARKETO if winner == CRM else CRM)
    con.execute(
        f"create or replace temp table repaired as select crm_id, "
        f"map_from_entries(list({{k: field, v: {other}}})) as noted from drifted group by crm_id"
    )
    consent = [field.name for field in request.fields if field.consent]
    con.execute(
        f"update {ledger.table('link')} l set agreed = {without('map_concat(l.agreed, r.noted)', consent)} "
        "from repaired r "
        f"where l.pairing = {name} and l.crm_id = r.crm_id and l.ended_at is null"
    )
    return look_again(con, f"select {name}, crm_id, 'drift, {winner} wins', {literal(now)} from repaired")


def _find(con: Connection, request: DecisionRequest) -> None:
    """Fill the temporary table `drifted`: field, record, and the two values."""
    con.execute("create or replace temp table drifted (field varchar, crm_id varchar, crm varchar, marketo varchar)")
    for _ in outcomes_in_parts(con, request, _settled(con, request.pairing), moved=False):
        con.execute(
            "insert into drifted select field, crm_id, crm, marketo from outcome where refusal is null and known "
            f"and taken in ('{Outcome.TAKE_CRM}', '{Outcome.TAKE_MARKETO}') "
            f"and rule not in ('{Rule.CRM_ONLY}', '{Rule.MARKETO_ONLY}')"
        )


def orphans(con: Connection, pairing: Pairing) -> list[str]:
    """Return the CRM ids of living links of which a mirror does not have the record, or has it as gone from Marketo.

    A record that we have just made is not read yet. A link whose record the CRM deleted stays until the next pass.
    """
    sides = {CRM: "", MARKETO: f" and {quoted(DELETED_AT)} is null"}
    missing = [
        f"l.linked_at < {watermark(pairing.object(side))} "
        f"and not exists (from {full_name(*pairing.object(side).table)} r "
        f"where r.{quoted(pairing.object(side).key)}::varchar = l.{side}_id{living})"
        for side, living in sides.items()
    ]
    found = con.execute(f"select l.crm_id from {_links(pairing)} and (({') or ('.join(missing)})) order by all")
    return [crm_id for (crm_id,) in found.fetchall()]


def _links(pairing: Pairing) -> str:
    return f"{ledger.table('link')} l where l.pairing = {literal(pairing.name)} and l.ended_at is null"


def _settled(con: Connection, pairing: Pairing) -> str:
    decided = marks(con)
    # What only Marketo knows waits without an id of the CRM.
    pending = (
        f"select crm_id from {ledger.table('pending')} where pairing = {literal(pairing.name)} and crm_id is not null"
    )
    objects = commas(f"({literal(o.system)}, {literal(o.name)})" for o in (pairing.crm, pairing.marketo))
    errors = (
        f"select record_id from {ledger.table('error')} "
        f"where resolved_at is null and record_id is not null and (system, object) in ({objects})"
    )
    living = [
        f"l.{side}_id in (select {quoted(obj.key)}::varchar from {alive(obj, pairing)})"
        for side, obj in ((CRM, pairing.crm), (MARKETO, pairing.marketo))
    ]
    changed = [
        f"l.{side}_id not in (select id from ({changed_sql(pairing, side, decided)}))" for side in (CRM, MARKETO)
    ]
    return (
        f"select l.crm_id, l.marketo_id, {of_link('l')} from {_links(pairing)} and not ({unread(pairing)}) "
        f"and l.crm_id not in ({pending}) and l.crm_id not in ({errors}) and l.marketo_id not in ({errors}) "
        f"and {' and '.join([*living, *changed])}"
    )
