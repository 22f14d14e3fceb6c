"""Finding records by the values of a key: of one field or of several, texts in any letter case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import ARROW
from sync_pipeline.sandbox.marketo.records.fields import ObjectType

Key = tuple[Any, ...]


def key_of(values: Iterable[Any]) -> Key:
    """Return values as keys compare: texts in lower case, as Marketo's database compares them."""
    return tuple(value.lower() if isinstance(value, str) else value for value in values)


def matches(
    cursor: duckdb.DuckDBPyConnection,
    object_type: ObjectType,
    fields: Sequence[str],
    keys: Iterable[Key],
    columns: Iterable[str],
) -> dict[Key, list[dict[str, Any]]]:
    """Return by key the records that have it, each as `columns`, in the order of their ids."""
    wanted = [key for key in dict.fromkeys(keys) if None not in key]
    names = list(dict.fromkeys([object_type.id_field, *fields, *columns]))
    found: dict[Key, list[dict[str, Any]]] = {key: [] for key in wanted}
    if not wanted:
        return found
    cursor.register("wanted", _table(object_type, fields, wanted))
    conditions = " and ".join(f"{comparable(object_type, name)} = w.k{i}" for i, name in enumerate(fields))
    rows = cursor.execute(
        f"select {', '.join(f't.{quote(name)}' for name in names)} from {quote(object_type.name)} as t"
        f" join wanted as w on {conditions} order by t.{quote(object_type.id_field)}"
    ).fetchall()
    cursor.unregister("wanted")
    for row in rows:
        record = dict(zip(names, row, strict=True))
        found[key_of(record[name] for name in fields)].append(record)
    return found


def comparable(object_type: ObjectType, name: str, alias: str = "t") -> str:
    """Return the SQL by which a field is compared with a key."""
    column = f"{alias}.{quote(name)}"
    return f"lower({column})" if object_type.columns[name] == "varchar" else column


def _table(object_type: ObjectType, fields: Sequence[str], keys: Sequence[Key]) -> pa.Table:
    return pa.table(
        {f"k{i}": pa.array([key[i] for key in keys], ARROW[object_type.columns[name]]) for i, name in enumerate(fields)}
    )
