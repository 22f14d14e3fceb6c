"""Single records written by REST: create, update, delete, and all of it by an external id."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.api.rest import read_record, visible_object
from sync_pipeline.sandbox.salesforce.errors import ApiError, not_found
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.outcome import Outcome

_TELLS_CREATED = 46.0  # the first API version whose upserts answer an update with a body


def create(call: Call, name: str) -> Response:
    found = visible_object(call, name)
    (outcome,) = call.writer().create(found.name, [_values(call)])
    return _created(call, found, outcome)


def update(call: Call, name: str, record_id: str) -> Response:
    found = visible_object(call, name)
    (outcome,) = call.writer().update(found.name, [(record_id, _values(call, "Id"))])
    _accepted(outcome)
    return Response(status=204)


def delete(call: Call, name: str, record_id: str) -> Response:
    (outcome,) = call.writer().delete([record_id], visible_object(call, name).name)
    _accepted(outcome)
    return Response(status=204)


def upsert(call: Call, name: str, field: str, value: str | None = None) -> Response:
    """201 for a new record, for an old one 204, or 200 from v46 on; 300 lists the addresses of several."""
    found = visible_object(call, name)
    key, value, several = _holders(call, found, field, value) if value else (field, None, [])
    if len(several) > 1:
        return _choices(call, found, several)
    (outcome,) = call.writer().upsert(found.name, key, [(value, _values(call, key))])
    if outcome.created or outcome.error:
        return _created(call, found, outcome, {"created": True})
    if float(call.version) < _TELLS_CREATED:
        return Response(status=204)
    return json_answer({"id": outcome.id, "success": True, "errors": [], "created": False})


def read(call: Call, name: str, field: str, value: str) -> Response:
    found = visible_object(call, name)
    return _one(call, found, field, value, lambda record: read_record(call, found, f"Id = {text(record)}"))


def remove(call: Call, name: str, field: str, value: str) -> Response:
    found = visible_object(call, name)
    return _one(call, found, field, value, lambda record: delete(call, name, record))


def _one(call: Call, found: SObject, field: str, value: str, answer: Any) -> Response:
    _, _, records = _holders(call, found, field, value)
    if not records:
        raise not_found()
    response: Response = answer(records[0]) if len(records) == 1 else _choices(call, found, records)
    return response


def _holders(call: Call, found: SObject, name: str, value: str) -> tuple[str, str, list[str]]:
    """Return the external-id field's API name, the value, and the ids of the records that hold it.

    Raises:
        ApiError: NOT_FOUND, the field is no external id or not for this user to see.
    """
    value = value.replace("%2F", "/").replace("%2f", "/")  # the one character that the server leaves quoted
    form = call.writer().form(found)
    field = form.field(name)
    if field is None or not (field["externalId"] or field["idLookup"]):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise ApiError("NOT_FOUND", message, 404)
    key = form.convert(field["name"], value)
    return field["name"], value, lookups.holders(call.org, found, field, [key]).get(lookups.key(field, key), [])


def _choices(call: Call, found: SObject, records: list[str]) -> Response:
    return json_answer([f"/services/data/v{call.version}/sobjects/{found.name}/{one}" for one in records], 300)


def _values(call: Call, named: str | None = None) -> dict[str, Any]:
    """Return the fields sent; the one that the address names already must not be among them."""
    values = call.body()
    values.pop("attributes", None)
    if named and any(name.lower() == named.lower() for name in values):
        raise ApiError("INVALID_FIELD", f"The {named} field should not be specified in the sobject data.")
    return values


def _accepted(outcome: Outcome) -> None:
    if outcome.error:
        raise outcome.error


def _created(call: Call, found: SObject, outcome: Outcome, more: dict[str, object] | None = None) -> Response:
    _accepted(outcome)
    answer = json_answer({"id": outcome.id, "success": True, "errors": [], **(more or {})}, 201)
    answer.headers["Location"] = f"/services/data/v{call.version}/sobjects/{found.name}/{outcome.id}"
    return answer


_ROOT = "/services/data/v<version>/sobjects/<name>"
ROUTES = [
    Route(_ROOT, create, ("POST",)),
    Route(f"{_ROOT}/<record_id>", update, ("PATCH",)),
    Route(f"{_ROOT}/<record_id>", delete, ("DELETE",)),
    Route(f"{_ROOT}/<any(Id,id):field>", upsert, ("POST",)),
    Route(f"{_ROOT}/<field>/<value>", read),
    Route(f"{_ROOT}/<field>/<value>", upsert, ("PATCH",)),
    Route(f"{_ROOT}/<field>/<value>", remove, ("DELETE",)),
]
