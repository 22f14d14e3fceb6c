"""Work that runs beside the calls: at most two jobs at once, at most ten that are not done (MK-REST-18, -19)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from sync_pipeline.sandbox.marketo.faults import Faults
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

AT_ONCE, MOST_WAITING = 2, 10
_LOG = logging.getLogger(__name__)


class StoppedError(Exception):
    """The job was cancelled, or the server closes."""


@dataclass
class Job:
    """One job; what follows `status` is told as it happens, in UTC without zone."""

    number: int
    user: str
    created_at: datetime
    status: str
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    message: str | None = None
    stopped: threading.Event = field(default_factory=threading.Event)


class Runner:
    """The threads that run the jobs of one kind, and the queue before them."""

    def __init__(self, subscription: Subscription, faults: Faults, name: str) -> None:
        self._subscription = subscription
        self._faults = faults
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=name)
        self._waiting: set[int] = set()
        self._jobs: list[Job] = []

    def submit(self, job: Job, work: Callable[[], None], states: tuple[str, str, str, str]) -> bool:
        """Queue a job, unless ten wait or run already; `states` are queued, running, done and failed."""
        queued, running, done, failed = states
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.add(job.number)
            self._jobs.append(job)
            job.status, job.queued_at = queued, self._subscription.present()
        self._pool.submit(self._run, job, work, running, done, failed)
        return True

    def _run(self, job: Job, work: Callable[[], None], running: str, done: str, failed: str) -> None:
        try:
            if job.stopped.is_set():
                return
            job.started_at, job.status = self._subscription.present(), running
            self._misbehave(job)
            work()
            if not job.stopped.is_set():
                job.finished_at = self._subscription.present()
                job.status = done  # last, so that who sees it finds all the rest
        except StoppedError:
            pass
        except Exception as error:
            _LOG.warning("job %s failed: %s", job.number, type(error).__name__)
            job.message = job.message or "Internal error"
            job.finished_at, job.status = self._subscription.present(), failed
        finally:
            with self._lock:
                self._waiting.discard(job.number)

    def _misbehave(self, job: Job) -> None:
        slow = self._faults.take("slow_job")
        if slow:
            job.stopped.wait(float(slow["seconds"]))
        if job.stopped.is_set():
            raise StoppedError
        failure = self._faults.take("fail_job")
        if failure:
            job.message = str(failure["message"])
            raise RuntimeError(job.message)

    def close(self) -> None:
        for job in self._jobs:
            job.stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
