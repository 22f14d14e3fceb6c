"""How long is waited and how much is taken of a system, whatever it says (law 12); and showing what is waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_pipeline.connectors.errors import MalformedAnswerError, OverdueError

LOG = logging.getLogger("sync_pipeline.waiting")
WORTH_TELLING = 5.0  # seconds: who looks on wonders from then on
FIRST_TOLD = 30.0
MOST_EMPTY = 10  # pages without a record, one after another, of a result that is counted


@dataclass(frozen=True)
class Bounds:
    """The bounds of what is asked of a system; docs/settings.md has the setting of each.

    Attributes:
        idle: seconds without a byte.
        request: seconds of one request with its repetitions, from the first try to the last byte.
        job: seconds of one job of a system, from its making to the end of its file.
        work: seconds of one object in one cycle.
        answer: bytes of an answer that is taken into memory, once it is unpacked.
        pages: pages of one result.
    """

    idle: float = 120.0
    request: float = 900.0
    job: float = 4 * 3600.0
    work: float = 12 * 3600.0
    answer: int = 256_000_000
    pages: int = 50_000


@dataclass(frozen=True)
class Patience:
    """Bounds, the first of the waits between tries, and the time, which is another one in tests."""

    bounds: Bounds = field(default_factory=Bounds)
    first_wait: float = 0.2
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def wait(self, seconds: float, why: str) -> None:
        """Wait, and say why if it takes longer than a moment."""
        if seconds >= WORTH_TELLING:
            LOG.info("waiting %.0f s: %s", seconds, why)
        self.sleep(seconds)


class Waiting:
    """A job of a system that is waited for: asked again and again, shown now and then, given up at its bound."""

    def __init__(self, patience: Patience, what: str) -> None:
        self._patience = patience
        self._what = what
        self._began = patience.clock()
        self._tell_at = FIRST_TOLD

    def pause(self, seconds: float, state: str) -> None:
        """Wait before the state is asked for again.

        Raises:
            OverdueError: the job has taken its time already.
        """
        bound, took = self._patience.bounds.job, self._patience.clock() - self._began
        if took >= bound:
            said = f"{self._what} is {state[:80]} after {took:,.0f} s, and no longer waited for (SYNC_JOB_SECONDS)"
            raise OverdueError("JOB_OVERDUE", said)
        if took >= self._tell_at:
            LOG.info("waiting for %s: %s for %.0f s", self._what, state[:80], took)
            self._tell_at = 2 * took
        self._patience.sleep(min(seconds, bound - took))


class Chain:
    """Pages of which each names the next: none twice, none without end, no more records than were announced."""

    def __init__(self, what: str, system: str, most: int, announced: int = -1) -> None:
        self._what, self._system, self._most, self._announced = what, system, most, announced
        self._seen: set[str] = set()
        self._records = self._empty = 0

    def follow(self, next_page: str, records: int) -> str:
        """Return the name of the next page, after one of so many records.

        Raises:
            MalformedAnswerError: it was read already, or there is more than was announced.
            OverdueError: there are more pages than a result may have.
        """
        self._records += records
        self._empty = 0 if records else self._empty + 1
        if not next_page or next_page in self._seen:
            raise MalformedAnswerError(self._system, self._what, "a next page that was read already, or none")
        if 0 <= self._announced < self._records or (self._announced >= 0 and self._empty > MOST_EMPTY):
            said = f"{self._records:,} records of {self._announced:,} announced, and still more pages"
            raise MalformedAnswerError(self._system, self._what, said)
        self._seen.add(next_page)
        if len(self._seen) > self._most:
            said = f"{self._what} has more than {self._most:,} pages, the most that a result may have (SYNC_MOST_PAGES)"
            raise OverdueError("TOO_MANY_PAGES", said, may_be_done=False)
        return next_page
