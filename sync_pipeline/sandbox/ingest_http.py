"""The addresses of Bulk API 2.0 ingest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.bulk import DELIMITERS
from sync_pipeline.sandbox.bulk_parts import Slice
from sync_pipeline.sandbox.errors import ApiError
from sync_pipeline.sandbox.http import Call, Route, json_answer
from sync_pipeline.sandbox.ingest import OPERATIONS, IngestJob
from sync_pipeline.sandbox.ingest_files import RESULTS

LISTED = 1000
_FLAGS = {"insert": "createable", "upsert": "createable", "update": "updateable"}


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
    operation, name, key = body.get("operation"), str(body.get("object", "")), body.get("externalIdFieldName")
    if operation not in OPERATIONS:
        raise ApiError("INVALIDJOB", f"Operation must be one of {', '.join(OPERATIONS)}")
    found = call.reader().object(name)
    if found is None or not found.bulk:
        raise ApiError("INVALIDENTITY", f"InvalidEntity : Entity '{name}' is not supported by the Bulk API.")
    writer = call.writer()
    writer.permitted(found.name, _FLAGS.get(operation, "deletable"))
    field = writer.form(found).field(str(key)) if key else None
    if operation == "upsert" and (field is None or not (field["externalId"] or field["idLookup"])):
        raise ApiError("INVALIDJOB", f"InvalidJob : Field name provided, {key} does not match an External ID")
    if body.get("contentType", "CSV") != "CSV":
        raise ApiError("INVALIDJOB", "InvalidJob : contentType must be CSV")
    delimiter, line_ending = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or line_ending not in ("LF", "CRLF"):
        raise ApiError("INVALIDJOB", f"InvalidJob : Unknown columnDelimiter {delimiter} or lineEnding {line_ending}")
    return call.sandbox.ingest.create(
        operation,
        found.name,
        call.user,
        call.version,
        delimiter=delimiter,
        line_ending=line_ending,
        key=field["name"] if field and operation == "upsert" else None,
        assignment_rule=body.get("assignmentRuleId"),
    )


def list_jobs(call: Call) -> Response:
    jobs = [job.as_dict() for job in call.sandbox.ingest.all() if job.user == call.user]
    return json_answer({"done": True, "nextRecordsUrl": None, "records": jobs[-LISTED:]})


def get(call: Call, job_id: str) -> Response:
    return json_answer(call.sandbox.ingest.get(job_id).as_dict())


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


def delete(call: Call, job_id: str) -> Response:
    call.sandbox.ingest.delete(call.sandbox.ingest.get(job_id))
    return Response(status=204)


def results(call: Call, job_id: str, which: str) -> Response:
    """A file that streams from disk; 204 while the job has none."""
    kind = next(name for name in RESULTS if name.lower() == which.lower())
    path = call.sandbox.ingest.result(call.sandbox.ingest.get(job_id), kind)
    if path is None:
        return Response(status=204)
    size = path.stat().st_size
    answer = Response(Slice(path, 0, size).chunks(), content_type="text/csv; charset=UTF-8", direct_passthrough=True)
    answer.content_length = size
    return answer


_ROOT = "/services/data/v<version>/jobs/ingest"
_RESULTS = "<any(successfulResults,failedResults,unprocessedrecords,unprocessedRecords):which>"
ROUTES = [
    Route(_ROOT, list_jobs),
    Route(_ROOT, create, ("POST",)),
    Route(f"{_ROOT}/<job_id>", get),
    Route(f"{_ROOT}/<job_id>", change, ("PATCH",)),
    Route(f"{_ROOT}/<job_id>", delete, ("DELETE",)),
    Route(f"{_ROOT}/<job_id>/batches", upload, ("PUT",)),
    Route(f"{_ROOT}/<job_id>/{_RESULTS}", results),
]
