"""Records of JSON answers as text batches, spelled as the exported files spell them. Pure.

A page holds at most 300 records and the quota lets 1,500 a second through at best, so Python may look at each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sync_pipeline.connectors.marketo.kinds import DELETED, MEMBERSHIP
from sync_pipeline.texts import VISIBLE_NUL

# The asset calls write 2013-02-27T00:32:15Z+0000 and the feed of deletions 2013-09-26T06:56:35+0000; all is UTC.
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:Z\+0000|\+0000)")

ALIVE = {DELETED: "false"}


def text(value: Any) -> str | None:
    """Return a value as text; an empty one is null, as in exported files."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        found = _TIME.fullmatch(value)
        return f"{found[1]}Z" if found else value.replace("\0", VISIBLE_NUL)
    return json.dumps(value, ensure_ascii=False)


def batch(records: Iterable[dict[str, Any]], fields: Sequence[str]) -> pa.RecordBatch:
    """Return records as one text column a field; what a record lacks is null, and who is told of is alive."""
    rows = list(records)
    columns = {name: [text(row.get(name, ALIVE.get(name))) for row in rows] for name in fields}
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def completed(given: pa.RecordBatch, fields: Sequence[str]) -> pa.RecordBatch:
    """Return a batch of a file with exactly these fields, in order; those that are in no file are ours."""
    columns = dict(zip(given.schema.names, given.columns, strict=True))
    if {"programId", "leadId"} <= columns.keys():
        key = pc.binary_join_element_wise(columns["programId"], columns["leadId"], "-")
        columns.setdefault(MEMBERSHIP.name, key)
    for name in fields:
        columns.setdefault(name, pa.repeat(pa.scalar(ALIVE.get(name), pa.string()), given.num_rows))
    return pa.record_batch({name: columns[name] for name in fields})
