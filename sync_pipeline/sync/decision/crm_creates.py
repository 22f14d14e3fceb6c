"""Records of Marketo that the CRM is to be given: members of linked programs, and the leads that they need.

Any other person reaches the CRM on demand alone (GEN-11). A record that was linked once is no newcomer, so what the CRM
has removed does not come back by itself; one that it refused is tried again when it changes or on request (OPS-20).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Field, Pairing
from sync_pipeline.sync.changed import changed_sql, marks
from sync_pipeline.sync.delivery import on_demand, unconfirmed_creates
from sync_pipeline.sync.delivery.retries import of_writes
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import MARKETO

Connection = duckdb.DuckDBPyConnection
NONE = "select null::varchar as marketo_id, map {}::map(varchar, varchar) as keys, false as complete where false"


def find(con: Connection, request: DecisionRequest) -> None:
    """Fill `newcomer`: Marketo's id, what its keys refer to in the CRM, by field, and whether it can be created."""
    con.execute(f"create or replace temp table newcomer as {_sql(con, request)}")


def are_there(con: Connection, request: DecisionRequest) -> bool:
    """Tell whether there are any: others' changes make newcomers, so no change of their own tells of them."""
    return con.execute(f"from ({_sql(con, request)}) limit 1").fetchone() is not None


def _sql(con: Connection, request: DecisionRequest) -> str:
    pairing = request.pairing
    if not pairing.creates:
        return NONE
    id_, link = f"m.{quoted(pairing.marketo.key)}::varchar", ledger.table("link")
    if pairing.created_for:
        other = request.referred.get(pairing.created_for)
        parts = _as_needed(request, id_, other) if other else None
    else:
        parts = _by_keys(request)
    if not parts:
        return NONE
    entries, complete, takes_part = parts
    return f"""
        with known as (
            select {id_} as marketo_id, {entries} as entries, {complete} as complete, {takes_part} as takes_part
            from {request.marketo} m where m.{quoted(DELETED_AT)} is null and {id_} not in (
                select marketo_id from {link} where marketo_object = {literal(pairing.marketo.name)})
        )
        select marketo_id, map_from_entries(list_filter(entries, lambda e: e.v is not null)) as keys, complete
        from known where takes_part and (marketo_id not in (
                select record_id from {ledger.table("error")}
                where {of_writes(pairing.crm)} and field is null and resolved_at is null and record_id is not null)
            or marketo_id in ({changed_sql(pairing, MARKETO, marks(con))}))
    """


Parts = tuple[str, str, str]  # SQL for the entries of the keys, whether they are complete, whether it takes part


def _by_keys(request: DecisionRequest) -> Parts | None:
    """Return the SQL for a record that is what its keys refer to; the first tells whether it takes part at all."""
    keys = [field for field in request.fields if field.is_key]
    if not keys:
        return None
    parts = [[(source, _in_crm(source, field, request)) for source in field.sources] for field in keys]
    entries = commas(f"{{k: {literal(s.name)}, v: {value}}}" for some in parts for s, value in some)
    filled = [f"coalesce({commas([value for _, value in some])}, null) is not null" for some in parts]
    return f"[{entries}]", " and ".join(filled), filled[0]


def _in_crm(source: Field, field: Compared, request: DecisionRequest) -> str:
    """Return SQL for the id of the CRM's record that a Marketo record `m` refers to, if this CRM field can hold it."""
    referred = request.referred
    names = [n for n in field.refers_to if n in referred and referred[n].crm.source in source.reference_to]
    return (
        f"(select max(l.crm_id) from {ledger.table('link')} l where l.ended_at is null "
        f"and l.pairing in ({_listed(names)}) and l.marketo_id = m.{quoted(field.marketo.name)}::varchar)"
    )


def _as_needed(request: DecisionRequest, id_: str, other: Pairing) -> Parts:
    """Return the SQL for a record that one of another pairing refers to, whose own first key is linked (SF-CAMP-6).

    While a creation may still be running, here or on demand, nobody is created a second time (GEN-16).
    """
    keys = {name: [m for m in other.mappings if m.marketo == name] for name in other.keys}
    by = next(name for name, some in keys.items() if any(request.pairing.name in m.refers_to for m in some))
    first = [name for m in keys[other.keys[0]] for name in m.refers_to]
    needed = (
        f"select o.{quoted(by)}::varchar from {full_name(*other.marketo.table)} o "
        f"join {ledger.table('link')} l on l.marketo_id = o.{quoted(other.keys[0])}::varchar "
        f"where o.{quoted(DELETED_AT)} is null and l.ended_at is null and l.pairing in ({_listed(first)})"
    )
    running = f"{unconfirmed_creates.under_way(request.pairing)} union all {on_demand.under_way('marketo_id')}"
    stranger = f"m.{quoted(request.pairing.key)} is null"  # who carries an id of the CRM is somebody there
    return (
        "[{k: null::varchar, v: null::varchar}]",
        f"{id_} not in (select marketo_id from ({running}) where marketo_id is not null)",
        f"{stranger} and {id_} in ({needed})",
    )


def _listed(names: Sequence[str]) -> str:
    return commas(map(literal, names)) or "null"
