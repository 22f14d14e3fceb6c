"""The addresses of Bulk API 1."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route
from sync_pipeline.sandbox.salesforce.api.jobs_http import bulk_object, invalid_value, target
from sync_pipeline.sandbox.salesforce.bulk.bulk1_jobs import Batch, BatchJob, chunking
from sync_pipeline.sandbox.salesforce.bulk.ingest import OPERATIONS
from sync_pipeline.sandbox.salesforce.bulk1_answers import JSON, XML, batch_list, info, result_list, speaks_json
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import CSV, Call, file_answer
from sync_pipeline.sandbox.salesforce.xml import local

QUERIES = ("query", "queryAll")
MOST_BYTES = 10_000_000
_TYPES = {"CSV": "text/csv", "JSON": JSON, "XML": XML}
_FILE_TYPES = {**_TYPES, "CSV": CSV}
_MODES = ("Parallel", "Serial")  # some clients send the place in this list
_EMPTY = b"Records not found for this query"


def create(call: Call) -> Response:
    given = _job_info(call)
    operation, mode, content_type = _choices(given)
    name, key, chunks = str(given.get("object", "")), None, {}
    if operation in QUERIES:
        found = bulk_object(call, name)
        chunks = chunking(call.request.headers.get("Sforce-Enable-PKChunking", ""))
    else:
        found, key = target(call, operation, name, given.get("externalIdFieldName"))
    job = call.sandbox.bulk1.add(
        call.user,
        call.version,
        operation,
        found.name,
        content_type=content_type,
        is_serial=mode == "Serial",
        key=key,
        assignment_rule=given.get("assignmentRuleId"),
        **chunks,
    )
    return _about_job(call, job, 201)


def _choices(given: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return operation, concurrency mode and content type of a job; XML is what one gets without asking."""
    mode = str(given.get("concurrencyMode") or _MODES[0])
    chosen = {
        "operation": (given.get("operation"), (*OPERATIONS, *QUERIES)),
        "concurrencyMode": (_MODES[int(mode)] if mode in ("0", "1") else mode, _MODES),
        "contentType": (given.get("contentType") or "XML", tuple(_TYPES)),
    }
    for setting, (value, known) in chosen.items():
        if value not in known:
            raise invalid_value(setting, value)
    operation, mode, content_type = (str(value) for value, _ in chosen.values())
    return operation, mode, content_type


def _job_info(call: Call) -> Mapping[str, Any]:
    """Return the settings of a job as sent, in JSON or XML."""
    sent = call.request.get_data()
    try:
        if speaks_json(call.request):
            body = json.loads(sent)
            return body if isinstance(body, dict) else {}
        # The server listens on loopback, and expat limits the growth of entities by itself.
        return {local(child): child.text for child in ElementTree.fromstring(sent)}  # noqa: S314
    except (ValueError, ElementTree.ParseError):
        raise ApiError("INVALIDJOB", "InvalidJob : Unable to parse Job") from None


def _about_job(call: Call, job: BatchJob, status: int = 200) -> Response:
    as_json = speaks_json(call.request, otherwise=job.content_type == "JSON")
    return info("jobInfo", job.as_dict(), as_json, status)


def get(call: Call, job_id: str) -> Response:
    return _about_job(call, call.sandbox.bulk1.get(job_id))


def change(call: Call, job_id: str) -> Response:
    jobs = call.sandbox.bulk1
    job, state = jobs.get(job_id), _job_info(call).get("state")
    if state == "Closed":
        jobs.close_job(job)
    elif state == "Aborted":
        jobs.abort(job)
    else:
        raise invalid_value("state", state)
    return _about_job(call, job)


# Batches answer in JSON to JSON jobs, else in XML, whatever the request says.


def add_batch(call: Call, job_id: str) -> Response:
    job = call.sandbox.bulk1.get(job_id)
    wanted = _TYPES[job.content_type]
    if call.request.mimetype != wanted:
        message = f"The content type {call.request.mimetype} of the batch is not the job's, {wanted}"
        raise ApiError("INVALIDBATCH", f"InvalidBatch : {message}")
    batch = call.sandbox.bulk1.add_batch(job, _content(call))
    return info("batchInfo", batch.as_dict(), job.content_type == "JSON", 201)


def _content(call: Call) -> bytes:
    content = call.request.get_data()
    if call.request.headers.get("Content-Encoding") == "gzip":
        try:
            content = zlib.decompressobj(31).decompress(content, MOST_BYTES + 1)
        except zlib.error as error:
            raise ApiError("CLIENTINPUTERROR", f"Failed to read request. {error}") from None
    if len(content) > MOST_BYTES:
        raise ApiError("CLIENTINPUTERROR", f"Failed to read request. Exceeded max size limit of {MOST_BYTES}")
    return content


def list_batches(call: Call, job_id: str) -> Response:
    job = call.sandbox.bulk1.get(job_id)
    with call.sandbox.bulk1.lock:
        batches = [batch.as_dict() for batch in job.batches]
    return batch_list(batches, job.content_type == "JSON")


def get_batch(call: Call, job_id: str, batch_id: str) -> Response:
    job, batch = _batch(call, job_id, batch_id)
    return info("batchInfo", batch.as_dict(), job.content_type == "JSON")


def batch_request(call: Call, job_id: str, batch_id: str) -> Response:
    job, batch = _batch(call, job_id, batch_id)
    return file_answer(batch.request, _FILE_TYPES[job.content_type])


def batch_result(call: Call, job_id: str, batch_id: str) -> Response:
    """Of a query the ids of its results, of a write what became of each record."""
    job, batch = _ended(call, job_id, batch_id)
    if job.is_query:
        return result_list(list(batch.results), job.content_type == "JSON")
    return file_answer(batch.outcomes, _FILE_TYPES[job.content_type])


def query_result(call: Call, job_id: str, batch_id: str, result_id: str) -> Response:
    job, batch = _ended(call, job_id, batch_id)
    first = batch.results.get(result_id)
    if batch.rows is None or first is None:
        raise ApiError("INVALIDBATCH", f"InvalidBatch : Invalid result id: {result_id}")
    if batch.rows.rows == 0 and job.content_type == "CSV":
        return Response(_EMPTY, content_type=CSV)
    page = batch.rows.page(first, call.sandbox.bulk1.result_rows)
    answer = Response(page.chunks(), content_type=_FILE_TYPES[job.content_type], direct_passthrough=True)
    answer.content_length = page.size
    return answer


def _batch(call: Call, job_id: str, batch_id: str) -> tuple[BatchJob, Batch]:
    jobs = call.sandbox.bulk1
    job = jobs.get(job_id)
    return job, jobs.batch(job, batch_id)


def _ended(call: Call, job_id: str, batch_id: str) -> tuple[BatchJob, Batch]:
    """Return a batch that has results."""
    job, batch = _batch(call, job_id, batch_id)
    if not batch.has_ended:
        raise ApiError("INVALIDBATCH", "InvalidBatch : Batch not completed")
    if batch.state != batch.DONE and not batch.outcomes.exists():
        raise ApiError("INVALIDBATCH", "InvalidBatch : Records not processed")
    return job, batch


_ROOT = "/services/async/<version>/job"
_BATCH = f"{_ROOT}/<job_id>/batch"
ROUTES = [
    Route(_ROOT, create, ("POST",)),
    Route(f"{_ROOT}/<job_id>", get),
    Route(f"{_ROOT}/<job_id>", change, ("POST",)),
    Route(_BATCH, list_batches),
    Route(_BATCH, add_batch, ("POST",)),
    Route(f"{_BATCH}/<batch_id>", get_batch),
    Route(f"{_BATCH}/<batch_id>/request", batch_request),
    Route(f"{_BATCH}/<batch_id>/result", batch_result),
    Route(f"{_BATCH}/<batch_id>/result/<result_id>", query_result),
]
