"""What fields there are: describe and describe2 of persons, and the schema calls that show and create fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.errors import CallError, mistyped
from sync_pipeline.sandbox.marketo.http import Call, Route
from sync_pipeline.sandbox.marketo.records.fields import COLUMN_TYPES, Field, ObjectType
from sync_pipeline.sandbox.marketo.records.standard import PERSON_KEYS

TYPES = (
    "boolean", "currency", "date", "datetime", "email", "float", "integer", "percent", "phone", "score",
    "string", "url",
)  # fmt: skip
MOST_CUSTOM = {"lead": 100, "programMember": 20}  # fields that calls may create (MK-REST-7, MK-REST-15)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LABEL = re.compile(r"[\w ]+")


def describe(call: Call) -> Response:
    return call.answer([_mapped(field) for field in call.subscription.lead.fields.values() if not field.hidden])


def _mapped(field: Field) -> dict[str, Any]:
    shown = {"id": field.id, "displayName": field.label, "dataType": field.type, **field.told_length}
    rest = {"name": field.name, "readOnly": field.read_only}
    soap = {"name": field.name if field.custom else field.name[0].upper() + field.name[1:], "readOnly": field.read_only}
    return {**shown, "rest": rest, "soap": soap}


def describe2(call: Call) -> Response:
    lead = call.subscription.lead
    custom = [f.name for f in lead.fields.values() if f.custom and f.type in ("string", "email", "integer")]
    searchable = [[name] for name in (*PERSON_KEYS, *custom)]
    fields = [field.in_describe() for field in lead.fields.values() if not field.hidden]
    return call.answer([{"name": "API Lead", "searchableFields": searchable, "fields": fields}])


def fields_of(name: str) -> Callable[[Call], Response]:
    """Return the call that lists an object's fields, page by page."""

    def browse(call: Call) -> Response:
        shown = [field.in_schema() for field in call.subscription.objects[name].fields.values()]
        size, begin = call.size, max(call.place, 0)
        page = call.paged(shown[begin : begin + size + 1], size, begin + size)
        return page if begin + size < len(shown) else call.answer(shown[begin:], moreResult=False)

    return browse


def field_of(name: str) -> Callable[[Call, str], Response]:
    def read(call: Call, field: str) -> Response:
        return call.answer([_field(call.subscription.objects[name], field).in_schema()])

    return read


def _field(object_type: ObjectType, name: str) -> Field:
    if name not in object_type.fields:
        raise CallError(1013, f"Field '{name}' not found")
    return object_type.fields[name]


def create_in(name: str) -> Callable[[Call], Response]:
    """Return the call that adds custom fields; all of the request or none."""

    def create(call: Call) -> Response:
        object_type = call.subscription.objects[name]
        new: list[Field] = []
        for record in call.records(call.body()):
            new.append(_new_field(call, object_type, record, new))
        made = sum(field.by_api for field in object_type.fields.values())
        if made + len(new) > MOST_CUSTOM[name]:
            raise CallError(1003, f"The maximum of {MOST_CUSTOM[name]} custom fields has been reached")
        call.subscription.add_fields(name, new)
        return call.answer([{"name": field.name, "status": "created"} for field in new])

    return create


def _new_field(call: Call, object_type: ObjectType, record: Mapping[str, Any], others: list[Field]) -> Field:
    name, label, kind = (call.named(record, key) for key in ("name", "displayName", "dataType"))
    if kind not in TYPES or kind not in COLUMN_TYPES:
        raise mistyped(kind, "dataType")
    if not _NAME.fullmatch(name):
        raise CallError(1003, f"Invalid field name '{name}'")
    if not _LABEL.fullmatch(label):
        raise CallError(1003, f"Invalid display name '{label}'")
    known = [*object_type.fields.values(), *others]
    if any(field.name.lower() == name.lower() or field.label.lower() == label.lower() for field in known):
        raise CallError(1017, f"Field '{name}' already exists")
    return Field(
        name=name,
        label=label,
        type=kind,
        id=call.subscription.next_field_id(),
        custom=True,
        by_api=True,
        hidden=_flag(record, "isHidden", False),
        sensitive=_flag(record, "isSensitive", False),
        encoded=_flag(record, "isHtmlEncodingInEmail", True),
        description=call.text(record, "description"),
    )


def update_in(name: str) -> Callable[[Call, str], Response]:
    """Return the call that changes what is said of a field, never its type or name."""

    def update(call: Call, field: str) -> Response:
        object_type = call.subscription.objects[name]
        old = _field(object_type, field)
        records = call.records(call.body(), most=1)
        record = records[0]
        label = call.text(record, "displayName", old.label) or old.label
        if label != old.label and not old.custom:
            raise CallError(1003, "The display name of a standard field cannot be changed")
        hidden = _flag(record, "isHidden", old.hidden)
        if hidden != old.hidden and not old.by_api:
            raise CallError(1003, "Only a field created by API can be hidden by API")
        new = replace(
            old,
            label=label,
            hidden=hidden,
            description=call.text(record, "description", old.description),
            sensitive=_flag(record, "isSensitive", old.sensitive),
            encoded=_flag(record, "isHtmlEncodingInEmail", old.encoded),
        )
        object_type.add(new)
        call.subscription.keep(object_type)
        return call.answer([{"name": field, "status": "updated"}])

    return update


def _flag(record: Mapping[str, Any], name: str, default: bool) -> bool:
    value = record.get(name, default)
    if not isinstance(value, bool):
        raise mistyped(value, "boolean")
    return value


_LEADS = "/rest/v1/leads/schema/fields"
ROUTES = [
    Route("/rest/v1/leads/describe.json", describe),
    Route("/rest/v1/leads/describe2.json", describe2),
    Route(f"{_LEADS}.json", fields_of("lead")),
    Route(f"{_LEADS}/<field>.json", field_of("lead")),
    Route(f"{_LEADS}.json", create_in("lead"), ("POST",)),
    Route(f"{_LEADS}/<field>.json", update_in("lead"), ("POST",)),
]
