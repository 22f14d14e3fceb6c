"""Bulk extract: jobs that write files, cut into parts that a job may hold, streamed to Arrow (MK-REST-18).

A file's rows are what the job announced, byte for byte by its checksum, or it is an error.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sync_pipeline.connectors.bounds import Waiting
from sync_pipeline.connectors.csv_pages import stream_csv
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import ConnectorError, OverdueError, PausedError, RejectedError, RetryableError
from sync_pipeline.connectors.extract import Batches, Page
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.feed import spelled
from sync_pipeline.connectors.marketo.limits import next_reset
from sync_pipeline.connectors.marketo.rows import completed

LONGEST_PART = timedelta(days=31)
SECOND = timedelta(seconds=1)
NOT_OFFERED, NO_MORE_JOBS = "1035", "1029"
# Marketo writes a null as this word. In quotes it is a text: there are people of that name.
NULLS = ("", "null")
QUEUE_WAIT = 60.0  # seconds: ten jobs wait, whoever queued them


@dataclass(frozen=True)
class Part:
    """What one job holds: a name that stays the same in a later process, and the filter."""

    name: str
    filter: Json


def parts_by_time(field_name: str, start: datetime, end: datetime, more: Json | None = None) -> list[Part]:
    """Return the parts of half-open `[start, end)`; jobs take both ends and know whole seconds."""
    found = []
    begin = start.replace(microsecond=0)
    while begin < end:
        until = min(begin + LONGEST_PART, end)
        last = max(until - (SECOND if until.microsecond == 0 else timedelta(0)), begin)
        bounds = {"startAt": spelled(begin), "endAt": spelled(last)}
        found.append(Part(f"{begin:%Y%m%dT%H%M%S}", {field_name: bounds, **(more or {})}))
        begin = until.replace(microsecond=0) if until < end else end
    return found


@dataclass
class Exports:
    """Exports of one kind of record, by jobs; `poll_seconds` is how often a job is asked for its state."""

    calls: Calls
    resource: str
    poll_seconds: float

    def pages(self, parts: Sequence[Part], fields: Sequence[str], in_file: Sequence[str]) -> Iterator[Page]:
        """Give a page a part. Only pages that are being read have a job, so pages read two at a time are two jobs.

        Args:
            in_file: the fields that the files hold; `rows.completed` makes the others.
        """
        progress = _Progress(len(parts))
        for number, part in enumerate(parts):
            job = _Job(self, part, number, in_file, progress)
            begin = partial(progress.note, number, done=False)
            yield Page(part.name, lambda job=job: (completed(b, fields) for b in job.read()), begin)  # type: ignore[misc]

    def offers(self, part: Part, fields: Sequence[str]) -> bool:
        """Tell whether the subscription takes this filter; the job that tells is given up."""
        try:
            job = self.create(part, fields)
        except RejectedError as error:
            if error.code != NOT_OFFERED:
                raise
            return False
        self.calls.post(self._path(f"{job}/cancel"))
        return True

    def create(self, part: Part, fields: Sequence[str]) -> str:
        body: dict[str, Any] = {"format": "CSV", "filter": part.filter, "fields": list(fields)}
        # Some files carry labels for names unless told otherwise.
        body["columnHeaderNames"] = {name: name for name in fields}
        return self.calls.post(self._path("create"), body).only("result").key("exportId")

    def enqueue(self, job: str) -> None:
        self.calls.post(self._path(f"{job}/enqueue"))

    def finished(self, job: str) -> Document:
        """Wait for a job and return what is told of it.

        Raises:
            RetryableError: it failed or was cancelled.
            OverdueError: it is not over at its time, and given up.
        """
        waiting = Waiting(self.calls.patience, f"export job {job} of {self.resource}")
        while True:
            told = self.calls.get(self._path(f"{job}/status")).only("result")
            if (status := told.text("status")) == "Completed":
                return told
            if status in ("Failed", "Cancelled"):
                said = told.text("errorMsg", "") or status
                raise RetryableError("EXPORT_FAILED", f"export job {job} of {self.resource}: {said}")
            try:
                waiting.pause(self.poll_seconds, status)
            except OverdueError:
                with suppress(ConnectorError):  # so that it does not stand in the queue for nobody
                    self.calls.post(self._path(f"{job}/cancel"))
                raise

    def file(self, told: Document, fields: Sequence[str]) -> Batches:
        """Stream a finished job's file.

        Raises:
            RetryableError: the file broke off, or is not the one that was announced.
        """
        announced, arrived, digest = told.number("numberOfRecords", 0), 0, hashlib.sha256()
        if announced == 0:
            return

        def seen(chunk: bytes) -> None:
            digest.update(chunk)
            self.calls.count_bytes(len(chunk))

        job = told.key("exportId")
        checksum = told.text("fileChecksum", "").removeprefix("sha256:")
        answer = self.calls.stream(self._path(f"{job}/file"))
        for batch in stream_csv(answer, fields, seen, NULLS, quoted_nulls=False):
            arrived += batch.num_rows
            if arrived > announced:
                break
            yield batch
        if arrived != announced or (checksum and checksum != digest.hexdigest()):
            raise RetryableError("FILE_CUT_OFF", f"{arrived} of {announced} records arrived of export job {job}")

    def _path(self, rest: str) -> str:
        return f"/bulk/v1/{self.resource}/export/{rest}.json"


@dataclass
class _Progress:
    """How far an extract is, to say when it will be done."""

    parts: int
    begun: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int, *, done: bool) -> None:
        with self.lock:
            (self.done if done else self.begun).add(number)

    def paused(self, now: datetime) -> PausedError:
        """Return the error that says how far it is. Parts are begun in order; those before the first were read."""
        with self.lock:
            number, rate = min(self.begun - self.done), len(self.done)
        rest = self.parts - number
        days = f"; at this rate in about {math.ceil(rest / rate)} days" if rate else ""
        return PausedError(
            "EXPORT_QUOTA",
            f"{number} of {self.parts} parts are read and kept; the day's quota of exports is used up, reading goes "
            f"on after {next_reset(now):%Y-%m-%d %H:%M} UTC and will be done when the other {rest} are read{days}",
        )


@dataclass
class _Job:
    """The job of one part. After a failure the same file is asked for again, not another job."""

    exports: Exports
    part: Part
    number: int
    fields: Sequence[str]
    progress: _Progress
    job: str = ""

    def read(self) -> Batches:
        self.progress.note(self.number, done=False)
        if not self.job:
            self.job = self._begun()
        try:
            told = self.exports.finished(self.job)
            yield from self.exports.file(told, self.fields)
        except RejectedError as error:
            self.job = ""
            if error.code == "HTTP_404":  # files are kept seven days
                raise RetryableError(error.code, error.message) from error
            raise
        except RetryableError as error:
            if error.code in ("EXPORT_FAILED", "JOB_OVERDUE"):
                self.job = ""
            raise
        self.progress.note(self.number, done=True)

    def _begun(self) -> str:
        try:
            job = self.exports.create(self.part, self.fields)
            self.exports.enqueue(job)
        except RejectedError as error:
            if error.code != NO_MORE_JOBS:
                raise
            if "quota" in error.message.lower():
                raise self.progress.paused(self.exports.calls.now()) from error
            raise RetryableError(error.code, error.message, QUEUE_WAIT) from error
        return job
