"""Bulk API 1: jobs of batches that clients make themselves, each a query or up to 10,000 records to write.

Queries run on the parts of `bulk_parts.py`, writes go the way of every write; both stay on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from sync_pipeline.sandbox.salesforce.bulk.bulk import check_bulk
from sync_pipeline.sandbox.salesforce.bulk.bulk1_files import read_records, write_outcomes
from sync_pipeline.sandbox.salesforce.bulk.bulk1_jobs import Batch, BatchJob
from sync_pipeline.sandbox.salesforce.bulk.bulk_lines import Lines, csv_lines, json_lines, xml_lines
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import write_result
from sync_pipeline.sandbox.salesforce.bulk.ingest_files import InvalidBatchError, write_records
from sync_pipeline.sandbox.salesforce.bulk.jobs import Jobs
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.rules.writer import Options, Writer
from sync_pipeline.sandbox.salesforce.soql.compiler import compile_soql
from sync_pipeline.sandbox.salesforce.soql.plan import Plan
from sync_pipeline.sandbox.salesforce.soql.scope import Reader

MOST_RECORDS = 10_000
RESULT_ROWS = 1_000_000  # a real one begins a new result file at 1 GB
RUNNING_BATCHES = 4
_FIRST_JOB = 2 * 10**9
_BATCH_PREFIX, _RESULT_PREFIX = "751", "752"

_LINES: dict[str, Callable[[Plan, str], Lines]] = {
    "CSV": lambda plan, version: csv_lines(plan),
    "JSON": json_lines,
    "XML": lambda plan, version: xml_lines(plan),
}


class BatchJobs(Jobs[BatchJob]):
    """All Bulk API 1 jobs of a server."""

    def __init__(self, org: Org, faults: Faults, folder: Path) -> None:
        super().__init__(BatchJob, org, faults, folder, first=_FIRST_JOB, threads=RUNNING_BATCHES)
        self.batches_made = 0
        self.result_rows = RESULT_ROWS
        self._results_made = 0

    def get(self, job_id: str) -> BatchJob:
        try:
            return super().get(job_id)
        except ApiError:
            raise ApiError("INVALIDJOB", f"InvalidJob : Invalid job id: {job_id}") from None

    def batch(self, job: BatchJob, batch_id: str) -> Batch:
        with self.lock:
            found = next((batch for batch in job.batches if batch.id == batch_id), None)
        if found is None:
            raise ApiError("INVALIDBATCH", f"InvalidBatch : Invalid batch id: {batch_id}")
        return found

    def close_job(self, job: BatchJob) -> None:
        """Let no more batches in."""
        with self.lock:
            if job.state != "Open":
                raise ApiError("INVALIDJOBSTATE", "Closing already Completed Job not allowed")
            self.enter(job, "Closed")

    def abort(self, job: BatchJob) -> None:
        """Abort a job, closed or not: what waits is not processed, a write that runs is done."""
        with self.lock:
            super().abort(job)
            for batch in job.batches:
                if batch.state == "Queued" or (job.is_query and not batch.has_ended):
                    self.enter(batch, "NotProcessed")

    def add_batch(self, job: BatchJob, content: bytes) -> Batch:
        with self.lock:
            if job.state != "Open":
                message = f"Failed to create batch, since the Job is not Open. Current job state is '{job.state}'"
                raise ApiError("INVALIDJOBSTATE", message)
            batch = self._new(job)
            batch.request.write_bytes(content)
            self._queue(job, [batch])
        return batch

    def _new(self, job: BatchJob, request: Path | None = None, within: str | None = None) -> Batch:
        self.batches_made += 1
        batch_id = record_id(_BATCH_PREFIX, self.batches_made)
        folder = self.folder / job.id / batch_id
        folder.mkdir()
        return Batch(
            id=batch_id,
            job_id=job.id,
            created_at=self.org.now(),
            folder=folder,
            request=request or folder / "request",
            within=within,
        )

    # Running

    def _queue(self, job: BatchJob, batches: list[Batch]) -> None:
        job.batches += batches
        job.queue.extend(batches)
        for _ in batches:
            self.submit(lambda: self._run_next(job))

    def _run_next(self, job: BatchJob) -> None:
        """Run a batch that waits; of a serial job, all that wait, unless another thread is at it."""
        while batch := self._next(job):
            path = f"{job.path}/batch/{batch.id}"
            self.run(batch, path, job.object, partial(self._query if job.is_query else self._write, job, batch))
            with self.lock:
                job.is_running = False
            if not job.is_serial:
                return

    def _next(self, job: BatchJob) -> Batch | None:
        with self.lock:
            if not job.queue or (job.is_serial and job.is_running):
                return None
            job.is_running = True
            return job.queue.popleft()

    def _query(self, job: BatchJob, batch: Batch) -> None:
        reader = Reader(self.org, job.user, job.operation == "queryAll", self.faults.lateness)
        try:
            plan = compile_soql(reader, batch.request.read_text("utf-8", "replace"))
            check_bulk(self.org, plan)
        except ApiError as error:
            code = "FUNCTIONALITY_NOT_ENABLED" if error.code == "API_ERROR" else error.code
            raise InvalidBatchError(f"InvalidBatch : Failed to process query: {code}: {error.message}") from None
        if job.chunk_rows and plan.rows and batch.within is None:
            self._chunk(job, batch, plan, job.chunk_rows)
            return

        def progress(rows: int) -> None:
            self.check(batch)
            batch.processed += rows

        lines = _LINES[job.content_type](plan, job.version)
        batch.rows = write_result(self.org, plan, batch.folder, lines, progress, batch.within or "true")
        for first in range(0, batch.rows.rows or 1, self.result_rows):
            with self.lock:
                self._results_made += 1
                batch.results[record_id(_RESULT_PREFIX, self._results_made)[:15]] = first

    def _chunk(self, job: BatchJob, batch: Batch, plan: Plan, rows: int) -> None:
        """Put batches in the place of one, each of `rows` records by their ids, deleted ones counted."""
        everybody = self.org.relation(plan.object, None, deleted=True)
        with self.org.cursor() as cursor:
            found = cursor.execute(
                f"select Id from (select Id, row_number() over (order by Id) - 1 as n from {everybody} where Id >= ?)"
                " where n % ? = 0 order by Id",
                [job.first_id, rows],
            ).fetchall()
        firsts = [first for (first,) in found] or [""]
        column = plan.columns[0]
        ranges = [
            f"{column} >= {text(first)}" + (f" and {column} < {text(after)}" if after else "")
            for first, after in zip(firsts, [*firsts[1:], None], strict=True)
        ]
        with self.lock:
            self.check(batch)
            self._queue(job, [self._new(job, batch.request, within) for within in ranges])
            self.enter(batch, "NotProcessed")

    def _write(self, job: BatchJob, batch: Batch) -> None:
        options = Options(assign=job.assignment_rule is not None)
        writer = Writer(self.org, job.user, "csv", options, self.faults.spoil(f"{job.path}/batch"))
        form = writer.form(self.org.schema[job.object])
        records = read_records(job.content_type, batch.request.read_bytes(), form, job.operation, job.key)
        taken = list(islice(records, MOST_RECORDS))
        outcomes = write_records(writer, job.object, job.operation, job.key, taken)
        batch.failed = write_outcomes(batch.outcomes, job.content_type, outcomes)
        batch.processed = len(taken)
        if next(records, None):
            most = MOST_RECORDS + 1  # it counts the header
            message = (
                f"Exceeded number of records : {most + 1}. Number of records should be less than or equal to {most}"
            )
            raise InvalidBatchError(f"InvalidBatch : {message}")
