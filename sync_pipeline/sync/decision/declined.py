"""Values that a system declined: what it blamed on a field is kept, and not sent again until it changes.

The record was written without them. Another value of the field, or `errors --retry`, asks the system anew. SQL in the
caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, map_sql
from sync_pipeline.model import Pairing
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.delivery.retries import PUSH
from sync_pipeline.sync.sides import CRM

Connection = duckdb.DuckDBPyConnection
DECLINED = ledger.table("declined")
NAMES = ("field", "value", "code", "message")


def other_id(side: str) -> str:
    """Return the column that names the record of the other side, whose value was declined: it is there before both."""
    return "marketo_id" if side == CRM else "crm_id"


def answers_sql(con: Connection, pairing: Pairing) -> str:
    """Return SQL for `weighed` with `declined_code` and `declined_because`, null where nothing was declined."""
    if con.execute(f"from {DECLINED} where pairing = ? limit 1", [pairing.name]).fetchone() is None:
        return "select *, null::varchar as declined_code, null::varchar as declined_because from weighed"
    takes = f"if(side = '{CRM}', '{Outcome.TAKE_MARKETO}', '{Outcome.TAKE_CRM}')"
    return (
        "select w.*, d.code as declined_code, d.message as declined_because "
        f"from weighed w left join (select *, {takes} as taken "
        f"from {DECLINED} where pairing = {literal(pairing.name)}) d on d.field = w.field and d.taken = w.taken "
        f"and d.record_id = if(w.taken = '{Outcome.TAKE_CRM}', w.crm_id, w.marketo_id) "
        "and coalesce(d.value, '') = coalesce(w.sent, '')"
    )


@dataclass(frozen=True)
class Declined:
    """A value that a system refused, of a field as Marketo and as the CRM calls it."""

    crm_id: str | None
    marketo_id: str | None
    field: str
    crm_field: str
    value: str | None
    code: str
    message: str


def note(con: Connection, pairing: Pairing, side: str, run_id: str, found: Sequence[Declined], now: datetime) -> None:
    """Keep the last declined value of each field, and put each refusal on record, as those of a decision are."""
    if not found:
        return
    own, crm = f"pairing = {literal(pairing.name)} and side = {literal(side)}", pairing.crm
    columns = {"record_id": [getattr(one, other_id(side)) for one in found]}
    con.register("found", pa.table(columns | {name: [getattr(one, name) for one in found] for name in NAMES}))
    try:
        con.execute(
            f"delete from {DECLINED} where {own} and (record_id, field) in (select (record_id, field) from found)"
        )
        con.execute(
            f"insert into {DECLINED} by name select {literal(pairing.name)} as pairing, {literal(side)} as side, "
            f"record_id, field, value, code, message, {literal(now)} as refused_at from found"
        )
    finally:
        con.unregister("found")
    errors = [
        ledger.Error(one.code, f"not written: {one.crm_field} and {one.field} stay different: {one.message}",
                     one.crm_id or one.marketo_id, one.crm_field)
        for one in found
    ]  # fmt: skip
    ledger.add_errors(con, run_id, crm, PUSH, errors, now)


def forget_accepted(con: Connection, pairing: Pairing, side: str, names: Mapping[str, str]) -> None:
    """Drop what was declined of fields that the system has taken since, as the temporary table `answered` tells.

    Args:
        names: Marketo's name of each field, by the name under which it was written.
    """
    own = f"pairing = {literal(pairing.name)} and side = {literal(side)}"
    if con.execute(f"from {DECLINED} where {own} limit 1").fetchone() is None:
        return
    called = f"coalesce(({map_sql(names)})[name], name)" if names else "name"
    con.execute(
        f"delete from {DECLINED} where {own} and (record_id, field) in (select (record_id, {called}) from ("
        f"select {other_id(side)} as record_id, unnest(map_keys(fields)) as name "
        f"from answered where verdict = '{Verdict.ACCEPTED}'))"
    )
