"""What many would take instead of this project: dlt's Salesforce source, loaded as Parquet into a DuckDB file.

`python rival_dlt.py USERNAME PASSWORD TOKEN DATABASE`, run by an environment of its own (`interop`). The source reads
Bulk API 1 and hands over a Python object per record; dlt keeps what is under way below the current folder.
"""

from __future__ import annotations

import sys

import dlt
import duckdb
from ingestr.src.salesforce import salesforce_source


def load(username: str, password: str, token: str, database: str) -> int:
    """Load all contacts that are not deleted into a new table; return how many."""
    pipeline = dlt.pipeline(
        "rival", pipelines_dir="dlt", destination=dlt.destinations.duckdb(database), dataset_name="org"
    )
    source = salesforce_source(username, password, token, domain="login", custom_object="Invoice__c")
    pipeline.run(source.with_resources("contact"), loader_file_format="parquet")
    with duckdb.connect(database) as con:
        (count,) = con.execute("select count(*) from org.contact").fetchone() or (0,)
    return int(count)


if __name__ == "__main__":
    print(load(*sys.argv[1:]))
