"""The files of an ingest job: records to CSV, results back to the records they are about. Pure.

Results come in no order and know nothing but the columns that were sent. An update or a delete is known by its id, an
upsert by its key, a create by all its values: records that are equal in all of them may stand for one another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.csv as csv

from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.salesforce.collections import Task, refused

NULL = "#N/A"  # empties a field; an empty one in the file leaves it as it is
MOST_BYTES = 100_000_000  # of a file: 150 MB are allowed once it is encoded in base 64
RESULTS: Mapping[str, tuple[str, ...]] = {
    "successfulResults": ("sf__Id", "sf__Created"),
    "failedResults": ("sf__Id", "sf__Error"),
    "unprocessedrecords": (),
}
_LEFT_ALONE = object()
_ERROR = re.compile(r"(?P<code>[A-Z_]+):(?P<message>.*?):(?P<fields>[^:;]*?) ?--(?=;|\s*$)", re.DOTALL)

_MATCH = """
    with sent as (
        select place, row_number() over (partition by echo order by place) as nth, echo from sent_echo
    ),
    told as (
        select *, row_number() over (partition by echo) as nth from told_echo
    )
    select kind, id, created, error from sent left join told using (echo, nth) order by place
"""


def table(task: Task, records: Sequence[Record]) -> pa.Table | None:
    """Return the records as text columns as a job's file has them, or None where a file could not say what is meant."""
    if task.operation is Operation.DELETE:
        return pa.table({"Id": pa.array([record.id for record in records], pa.string())})
    names = list(dict.fromkeys(name for record in records for name in record.values))
    if any(NULL in record.values.values() for record in records) or "Id" in names:
        return None
    columns = {name: pa.array(_texts(records, name), pa.string()) for name in names}
    if task.operation is Operation.UPDATE:
        columns = {"Id": pa.array([record.id for record in records], pa.string()), **columns}
    return pa.table(columns) if columns else None


def _texts(records: Sequence[Record], name: str) -> list[str | None]:
    """Return a column as a file has it; most values are texts, which are taken as they are, without a call."""
    given = [record.values.get(name, _LEFT_ALONE) for record in records]
    return [value if type(value) is str and value else _text(value) for value in given]


def _text(value: Value | object) -> str | None:
    """Return a value as a file has it: None, an empty field, for one that is not to be written."""
    if value is _LEFT_ALONE:
        return None
    if value is None or value == "":
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def parts(whole: pa.Table, most_bytes: int = MOST_BYTES) -> Iterator[tuple[int, pa.Table]]:
    """Cut a table into what fits into a file each; yield each part with the place of its first row."""
    rows = max(1, whole.num_rows * most_bytes // max(1, whole.nbytes))
    for start in range(0, whole.num_rows, rows):
        yield start, whole.slice(start, rows)


def to_csv(part: pa.Table) -> bytes:
    written = io.BytesIO()
    csv.write_csv(part, written, csv.WriteOptions(eol="\n"))
    return written.getvalue()


def matched(task: Task, part: pa.Table, results: Mapping[str, pa.Table], failure: str = "") -> list[Answer | None]:
    """Return the answer to each row that was sent; None where no result speaks of it.

    Args:
        results: the files by their names (`RESULTS`).
        failure: why the job failed, if it did: the reason of what it left unprocessed.
    """
    keys = {Operation.CREATE: part.column_names, Operation.UPSERT: [task.key]}.get(task.operation, ["Id"])
    with duckdb.connect() as con:
        con.register("sent", part.select(keys).append_column("place", pa.array(range(part.num_rows))))
        con.execute(f"create temp table sent_echo as select place, {_echo(keys)} as echo from sent")
        con.execute("create temp table told_echo (kind text, id text, created text, error text, echo uhugeint)")
        for kind, found in results.items():
            con.register("found", found)
            id_, created, error = (c if c in RESULTS[kind] else "null" for c in ("sf__Id", "sf__Created", "sf__Error"))
            con.execute(f"insert into told_echo select ?, {id_}, {created}, {error}, {_echo(keys)} from found", [kind])
        return [
            _answer(task, *row) or (unprocessed(failure) if row[0] else None) for row in con.execute(_MATCH).fetchall()
        ]


def _echo(columns: Sequence[str]) -> str:
    """Return the SQL of what makes a row known again; line ends and outer blanks may come back changed."""
    quoted = (name.replace('"', '""') for name in columns)
    texts = (f"""trim(replace(coalesce("{name}", ''), chr(13), ''))""" for name in quoted)
    return f"md5_number(concat_ws(chr(31), {', '.join(texts)}))"


def unprocessed(failure: str) -> Answer:
    return Answer(Verdict.RETRY, code="UNPROCESSED", message=failure or "the bulk job left the record unprocessed")


def _answer(
    task: Task, kind: str | None, record_id: str | None, created: str | None, error: str | None
) -> Answer | None:
    if kind == "successfulResults":
        return Answer(Verdict.ACCEPTED, record_id, created == "true")
    if kind == "failedResults":
        told = [found.group("code", "message", "fields") for found in _ERROR.finditer(error or "")]
        errors = [(code, said, [name for name in re.split(r"[, ]+", fields) if name]) for code, said, fields in told]
        return refused(task, record_id or None, errors or [("UNKNOWN_EXCEPTION", error or "", ())])
    return None
