"""Bulk API 2.0 ingest: jobs that take one CSV file, write its records in batches and keep what became of each.

A row of the file becomes a dict of its own fields and goes the way of every write; results are files on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.salesforce.bulk.ingest_files import Columns, Results, read_rows, write_records
from sync_pipeline.sandbox.salesforce.bulk.jobs import DELIMITERS, Job, Jobs
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.rules.writer import Options, Writer

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
# A real job commits 200 rows at a time; larger batches are what makes 100,000 rows quick. The difference shows in
# one place only: an external id that comes twice is refused within a batch.
BATCH_ROWS = 10_000
RUNNING_JOBS = 2
_FIRST_JOB = 10**9


@dataclass(kw_only=True)
class IngestJob(Job):
    """One job, fed with its file between its states Open and UploadComplete."""

    state: str = "Open"
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    key: str | None = None
    assignment_rule: str | None = None
    content: bytes | None = None
    failed: int = 0

    @property
    def path(self) -> str:
        return f"/services/data/v{self.version}/jobs/ingest/{self.id}"

    def as_dict(self, full: bool = True) -> dict[str, Any]:
        shown = self.head() | {
            **({"externalIdFieldName": self.key} if self.key else {}),
            **({"assignmentRuleId": self.assignment_rule} if self.assignment_rule else {}),
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "contentUrl": f"{self.path.removeprefix('/')}/batches",
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


class IngestJobs(Jobs[IngestJob]):
    """All ingest jobs of a server."""

    def __init__(self, org: Org, faults: Faults, folder: Path) -> None:
        super().__init__(IngestJob, org, faults, folder, first=_FIRST_JOB, threads=RUNNING_JOBS)
        self.batch_rows = BATCH_ROWS

    def feed(self, job: IngestJob, content: bytes) -> None:
        """Take the job's one file."""
        with self.lock:
            if job.state != "Open":
                raise ApiError("INVALIDJOBSTATE", f"Data cannot be uploaded to a job whose state is {job.state}")
            if job.content is not None:
                message = (
                    f"Found multipe contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current"
                    " Job then create a new Job and make sure you only do 'PUT' once on a given Job."
                )
                raise ApiError("BULK_API_ERROR", message)  # with the real one's slip of the pen
            job.content = content

    def close_upload(self, job: IngestJob) -> None:
        """Let the job run."""
        with self.lock:
            if job.state != "Open":
                raise ApiError("INVALIDJOBSTATE", "Closing already Completed Job not allowed")
            self.enter(job, "UploadComplete")
        self.submit(lambda: self.run(job, job.path, job.object, lambda: self._write(job)))

    def result(self, job: IngestJob, which: str) -> Path | None:
        """Return the file of one kind of results, None where there are none (yet)."""
        path = self.folder / job.id / which
        return path if job.has_ended and not job.is_running and path.exists() else None

    def _write(self, job: IngestJob) -> None:
        content, job.content = job.content or b"", None
        options = Options(assign=job.assignment_rule is not None)
        writer = Writer(self.org, job.user, "csv", options, self.faults.spoil(job.path))
        form = writer.form(self.org.schema[job.object])
        rows = read_rows(content, DELIMITERS[job.delimiter], job.line_ending)
        header = next(rows, [])
        with Results(self.folder / job.id, header) as results:
            try:
                columns = Columns(form, header, job.operation, job.key)
                while True:
                    self.check(job)
                    batch = list(islice(rows, self.batch_rows))
                    if not batch:
                        break
                    outcomes = write_records(writer, job.object, job.operation, job.key, map(columns.record, batch))
                    job.failed += results.add(batch, outcomes)
                    job.processed += len(batch)
            finally:
                results.unprocessed(rows)
