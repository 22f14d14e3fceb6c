"""A connector whose system is a few Python lists: it passes the same contract as the real one, in no time.

Every edit is kept with the moment from which it can be seen, as Salesforce shows some edits only seconds after their
stamp; until then a record shows as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pyarrow as pa

from sync_pipeline.connectors.clock import Clock
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Batches, Extract, Page, Usage
from sync_pipeline.model import Describe, Field, Object, Window

Record = dict[str, str | None]
FIELDS = (
    Field("Id", "id"),
    Field("Name", "string"),
    Field("Description", "textarea"),
    Field("NumberOfEmployees", "int"),
    Field("IsDeleted", "boolean"),
    Field("MasterRecordId", "reference"),
    Field("SystemModstamp", "datetime"),
)


@dataclass
class Org:
    """The records of one object, as versions in the order of their making; None is a record that is no more."""

    source: str
    fields: tuple[Field, ...] = FIELDS
    at: datetime = datetime(2026, 1, 31, 23, 55, tzinfo=UTC)
    page_rows: int = 2
    before_page: Callable[[], None] = lambda: None  # may raise what a network raises
    versions: dict[str, list[tuple[datetime, Record | None]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def insert(self, late: float = 0, **values: str | None) -> str:
        record_id = f"001{next(self._numbers):015d}"
        self._put(record_id, {"Id": record_id, "IsDeleted": "false", **values}, late)
        return record_id

    def update(self, record_id: str, late: float = 0, **values: str | None) -> None:
        """Change a record; with no values it is only touched."""
        last = self.versions[record_id][-1][1]
        if last is None:
            raise LookupError(record_id)
        self._put(record_id, {**last, **values}, late)

    def delete(self, record_id: str) -> None:
        self.update(record_id, IsDeleted="true")

    def hard_delete(self, record_id: str) -> None:
        self.versions[record_id].append((self.at, None))

    def _put(self, record_id: str, record: Record, late: float) -> None:
        stamped = {**record, "SystemModstamp": self.at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
        self.versions.setdefault(record_id, []).append((self.at + timedelta(seconds=late), stamped))

    def visible(self) -> list[Record]:
        """Return all records as they show at this moment, deleted ones included."""
        shown = ([r for seen_at, r in found if seen_at <= self.at] for found in self.versions.values())
        return [found[-1] for found in shown if found and found[-1] is not None]


class Memory:
    """A `Connector` to an `Org` of this module."""

    system = "salesforce"

    def __init__(self, org: Org, clock: Clock | None = None) -> None:
        self.org = org
        self.clock = clock or Clock(lambda: org.at)
        self._calls = 0

    def begin(self) -> None:
        self.clock.begin()

    def organization_id(self) -> str:
        return "00D000000000001EAA"

    def names(self) -> frozenset[str]:
        return frozenset({self.org.source})

    def describe(self, source: str) -> Describe:
        if source != self.org.source:
            raise RejectedError("NOT_FOUND", f"there is no object {source}")
        self._calls += 1
        return Describe(source, self.org.fields)

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        later = self.now() + timedelta(days=1)
        stamps = [(r, _stamp(r[obj.stamp])) for r in self.org.visible()]
        found = [r for r, at in stamps if _is_in(window, at) or at >= later]
        return self._extract(found, fields)

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        return self._extract([r for r in self.org.visible() if r[by or obj.key] in set(ids)], fields)

    def extract_alive(self, obj: Object, fields: Sequence[str]) -> Extract:
        return self._extract([r for r in self.org.visible() if r["IsDeleted"] == "false"], fields)

    def resume(self, obj: Object, fields: Sequence[str], token: str) -> Extract | None:
        return None

    def count(self, obj: Object, before: datetime | None = None) -> int:
        alive = (r for r in self.org.visible() if r["IsDeleted"] == "false")
        return sum(before is None or _stamp(r[obj.stamp]) < before for r in alive)

    def metered(self) -> Memory:
        return type(self)(self.org, self.clock)

    def usage(self) -> Usage:
        return Usage(self._calls, 0)

    def quota(self) -> tuple[int, int]:
        return self._calls, 1_000_000

    def remarks(self) -> Sequence[str]:
        return ()

    def now(self) -> datetime:
        return self.clock.now()

    def _extract(self, records: Sequence[Record], fields: Sequence[str]) -> Extract:
        self._calls += 1
        if unknown := set(fields) - {f.name for f in self.org.fields}:
            raise RejectedError("INVALID_FIELD", f"no such column {', '.join(sorted(unknown))}")

        def pages() -> Iterator[Page]:
            for start in range(0, len(records), self.org.page_rows):
                some = records[start : start + self.org.page_rows]
                yield Page(f"{start:06d}", lambda some=some: self._read(some, fields))  # type: ignore[misc]

        return Extract(pages, len(records))

    def _read(self, records: Sequence[Record], fields: Sequence[str]) -> Batches:
        self.org.before_page()
        yield pa.record_batch({name: pa.array([r.get(name) for r in records], pa.string()) for name in fields})


def _stamp(text: str | None) -> datetime:
    return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S.%f%z")


def _is_in(window: Window, at: datetime) -> bool:
    return (window.start is None or window.start <= at) and at < window.end
