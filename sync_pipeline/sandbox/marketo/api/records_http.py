"""Companies, opportunities, roles, sales persons and custom objects over HTTP: one set of calls for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.api import schema_http
from sync_pipeline.sandbox.marketo.errors import CallError, RecordError, missing, mistyped
from sync_pipeline.sandbox.marketo.http import MOST, Call, Route, at_most
from sync_pipeline.sandbox.marketo.records import records
from sync_pipeline.sandbox.marketo.records.fields import Field, ObjectType
from sync_pipeline.sandbox.marketo.records.keys import Key, key_of
from sync_pipeline.sandbox.marketo.records.values import parse

_AT = {
    "company": "/rest/v1/companies",
    "opportunity": "/rest/v1/opportunities",
    "opportunityRole": "/rest/v1/opportunities/roles",
    "salesPerson": "/rest/v1/salespersons",
}


# What a query shows besides keys and times when it asks for no fields, as in the guide's examples.
_SHOWN = {"company": ("company",), "opportunity": ("name", "description", "amount", "source")}


def sync(call: Call, name: str) -> Response:
    object_type, body = object_of(call, name), call.body()
    action = call.text(body, "action") or "createOrUpdate"
    if action not in records.ACTIONS:
        raise mistyped(action, "action")
    by = call.text(body, "dedupeBy") or "dedupeFields"
    if by not in ("dedupeFields", "idField"):
        raise mistyped(by, "dedupeBy")
    given, author = call.records(body), call.author(f"sync{name[0].upper()}{name[1:]}")
    return call.answer(
        call.sandbox.spoiled(
            call.request.path,
            given,
            lambda kept: records.sync(call.subscription, object_type, kept, action, by, author),
        )
    )


def delete(call: Call, name: str) -> Response:
    object_type, body = object_of(call, name), call.body()
    by = call.text(body, "deleteBy") or "dedupeFields"
    if by not in ("dedupeFields", "idField"):
        raise mistyped(by, "deleteBy")
    author = call.author(f"delete{name[0].upper()}{name[1:]}")
    return call.answer(records.delete(call.subscription, object_type, call.records(body), by, author))


def query(call: Call, name: str) -> Response:
    """Records by one key, or by several fields together, which only a JSON body can name."""
    object_type = object_of(call, name)
    by = call.required("filterType")
    key = object_type.key(by)
    if key not in object_type.searchable:
        raise CallError(1011, f"Field '{by}' not supported")
    fields = call.fields(object_type, default_fields(object_type))
    wanted = _keys(call, [object_type.fields[part] for part in key])
    begin, size = max(call.place, 0), call.size
    page, total = records.query(call.subscription, object_type, key, wanted, fields, begin, size)
    if begin + size < total:
        return call.paged([*page, None], size, begin + size)
    return call.answer(page)


def default_fields(object_type: ObjectType) -> list[str]:
    """Return what a query answers that asks for no fields."""
    shown = _SHOWN.get(object_type.name, ())
    return list(dict.fromkeys([object_type.id_field, *object_type.dedupe, *shown, "createdAt", "updatedAt"]))


def _keys(call: Call, fields: list[Field]) -> list[Key]:
    names = [field.name for field in fields]
    given: Iterable[Any] = call.many("filterValues")
    if call.is_disguised and call.request.is_json:
        given = [[record.get(name) for name in names] for record in call.records(call.body())]
    elif len(fields) > 1:
        raise CallError(1003, f"A compound key is queried by POST with _method=GET: {', '.join(names)}")
    else:
        given = [[value] for value in given]
    keys = list(given)
    if not keys:
        raise missing("filterValues")
    at_most(keys, MOST, "filterValues")
    try:
        return [key_of(parse(field, value) for field, value in zip(fields, key, strict=True)) for key in keys]
    except RecordError as error:
        raise CallError(error.reason.code, error.reason.message) from None


def describe(call: Call, name: str) -> Response:
    return call.answer([described(object_of(call, name))])


def described(object_type: ObjectType, fields: bool = True) -> dict[str, Any]:
    """Return what a describe tells of an object."""
    links = [
        {
            "field": field.name,
            "type": "child",
            "relatedTo": {"name": field.related["name"], "field": field.related["field"]},
        }
        for field in object_type.fields.values()
        if field.related
    ]
    shown = {
        "name": object_type.name,
        "displayName": object_type.label,
        "pluralName": object_type.plural,
        "description": object_type.description,
        "createdAt": object_type.created_at,
        "updatedAt": object_type.updated_at,
        "idField": object_type.id_field,
        "dedupeFields": list(object_type.dedupe),
        "searchableFields": [list(key) for key in object_type.searchable],
        "relationships": links or None,
        "fields": [field.in_describe() for field in object_type.fields.values()] if fields else None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def object_of(call: Call, name: str) -> ObjectType:
    """Return a standard object, or a custom one that is approved.

    Raises:
        CallError: 1013 there is none.
    """
    found = call.subscription.objects.get(name)
    if found is None or (name not in _AT and not found.custom):
        raise CallError(1013, f"Object '{name}' not found")
    return found


def _of(answer: Callable[[Call, str], Response], name: str) -> Callable[[Call], Response]:
    return lambda call: answer(call, name)


def _routes() -> Iterable[Route]:
    for name, path in _AT.items():
        # Roles are not to be seen at all while a CRM's own sync is on; the others can still be read.
        reading = "all" if name == "opportunityRole" else ""
        yield Route(f"{path}.json", _of(query, name), crm=reading)  # type: ignore[arg-type]
        yield Route(f"{path}.json", _of(sync, name), ("POST",), crm="all")
        yield Route(f"{path}/delete.json", _of(delete, name), ("POST",), crm="all")
        yield Route(f"{path}/describe.json", _of(describe, name), crm=reading)  # type: ignore[arg-type]
    for name in ("company", "opportunity"):
        yield Route(f"{_AT[name]}/schema/fields.json", schema_http.fields_of(name))
        yield Route(f"{_AT[name]}/schema/fields/<field>.json", schema_http.field_of(name))
    custom = "/rest/v1/customobjects/<name>"
    yield Route(f"{custom}.json", query)
    yield Route(f"{custom}.json", sync, ("POST",))
    yield Route(f"{custom}/delete.json", delete, ("POST",))
    yield Route(f"{custom}/describe.json", describe)


ROUTES = list(_routes())
