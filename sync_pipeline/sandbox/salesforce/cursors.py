"""Results that clients page through, by query locator."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipeline.sandbox.salesforce.answers import Row
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.soql.plan import Plan

KEPT = 50  # cursors; a client that leaves more open finds the oldest gone


@dataclass(frozen=True)
class Cursor:
    """A result that is kept: `rows` gives those from one number up to another."""

    plan: Plan
    total: int
    rows: Callable[[int, int], Sequence[Row]]
    close: Callable[[], None] = lambda: None


class Cursors:
    """The results that clients are still paging through, by query locator."""

    def __init__(self) -> None:
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._lock = threading.Lock()
        self._made = 0

    def keep(self, cursor: Cursor) -> str:
        with self._lock:
            self._made += 1
            locator = record_id("01g", self._made)
            self._cursors[locator] = cursor
            while len(self._cursors) > KEPT:
                self._cursors.popitem(last=False)[1].close()
        return locator

    def get(self, locator: str) -> Cursor:
        with self._lock:
            cursor = self._cursors.get(locator)
        if cursor is None:
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor

    def close(self) -> None:
        with self._lock:
            for cursor in self._cursors.values():
                cursor.close()
            self._cursors.clear()
