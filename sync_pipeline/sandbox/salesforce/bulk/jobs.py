"""Bulk jobs whatever their API: the register of them, the threads that run them, how they end."""

from __future__ import annotations

import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from sync_pipeline.sandbox.salesforce.errors import ApiError, not_found
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.org.org import Org

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
JOB_PREFIX = "750"


class StoppedError(Exception):
    """The work was aborted, or the server stops, while it ran."""


@dataclass(kw_only=True)
class Work:
    """What runs once and ends in one of `ENDED`, in `DONE` if all went well."""

    DONE: ClassVar[str] = "JobComplete"
    ENDED: ClassVar[tuple[str, ...]] = ("JobComplete", "Aborted", "Failed")

    id: str
    created_at: datetime
    state: str
    changed_at: datetime | None = None
    processed: int = 0
    milliseconds: int = 0
    message: str | None = None
    is_running: bool = False

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED


@dataclass(kw_only=True)
class Job(Work, ABC):
    """One job of a user."""

    operation: str
    object: str
    user: str
    version: str

    @property
    @abstractmethod
    def path(self) -> str:
        """Return the job's address."""

    @abstractmethod
    def as_dict(self, full: bool = True) -> dict[str, Any]:
        """Return the job as JSON shows it: `full` when asked for, less on creation and changes."""

    def head(self) -> dict[str, Any]:
        """Return what answers about jobs of any API begin with."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at or self.created_at),
            "state": self.state,
        }


J = TypeVar("J", bound=Job)


class Jobs(Generic[J]):
    """The jobs of one API, by id, and their threads. Each job has a folder of its own.

    Jobs of all APIs share a key prefix; `first` keeps their numbers out of each other's way.
    """

    def __init__(self, kind: type[J], org: Org, faults: Faults, folder: Path, first: int, threads: int) -> None:
        self.org = org
        self.faults = faults
        self.folder = folder
        self.made = 0
        self.lock = threading.RLock()  # of every state
        self._kind = kind
        self._first = first
        self._jobs: dict[str, J] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"sandbox-{kind.__name__}")
        self._closing = threading.Event()

    def add(self, user: str, version: str, operation: str, name: str, **settings: Any) -> J:
        with self.lock:
            self.made += 1
            job = self._kind(
                id=record_id(JOB_PREFIX, self._first + self.made),
                created_at=self.org.now(),
                operation=operation,
                object=name,
                user=user,
                version=version,
                **settings,
            )
            (self.folder / job.id).mkdir()
            self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> J:
        with self.lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise not_found()
        return job

    def all(self) -> list[J]:
        with self.lock:
            return list(self._jobs.values())

    def abort(self, job: J) -> None:
        with self.lock:
            if job.has_ended:
                raise ApiError("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
            self.enter(job, "Aborted")

    def delete(self, job: J) -> None:
        with self.lock:
            if not job.has_ended:
                raise ApiError("INVALIDJOBSTATE", "Deleting not Completed Job not allowed")
            self._jobs.pop(job.id, None)
        shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def close(self) -> None:
        """Stop what runs; the folder goes with the server."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # Running

    def enter(self, work: Work, state: str) -> None:
        """Put work into a state."""
        with self.lock:
            work.state, work.changed_at = state, self.org.now()

    def submit(self, task: Callable[[], None]) -> None:
        """Let a thread do it when one is free."""
        self._pool.submit(task)

    def run(self, work: Work, path: str, about: str, do: Callable[[], None]) -> None:
        """Do the work, with the faults that its path and its object meet; how it went is its state."""
        started, work.is_running = time.perf_counter(), True
        try:
            self._advance(work, "InProgress")
            self._meet_faults(path, about)
            do()
            work.milliseconds = int((time.perf_counter() - started) * 1000)
            self._advance(work, work.DONE)
        except StoppedError:
            pass
        except Exception as error:
            work.message = str(error)
            self.enter(work, "Failed")
        finally:
            work.is_running = False

    def check(self, work: Work) -> None:
        """Raise StoppedError if the work must not go on."""
        if work.has_ended or self._closing.is_set():
            raise StoppedError

    def _advance(self, work: Work, state: str) -> None:
        with self.lock:
            self.check(work)
            self.enter(work, state)

    def _meet_faults(self, path: str, about: str) -> None:
        slow = self.faults.take("slow_job", path, about)
        if slow and self._closing.wait(float(slow["seconds"])):
            raise StoppedError
        failure = self.faults.take("fail_job", path, about)
        if failure:
            raise RuntimeError(failure["message"])


def stamp(at: datetime) -> str:
    """Return a time as JSON about jobs writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
