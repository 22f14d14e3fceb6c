"""The intermediate tables of a pass: each is declared once, with its columns and what one row of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from sync_pipeline.lake.sql import commas, quoted


@dataclass(frozen=True)
class Relation:
    """A temporary table.

    Attributes:
        row: what one row is.
        columns: their types in SQL, by name, in order.
    """

    name: str
    row: str
    columns: Mapping[str, str]

    def create(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make it anew, empty."""
        columns = commas(f"{quoted(name)} {kind}" for name, kind in self.columns.items())
        con.execute(f"create or replace temp table {quoted(self.name)} ({columns})")

    def insert(self, con: duckdb.DuckDBPyConnection, rows: Sequence[Sequence[object]]) -> None:
        """Add rows of values, in the order of the columns."""
        if not rows:
            return
        values = zip(*rows, strict=True)
        con.register("rows_to_insert", pa.table([pa.array(column) for column in values], names=list(self.columns)))
        con.execute(f"insert into {quoted(self.name)} from rows_to_insert")
        con.unregister("rows_to_insert")
