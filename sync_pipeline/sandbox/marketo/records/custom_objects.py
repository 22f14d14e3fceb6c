"""Types of custom objects: drafted field by field, then approved, which makes or changes their table (MK-REST-21)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.records.fields import Field, ObjectType
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import TABLES

MOST_TYPES, MOST_FIELDS = 10, 50
DATA_TYPES = (
    "string", "boolean", "integer", "float", "link", "email", "currency", "date", "datetime", "phone", "text",
)  # fmt: skip
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SYSTEM = ("createdAt", "marketoGUID", "updatedAt")


def create(subscription: Subscription, api_name: str, label: str, plural: str | None, description: str | None) -> None:
    """Draft a new type, which has nothing yet but the system's fields.

    Raises:
        CallError: the name is malformed, taken (1017), or one type too many.
    """
    if not _API_NAME.fullmatch(api_name):
        raise CallError(1003, f"Invalid API name '{api_name}'")
    names = {name.lower() for name in (*subscription.objects, *subscription.drafts, *(table.name for table in TABLES))}
    if api_name.lower() in names:
        raise CallError(1017, f"Object '{api_name}' already exists")
    custom = {name for name, found in subscription.objects.items() if found.custom} | set(subscription.drafts)
    if len(custom) >= MOST_TYPES:
        raise CallError(1003, f"The maximum of {MOST_TYPES} custom objects has been reached")
    system = [
        Field("marketoGUID", "Marketo GUID", "string", 1, length=36, read_only=True),
        Field("createdAt", "Created At", "datetime", 2, read_only=True),
        Field("updatedAt", "Updated At", "datetime", 3, read_only=True),
    ]
    draft = ObjectType(
        api_name, label, "marketoGUID", (), (), {field.name: field for field in system}, plural, description, True
    )
    subscription.keep_draft(draft)


def draft_of(subscription: Subscription, api_name: str) -> ObjectType:
    """Return a copy of a type's draft, or of its approved form where there is none; a refusal leaves the type as it is.

    Raises:
        CallError: 1013 there is no such type.
    """
    found = subscription.drafts.get(api_name) or subscription.objects.get(api_name)
    if found is None or not found.custom:
        raise CallError(1013, f"Object '{api_name}' not found")
    return replace(found, fields=dict(found.fields))


def update(subscription: Subscription, api_name: str, changes: Mapping[str, str | None]) -> None:
    """Change label, plural and description of the draft."""
    given = {name: value for name, value in changes.items() if value is not None}
    subscription.keep_draft(replace(draft_of(subscription, api_name), **given))  # type: ignore[arg-type]


def add_fields(subscription: Subscription, api_name: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Add fields to the draft; those that identify a record are marked `isDedupeField`.

    Raises:
        CallError: a name is taken (1017), a link leads nowhere, or there are more than fifty.
    """
    draft = draft_of(subscription, api_name)
    for record in records:
        found = _field(subscription, record)
        if found.name in draft.fields:
            raise CallError(1017, f"Field '{found.name}' already exists")
        draft.add(found)
        if record.get("isDedupeField") is True:
            draft.dedupe = (*draft.dedupe, found.name)
    if len(draft.fields) - len(_SYSTEM) > MOST_FIELDS:
        raise CallError(1003, f"The maximum of {MOST_FIELDS} fields has been reached")
    subscription.keep_draft(draft)


def _field(subscription: Subscription, record: Mapping[str, Any]) -> Field:
    name, label, kind = (_text(record, key) for key in ("name", "displayName", "dataType"))
    if not _API_NAME.fullmatch(name):
        raise CallError(1003, f"Invalid field name '{name}'")
    if kind not in DATA_TYPES:
        raise mistyped(kind, "dataType")
    related = None
    if kind == "link":
        related = _related(subscription, record.get("relatedTo"))
        kind = subscription.objects[related["name"]].fields[related["field"]].type
    described = record.get("description")
    description = described if isinstance(described, str) else None
    return Field(name, label, kind, subscription.next_field_id(), custom=True, description=description, related=related)


def _related(subscription: Subscription, given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise missing("relatedTo")
    name, by = _text(given, "name"), _text(given, "field")
    objects = {known.lower(): known for known in subscription.objects}
    found = objects.get(name.lower())
    if found is None:
        raise CallError(1013, f"Object '{name}' not found")
    fields = {known.lower(): known for known in subscription.objects[found].fields}
    if by.lower() not in fields:
        raise CallError(1006, f"Field '{by}' not found")
    return {"name": found, "field": fields[by.lower()]}


def delete_fields(subscription: Subscription, api_name: str, names: Iterable[str]) -> None:
    draft = draft_of(subscription, api_name)
    for name in names:
        if name not in draft.fields or name in _SYSTEM:
            raise CallError(1006, f"Field '{name}' not found")
        if name in draft.dedupe and api_name in subscription.objects:
            raise CallError(1003, f"Field '{name}' identifies records and cannot be deleted")
        del draft.fields[name]
        draft.dedupe = tuple(key for key in draft.dedupe if key != name)
    subscription.keep_draft(draft)


def update_field(subscription: Subscription, api_name: str, name: str, record: Mapping[str, Any]) -> None:
    """Change label, description or type of a field of the draft; the type only before it is approved."""
    draft = draft_of(subscription, api_name)
    old = draft.fields.get(name)
    if old is None or name in _SYSTEM:
        raise CallError(1006, f"Field '{name}' not found")
    told = {"name": old.name, "displayName": old.label, "dataType": old.type, "description": old.description}
    changed = _field(subscription, {**told, **{key: value for key, value in record.items() if key != "name"}})
    live = subscription.objects.get(api_name)
    if live and name in live.fields and live.fields[name].column != changed.column:
        raise CallError(1003, f"The type of field '{name}' cannot be changed")
    draft.add(replace(changed, id=old.id, related=changed.related or old.related))
    subscription.keep_draft(draft)


def approve(subscription: Subscription, api_name: str) -> None:
    """Make the draft what the object is.

    Raises:
        CallError: 709 there is no draft, or nothing that would identify a record.
    """
    draft = subscription.drafts.get(api_name)
    if draft is None:
        raise CallError(709, f"Object '{api_name}' has no draft to approve")
    if not draft.dedupe:
        raise CallError(709, "A custom object needs at least one dedupe field")
    links = tuple((field.name,) for field in draft.fields.values() if field.related and (field.name,) != draft.dedupe)
    draft.searchable = (draft.dedupe, ("marketoGUID",), *links)
    with subscription.transaction():
        live = subscription.objects.get(api_name)
        if live is None:
            subscription.add_object(draft)
        else:
            _alter(subscription, live, draft)
        subscription.forget_draft(api_name)


def _alter(subscription: Subscription, live: ObjectType, draft: ObjectType) -> None:
    with subscription.cursor() as cursor:
        for name in live.fields.keys() - draft.fields.keys():
            cursor.execute(f"alter table {quote(live.name)} drop column {quote(name)}")
    new = [field for name, field in draft.fields.items() if name not in live.fields]
    live.fields = {name: field for name, field in draft.fields.items() if name in live.fields}
    live.label, live.plural, live.description = draft.label, draft.plural, draft.description
    live.dedupe, live.searchable = draft.dedupe, draft.searchable
    subscription.add_fields(live.name, new)


def discard(subscription: Subscription, api_name: str) -> None:
    if api_name not in subscription.drafts:
        raise CallError(1048, "Custom Object Discard Draft Failed")
    subscription.forget_draft(api_name)


def delete(subscription: Subscription, api_name: str) -> None:
    """Delete a type with its records."""
    draft_of(subscription, api_name)
    subscription.forget_draft(api_name)
    if api_name in subscription.objects:
        subscription.drop_object(api_name)


def state(subscription: Subscription, api_name: str) -> str:
    if api_name not in subscription.objects:
        return "draft"
    return "approvedWithDraft" if api_name in subscription.drafts else "approved"


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value in (None, ""):
        raise missing(name)
    if not isinstance(value, str):
        raise mistyped(value, "string")
    return value
