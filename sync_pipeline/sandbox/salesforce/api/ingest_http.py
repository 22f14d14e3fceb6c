"""The addresses of Bulk API 2.0 ingest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.api.jobs_http import invalid_value, job_routes, target
from sync_pipeline.sandbox.salesforce.bulk.ingest import OPERATIONS, IngestJob, IngestJobs
from sync_pipeline.sandbox.salesforce.bulk.ingest_files import RESULTS
from sync_pipeline.sandbox.salesforce.bulk.jobs import DELIMITERS
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import CSV, Call, file_answer

_ENDINGS = ("LF", "CRLF")


def create(call: Call) -> Response:
    """JSON that describes the job; in a multipart body its file comes with it and the job runs at once."""
    files = call.request.files
    described = files.get("job")
    text = described.read() if described else call.request.form.get("job")
    job = _created(call, call.body() if text is None else _parsed(text))
    content = files.get("content") or next((file for name, file in files.items() if name != "job"), None)
    if content is not None or "content" in call.request.form:
        sent = content.read() if content is not None else call.request.form["content"].encode()
        call.sandbox.ingest.feed(job, sent)
        call.sandbox.ingest.close_upload(job)
    return json_answer(job.as_dict(full=False))


def _parsed(text: bytes | str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ApiError("JSON_PARSER_ERROR", f"The job part is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise ApiError("JSON_PARSER_ERROR", "The job part must be a JSON object")
    return body


def _created(call: Call, body: Mapping[str, Any]) -> IngestJob:
    chosen = {"columnDelimiter": "COMMA", "lineEnding": "LF", "contentType": "CSV", **body}
    known = {"operation": OPERATIONS, "contentType": ("CSV",), "columnDelimiter": DELIMITERS, "lineEnding": _ENDINGS}
    for setting, values in known.items():
        if chosen.get(setting) not in values:
            raise invalid_value(setting, chosen.get(setting, ""))
    operation = chosen["operation"]
    found, key = target(call, operation, str(body.get("object", "")), body.get("externalIdFieldName"))
    return call.sandbox.ingest.add(
        call.user,
        call.version,
        operation,
        found.name,
        delimiter=chosen["columnDelimiter"],
        line_ending=chosen["lineEnding"],
        key=key,
        assignment_rule=body.get("assignmentRuleId"),
    )


def upload(call: Call, job_id: str) -> Response:
    call.sandbox.ingest.feed(call.sandbox.ingest.get(job_id), call.request.get_data())
    return Response(status=201)


def change(call: Call, job_id: str) -> Response:
    job, state = call.sandbox.ingest.get(job_id), call.body().get("state")
    if state == "UploadComplete":
        call.sandbox.ingest.close_upload(job)
    elif state == "Aborted":
        call.sandbox.ingest.abort(job)
    else:
        raise ApiError("INVALIDJOBSTATE", "The state of a job can only be changed to UploadComplete or Aborted")
    return json_answer({**job.as_dict(full=False), "state": state})


def results(call: Call, job_id: str, which: str) -> Response:
    """A file that streams from disk; 204 while the job has none."""
    kind = next(name for name in RESULTS if name.lower() == which.lower())
    path = call.sandbox.ingest.result(call.sandbox.ingest.get(job_id), kind)
    if path is None:
        return Response(status=204)
    return file_answer(path, CSV)


def _jobs(call: Call) -> IngestJobs:
    return call.sandbox.ingest


_ROOT = "/services/data/v<version>/jobs/ingest"
_RESULTS = "<any(successfulResults,failedResults,unprocessedrecords,unprocessedRecords):which>"
ROUTES = [
    *job_routes(_ROOT, _jobs),
    Route(_ROOT, create, ("POST",)),
    Route(f"{_ROOT}/<job_id>", change, ("PATCH",)),
    Route(f"{_ROOT}/<job_id>/batches", upload, ("PUT",)),
    Route(f"{_ROOT}/<job_id>/{_RESULTS}", results),
]
