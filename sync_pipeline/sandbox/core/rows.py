"""Rows of a table of a sandbox: appended, amended and read as Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from sync_pipeline.sandbox.core.database import quote

Record = Mapping[str, Any]


class Table(Protocol):
    """A table by its name and the SQL types of its columns."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> Mapping[str, str]: ...


ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "varchar": pa.string(),
}


def column(found: Table, name: str) -> str:
    if name not in found.columns:
        raise ValueError(f"{found.name} has no stored field {name!r}")
    return name


def stored(found: Table, name: str, value: Any) -> Any:
    """Return a value as the column takes it: texts of times parsed, aware times in UTC, an empty text as null."""
    kind = found.columns[column(found, name)]
    if value is None or value == "":
        return None
    if kind == "timestamp":
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if kind == "double":
        return float(value)
    return value


def amend(cursor: duckdb.DuckDBPyConnection, found: Table, rows: Sequence[Record], key: str = "Id") -> None:
    """Change records by one statement: each row names its key and the fields that change, no two rows one record."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != key]
    if not names:
        return
    columns = {key: _column(found, key, rows)}
    assignments = []
    for i, name in enumerate(names):
        columns[f"v{i}"] = _column(found, name, rows)
        if all(name in row for row in rows):
            assignments.append(f"{quote(name)} = new.v{i}")
        else:
            columns[f"m{i}"] = pa.array([name in row for row in rows])
            assignments.append(f"{quote(name)} = if(new.m{i}, new.v{i}, o.{quote(name)})")
    cursor.register("amended", pa.table(columns))
    cursor.execute(
        f"update {quote(found.name)} as o set {', '.join(assignments)} from amended as new"
        f" where o.{quote(key)} = new.{quote(key)}"
    )
    cursor.unregister("amended")


def _column(found: Table, name: str, rows: Sequence[Record]) -> pa.Array:
    kind = ARROW[found.columns[column(found, name)]]
    return pa.array([stored(found, name, row.get(name)) for row in rows], type=kind)


def append(cursor: duckdb.DuckDBPyConnection, found: Table, rows: Sequence[Record]) -> None:
    """Insert rows by one Arrow table: typed, and without a statement per row."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _column(found, name, rows) for name in names}
    cursor.register("incoming", pa.table(columns))
    listed = ", ".join(map(quote, names))
    cursor.execute(f"insert into {quote(found.name)} ({listed}) select {listed} from incoming")
    cursor.unregister("incoming")
