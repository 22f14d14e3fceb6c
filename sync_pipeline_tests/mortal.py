"""Connectors for tests of hard times: one that dies as its process would, one that reads by Bulk API alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sync_pipeline.connectors.clock import Clock
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Batches, Connector, Extract, Page, Usage
from sync_pipeline.connectors.salesforce import soql
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.model import Describe, Object, Window
from sync_pipeline.sandbox.core.database import Database


class KilledError(BaseException):
    """The process is no more. Nothing that runs on after it may catch this."""


@dataclass
class Life:
    """Ends after so many calls, and then for every thread; `refuses` names an object that cannot be read."""

    calls: int = 10**9
    refuses: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def live(self) -> None:
        with self._lock:
            self.calls -= 1
            if self.calls < 0:
                raise KilledError


class Mortal:
    """A connector that is killed at its n-th call or page. It tells the system's time as that stamps records."""

    def __init__(self, inner: Connector, database: Database, life: Life) -> None:
        self.system = inner.system
        self.clock = Clock(database.now)
        self._inner = inner
        self._database = database
        self._life = life

    def begin(self) -> None:
        self._inner.begin()

    def organization_id(self) -> str:
        return self._inner.organization_id()

    def names(self) -> frozenset[str]:
        return self._inner.names()

    def describe(self, source: str) -> Describe:
        self._life.live()
        return self._inner.describe(source)

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        self._refuse(obj)
        return self._mortal(self._inner.extract(obj, fields, window))

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        self._life.live()
        return self._mortal(self._inner.extract_ids(obj, fields, ids, by))

    def extract_alive(self, obj: Object, fields: Sequence[str]) -> Extract:
        self._life.live()
        return self._mortal(self._inner.extract_alive(obj, fields))

    def resume(self, obj: Object, fields: Sequence[str], token: str) -> Extract | None:
        self._refuse(obj)
        found = self._inner.resume(obj, fields, token)
        return self._mortal(found) if found else None

    def count(self, obj: Object, before: datetime | None = None) -> int:
        return self._inner.count(obj, before)

    def metered(self) -> Connector:
        return Mortal(self._inner.metered(), self._database, self._life)

    def usage(self) -> Usage:
        return self._inner.usage()

    def quota(self) -> tuple[int, int]:
        return self._inner.quota()

    def remarks(self) -> Sequence[str]:
        return self._inner.remarks()

    def now(self) -> datetime:
        self._life.live()
        return self._database.now()

    def _refuse(self, obj: Object) -> None:
        self._life.live()
        if obj.source == self._life.refuses:
            raise RejectedError("INVALID_TYPE", f"sObject type '{obj.source}' is not supported.")

    def _mortal(self, extract: Extract) -> Extract:
        def pages() -> Iterator[Page]:
            for page in extract.pages():
                yield Page(page.name, lambda page=page: self._read(page))  # type: ignore[misc]

        return replace(extract, pages=pages)

    def _read(self, page: Page) -> Batches:
        self._life.live()
        yield from page.read()


class ByBulk(Salesforce):
    """Reads every window by Bulk API 2.0, however little is in it."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more, bulk_from=0)
        self.patience = replace(self.patience, sleep=lambda _: time.sleep(0.002))

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        query = soql.select(fields, obj.source, soql.in_window(obj.stamp, window))
        return self._bulk().run(query, fields, "queryAll")
