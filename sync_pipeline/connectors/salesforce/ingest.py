"""Bulk API 2.0 ingest: one job with one file, closed, waited for, and its results matched to what was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import requests

from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.csv_pages import stream_csv
from sync_pipeline.connectors.document import Document, request_of
from sync_pipeline.connectors.errors import ConnectorError, MalformedAnswerError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.http import repeat
from sync_pipeline.connectors.records import Answer, Operation
from sync_pipeline.connectors.salesforce import ingest_files
from sync_pipeline.connectors.salesforce.bulk import ended, why_failed
from sync_pipeline.connectors.salesforce.collections import Task
from sync_pipeline.connectors.salesforce.connector import Salesforce

Sleep = Callable[[float], None]
OPERATIONS = {
    Operation.CREATE: "insert",
    Operation.UPDATE: "update",
    Operation.UPSERT: "upsert",
    Operation.DELETE: "delete",
}


def ingest(org: Salesforce, task: Task, table: pa.Table, sleep: Sleep) -> list[Answer | None]:
    """Write the rows of a table; return an answer to each, None where the job tells nothing of it.

    Until the job is closed nothing of its file is written, so a failure before that does no harm.

    Raises:
        RejectedError: there can be no such job, or not with this file.
        RetryableError: nothing was written, or what was may be written again.
        UnknownOutcomeError: the job ran and its results could not be had.
    """
    about = {"object": task.source, "operation": OPERATIONS[task.operation], "contentType": "CSV", "lineEnding": "LF"}
    named = {"externalIdFieldName": task.key} if task.operation is Operation.UPSERT else {}
    jobs = org.resource("jobs/ingest")
    content = ingest_files.to_csv(table)
    patience = replace(org.patience, sleep=sleep)

    def upload() -> str:
        job = Document.of(org.call("POST", jobs, once=True, json={**about, **named}), org.system)
        path = f"{jobs}/{job.key('id')}"
        # Once into each job: a second file would be refused.
        org.call("PUT", f"{path}/batches", {"Content-Type": "text/csv"}, once=True, data=content)
        return path

    path = repeat(upload, patience)
    try:
        repeat(lambda: _close(org, path), patience)
        job = ended(org, path, patience)
        failure = "" if job.text("state") == "JobComplete" else why_failed(job)
        if failure and not job.number("numberRecordsProcessed", 0):
            return [ingest_files.unprocessed(failure)] * table.num_rows
        return ingest_files.matched(task, table, _results(org, path, table, patience), failure)
    except ConnectorError as error:
        if task.operation is Operation.CREATE:
            raise UnknownOutcomeError(error.code, error.message) from error
        if isinstance(error, RetryableError):
            error.may_be_done = True
        raise


def _close(org: Salesforce, path: str) -> None:
    """Let the job run. Where the answer is lost, its state tells whether it does."""
    if org.read(path).text("state") == "Open":
        org.call("PATCH", path, once=True, json={"state": "UploadComplete"})


def _results(org: Salesforce, path: str, table: pa.Table, patience: Patience) -> dict[str, pa.Table]:
    return {
        kind: _result(org, f"{path}/{kind}", (*more, *table.column_names), table.num_rows, patience)
        for kind, more in ingest_files.RESULTS.items()
    }


def _result(org: Salesforce, path: str, columns: tuple[str, ...], most: int, patience: Patience) -> pa.Table:
    """Return one file of results as text columns; the order of its rows is not that of the upload.

    Raises:
        MalformedAnswerError: it has more rows than were sent.
    """

    def read() -> pa.Table:
        answer = org.call("GET", path, {"Accept": "text/csv"}, stream=True)
        if answer.status_code == requests.codes.no_content:
            raise RetryableError("RESULTS_NOT_READY", f"there is nothing yet at {path}")
        batches, rows = [], 0
        for batch in stream_csv(answer, columns, lambda chunk: org.count_bytes(len(chunk))):
            batches.append(batch)
            rows += batch.num_rows
            if rows > most:
                raise MalformedAnswerError(org.system, request_of(answer), f"more results than the {most:,} rows sent")
        return pa.Table.from_batches(batches, pa.schema([(name, pa.string()) for name in columns]))

    return repeat(read, patience, patience.bounds.job)
