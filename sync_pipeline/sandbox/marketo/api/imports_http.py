"""Bulk import over HTTP: a file in a form, then status, failures and warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.api.people_http import filter_field
from sync_pipeline.sandbox.marketo.api.records_http import object_of
from sync_pipeline.sandbox.marketo.bulk import imports
from sync_pipeline.sandbox.marketo.bulk.imports import DONE, Import
from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.http import Call, Route, integer
from sync_pipeline.sandbox.marketo.records import lists, members


def leads(call: Call) -> Response:
    content, kind = _file(call)
    lookup = _given(call, "lookupField") or "email"
    filter_field(call.subscription, lookup)
    partition = _given(call, "partitionName")
    number = call.subscription.partitions().get(partition) if partition else None
    if partition and number is None:
        raise CallError(1008, f"Access denied to partition '{partition}'")
    named = _given(call, "listId")
    list_id = lists.get(call.subscription, integer(named))["id"] if named else None
    take = imports.people_taker(call.subscription, call.user, lookup, number, list_id)
    return _begun(
        call,
        call.sandbox.imports.start("leads", call.user, content, kind, call.subscription.lead, take, list_id=list_id),
    )


def program_members(call: Call, program_id: str) -> Response:
    content, kind = _file(call)
    program = members.program(call.subscription, integer(program_id))
    status = _given(call, "programMemberStatus")
    if not status:
        raise missing("programMemberStatus")
    members.status_of(call.subscription, program, status)
    take = imports.members_taker(call.subscription, call.user, program, status)
    return _begun(call, call.sandbox.imports.start("members", call.user, content, kind, call.subscription.lead, take))


def custom_objects(call: Call, name: str) -> Response:
    content, kind = _file(call)
    object_type = object_of(call, name)
    if not object_type.custom:
        raise CallError(1013, f"Object '{name}' not found")
    take = imports.records_taker(call.subscription, call.user, object_type)
    return _begun(call, call.sandbox.imports.start("objects", call.user, content, kind, object_type, take, name=name))


def _begun(call: Call, job: Import) -> Response:
    told = {"batchId": job.number, "status": imports.QUEUED}
    more = {"objectApiName": job.name} if job.name else {"importId": str(job.number)}
    return call.answer([{**told, **more}])


def _file(call: Call) -> tuple[bytes, str]:
    """Return the file's content and format.

    Raises:
        CallError: 612 the request is no form, 613 the form has no file, 1001 and 1002 the format.
    """
    if call.request.mimetype != "multipart/form-data":
        raise CallError(612, f"Invalid Content Type '{call.request.mimetype}'")
    file = call.request.files.get("file")
    if file is None:
        raise CallError(613, "Invalid Multipart Request")
    kind = (_given(call, "format") or "").lower()
    if not kind:
        raise missing("format")
    if kind not in imports.FORMATS:
        raise mistyped(kind, "format")
    return file.read(), kind


def _given(call: Call, name: str) -> str | None:
    """Return a parameter, which may stand in the address or in the form."""
    return call.value(name) or call.request.form.get(name) or None


def _status(kind: str) -> Callable[..., Response]:
    def status(call: Call, batch_id: str, name: str | None = None) -> Response:
        return call.answer([call.sandbox.imports.get(kind, integer(batch_id), name).as_json()])

    return status


def _rows(kind: str, which: str) -> Callable[..., Response]:
    def rows(call: Call, batch_id: str, name: str | None = None) -> Response:
        """The file of rows that failed, or that were taken with a warning."""
        job = call.sandbox.imports.get(kind, integer(batch_id), name)
        if job.status != DONE:
            raise CallError(1003, "The import is not complete")
        path = job.failures if which == "failures" else job.warnings
        return Response(path.read_bytes(), 200, content_type="text/csv;charset=UTF-8")

    return rows


def _routes() -> Iterable[Route]:
    yield Route("/bulk/v1/leads.json", leads, ("POST",))
    yield Route("/bulk/v1/program/<program_id>/members/import.json", program_members, ("POST",))
    yield Route("/bulk/v1/customobjects/<name>/import.json", custom_objects, ("POST",))
    for kind, root, status in (
        ("leads", "/bulk/v1/leads/batch/<batch_id>", ".json"),
        ("members", "/bulk/v1/program/members/import/<batch_id>", "/status.json"),
        ("objects", "/bulk/v1/customobjects/<name>/import/<batch_id>", "/status.json"),
    ):
        yield Route(f"{root}{status}", _status(kind))
        for which in ("failures", "warnings"):
            yield Route(f"{root}/{which}.json", _rows(kind, which))


ROUTES = list(_routes())
