"""One field over all links: what bringing it to the same on both sides would come to, and having that done (FIELD-19).

A field that is new, or mapped anew, reaches the other side with the next update of each record (FIELD-4). Nothing here
writes to a system: the next pass decides on the links that are marked, and plans, limits and writes them like any edit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

import duckdb

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import literal, quoted, without
from sync_pipeline.model import Rule
from sync_pipeline.sync.changed import look_again
from sync_pipeline.sync.decision.case_table import Outcome, name_sql
from sync_pipeline.sync.decision.outcomes import outcomes_in_parts
from sync_pipeline.sync.decision.spelling import of_link
from sync_pipeline.sync.identity import links
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
BACKFILL = "backfill"
ONE_WAY = {CRM: Rule.CRM_ONLY, MARKETO: Rule.MARKETO_ONLY}  # from this side
OTHER = {CRM: MARKETO, MARKETO: CRM}


@dataclass(frozen=True)
class Count:
    """Of so many links the field would be filled, replaced or emptied `to` a side, or kept as it is, and why."""

    links: int
    to: str
    how: str
    because: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class FieldError(LookupError):
    """There is no such field to be brought over, or it does not flow that way."""


def field_of(request: DecisionRequest, crm_field: str, winner: str | None) -> Compared:
    """Return the field of the CRM as it is compared.

    Raises:
        FieldError: it is not mapped, not visible on both sides, or does not flow from the winner to the other side.
    """
    found = next((f for f in request.fields if crm_field in {source.name for source in f.sources}), None)
    if found is None:
        raise FieldError(f"{request.pairing.name}.{crm_field} is not synced: see `sync-pipeline fields show`")
    if winner and found.rule is ONE_WAY[OTHER[winner]]:
        raise FieldError(f"{request.pairing.name}.{crm_field} flows to {winner} only")
    return found


def tried(con: Connection, request: DecisionRequest, field: Compared, winner: str | None = None) -> list[Count]:
    """Return what deciding on the field of all links would come to; nothing is stored.

    Args:
        winner: the side whose values count wherever it has one; None leaves it to the field's rule.
    """
    _find(con, request, field, winner)
    found = con.execute(f"""
        select count(*)::bigint as links, coalesce("to", ''), how, because from (
            select *, case when "to" is null then 'keep'
                when {_value("target")} is null then 'fill' when {_value("source")} is null then 'empty' else 'replace'
                end as how
            from filling
        ) group by all order by 1 desc, 2, 3, 4
    """)
    return [Count(*row) for row in found.fetchall()]


def backfill(lake: Lake, request: DecisionRequest, field: Compared, winner: str | None, now: datetime) -> int:
    """Have the next pass decide on the field wherever it would write it; return how many links that are.

    Where a side is to win, the other's value is noted as the one last agreed on: so the winner's has changed. Of
    consent none is, so that an opt-out wins (law 13).
    """
    if field.remapped:
        with lake.transaction() as con:
            links.remap(con, request.pairing, [field], now)
    name = literal(request.pairing.name)
    with lake.transaction() as con:
        _find(con, request, replace(field, remapped=False), winner)
        if winner:
            noted = f"map {{{literal(field.name)}: f.{quoted(OTHER[winner])}}}"
            differs = "f.crm is distinct from f.marketo" if field.consent else 'f."to" is not null'
            agreed = f"map_concat(coalesce(l.agreed, map {{}}), {noted})"
            con.execute(
                f"update {ledger.table('link')} l "
                f"set agreed = {without('l.agreed', [field.name]) if field.consent else agreed} from filling f "
                f"where {differs} and l.pairing = {name} and l.crm_id = f.crm_id and l.ended_at is null"
            )
        return look_again(
            con,
            f"select {name}, crm_id, {literal(f'{BACKFILL} of {field.crm.name}')}, {literal(now)} "
            'from filling where "to" is not null',
        )


def _value(end: str) -> str:
    """Return SQL for the value that is taken, or that it takes the place of."""
    sides = (CRM, MARKETO) if end == "source" else (MARKETO, CRM)
    return f"if(\"to\" = '{MARKETO}', {sides[0]}, {sides[1]})"


def _find(con: Connection, request: DecisionRequest, field: Compared, winner: str | None) -> None:
    """Fill the temporary table `filling`: each link, both values, the side that would be written, and why."""
    as_told = replace(field, rule=ONE_WAY[winner]) if winner else field
    if winner and field.consent:  # it counts as never agreed on, so that an opt-out wins, whichever side has it
        as_told = replace(field, remapped=True)
    con.execute(
        'create or replace temp table filling (crm_id varchar, crm varchar, marketo varchar, "to" varchar, '
        "because varchar)"
    )
    open_links = (
        f"select crm_id, marketo_id, {of_link('l')} from {ledger.table('link')} l "
        f"where pairing = {literal(request.pairing.name)} and ended_at is null"
    )
    has_one = f"{quoted(winner)} is not null" if winner else "true"
    to = f"case taken when '{Outcome.TAKE_CRM}' then '{MARKETO}' when '{Outcome.TAKE_MARKETO}' then '{CRM}' end"
    for _ in outcomes_in_parts(con, replace(request, fields=(as_told,)), open_links, True):
        con.execute(
            f"insert into filling select crm_id, crm, marketo, if(refusal is null and {has_one}, {to}, null), "
            f"case when refusal is not null then refusal when not ({has_one}) then 'nothing to bring' "
            f"else {name_sql('number')} end from outcome"
        )
