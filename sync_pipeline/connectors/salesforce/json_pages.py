"""A REST query page as a table of text, parsed by DuckDB: no Python object per record."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.errors import RejectedError, RetryableError
from sync_pipeline.texts import VISIBLE_NUL

# A NUL is no text in most tools that read the lake; it is kept as its visible symbol. The look-behind leaves an
# escaped backslash before the letters u0000 alone.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True)
class JsonPage:
    """`rows` holds one text column a field; `next_url` is a path, empty on the last page."""

    total: int
    done: bool
    next_url: str
    rows: pa.Table


def parse(con: duckdb.DuckDBPyConnection, body: bytes, fields: Sequence[str]) -> JsonPage:
    """Return the page in `body`.

    Raises:
        RetryableError: the page is cut off or not a query page.
        RejectedError: its records lack a field that was asked for.
    """
    if b"\\u0000" in body:
        body = _NUL.sub(rb"\1" + VISIBLE_NUL.encode(), body)
    spec = {
        "totalSize": "BIGINT",
        "done": "BOOLEAN",
        "nextRecordsUrl": "VARCHAR",
        "records": [dict.fromkeys(fields, "VARCHAR")],
    }
    try:
        con.execute(
            "create or replace temp table page as "
            "select json_transform(b, ?) as p, json_keys(b, '$.records[0]') as names from (select ? as b)",
            [json.dumps(spec), body.decode()],
        )
        found = con.execute("select p.totalSize, p.done, p.nextRecordsUrl, names from page").fetchone()
        rows = con.execute("select unnest(p.records, max_depth := 2) from page").to_arrow_table()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise RetryableError("PAGE_CUT_OFF", f"an answer of {len(body)} bytes is no query page") from error
    total, done, next_url, names = found or (None, None, None, None)
    if total is None or done is None:
        raise RetryableError("PAGE_CUT_OFF", f"an answer of {len(body)} bytes is no query page")
    # A null is sent as null: a field that is not there at all has vanished since the query was made.
    if names and (missing := set(fields) - set(names)):
        raise RejectedError("INVALID_FIELD", f"the result page has no field {', '.join(sorted(missing))}")
    return JsonPage(total, done, next_url or "", rows)
