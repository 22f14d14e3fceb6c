"""Bulk API 2.0 query: jobs that write CSV parts, their states, their results page by page."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.answers import flat
from sync_pipeline.sandbox.bulk_parts import Result, StoppedError, write_result
from sync_pipeline.sandbox.errors import ApiError, not_found
from sync_pipeline.sandbox.faults import Faults
from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.plan import Children, Compound, Plan, Typed
from sync_pipeline.sandbox.soql_scope import Reader
from sync_pipeline.sandbox.soql_sql import compile_soql

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
RUNNING_JOBS = 4
ENDED = ("JobComplete", "Aborted", "Failed")


@dataclass
class Job:
    """One query job. `state` and what follows it change as it runs."""

    id: str
    query: str
    operation: str
    object: str
    user: str
    version: str
    delimiter: str
    created_at: datetime
    state: str = "UploadComplete"
    changed_at: datetime | None = None
    processed: int = 0
    milliseconds: int = 0
    message: str | None = None
    result: Result | None = None

    def as_dict(self, full: bool = True) -> dict[str, Any]:
        """Return the job as answers show it: `full` when asked for, less on creation."""
        shown = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at or self.created_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": "LF",
            "columnDelimiter": self.delimiter,
        }
        if full:
            shown |= {
                "jobType": "V2Query",
                "numberRecordsProcessed": self.processed,
                "retries": 0,
                "totalProcessingTime": self.milliseconds,
                "isPkChunkingSupported": True,
            }
        return shown | ({"errorMessage": self.message} if self.message else {})


class BulkJobs:
    """All query jobs of a server and the thread pool that runs them."""

    def __init__(self, org: Org, faults: Faults, folder: Path) -> None:
        self._org = org
        self._faults = faults
        self.folder = folder
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(RUNNING_JOBS, thread_name_prefix="sandbox-bulk")
        self._closing = threading.Event()
        self.made = 0
        self.stored_mb = 0

    def create(self, reader: Reader, soql: str, operation: str, version: str, delimiter: str) -> Job:
        """Begin a job.

        Raises:
            ApiError: the query cannot be asked, or not in bulk.
        """
        plan = compile_soql(reader, soql)
        _check_bulk(self._org, plan)
        with self._lock:
            self.made += 1
            job = Job(
                record_id("750", self.made),
                soql,
                operation,
                plan.object,
                reader.user or self._org.user_id,
                version,
                delimiter,
                self._org.now(),
            )
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, plan)
        return job

    def _run(self, job: Job, plan: Plan) -> None:
        folder = self.folder / job.id
        try:
            self._advance(job, "InProgress")
            self._misbehave(job)
            folder.mkdir()
            started = time.perf_counter()
            result = write_result(
                self._org, plan, folder, DELIMITERS[job.delimiter], lambda rows: self._count(job, rows)
            )
            job.milliseconds = int((time.perf_counter() - started) * 1000)
            job.result = result
            self.stored_mb += sum(part.path.stat().st_size for part in result.parts) >> 20
            self._advance(job, "JobComplete")
        except StoppedError:
            shutil.rmtree(folder, ignore_errors=True)
        except Exception as error:
            job.message = str(error)
            self._advance(job, "Failed", force=True)

    def _misbehave(self, job: Job) -> None:
        slow = self._faults.take("slow_job")
        if slow and self._closing.wait(float(slow["seconds"])):
            raise StoppedError
        failure = self._faults.take("fail_job")
        if failure:
            raise RuntimeError(failure["message"])
        self._count(job, 0)

    def _count(self, job: Job, rows: int) -> None:
        if job.state == "Aborted" or self._closing.is_set():
            raise StoppedError
        job.processed += rows

    def _advance(self, job: Job, state: str, force: bool = False) -> None:
        with self._lock:
            if job.state in ENDED and not force:
                raise StoppedError
            job.state, job.changed_at = state, self._org.now()

    def get(self, job_id: str) -> Job:
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise not_found()
        return job

    def all(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def abort(self, job: Job) -> None:
        with self._lock:
            if job.state in ENDED:
                raise ApiError("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
            job.state, job.changed_at = "Aborted", self._org.now()

    def delete(self, job: Job) -> None:
        if job.state not in ENDED:
            raise ApiError("INVALIDJOBSTATE", "Deleting not Completed Job not allowed")
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def close(self) -> None:
        """Stop the running jobs; the folder goes with the server."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _check_bulk(org: Org, plan: Plan) -> None:
    """Refuse what CSV cannot hold, and objects that Bulk API does not know."""
    if not org.schema[plan.object].bulk:
        raise ApiError("INVALIDENTITY", f"Entity '{plan.object}' is not supported by the Bulk API.")
    if plan.aggregate or plan.count_only:
        raise ApiError("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if any(isinstance(member, Children) for member in plan.members):
        raise ApiError("API_ERROR", "Aggregate Relationships not supported in Bulk V2 Query with CSV content type")
    if any(isinstance(member, Typed) for member in plan.members):
        raise ApiError("API_ERROR", "TYPEOF not supported in Bulk Query")
    if any(isinstance(member, Compound) for member in plan.members):
        raise ApiError("API_ERROR", "Selecting compound data not supported in Bulk Query")
    if any(value.type == "base64" for _, value in flat(plan.members)):
        raise ApiError("API_ERROR", "Blob field not supported in Bulk V2 Query with CSV content type")
    if " offset " in plan.after:
        raise ApiError("API_ERROR", "Offset not supported in Bulk Query")


def locator(row: int) -> str:
    """Return the opaque mark of a row; the word null says that nothing follows."""
    return base64.urlsafe_b64encode(str(row).encode()).decode().rstrip("=")


def row_of(mark: str) -> int:
    """Return the row a locator marks.

    Raises:
        ApiError: INVALID_QUERY_LOCATOR.
    """
    try:
        return int(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    except ValueError:
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator") from None


def stamp(at: datetime) -> str:
    """Return a time as job answers write it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
