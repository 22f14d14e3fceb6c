"""Putting on record what was written to the CRM for the sales tool: in the outbox and its results, like any write.

What waits to be written is told by the tables of schema `actions`; so a write enters the outbox with its answer.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.records import Answer, Operation, Verdict, tally
from sync_pipeline.lake import ledger
from sync_pipeline.lake.ledger import Error
from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Object

Connection = duckdb.DuckDBPyConnection
TEXTS = pa.map_(pa.string(), pa.string())


@dataclass(frozen=True)
class Write:
    """One write to the CRM; `fields` hold canonical text, as in `sync.outbox`.

    Attributes:
        other_id: the id of what it stands for on the other side, kept as the outbox's `marketo_id`.
    """

    operation: Operation
    crm_id: str | None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    because: str = ""
    other_id: str | None = None
    write_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def plan(con: Connection, run_id: str, pairing: str, writes: Sequence[Write], now: datetime) -> None:
    """Put writes into the outbox."""
    columns = {
        "write_id": pa.array([w.write_id for w in writes], pa.string()),
        "operation": pa.array([w.operation.value for w in writes], pa.string()),
        "crm_id": pa.array([w.crm_id for w in writes], pa.string()),
        "marketo_id": pa.array([w.other_id for w in writes], pa.string()),
        "fields": pa.array([list(w.fields.items()) for w in writes], TEXTS),
        "because": pa.array([[(name, w.because) for name in w.fields] for w in writes], TEXTS),
    }
    con.register("planned_writes", pa.table(columns))
    try:
        con.execute(
            f"insert into {ledger.table('outbox')} by name select *, {literal(run_id)} as run_id, "
            f"{literal(now)} as planned_at, 'crm' as side, {literal(pairing)} as pairing, true as applied "
            "from planned_writes"
        )
    finally:
        con.unregister("planned_writes")


def note(
    con: Connection, run_id: str, obj: Object, operation: str, answered: Sequence[tuple[Write, Answer]], now: datetime
) -> Counter[Verdict]:
    """Put the answers to writes of the outbox on record; return how many of each verdict.

    A refusal is an open error of `operation` until a write of the same record is accepted (SIA-DIAG-1).
    """
    ledger.insert(
        con,
        "write_result",
        [(w.write_id, run_id, now, a.verdict.value, a.id, a.created, a.code, a.message) for w, a in answered],
    )
    refused = [Error(a.code, a.message, w.crm_id or w.other_id) for w, a in answered if a.verdict is Verdict.REJECTED]
    ledger.add_errors(con, run_id, obj, operation, refused, now)
    done = [w.crm_id or w.other_id for w, a in answered if a.verdict is Verdict.ACCEPTED]
    ledger.resolve_record_errors(con, obj, operation, [record_id for record_id in done if record_id], now)
    return tally(a for _, a in answered)
