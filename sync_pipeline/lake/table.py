"""Mirror and changes tables: making them, reading their columns, letting them grow with the system's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.types import TEXT
from sync_pipeline.model import Object

Connection = duckdb.DuckDBPyConnection

EXACT = 2**53  # from here on not every whole number is a double
SYNCED_AT, DELETED_AT = "_synced_at", "_deleted_at"
OWN_COLUMNS = {SYNCED_AT: "TIMESTAMP WITH TIME ZONE", DELETED_AT: "TIMESTAMP WITH TIME ZONE"}
CHANGE_COLUMNS = {
    "_change": TEXT,
    "_changed_at": "TIMESTAMP WITH TIME ZONE",
    "_detected_at": "TIMESTAMP WITH TIME ZONE",
    "_run_id": TEXT,
    "_fields": f"{TEXT}[]",
    "_before": f"MAP({TEXT}, {TEXT})",
    "_after": f"MAP({TEXT}, {TEXT})",
}


def full_name(schema: str, table: str) -> str:
    return quoted("lake", schema, table)


def columns(con: Connection, schema: str, table: str) -> dict[str, str]:
    """Return the table's columns and their types in order; empty if there is no such table."""
    found = con.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = 'lake' and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    )
    return dict(found.fetchall())


def exists(con: Connection, schema: str, table: str) -> bool:
    """Tell whether there is such a table or view.

    To ask for its name costs half a millisecond; DuckDB's list of all tables reads the lake's whole catalog, 0.1 s.
    """
    try:
        con.execute(f"from {full_name(schema, table)} limit 0")
    except duckdb.CatalogException:
        return False
    return True


def grow(con: Connection, schema: str, tables: Mapping[str, Mapping[str, str]]) -> bool:
    """Make the schema's declared tables, or add the columns that older ones lack; True if all of it is new."""
    known: dict[str, set[str]] = {}
    for name, column in con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'lake' and schema_name = ?",
        [schema],
    ).fetchall():
        known.setdefault(name, set()).add(column)
    if not known:
        con.execute(f"create schema if not exists {quoted('lake', schema)}")
    for name, kinds in tables.items():
        if name not in known:
            _create(con, (schema, name), kinds, partitioned_by=None)
        for column in (one for one in kinds if one not in known.get(name, kinds)):
            con.execute(f"alter table {full_name(schema, name)} add column {quoted(column)} {kinds[column]}")
    return not known


def fields_kept(con: Connection, obj: Object) -> dict[str, str]:
    """Return the mirror's columns that keep fields of the system, without our own."""
    return {name: kind for name, kind in columns(con, *obj.table).items() if name not in OWN_COLUMNS}


def create_mirror(con: Connection, obj: Object, fields: dict[str, str]) -> None:
    """Make the mirror, partitioned by UTC month of last modification, and its changes table by month of detection."""
    con.execute(f"create schema if not exists {quoted('lake', obj.system)}")
    _create(con, obj.table, {**fields, **OWN_COLUMNS}, partitioned_by=obj.stamp if obj.stamp in fields else None)
    _create(con, obj.changes_table, {obj.key: fields[obj.key], **CHANGE_COLUMNS}, partitioned_by="_detected_at")
    con.execute(f"comment on table {full_name(*obj.table)} is {literal(obj.description)}")


def _create(con: Connection, table: tuple[str, str], kinds: Mapping[str, str], partitioned_by: str | None) -> None:
    con.execute(f"create table {full_name(*table)} ({commas(f'{quoted(n)} {kind}' for n, kind in kinds.items())})")
    if partitioned_by:
        stamp = quoted(partitioned_by)
        con.execute(f"alter table {full_name(*table)} set partitioned by (year({stamp}), month({stamp}))")
    # DuckLake keeps a table's statistics in memory once there are any. Of a table that never had a row every query asks
    # the catalog again, once a column: five times the cost of a query, in the ledger of a quiet lake.
    con.execute(f"insert into {full_name(*table)} default values")
    con.execute(f"delete from {full_name(*table)}")


def add_column(con: Connection, obj: Object, name: str, kind: str) -> None:
    con.execute(f"alter table {full_name(*obj.table)} add column {quoted(name)} {kind}")


def inexact(con: Connection, obj: Object, names: Sequence[str]) -> frozenset[str]:
    """Return those of these columns of numbers that hold one too large to be told to its last digit as a double."""
    return _with_some(con, obj, names, f"abs({{}}) >= {EXACT}")


def with_fractions(con: Connection, obj: Object, names: Sequence[str]) -> frozenset[str]:
    """Return those of these columns of doubles that hold a number that is not whole."""
    return _with_some(con, obj, names, "{0} <> trunc({0})")


def _with_some(con: Connection, obj: Object, names: Sequence[str], condition: str) -> frozenset[str]:
    """Return those of these columns that hold a value for which the condition is true, in one scan of them."""
    if not names:
        return frozenset()
    some = commas(f"coalesce(bool_or({condition.format(quoted(name))}), false)" for name in names)
    found = con.execute(f"select {some} from {full_name(*obj.table)}").fetchone() or ()
    return frozenset(name for name, is_there in zip(names, found, strict=True) if is_there)


def widen_column(con: Connection, obj: Object, name: str, kind: str) -> None:
    """Give a column a wider type and keep every value that it holds, in whatever transaction is open.

    The lake widens few types in place (an integer to a longer one), so the values move to a new column.
    """
    table, wide = full_name(*obj.table), quoted(f"{name}__wide")
    con.execute(f"alter table {table} add column {wide} {kind}")
    con.execute(f"update {table} set {wide} = try(try_cast({quoted(name)} as {kind}))")
    con.execute(f"alter table {table} drop column {quoted(name)}")
    con.execute(f"alter table {table} rename column {wide} to {quoted(name)}")
