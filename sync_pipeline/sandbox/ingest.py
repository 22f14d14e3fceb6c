"""Bulk API 2.0 ingest: jobs that take one CSV file, write its records in batches and keep what became of each.

A row of the file becomes a dict of its own fields and goes the way of every write; results are files on disk.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.bulk import DELIMITERS, ENDED, stamp
from sync_pipeline.sandbox.bulk_parts import StoppedError
from sync_pipeline.sandbox.errors import ApiError, not_found
from sync_pipeline.sandbox.faults import Faults
from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.ingest_files import Columns, InvalidBatchError, Results, Rows, read_rows
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.outcome import Outcome
from sync_pipeline.sandbox.writer import Options, Writer

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
# A real job commits 200 rows at a time; larger batches are what makes 100,000 rows quick. The difference shows in
# one place only: an external id that comes twice is refused within a batch.
BATCH_ROWS = 10_000
RUNNING_JOBS = 2


@dataclass
class IngestJob:
    """One job. `state` and what follows it change as it is fed and runs."""

    id: str
    operation: str
    object: str
    user: str
    version: str
    created_at: datetime
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    key: str | None = None
    assignment_rule: str | None = None
    state: str = "Open"
    changed_at: datetime | None = None
    content: bytes | None = None
    processed: int = 0
    failed: int = 0
    milliseconds: int = 0
    message: str | None = None
    is_running: bool = False

    def as_dict(self, full: bool = True) -> dict[str, Any]:
        """Return the job as answers show it: `full` when asked for, less on creation and changes."""
        shown: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at or self.created_at),
            "state": self.state,
            **({"externalIdFieldName": self.key} if self.key else {}),
            **({"assignmentRuleId": self.assignment_rule} if self.assignment_rule else {}),
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "contentUrl": f"services/data/v{self.version}/jobs/ingest/{self.id}/batches",
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }
        if not full:
            return shown
        shown |= {
            "jobType": "V2Ingest",
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "retries": 0,
            "totalProcessingTime": self.milliseconds,
            "apiActiveProcessingTime": self.milliseconds,
            "apexProcessingTime": 0,
        }
        return shown | ({"errorMessage": self.message} if self.message else {})


class IngestJobs:
    """All ingest jobs of a server and the threads that run them."""

    def __init__(self, org: Org, faults: Faults, folder: Path) -> None:
        self._org = org
        self._faults = faults
        self._folder = folder
        self._jobs: dict[str, IngestJob] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(RUNNING_JOBS, thread_name_prefix="sandbox-ingest")
        self._closing = threading.Event()
        self.made = 0
        self.batch_rows = BATCH_ROWS

    def create(self, operation: str, name: str, user: str, version: str, **settings: Any) -> IngestJob:
        with self._lock:
            self.made += 1
            # Query and ingest jobs share a key prefix; these numbers keep out of each other's way.
            job = IngestJob(
                record_id("750", 10**9 + self.made), operation, name, user, version, self._org.now(), **settings
            )
            self._jobs[job.id] = job
        (self._folder / job.id).mkdir()
        return job

    def get(self, job_id: str) -> IngestJob:
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise not_found()
        return job

    def all(self) -> list[IngestJob]:
        with self._lock:
            return list(self._jobs.values())

    def feed(self, job: IngestJob, content: bytes) -> None:
        """Take the job's one file."""
        with self._lock:
            if job.state != "Open":
                raise ApiError("INVALIDJOBSTATE", f"Data cannot be uploaded to a job whose state is {job.state}")
            if job.content is not None:
                message = (
                    f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job"
                    " then create a new Job and make sure you only do 'PUT' once on a given Job."
                )
                raise ApiError("INVALIDJOBSTATE", message)
            job.content = content

    def close_upload(self, job: IngestJob) -> None:
        """Let the job run."""
        with self._lock:
            if job.state != "Open":
                raise ApiError("INVALIDJOBSTATE", "Closing already Completed Job not allowed")
            job.state, job.changed_at = "UploadComplete", self._org.now()
        self._pool.submit(self._run, job)

    def abort(self, job: IngestJob) -> None:
        with self._lock:
            if job.state in ENDED:
                raise ApiError("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
            job.state, job.changed_at = "Aborted", self._org.now()

    def delete(self, job: IngestJob) -> None:
        if job.state not in ENDED:
            raise ApiError("INVALIDJOBSTATE", "Deleting not Completed Job not allowed")
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(self._folder / job.id, ignore_errors=True)

    def result(self, job: IngestJob, which: str) -> Path | None:
        """Return the file of one kind of results, None where there are none (yet)."""
        path = self._folder / job.id / which
        return path if job.state in ENDED and not job.is_running and path.exists() else None

    def close(self) -> None:
        """Stop the running jobs; the folder goes with the server."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # Running

    def _advance(self, job: IngestJob, state: str) -> None:
        with self._lock:
            if job.state in ENDED:
                raise StoppedError
            job.state, job.changed_at = state, self._org.now()

    def _run(self, job: IngestJob) -> None:
        started, job.is_running = time.perf_counter(), True
        path = f"/services/data/v{job.version}/jobs/ingest/{job.id}"
        try:
            self._advance(job, "InProgress")
            slow = self._faults.take("slow_job", path, job.object)
            if slow and self._closing.wait(float(slow["seconds"])):
                return
            failure = self._faults.take("fail_job", path, job.object)
            if failure:
                raise InvalidBatchError(failure["message"])
            self._write(job, path)
            self._advance(job, "JobComplete")
        except StoppedError:
            pass
        except Exception as error:
            job.message = str(error)
            with self._lock:
                job.state, job.changed_at = "Failed", self._org.now()
        finally:
            job.milliseconds = int((time.perf_counter() - started) * 1000)
            job.content, job.is_running = None, False

    def _write(self, job: IngestJob, path: str) -> None:
        options = Options(assign=job.assignment_rule is not None)
        writer = Writer(self._org, job.user, "csv", options, self._faults.spoil(path))
        form = writer.form(self._org.schema[job.object])
        rows = read_rows(job.content or b"", DELIMITERS[job.delimiter], job.line_ending)
        header = next(rows, [])
        with Results(self._folder / job.id, header) as results:
            try:
                write = _operation(job, writer, Columns(form, header, job.operation, job.key))
                while batch := list(islice(rows, self.batch_rows)):
                    if job.state == "Aborted" or self._closing.is_set():
                        results.unprocessed(batch)
                        raise StoppedError
                    job.failed += results.add(batch, write(batch))
                    job.processed += len(batch)
            finally:
                results.unprocessed(rows)


def _operation(job: IngestJob, writer: Writer, columns: Columns) -> Callable[[Rows], list[Outcome]]:
    """Return the function that writes a batch of rows."""
    name, operation = job.object, job.operation
    if operation == "insert":
        return lambda rows: writer.create(name, [columns.values(row) for row in rows])
    if operation == "update":
        return lambda rows: writer.update(name, [(columns.key(row), columns.values(row)) for row in rows])
    if operation == "upsert":
        return lambda rows: writer.upsert(name, job.key or "", [(columns.key(r), columns.values(r)) for r in rows])
    return lambda rows: writer.delete([columns.key(row) for row in rows], name, hard=operation == "hardDelete")
