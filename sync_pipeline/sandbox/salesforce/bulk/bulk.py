"""Bulk API 2.0 query: jobs that write CSV parts, their results page by page."""

from __future__ import annotations

import base64
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_pipeline.sandbox.salesforce.answers import flat
from sync_pipeline.sandbox.salesforce.bulk.bulk_lines import csv_lines
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import Result, write_result
from sync_pipeline.sandbox.salesforce.bulk.jobs import DELIMITERS, Job, Jobs, StoppedError
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.soql.compiler import compile_soql
from sync_pipeline.sandbox.salesforce.soql.plan import Children, Compound, Plan, Typed
from sync_pipeline.sandbox.salesforce.soql.scope import Reader

RUNNING_JOBS = 4


@dataclass(kw_only=True)
class QueryJob(Job):
    """One query; its result is there when it has ended well."""

    state: str = "UploadComplete"
    query: str
    delimiter: str
    result: Result | None = None

    @property
    def path(self) -> str:
        return f"/services/data/v{self.version}/jobs/query/{self.id}"

    def as_dict(self, full: bool = True) -> dict[str, Any]:
        shown = self.head() | {
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


class QueryJobs(Jobs[QueryJob]):
    """All query jobs of a server."""

    def __init__(self, org: Org, faults: Faults, folder: Path) -> None:
        super().__init__(QueryJob, org, faults, folder, first=0, threads=RUNNING_JOBS)
        self.stored_mb = 0

    def create(self, reader: Reader, soql: str, operation: str, version: str, delimiter: str) -> QueryJob:
        """Begin a job.

        Raises:
            ApiError: the query cannot be asked, or not in bulk.
        """
        plan = compile_soql(reader, soql)
        check_bulk(self.org, plan)
        user = reader.user or self.org.user_id
        job = self.add(user, version, operation, plan.object, query=soql, delimiter=delimiter)
        self.submit(lambda: self.run(job, job.path, job.object, lambda: self._write(job, plan)))
        return job

    def _write(self, job: QueryJob, plan: Plan) -> None:
        def progress(rows: int) -> None:
            self.check(job)
            job.processed += rows

        lines, folder = csv_lines(plan, DELIMITERS[job.delimiter]), self.folder / job.id
        try:
            job.result = write_result(self.org, plan, folder, lines, progress)
        except StoppedError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.stored_mb += job.result.size >> 20


def check_bulk(org: Org, plan: Plan) -> None:
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
