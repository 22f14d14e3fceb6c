from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sync_pipeline.lake import Lake, ledger


@pytest.fixture
def quick_lake(tmp_path: Path) -> Iterator[Lake]:
    """Give a lake whose tables are DuckDB's own, in memory: for SQL that is the same on any, a commit takes no time."""
    con = duckdb.connect()
    con.execute("attach ':memory:' as lake")
    con.execute("set timezone = 'UTC'")
    with Lake(con, str(tmp_path / "catalog"), str(tmp_path), read_only=False) as lake:
        with lake.transaction() as cursor:
            ledger.create(cursor)
        yield lake
