"""Bulk extract: jobs that DuckDB writes to files, with their states, checksums and the daily allowance (MK-REST-18).

No record passes through Python, neither on its way into a file nor on its way to the client.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.core.database import quote, text
from sync_pipeline.sandbox.marketo.bulk.jobs import Job, Runner
from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.faults import Faults
from sync_pipeline.sandbox.marketo.limits import day_of
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import stamp

FORMATS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
DAILY_BYTES = 500_000_000
FILES_KEPT, JOBS_KEPT = timedelta(days=7), timedelta(days=30)
CREATED, QUEUED, RUNNING, DONE, FAILED, CANCELLED = (
    "Created", "Queued", "Processing", "Completed", "Failed", "Cancelled",
)  # fmt: skip
_NAMESPACE = uuid.UUID("0b5fb7d3-7d62-4b8a-8f04-5f7a9c2f6c11")


@dataclass(frozen=True)
class Column:
    """One column of a file: its header, and the SQL of its values."""

    header: str
    sql: str


@dataclass(frozen=True)
class Query:
    """What a file holds: columns of a relation for which a condition holds."""

    columns: Sequence[Column]
    source: str
    condition: str
    parameters: Sequence[Any]
    order: str


@dataclass
class Extract(Job):
    """One export job; `kind` is the part of the address that names its object."""

    kind: str = ""
    format: str = "CSV"
    query: Query | None = None
    path: Path | None = None
    records: int = 0
    size: int = 0
    checksum: str = ""
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = str(uuid.uuid5(_NAMESPACE, str(self.number)))

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"exportId": self.id, "format": self.format, "status": self.status}
        times = {
            "createdAt": self.created_at,
            "queuedAt": self.queued_at,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
        }
        told |= {name: stamp(at) for name, at in times.items() if at}
        if self.status == DONE:
            told |= {"numberOfRecords": self.records, "fileSize": self.size, "fileChecksum": f"sha256:{self.checksum}"}
        if self.status == FAILED:
            told["errorMsg"] = self.message
        return told


class Extracts:
    """All export jobs of a server; they share one queue and one allowance, whatever they export."""

    def __init__(self, subscription: Subscription, faults: Faults, folder: Path) -> None:
        self.daily_bytes = DAILY_BYTES
        self.by_updated_at = True  # not every subscription can filter persons so (1035)
        self._subscription = subscription
        self._folder = folder
        self._runner = Runner(subscription, faults, "marketo-extract")
        self._jobs: dict[str, Extract] = {}
        self._lock = threading.Lock()

    def create(self, kind: str, user: str, query: Query, file_format: str) -> Extract:
        self._check_allowance()
        with self._lock:
            present = self._subscription.present()
            job = Extract(len(self._jobs) + 1, user, present, CREATED, kind=kind, format=file_format, query=query)
            self._jobs[job.id] = job
        return job

    def enqueue(self, job: Extract) -> None:
        """Let a job begin.

        Raises:
            CallError: 1029 it has begun already, ten others wait, or the day's allowance is used up.
        """
        self._check_allowance()
        with self._lock:
            if job.status != CREATED:
                raise CallError(1029, "Job already queued")
            if not self._runner.submit(job, lambda: self._write(job), (QUEUED, RUNNING, DONE, FAILED)):
                raise CallError(1029, "Too many jobs in queue")

    def cancel(self, job: Extract) -> None:
        if job.status in (DONE, FAILED, CANCELLED):
            raise CallError(1029, f"Job is already {job.status.lower()}")
        job.status = CANCELLED
        job.stopped.set()

    def get(self, kind: str, export_id: str, user: str) -> Extract:
        """Return a job of this user.

        Raises:
            CallError: 1013 there is none.
        """
        job = self._jobs.get(export_id)
        forgotten = job is not None and job.finished_at and self._age(job.finished_at) > JOBS_KEPT
        if job is None or job.kind != kind or job.user != user or forgotten:
            raise CallError(1013, f"Export job '{export_id}' not found")
        return job

    def recent(self, kind: str, user: str) -> list[Extract]:
        """Return the user's jobs of the last seven days."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [
            job for job in jobs if job.kind == kind and job.user == user and self._age(job.created_at) <= FILES_KEPT
        ]

    def file(self, job: Extract) -> Path | None:
        """Return the file, as long as it is kept."""
        if job.status != DONE or job.path is None or job.finished_at is None:
            return None
        return job.path if self._age(job.finished_at) <= FILES_KEPT else None

    def used_today(self) -> int:
        """Return how many bytes today's finished jobs have written."""
        today = day_of(self._subscription.now())
        with self._lock:
            done = [job for job in self._jobs.values() if job.finished_at and job.status == DONE]
        return sum(job.size for job in done if job.finished_at and day_of(job.finished_at.replace(tzinfo=UTC)) == today)

    def _check_allowance(self) -> None:
        if self.used_today() >= self.daily_bytes:
            raise CallError(1029, "Export daily quota exceeded")

    def _age(self, at: datetime) -> timedelta:
        return self._subscription.present() - at

    def _write(self, job: Extract) -> None:
        if job.query is None:
            raise ValueError("a job without query")
        path = self._folder / f"{job.id}.{job.format.lower()}"
        job.records = write(self._subscription, job.query, path, FORMATS[job.format])
        job.size = path.stat().st_size
        with path.open("rb") as file:
            job.checksum = hashlib.file_digest(file, "sha256").hexdigest()
        job.path = path

    def close(self) -> None:
        self._runner.close()


def write(subscription: Subscription, query: Query, path: Path, delimiter: str) -> int:
    """Write a file with a header; what is empty is the word null, as in Marketo's. Return the number of records."""
    columns = ", ".join(f"{column.sql} as {quote(column.header)}" for column in query.columns)
    with subscription.cursor() as cursor:
        found = cursor.execute(
            f"copy (select {columns} from {query.source} where {query.condition} order by {query.order})"
            f" to {text(str(path))} (format csv, header, nullstr 'null', delimiter {text(delimiter)})",
            list(query.parameters),
        ).fetchone()
    return int(found[0]) if found else 0


def spelled(column: str, kind: str) -> str:
    """Return the SQL by which a column's values are written as text."""
    if kind == "timestamp":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
    return column
