"""How much may be asked of a subscription, kept on our side and in one place (MK-REST-16).

Adobe allows 100 calls in 20 seconds, 10 at once and 50,000 a day, to all integrations together, and advises half.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from sync_pipeline.connectors.clock import utc_now
from sync_pipeline.connectors.errors import OverdueError, QuotaError, ThrottledError

SECONDS = 20.0
A_MOMENT = 0.05  # seconds until it is asked again whether a running call has ended
# A competitor that takes the whole quota for so many turns in a row is more than a delay.
MOST_REFUSALS = 200
# Quotas begin anew at midnight "CST"; if that moves with summer time, we go on an hour later than we might.
CENTRAL = timedelta(hours=-6)


def quota_day(now: datetime) -> date:
    """Return the day whose quotas a call at this time uses."""
    return (now + CENTRAL).date()


def next_reset(now: datetime) -> datetime:
    """Return when the quotas of the running day begin anew, in UTC."""
    midnight = datetime.combine(quota_day(now) + timedelta(days=1), datetime.min.time(), UTC)
    return midnight - CENTRAL


class Limits:
    """The limits of one subscription as we keep them; shared by all threads and views of a connector."""

    def __init__(
        self,
        calls: int = 50,
        at_once: int = 5,
        budget: int = 40_000,
        used_today: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        """Make limits.

        Args:
            calls: calls in any 20 seconds.
            budget: calls a day; at it everything pauses until the quotas begin anew.
            used_today: calls that earlier processes made on the running day.
            clock, sleep, utc: the time, for tests in which none passes.
        """
        self.budget = budget
        self.sleep = sleep
        self.utc = utc
        self._calls = calls
        self.clock = clock
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        # Marketo counts a call when it arrives, which is before we have its answer and no more than that is known.
        self._running = 0
        self._recent: deque[float] = deque()  # when calls ended
        self._held_until = 0.0
        self._used = used_today
        self._day: date | None = None
        self._paused_until: datetime | None = None

    @contextmanager
    def turn(self, now: Callable[[], datetime]) -> Iterator[None]:
        """Wait until one more call may be made, and count it.

        Raises:
            QuotaError: none may be made today.
        """
        with self._slots:
            while (wait := self._wait_seconds(now())) > 0:
                self.sleep(wait)
            try:
                yield
            finally:
                with self._lock:
                    self._running -= 1
                    self._recent.append(self.clock())

    def _wait_seconds(self, now: datetime) -> float:
        """Return how long to wait; 0 when the call may be made, which is then counted."""
        with self._lock:
            self._check_day(now)
            at = self.clock()
            while self._recent and at - self._recent[0] >= SECONDS:
                self._recent.popleft()
            if at < self._held_until:
                return self._held_until - at
            if self._running + len(self._recent) >= self._calls:
                return self._recent[0] + SECONDS - at if self._recent else A_MOMENT
            self._running += 1
            self._used += 1
            return 0.0

    def _check_day(self, now: datetime) -> None:
        today = quota_day(now)
        if self._day not in (None, today):
            self._used = 0
        self._day = today
        if self._paused_until and now < self._paused_until:
            raise QuotaError("607", f"the day's quota of Marketo calls is used up until {_spelled(self._paused_until)}")
        if self._used >= self.budget:
            raise QuotaError(
                "CALL_BUDGET_REACHED",
                f"{self._used} Marketo calls were made today and the budget is {self.budget}; reading goes on at "
                f"{_spelled(next_reset(now))}",
            )

    def refused(self, error: ThrottledError, refusals: int) -> None:
        """Hold all calls for a moment: somebody else uses the same quota.

        Raises:
            OverdueError: it has been so for very long.
        """
        if refusals >= MOST_REFUSALS:
            said = f"{error.message}: refused {refusals:,} times, as others use the same limits"
            raise OverdueError(error.code, said, may_be_done=False)
        with self._lock:
            self._held_until = max(self._held_until, self.clock() + error.wait_seconds)

    def pause(self, now: datetime) -> None:
        """Send nothing more until the quotas begin anew: the subscription's are used up (607)."""
        with self._lock:
            self._paused_until = next_reset(now)

    @property
    def used(self) -> int:
        """Calls made on the running day."""
        return self._used


def _spelled(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC, midnight in US Central time"
