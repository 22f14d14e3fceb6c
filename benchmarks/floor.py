"""The floor of a first load: DuckDB turning the same CSV into Parquet, in a process of its own.

`python -m benchmarks.floor CSV PARQUET COLUMNS NULL`: a JSON object of column types, the word for no value.
"""

from __future__ import annotations

import json
import sys

import duckdb

from sync_pipeline.lake.sql import commas, literal


def copy(csv: str, parquet: str, columns: dict[str, str], null: str) -> None:
    """Turn a CSV with header into one Parquet file, columns typed as given."""
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    nulls = f"[{commas(map(literal, dict.fromkeys(('', null))))}]"
    con = duckdb.connect()
    con.execute("set preserve_insertion_order = false")
    told = f"columns = {{{types}}}, header = true, new_line = '\\n', nullstr = {nulls}"
    con.execute(f"copy (from read_csv({literal(csv)}, {told})) to {literal(parquet)} (format parquet)")


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4])
