"""A lake of plain DuckDB tables in memory: a tenth of DuckLake's cost a statement, for long runs of the laws.

Everything but files, partitions and snapshots is the same; what these do is proven on real lakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import duckdb

from sync_pipeline.lake import Lake, ledger


class PlainLake(Lake):
    """A lake that ends with its process. `folder` holds its locks."""

    id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, folder: Path) -> None:
        con = duckdb.connect(config={"threads": 1})
        super().__init__(con, str(folder / "catalog"), str(folder / "files"), read_only=False)
        con.execute("set timezone = 'UTC'")
        con.execute("attach ':memory:' as lake")
        with self.transaction() as cursor:
            ledger.create(cursor)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return Cursor(super().cursor())  # type: ignore[return-value]


class Cursor:
    """A connection to tables that have no partitions."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.raw = con

    def execute(self, query: str, parameters: Sequence[Any] | None = None) -> Self:
        if "set partitioned by" not in query:
            self.raw.execute(query, parameters)
        return self

    def cursor(self) -> Self:
        return type(self)(self.raw.cursor())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)
