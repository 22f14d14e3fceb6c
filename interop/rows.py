"""What a client read or wrote, set value by value against a table of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from interop.errors import DifferenceError
from sync_pipeline.sandbox.core.database import Database, quote

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """A plain value of a record.

    Attributes:
        name: its field, or with a dot a part of a compound one.
        type: DuckDB's.
        sql: how the sandbox's table has it.
    """

    name: str
    type: str
    sql: str

    def of(self, row: Row) -> Any:
        field, _, part = self.name.partition(".")
        return (row[field] or {}).get(part) if part else row[field]

    @property
    def typed(self) -> str:
        """SQL that makes the client's text a value: clients write moments, days and whole numbers in several ways."""
        said = quote(self.name)
        if self.type in ("date", "timestamp"):
            zulu = f"replace(replace({said}, 'Z+0000', 'Z'), '+0000', 'Z')"
            return f"cast(cast({zulu} as timestamp) as {self.type})"
        if self.type in ("integer", "bigint"):
            return f"cast(cast({said} as double) as {self.type})"
        return f"cast({said} as {self.type})"


def compare(database: Database, name: str, key: str, values: Sequence[Value], rows: Sequence[Row], source: str) -> None:
    """Set a client's records of an object against those of `source`, what follows `from` in a query.

    Args:
        key: the field that tells records apart; one of the values.

    Raises:
        DifferenceError: a record is missing, too much, or has another value.
    """
    texts = pa.table({value.name: pa.array([_text(value.of(row)) for row in rows], pa.string()) for value in values})
    seen = ", ".join(f"{value.typed} as {quote(value.name)}" for value in values)
    had = ", ".join(f"{value.sql} as {quote(value.name)}" for value in values)
    with database.cursor() as cursor:
        cursor.register("texts", texts)
        try:
            cursor.execute(f"create temp table seen as select {seen} from texts")
            cursor.execute(f"create temp table had as select {had} from {source}")
            for which, one, other in (("the sandbox has not", "seen", "had"), ("the client has not", "had", "seen")):
                if told := _first(cursor, key, one, other):
                    raise DifferenceError(f"{name}: {which} {told}")
        except duckdb.ConversionException as error:
            raise DifferenceError(f"{name}: {error}") from None
        finally:
            cursor.execute("drop table if exists seen; drop table if exists had")
            cursor.unregister("texts")


def folded(sql: str) -> str:
    """Return the SQL of a text as a client has it that makes every line break a line feed."""
    return f"replace(replace({sql}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _first(cursor: duckdb.DuckDBPyConnection, key: str, one: str, other: str) -> str | None:
    """Return the count of the records that only one side has, and how the first of them differs; None without any."""
    only = cursor.execute(f"select * from {one} except all select * from {other} order by {quote(key)}").fetchall()
    if not only:
        return None
    names = [column[0] for column in cursor.description or ()]
    row = dict(zip(names, only[0], strict=True))
    return f"{len(only):,} records, the first {row[key]}, {_difference(cursor, key, row, other)}"


def _difference(cursor: duckdb.DuckDBPyConnection, key: str, row: Row, other: str) -> str:
    twin = cursor.execute(f"select * from {other} where {quote(key)} = ?", [row[key]]).fetchone()
    if twin is None:
        return "which the other side does not know"
    pairs = [(name, value, its) for (name, value), its in zip(row.items(), twin, strict=True) if value != its]
    told = [f"{name} {value!r}, not {its!r}" for name, value, its in pairs[:3]]
    return f"with {'; '.join(told)}" if told else "as often"
