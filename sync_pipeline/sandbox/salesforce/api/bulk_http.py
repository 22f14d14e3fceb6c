"""The addresses of Bulk API 2.0 query."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.api.jobs_http import invalid_value, job_routes
from sync_pipeline.sandbox.salesforce.bulk.bulk import QueryJob, QueryJobs, locator, row_of
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import Result
from sync_pipeline.sandbox.salesforce.bulk.jobs import DELIMITERS
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import CSV, Call

PAGES_AT_ONCE = 5  # result addresses that one `resultPages` answer lists


def create(call: Call) -> Response:
    body = call.body()
    operation, soql = body.get("operation"), body.get("query")
    if operation not in ("query", "queryAll"):
        raise invalid_value("operation", operation)
    if not isinstance(soql, str) or not soql.strip():
        raise ApiError("INVALIDJOB", "Query is required for a query job")
    if body.get("contentType", "CSV") != "CSV" or body.get("lineEnding", "LF") != "LF":
        raise ApiError("INVALIDJOB", "The sandbox writes contentType CSV with lineEnding LF only")
    delimiter = body.get("columnDelimiter", "COMMA")
    if delimiter not in DELIMITERS:
        raise invalid_value("columnDelimiter", delimiter)
    reader = call.reader(deleted=operation == "queryAll")
    job = call.sandbox.bulk.create(reader, soql, operation, call.version, delimiter)
    return json_answer({**job.as_dict(full=False), "state": "UploadComplete"})


def change(call: Call, job_id: str) -> Response:
    job = call.sandbox.bulk.get(job_id)
    if call.body().get("state") != "Aborted":
        raise ApiError("INVALIDJOBSTATE", "The state of a query job can only be changed to Aborted")
    call.sandbox.bulk.abort(job)
    return json_answer(job.as_dict())


def results(call: Call, job_id: str) -> Response:
    """One page: header line, rows, and headers that count them and mark the next."""
    job = call.sandbox.bulk.get(job_id)
    result = _result(job)
    start, most = _place(call)
    short = call.sandbox.faults.take("short_page", call.request.path, job.object)
    page = result.page(start, most, int(short["rows"]) if short else 0)
    answer = Response(page.chunks(), content_type=CSV, direct_passthrough=True)
    answer.content_length = page.size
    answer.headers["Sforce-NumberOfRecords"] = str(page.end - page.start)
    answer.headers["Sforce-Locator"] = locator(page.end) if page.end < page.total else "null"
    return answer


def result_pages(call: Call, job_id: str) -> Response:
    """Addresses of the next pages, to be fetched side by side (v58 on)."""
    result = _result(call.sandbox.bulk.get(job_id))
    start, most = _place(call)
    root = f"/services/data/v{call.version}/jobs/query/{job_id}"
    more = f"&maxRecords={most}" if most else ""
    pages: list[dict[str, str]] = []
    while start < result.rows and len(pages) < PAGES_AT_ONCE:
        pages.append({"resultUrl": f"{root}/results?locator={locator(start)}{more}"})
        start = result.page(start, most).end
    done = start >= result.rows
    next_url = None if done else f"{root}/resultPages?locator={locator(start)}{more}"
    return json_answer({"resultPages": pages, "nextRecordsUrl": next_url, "done": done})


def _result(job: QueryJob) -> Result:
    if job.result is None or job.state != "JobComplete":
        raise ApiError("INVALIDJOBSTATE", f"Results are not available: the job's state is {job.state}")
    return job.result


def _place(call: Call) -> tuple[int, int | None]:
    mark, most = call.request.args.get("locator"), call.request.args.get("maxRecords")
    if most is not None and not (most.isdigit() and int(most) > 0):
        raise ApiError("INVALID_QUERY_LOCATOR", f"maxRecords must be a positive number, not {most}")
    return row_of(mark) if mark else 0, int(most) if most else None


def _jobs(call: Call) -> QueryJobs:
    return call.sandbox.bulk


_ROOT = "/services/data/v<version>/jobs/query"
ROUTES = [
    *job_routes(_ROOT, _jobs),
    Route(_ROOT, create, ("POST",)),
    Route(f"{_ROOT}/<job_id>", change, ("PATCH",)),
    Route(f"{_ROOT}/<job_id>/results", results),
    Route(f"{_ROOT}/<job_id>/resultPages", result_pages),
]
