"""What was asked of the server: method, path and status of each request; no bodies, no queries, no headers."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatchcase

KEPT = 100_000  # so that a sandbox may serve for weeks


@dataclass(frozen=True)
class Entry:
    method: str
    path: str
    status: int


class RequestLog:
    """All requests since the start or the last `clear`, in the order of their answers."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, method: str, path: str, status: int) -> None:
        with self._lock:
            self._entries.append(Entry(method, path, status))

    @property
    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def count(self, path: str = "*", method: str | None = None) -> int:
        """Return the number of requests whose path fits a shell pattern."""
        return sum(fnmatchcase(e.path, path) and method in (None, e.method) for e in self.entries)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
