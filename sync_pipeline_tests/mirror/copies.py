"""A mirror under test without any connector: records go in as the text that a connector would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.landing import Landing, Manifest
from sync_pipeline.lake.ledger import Error
from sync_pipeline.mirror.merge import Merge, merge
from sync_pipeline.model import Counts, Object, Window

TEXT, STAMP = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
PERSON = Object(
    "salesforce",
    "Person__c",
    "person",
    "A row is one person.",
    bookkeeping=("SystemModstamp", "LastModifiedDate"),
)
TYPES = {
    "Id": TEXT,
    "SystemModstamp": STAMP,
    "LastModifiedDate": STAMP,
    "IsDeleted": "BOOLEAN",
    "MasterRecordId": TEXT,
    "Name": TEXT,
    "Age": "BIGINT",
    "Amount": "DOUBLE",
    "Born": "DATE",
}
BEGIN = datetime(2026, 1, 31, 23, 50, tzinfo=UTC)  # ten minutes before a month ends
Text = Mapping[str, str | None]
numbers = count()


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def record(key: str, minute: int, **values: str | None) -> dict[str, str | None]:
    """Return a living record, modified at that minute, as a REST page would tell it."""
    stamp = at(minute).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {"Id": key, "SystemModstamp": stamp, "LastModifiedDate": stamp, "IsDeleted": "false", **values}


def gone(key: str, minute: int, **values: str | None) -> dict[str, str | None]:
    return record(key, minute, **{"IsDeleted": "true", **values})


def batch(records: Sequence[Text], names: Sequence[str]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array([r.get(name) for r in records], pa.string()) for name in names})


def landed(folder: Path, obj: Object, pages: Sequence[Sequence[Text]], names: Sequence[str]) -> Landing:
    landing = Landing(folder, obj.stamp)
    landing.begin(Manifest(Window(None, at(0)), tuple(names), ""))
    for number, records in enumerate(pages):
        landing.add(f"{number:03}", [batch(records, names)])
    return landing


@dataclass
class Copy:
    """One object's mirror in a lake; `take` merges pages of records into it, in a transaction of its own."""

    lake: Lake
    folder: Path
    types: dict[str, str] = field(default_factory=lambda: dict(TYPES))
    obj: Object = PERSON

    def __post_init__(self) -> None:
        self.obj = replace(self.obj, name=f"{self.obj.name}_{next(numbers)}")
        with self.lake.transaction() as con:
            table.create_mirror(con, self.obj, self.types)

    def take(self, *pages: Sequence[Text], minute: int = 60, refresh: bool = False) -> tuple[Counts, list[Error]]:
        types = self.types
        if refresh:
            types = {name: kind for name, kind in types.items() if any(name in r for page in pages for r in page)}
        landing = landed(self.folder, self.obj, pages, list(types))
        with self.lake.transaction() as con:
            done = merge(con, Merge(self.obj, types, f"run{minute}", at(minute), refresh), landing)
            ledger.add_errors(con, f"run{minute}", self.obj, "Pull updates", done[1], at(minute))
        return done

    def kept(self, *names: str) -> dict[str, Any]:
        """Return what the mirror keeps in these columns ("*": all), by id; bare where one column is asked for."""
        columns = ", ".join(name if name == "*" else f'"{name}"' for name in names)
        found = self.lake.rows(f"select Id, {columns} from {table.full_name(*self.obj.table)}")
        return {key: values[0] if len(values) == 1 else tuple(values) for key, *values in found}

    def changes(self, *names: str) -> list[tuple[Any, ...]]:
        """Return these columns of all changes in the order of their detection."""
        columns = ", ".join(f'"{name}"' for name in names or ("Id", "_change"))
        query = f"select {columns} from {table.full_name(*self.obj.changes_table)} order by _detected_at, Id"
        return self.lake.rows(query)
