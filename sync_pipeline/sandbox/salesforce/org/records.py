"""Records on their way into a table: which fields an object stores, values as its columns take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import Record, Table, column, stored
from sync_pipeline.sandbox.salesforce.org.schema import SObject


def only(found: Table, values: Record) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in found.columns}


def renamed(found: SObject, old: Record, values: Record) -> dict[str, Any]:
    """Return the values with the full name they imply, where the object composes one."""
    if {"FirstName", "LastName"}.isdisjoint(values):
        return dict(values)
    return {**values, **only(found, {"Name": named(found, {**old, "Name": None, **values})["Name"]})}


def named(found: SObject, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with `Name` composed of first and last name, where the object has all three."""
    if row.get("Name") is None and {"FirstName", "LastName", "Name"} <= found.columns.keys():
        parts = [part for part in (row.get("FirstName"), row.get("LastName")) if part]
        row["Name"] = " ".join(parts) or None
    return row


def assign(cursor: duckdb.DuckDBPyConnection, found: SObject, records: Sequence[str], values: Record) -> None:
    """Give records, by id, the same values."""
    if not records or not values:
        return
    assignments = ", ".join(f"{quote(column(found, name))} = ?" for name in values)
    parameters = [stored(found, name, value) for name, value in values.items()]
    where = "Id = ?" if len(records) == 1 else "Id in (select unnest(?))"
    which = records[0] if len(records) == 1 else list(records)
    cursor.execute(f"update {quote(found.name)} set {assignments} where {where}", [*parameters, which])
