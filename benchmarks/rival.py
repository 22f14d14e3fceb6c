"""What one would write without this project: simple-salesforce's Bulk 2.0 pages through pandas into DuckDB.

`python -m benchmarks.rival URL USERNAME PASSWORD TOKEN OBJECT COLUMNS DATABASE`, COLUMNS a JSON object of column types.
Each page is parsed by pandas as it comes and inserted, so that memory stays bounded; nothing is compressed on the way,
as with our own connector. Read as text: pandas would infer other types from page to page.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping

import duckdb
import pandas as pd
import requests
from simple_salesforce.api import Salesforce

from sync_pipeline.connectors.http import PlainOnLoopback
from sync_pipeline.lake.sql import commas, quoted


def load(
    url: str, username: str, password: str, token: str, source: str, columns: Mapping[str, str], database: str
) -> int:
    """Load all records of an object into a new table of a DuckDB file; return how many."""
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", PlainOnLoopback(url))
    org = Salesforce(username, password, token, session=session, domain="loopback", version="62.0")
    con = duckdb.connect(database)
    con.execute(f"create table mirror ({commas(f'{quoted(name)} {kind}' for name, kind in columns.items())})")
    query = f"select {commas(columns)} from {source}"
    for page in getattr(org.bulk2, source).query_all(query, wait=1):
        frame = pd.read_csv(io.StringIO(page), dtype=str, keep_default_na=False, na_values=[""])
        con.register("page", frame)
        con.execute("insert into mirror by name from page")
    (count,) = con.execute("select count(*) from mirror").fetchone() or (0,)
    return int(count)


if __name__ == "__main__":
    url, username, password, token, source, columns, database = sys.argv[1:]
    print(load(url, username, password, token, source, json.loads(columns), database))
