"""Values that were sent without an answer: whether they arrived is told by the system's next reading.

A write that was cut off is decided anew. Did it arrive, and has the other side changed meanwhile, then what the system
has is our own value of before and nobody's edit: taken for one, it could undo the later one. So a value found where it
was tried counts as the one on which both sides last agreed (law 6: they did, when it was sent). So does the other
side's form of it, see `spelling`: of a record that names us as its last author any value is one, of others what a plain
rule makes of the value that was sent.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from sync_pipeline.connectors.records import Operation
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Pairing
from sync_pipeline.sync.decision.spelling import is_form
from sync_pipeline.sync.delivery.unconfirmed_creates import STILL_RUNNING
from sync_pipeline.sync.identity.mirror_sql import watermark
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
TRIED = ledger.table("tried")
BRINGS_VALUES = commas(map(literal, (Operation.CREATE, Operation.UPDATE, Operation.UPSERT)))


def note(con: Connection, pairings: Iterable[Pairing], writes: str) -> None:
    """Keep the values of writes that may have arrived.

    Args:
        writes: SQL for their `pairing`, `side`, `crm_id`, `operation`, `planned_at` and `fields`.
    """
    sent = f"select * from ({writes}) where crm_id is not null and operation in ({BRINGS_VALUES})"
    if con.execute(f"{sent} limit 1").fetchone() is None:
        return
    read_until = " union all ".join(
        f"select {literal(pairing.name)} as pairing, {literal(side)} as side, "
        f"{watermark(pairing.object(side))} as read_until"
        for pairing in pairings
        for side in (CRM, MARKETO)
    )
    con.execute(
        f"insert into {TRIED} by name select pairing, side, crm_id, fields, read_until, "
        "least(planned_at, read_until) as begun_at "
        f"from ({sent}) join ({read_until}) using (pairing, side)"
    )


def find(con: Connection, pairing: Pairing) -> bool:
    """Fill the temporary table `attempt` with what was tried of the links in `touched`; tell whether there is any."""
    con.execute(f"""
        create or replace temp table attempt as
        with entry as (
            select crm_id, side, begun_at, unnest(map_entries(fields)) as e from {TRIED}
            where pairing = {literal(pairing.name)} and crm_id in (select crm_id from touched)
        ),
        named as (
            select crm_id, side || '.' || e.key as name, min(begun_at) as begun_at,
                list(coalesce(e.value, '') order by begun_at nulls first) as sent
            from entry group by all
        )
        select crm_id, map_from_entries(list({{k: name, v: sent}})) as sent,
            coalesce(min(begun_at), timestamptz '-infinity') as begun_at
        from named group by crm_id
    """)
    return _is_any(con)


def _is_any(con: Connection) -> bool:
    return con.execute("from attempt limit 1").fetchone() is not None


def arrived(field: Compared, crm: str, marketo: str) -> str:
    """Return SQL for the side that has a value of a field that we sent it, given both values; null if none has."""
    sides = ((MARKETO, field.name, marketo), (CRM, field.crm.name, crm))
    found = (
        f"when list_contains(a.sent[{literal(f'{side}.{name}')}], coalesce({has}, '')) then {literal(side)}"
        for side, name, has in sides
    )
    return f"case {' '.join(found)} end"


def forms_sql(side: str) -> str:
    """Return SQL for what was tried of which a side's value is a form, null if there is none.

    It is SQL over that value, `base`, and `crm_tried` or `marketo_tried`: null where the record has not moved since or
    has another author. `crm_ours` tells that the record names us.
    """
    kept = f"list_filter({side}_tried, lambda s: {is_form(side, 's')})"
    any_of = f"if({side}_ours, list_filter({side}_tried, lambda s: len(s) > 0), {kept})"
    moved = f"coalesce(len({side}) > 0, false) and {side} is distinct from base"
    return f"case when arrived is null and {moved} then {any_of}[-1] end"


def forget(con: Connection, request: DecisionRequest) -> None:
    """Drop what `find` found of the decided links, once their systems were read long enough after it."""
    if not _is_any(con):
        return
    later = " or ".join(
        f"(side = {literal(side)} and coalesce(read_until, timestamptz '-infinity') "
        f"< {watermark(request.pairing.object(side))} - interval '{STILL_RUNNING.seconds} seconds')"
        for side in (CRM, MARKETO)
    )
    con.execute(
        f"delete from {TRIED} where pairing = {literal(request.pairing.name)} "
        f"and crm_id in (select crm_id from attempt) and ({later})"
    )
