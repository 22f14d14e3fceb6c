"""Single records as they are this minute, and what of a person belongs into its record in the CRM."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.records import Value
from sync_pipeline.identifiers import Identifier, is_same
from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.lake.types import TEXT, cast, column_type, is_told_whole
from sync_pipeline.model import Describe, Field, Object
from sync_pipeline.on_demand.sides import Reader
from sync_pipeline.sync.decision.case_table import Outcome
from sync_pipeline.sync.decision.decide import decide_pair
from sync_pipeline.sync.delivery.outbox import typed
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
TABLES = {CRM: "fresh_crm", MARKETO: "fresh_marketo"}  # for `DecisionRequest.read_from`


@dataclass(frozen=True)
class Values:
    """What belongs into the CRM: by its field names as its API takes them, and the text that both sides then agree on.

    `marketo_names` are Marketo's names of these fields; `refused` fields differ and stay, with the reason (FIELD-15 …).
    A new record is `needed` to have some.
    """

    typed: dict[str, Value] = field(default_factory=dict)
    text: dict[str, str | None] = field(default_factory=dict)
    marketo_names: dict[str, str] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()
    needed: frozenset[str] = frozenset()

    def without(self, names: Container[str]) -> Values:
        """Return the values of the other fields."""
        return replace(
            self,
            typed={name: value for name, value in self.typed.items() if name not in names},
            text={name: text for name, text in self.text.items() if name not in names},
        )


def read(reader: Reader, obj: Object, fields: Sequence[str], asked: Identifier, by: str = "") -> pa.Table:
    """Read the records whose key, or whose field `by`, is what is asked for, as one table of text.

    What a system answers besides is left out: some compare without accents, and others are no better than their proxy.

    Raises:
        RejectedError: it answered with nothing but other records, so that what it says is not to be relied upon.
    """
    key = by or obj.key
    pages = reader.extract_ids(obj, list(dict.fromkeys([*fields, key])), [str(asked)], by).pages()
    found = _table([batch for page in pages for batch in page.read()], [*fields, key])
    same = [is_same(asked, text) for text in found.column(key).to_pylist()]
    if same and not any(same):
        message = f"{obj.title} was asked for one record and answered with another; nothing was done"
        raise RejectedError("ANOTHER_RECORD", message)
    return found.filter(pa.array(same, pa.bool_()))


def first(table: pa.Table) -> dict[str, str | None]:
    """Return the first row; empty if there is none."""
    return dict(table.slice(0, 1).to_pylist()[0]) if table.num_rows else {}


def to_crm(
    con: Connection, request: DecisionRequest, crm: pa.Table | None, marketo: pa.Table, told: Sequence[Describe]
) -> Values:
    """Return what of a person belongs into its record in the CRM, by the case table of every cycle.

    Args:
        crm: the record as read this minute; None for what a new record is to hold.
        marketo: the person, likewise.
        told: what CRM and Marketo say of these objects.
    """
    obj = request.pairing.crm
    names = [obj.key, obj.stamp, *(f.crm.name for f in request.fields)]
    record = _table([], names) if crm is None else crm
    _take(con, TABLES[CRM], record, told[0])
    _take(con, TABLES[MARKETO], marketo, told[1])
    crm_id, marketo_id = first(record).get(obj.key), str(first(marketo)[request.pairing.marketo.key])
    decide_pair(con, request, crm_id, marketo_id)
    rows = con.execute(
        "select crm_field, field, marketo, refusal from outcome where taken = ? order by crm_field",
        [Outcome.TAKE_MARKETO],
    ).fetchall()
    kinds = {f.crm.name: f.crm for f in request.fields}
    odd_here, odd_there = (_misfits(con, side, told_of) for side, told_of in ((CRM, record), (MARKETO, marketo)))
    taken = [
        (name, other, text)
        for name, other, text, refusal in rows
        if refusal is None and name not in odd_here and other not in odd_there
    ]
    return Values(
        {name: typed(text, kinds[name]) for name, _, text in taken},
        {name: text for name, _, text in taken},
        {name: other for name, other, _ in taken},
        tuple((name, refusal) for name, _, _, refusal in rows if refusal is not None),
        frozenset(f.crm.name for f in request.fields if crm is None and f.is_needed),
    )


def _table(batches: Sequence[pa.RecordBatch], fields: Sequence[str]) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in dict.fromkeys(fields)])
    return pa.Table.from_batches(batches).select(schema.names).cast(schema) if batches else schema.empty_table()


def _take(con: Connection, name: str, table: pa.Table, described: Describe) -> None:
    """Make a temporary table of typed values, as a mirror would have them."""
    fields = {f.name: f for f in described.fields}
    casts = commas(f"{_typed(column, fields.get(column))} as {quoted(column)}" for column in table.column_names)
    con.register("given", table)
    try:
        con.execute(f"create or replace temp table {quoted(name)} as select {casts} from given")
    finally:
        con.unregister("given")


def _misfits(con: Connection, side: str, told_of: pa.Table) -> frozenset[str]:
    """Return the fields of a side's record with a text that is no value of the type: none here, but not empty there."""
    said = [name for name, text in first(told_of).items() if (text or "").strip()]
    if not said:
        return frozenset()
    row = con.execute(f"select {commas(map(quoted, said))} from {quoted(TABLES[side])}").fetchone() or ()
    return frozenset(name for name, value in zip(said, row, strict=True) if value is None)


def _typed(column: str, field: Field | None) -> str:
    """Return the SQL for a value; the first fraction of a field that is told to be whole is rounded, half up."""
    kind = column_type(field) if field else TEXT
    value = cast(column, kind)
    rounded = kind == "BIGINT" and field and is_told_whole(field)
    return f"coalesce({value}, try_cast(floor({cast(column, 'DOUBLE')} + 0.5) as bigint))" if rounded else value
