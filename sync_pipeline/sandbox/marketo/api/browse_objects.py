"""Objects of a subscription as its pages show them: kinds of inputs, columns of lists, what a search looks at."""

from __future__ import annotations

from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.site.system import Asked, Field, Kind, Object
from sync_pipeline.sandbox.marketo.records import fields
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY, PROGRAM, STATIC_LIST

COLUMNS = 6
READ_ONLY = {
    "program": ("Program", PROGRAM),
    "staticList": ("Static list", STATIC_LIST),
    "activity": ("Activity", ACTIVITY),
}
_PLURALS = {
    "Company": "Companies",
    "Activity": "Activities",
    "Lead": "People",
    "Opportunity": "Opportunities",
    "API Program Membership": "Program members",
}
_KINDS: dict[str, Kind] = {
    "varchar": "text", "bigint": "number", "integer": "number", "double": "number", "boolean": "flag", "date": "date",
    "timestamp": "datetime",
}  # fmt: skip
_COLUMNS = {
    "lead": ("mktoName", "email", "company", "leadStatus", "leadScore", "unsubscribed", "updatedAt"),
    "activity": ("activityDate", "activityTypeId", "leadId", "primaryAttributeValue", "attributes"),
    "program": ("name", "type", "channel", "status", "updatedAt"),
    "staticList": ("name", "workspaceName", "updatedAt"),
    "opportunityRole": ("externalOpportunityId", "leadId", "role", "isPrimary", "updatedAt"),
    "programMember": ("leadId", "program", "statusName", "reachedSuccess", "updatedAt"),
}


def shown_object(subscription: Subscription, name: str) -> Object:
    """Return an object, or a table that can only be read, as pages show it."""
    if name in READ_ONLY:
        label, table = READ_ONLY[name]
        shown = {n: _read_only(n, _KINDS[kind]) for n, kind in table.columns.items()}
        return _object(name, label, _PLURALS.get(label, f"{label}s"), shown, writable=False)
    found = subscription.objects[name]
    shown = {field.name: _field(field, found) for field in found.fields.values()}
    plural = found.plural or _PLURALS.get(found.label, f"{found.label}s")
    return _object(name, found.label, plural, shown, writable=name != "programMember")


def _object(name: str, label: str, plural: str, shown: dict[str, Field], writable: bool) -> Object:
    usual = [n for n, one in shown.items() if n != "createdAt" and one.kind != "long"]
    return Object(
        name=name,
        label=label,
        plural=plural,
        fields=shown,
        columns=_COLUMNS.get(name) or tuple(usual[:COLUMNS]),
        newest="updatedAt" if "updatedAt" in shown else "activityDate",
        can_create=writable,
        can_update=writable,
        can_delete=writable,
        has_bin=False,
    )


def _read_only(name: str, kind: Kind) -> Field:
    return Field(name, name, kind, kind, can_create=False, can_update=False)


def _field(found: fields.Field, object_type: ObjectType) -> Field:
    is_key = found.name in object_type.dedupe and object_type.name != "lead"
    return Field(
        name=found.name,
        label=found.label,
        kind="long" if found.type in fields.LONG else _KINDS[found.column],
        type=found.type,
        can_create=not found.read_only or is_key,
        can_update=not found.read_only,
        is_required=is_key,
        length=found.most or 0,
    )


def id_sql(subscription: Subscription, name: str) -> str:
    """Return the SQL of the text that pages name a record of a table (`t`) by."""
    if name == "programMember":
        return 't."programId"::varchar || \'-\' || t."leadId"'
    key = "id" if name in READ_ONLY else subscription.objects[name].id_field
    return f"t.{quote(key)}::varchar"


def condition(obj: Object, asked: Asked) -> tuple[str, list[Any]]:
    """Return the SQL condition of what is asked for, and its values."""
    parts, values = ["true"], list[Any]()
    for name, value in asked.where.items():
        parts.append(f"cast({quote(name)} as varchar) = ?")
        values.append(value)
    if asked.search:
        searched = [name for name in obj.columns if obj.fields[name].kind in ("text", "long")]
        texts = [f"contains(lower({quote(name)}), lower(?))" for name in searched]
        parts.append(f"({' or '.join(texts) or 'false'})")
        values += [asked.search] * len(texts)
    return " and ".join(parts), values
