"""What was asked of the server: time, method, path and status of each request; no bodies, no queries, no headers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

KEPT = 100_000  # so that a sandbox may serve for weeks


@dataclass(frozen=True)
class Entry:
    """One request; `seconds` passed until its answer began."""

    method: str
    path: str
    status: int
    at: datetime
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "at": self.at.isoformat()}


class RequestLog:
    """All requests since the start or the last `clear`, in the order of their answers."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, method: str, path: str, status: int, seconds: float = 0) -> None:
        entry = Entry(method, path, status, self._clock(), seconds)
        with self._lock:
            self._entries.append(entry)

    @property
    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def newest(self, most: int, path: str = "*", failed: bool = False) -> list[Entry]:
        """Return the last requests whose path fits a shell pattern, or of these only the failed ones, newest first."""
        found: list[Entry] = []
        for entry in reversed(self.entries):
            if fnmatchcase(entry.path, path) and (entry.status >= 400 or not failed):
                found.append(entry)
                if len(found) == most:
                    break
        return found

    def count(self, path: str = "*", method: str | None = None) -> int:
        """Return the number of requests whose path fits a shell pattern."""
        return sum(fnmatchcase(e.path, path) and method in (None, e.method) for e in self.entries)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
