"""What a client read or wrote, set value by value against the org's own tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from interop.errors import DifferenceError
from sync_pipeline.sandbox import Org
from sync_pipeline.sandbox.describe import Json
from sync_pipeline.sandbox.schema import COLUMN_TYPES, COMPOUND, SObject
from sync_pipeline.sandbox.store import quote, text

Row = Mapping[str, Any]


def described(schemas: Mapping[str, Mapping[str, Any]], org: Org) -> str:
    """Say how many objects were described, all of them and with all their fields, as JSON schemas by name.

    Raises:
        DifferenceError: an object or a field is missing or too much.
    """
    for name in {found.name for found in org.schema} ^ schemas.keys():
        raise DifferenceError(f"{name} is described and not in the org, or the reverse")
    for name, schema in schemas.items():
        if odd := schema["properties"].keys() ^ org.schema[name].fields.keys():
            raise DifferenceError(f"{name} is described without, or with unknown, {', '.join(sorted(odd))}")
    return f"{len(schemas)} objects with all their fields"


def equal(
    org: Org, name: str, rows: Sequence[Row], deleted: bool = False, bulk: bool = False, folded: bool = False
) -> str:
    """Say how many records were read, all of them and in all fields as the org has them.

    Args:
        deleted: the recycle bin was read too.
        bulk: compound fields, which Bulk API does not know, are not among the rows.
        folded: the client makes every line break in a text a line feed.

    Raises:
        DifferenceError: a record or a field is missing, too much, or has another value.
    """
    found = org.schema[name]
    wanted = [field for field, told in found.fields.items() if not (bulk and told["type"] in COMPOUND)]
    for row in rows:
        if missing := set(wanted) - row.keys():
            raise DifferenceError(f"{name} {row.get('Id')} came without {', '.join(sorted(missing))}")
    everything = "true" if deleted or "IsDeleted" not in found.columns else "not IsDeleted"
    _compare(org, found, wanted, rows, everything, folded)
    return f"{len(rows):,} {name} x {len(wanted)} fields"


def arrived(org: Org, name: str, rows: Sequence[Row]) -> str:
    """Say how many records were written, each as the org has it in the fields that its row names.

    Raises:
        DifferenceError: nothing was written, or the org has something else.
    """
    if not rows:
        raise DifferenceError(f"no {name} was written")
    _compare(org, org.schema[name], list(rows[0]), rows, f"Id in ({', '.join(text(str(row['Id'])) for row in rows)})")
    return f"{len(rows):,} {name}"


def _compare(
    org: Org, found: SObject, fields: Sequence[str], rows: Sequence[Row], condition: str, folded: bool = False
) -> None:
    values = [value for field in fields for value in _values(found, field)]
    texts = pa.table({value.name: pa.array([_text(value.of(row)) for row in rows], pa.string()) for value in values})
    seen = ", ".join(f"{value.typed} as {quote(value.name)}" for value in values)
    had = ", ".join(f"{value.folded if folded else value.sql} as {quote(value.name)}" for value in values)
    with org.cursor() as cursor:
        cursor.register("texts", texts)
        try:
            cursor.execute(f"create temp table seen as select {seen} from texts")
            cursor.execute(f"create temp table had as select {had} from {quote(found.name)} where {condition}")
            for which, one, other in (("the org has not", "seen", "had"), ("the client has not", "had", "seen")):
                if told := _first(cursor, one, other):
                    raise DifferenceError(f"{found.name}: {which} {told}")
        except duckdb.ConversionException as error:
            raise DifferenceError(f"{found.name}: {error}") from None
        finally:
            cursor.execute("drop table if exists seen; drop table if exists had")
            cursor.unregister("texts")


@dataclass(frozen=True)
class _Value:
    """A plain value: of a field, or of a part of a compound one."""

    field: str
    part: str  # empty without
    type: str  # DuckDB's
    sql: str  # the org's expression

    @property
    def name(self) -> str:
        return f"{self.field}.{self.part}" if self.part else self.field

    def of(self, row: Row) -> Any:
        return (row[self.field] or {}).get(self.part) if self.part else row[self.field]

    @property
    def folded(self) -> str:
        """The org's text as a client has it that makes every line break a line feed."""
        if self.type != "varchar":
            return self.sql
        return f"replace(replace({self.sql}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"

    @property
    def typed(self) -> str:
        """SQL that makes the client's text a value: clients write moments, days and whole numbers in several ways."""
        said = quote(self.name)
        if self.type in ("date", "timestamp"):
            return f"cast(cast(replace({said}, '+0000', 'Z') as timestamp) as {self.type})"
        if self.type in ("integer", "bigint"):
            return f"cast(cast({said} as double) as {self.type})"
        return f"cast({said} as {self.type})"


def _values(found: SObject, field: str) -> list[_Value]:
    told = found.fields[field]
    if told["type"] not in COMPOUND:
        return [_Value(field, "", _type(told), found.formulas.get(field, quote(field)))]
    parts = (part for part in found.fields.values() if part["compoundFieldName"] == field)
    return [_Value(field, _part(field, part["name"]), _type(part), quote(part["name"])) for part in parts]


def _type(field: Json) -> str:
    return COLUMN_TYPES.get(field["type"], "varchar")


def _part(compound: str, part: str) -> str:
    """MailingPostalCode of MailingAddress is `postalCode`."""
    name = part.removeprefix(compound.removesuffix("Address"))
    return name[0].lower() + name[1:]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _first(cursor: duckdb.DuckDBPyConnection, one: str, other: str) -> str | None:
    """Return the count of the records that only one side has, and how the first of them differs; None without any."""
    only = cursor.execute(f"select * from {one} except all select * from {other} order by Id").fetchall()
    if not only:
        return None
    names = [column[0] for column in cursor.description or ()]
    row = dict(zip(names, only[0], strict=True))
    return f"{len(only):,} records, the first {row['Id']}, {_difference(cursor, row, other)}"


def _difference(cursor: duckdb.DuckDBPyConnection, row: Row, other: str) -> str:
    twin = cursor.execute(f"select * from {other} where Id = ?", [row["Id"]]).fetchone()
    if twin is None:
        return "which the other side does not know"
    pairs = [(name, value, its) for (name, value), its in zip(row.items(), twin, strict=True) if value != its]
    told = [f"{name} {value!r}, not {its!r}" for name, value, its in pairs[:3]]
    return f"with {'; '.join(told)}" if told else "as often"
