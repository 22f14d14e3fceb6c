"""Bulk extract over HTTP: the same six calls for each of four kinds of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.bulk import extract_queries
from sync_pipeline.sandbox.marketo.bulk.extract import FORMATS, Extracts, Query
from sync_pipeline.sandbox.marketo.errors import CallError, mistyped
from sync_pipeline.sandbox.marketo.http import Call, Route

CHUNK = 1 << 20
_TYPES = {"CSV": "text/csv", "TSV": "text/tab-separated-values", "SSV": "text/csv"}

Make = Callable[..., Query]


def _create(kind: str, make: Make) -> Callable[..., Response]:
    def create(call: Call, **names: str) -> Response:
        body = call.body()
        file_format = (call.text(body, "format") or "CSV").upper()
        if file_format not in FORMATS:
            raise mistyped(file_format, "format")
        query = make(call.subscription, _jobs(call), body, **names)
        job = _jobs(call).create(_kind(kind, names), call.user, query, file_format)
        return call.answer([job.as_json()])

    return create


def _list(kind: str) -> Callable[..., Response]:
    def list_jobs(call: Call, **names: str) -> Response:
        wanted = {status.lower() for status in call.many("status")}
        jobs = [
            job.as_json()
            for job in _jobs(call).recent(_kind(kind, names), call.user)
            if not wanted or job.status.lower() in wanted
        ]
        begin, size = max(call.place, 0), call.size
        return call.paged(jobs[begin : begin + size + 1], size, begin + size)

    return list_jobs


def _status(kind: str) -> Callable[..., Response]:
    def status(call: Call, export_id: str, **names: str) -> Response:
        return call.answer([_jobs(call).get(_kind(kind, names), export_id, call.user).as_json()])

    return status


def _enqueue(kind: str) -> Callable[..., Response]:
    def enqueue(call: Call, export_id: str, **names: str) -> Response:
        job = _jobs(call).get(_kind(kind, names), export_id, call.user)
        _jobs(call).enqueue(job)
        return call.answer([{**job.as_json(), "status": "Queued"}])

    return enqueue


def _cancel(kind: str) -> Callable[..., Response]:
    def cancel(call: Call, export_id: str, **names: str) -> Response:
        job = _jobs(call).get(_kind(kind, names), export_id, call.user)
        _jobs(call).cancel(job)
        return call.answer([job.as_json()])

    return cancel


def _file(kind: str) -> Callable[..., Response]:
    def file(call: Call, export_id: str, **names: str) -> Response:
        """The file or a range of its bytes; where there is none, a plain 404, unlike all other calls."""
        try:
            job = _jobs(call).get(_kind(kind, names), export_id, call.user)
        except CallError as error:
            return Response(error.message, 404, content_type="text/plain")
        path = _jobs(call).file(job)
        if path is None:
            return Response("File not found", 404, content_type="text/plain")
        return _answer(call, path, _TYPES[job.format])

    return file


def _answer(call: Call, path: Path, kind: str) -> Response:
    size = path.stat().st_size
    asked = call.request.range
    if asked is None or asked.units != "bytes":
        answer = Response(_chunks(path, 0, size), 200, content_type=kind, direct_passthrough=True)
        answer.content_length = size
    else:
        bounds = asked.range_for_length(size)
        if bounds is None:
            return Response("", 416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
        start, end = bounds
        answer = Response(_chunks(path, start, end), 206, content_type=kind, direct_passthrough=True)
        answer.content_length = end - start
        answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    answer.headers["Accept-Ranges"] = "bytes"
    return answer


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0:
            chunk = file.read(min(CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk


def _jobs(call: Call) -> Extracts:
    return call.sandbox.extracts


def _kind(kind: str, names: dict[str, str]) -> str:
    return "/".join([kind, *names.values()])


def _routes() -> Iterable[Route]:
    kinds: dict[str, tuple[str, Make]] = {
        "leads": ("leads", extract_queries.leads),
        "activities": ("activities", extract_queries.activities),
        "program/members": ("program/members", extract_queries.members),
        "customobjects/<name>": ("customobjects", extract_queries.custom_objects),
    }
    for path, (kind, make) in kinds.items():
        root = f"/bulk/v1/{path}/export"
        yield Route(f"{root}.json", _list(kind))
        yield Route(f"{root}/create.json", _create(kind, make), ("POST",))
        yield Route(f"{root}/<export_id>/enqueue.json", _enqueue(kind), ("POST",))
        yield Route(f"{root}/<export_id>/status.json", _status(kind))
        yield Route(f"{root}/<export_id>/file.json", _file(kind))
        yield Route(f"{root}/<export_id>/cancel.json", _cancel(kind), ("POST",))


ROUTES = list(_routes())
