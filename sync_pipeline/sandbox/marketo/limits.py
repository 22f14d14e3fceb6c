"""How much may be asked: calls in twenty seconds, at once and a day (MK-REST-16), and what was asked and refused."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from datetime import date, datetime, timedelta

from sync_pipeline.sandbox.marketo.errors import CallError

DAILY = 50_000  # calls
_CENTRAL = timedelta(hours=6)  # Adobe says "12:00AM CST"; summer time is not heeded


def day_of(now: datetime) -> date:
    """Return the day whose quota a call at this time (UTC) uses."""
    return (now - _CENTRAL).date()


class Limits:
    """The limits of one subscription, shared by all who call it; they live as long as the server.

    A call that is refused as a whole counts neither against the rate nor against the quota (SPEC 28.1).
    """

    def __init__(self) -> None:
        self.calls = 100  # in `seconds`
        self.seconds = 20.0
        self.at_once = 10
        self.daily = DAILY
        self.used: dict[date, Counter[str]] = defaultdict(Counter)  # calls by user
        self.refused: dict[date, Counter[str]] = defaultdict(Counter)  # errors by code
        self._lock = threading.Lock()
        self._recent: deque[datetime] = deque()
        self._running = 0
        self.most_at_once = 0

    def enter(self, user: str, now: datetime) -> None:
        """Admit a call, to be left in any case.

        Raises:
            CallError: 607, 606 or 615.
        """
        with self._lock:
            while self._recent and now - self._recent[0] >= timedelta(seconds=self.seconds):
                self._recent.popleft()
            if self.used[day_of(now)].total() >= self.daily:
                raise CallError(607, f"Daily API Request Limit reached ({self.daily})")
            if len(self._recent) >= self.calls:
                raise CallError(606, f"Max rate limit '{self.calls}' exceeded with in '{self.seconds:.0f}' secs")
            if self._running >= self.at_once:
                raise CallError(615, "Concurrent access limit reached")
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
            self._recent.append(now)
            self.used[day_of(now)][user] += 1

    def leave(self, user: str, entered: datetime, refused: bool) -> None:
        with self._lock:
            self._running -= 1
            if refused:
                self.used[day_of(entered)][user] -= 1
                if entered in self._recent:
                    self._recent.remove(entered)

    def count_error(self, code: str, now: datetime) -> None:
        with self._lock:
            self.refused[day_of(now)][code] += 1

    def left(self, now: datetime) -> int:
        with self._lock:
            return self.daily - self.used[day_of(now)].total()

    def reset(self) -> None:
        """Forget all calls, as after a night, and what was commanded of the quota."""
        with self._lock:
            self.daily = DAILY
            self.used.clear()
            self._recent.clear()
