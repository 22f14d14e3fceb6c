"""What export jobs can ask for: fields and filters of persons, activities, program members and custom objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.bulk.extract import Column, Extracts, Query, spelled
from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.lists import members_sql
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY
from sync_pipeline.sandbox.marketo.records.values import moment

LONGEST = timedelta(days=31)
_ACTIVITY_COLUMNS = (
    "marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",
    "primaryAttributeValue", "attributes",
)  # fmt: skip

Json = Mapping[str, Any]
Condition = tuple[str, list[Any]]


def leads(subscription: Subscription, extracts: Extracts, body: Json) -> Query:
    name, value = one_filter(body)
    if name in ("smartListId", "smartListName") or (name == "updatedAt" and not extracts.by_updated_at):
        raise CallError(1035, "Unsupported filter type for target subscription")
    if name in ("createdAt", "updatedAt"):
        condition, parameters = date_range(value, f't."{name}"')
    elif name in ("staticListId", "staticListName"):
        condition, parameters = f"t.id in ({members_sql()})", [_list_id(subscription, name, value)]
    else:
        raise CallError(1035, f"Unsupported filter type '{name}'")
    columns = _columns(subscription.lead, _fields(body), _headers(body))
    return Query(columns, "lead as t", condition, parameters, "t.id")


def activities(subscription: Subscription, extracts: Extracts, body: Json) -> Query:
    wanted = body.get("filter")
    if not isinstance(wanted, Mapping) or "createdAt" not in wanted:
        raise missing("filter.createdAt")
    condition, parameters = date_range(wanted["createdAt"], '"activityDate"')
    for name, column, kind in (
        ("activityTypeIds", "activityTypeId", "integer"),
        ("primaryAttributeValueIds", "primaryAttributeValueId", "bigint"),
        ("primaryAttributeValues", "primaryAttributeValue", "varchar"),
    ):
        if name in wanted:
            condition += f" and {quote(column)} in (select unnest(?::{kind}[]))"
            parameters.append(_many(wanted[name], name, str if kind == "varchar" else int))
    headers, fields = _headers(body), body.get("fields") or list(_ACTIVITY_COLUMNS)
    unknown = next((name for name in fields if name not in _ACTIVITY_COLUMNS), None)
    if unknown is not None:
        raise CallError(1006, f"Field '{unknown}' not found")
    columns = [Column(headers.get(name, name), _activity_column(name)) for name in fields]
    return Query(columns, "activity", condition, parameters, '"activityDate", id')


def _activity_column(name: str) -> str:
    return "id" if name == "marketoGUID" else spelled(quote(name), ACTIVITY.columns[name])


def members(subscription: Subscription, extracts: Extracts, body: Json) -> Query:
    """Members with fields of their own and of the person; their own come with labels for headers."""
    wanted = body.get("filter")
    if not isinstance(wanted, Mapping) or not ("programId" in wanted or "programIds" in wanted):
        raise missing("filter.programId")
    given = wanted["programIds"] if "programIds" in wanted else [wanted["programId"]]
    condition, parameters = 'm."programId" in (select unnest(?::bigint[]))', [_many(given, "programIds", int)]
    if "statusNames" in wanted:
        condition += ' and m."statusName" in (select unnest(?::varchar[]))'
        parameters.append(_many(wanted["statusNames"], "statusNames", str))
    for name in ("isExhausted", "nurtureCadence"):
        if name in wanted:
            condition += f" and m.{quote(name)} = ?"
            parameters.append(wanted[name])
    if "updatedAt" in wanted:
        more, bounds = date_range(wanted["updatedAt"], 'm."updatedAt"')
        condition, parameters = f"{condition} and {more}", [*parameters, *bounds]
    headers, own = _headers(body), subscription.objects["programMember"]
    columns = []
    for name in _fields(body):
        if name in own.fields:
            found = own.fields[name]
            header = headers.get(name, found.name if found.custom else found.label)
            columns.append(Column(header, spelled(f"m.{quote(name)}", found.column)))
        else:
            columns += _columns(subscription.lead, [name], headers, "l")
    source = '"programMember" as m join lead as l on l.id = m."leadId"'
    return Query(columns, source, condition, parameters, 'm."programId", m."leadId"')


def custom_objects(subscription: Subscription, extracts: Extracts, body: Json, name: str) -> Query:
    object_type = subscription.objects.get(name)
    if object_type is None or not object_type.custom:
        raise CallError(1013, f"Object '{name}' not found")
    kind, value = one_filter(body)
    if kind == "updatedAt":
        condition, parameters = date_range(value, 't."updatedAt"')
    elif kind in ("staticListId", "staticListName"):
        link = next((field for field in object_type.fields.values() if field.related), None)
        if link is None or link.related != {"name": "lead", "field": "id"}:
            raise CallError(1035, f"Unsupported filter type '{kind}'")
        condition = f"t.{quote(link.name)} in ({members_sql()})"
        parameters = [_list_id(subscription, kind, value)]
    else:
        raise CallError(1035, f"Unsupported filter type '{kind}'")
    columns = _columns(object_type, _fields(body), _headers(body))
    return Query(columns, f"{quote(name)} as t", condition, parameters, 't."marketoGUID"')


def one_filter(body: Json) -> tuple[str, Any]:
    """Return name and value of the one filter of a job.

    Raises:
        CallError: there is none, or more than one.
    """
    wanted = body.get("filter")
    if not isinstance(wanted, Mapping) or not wanted:
        raise missing("filter")
    if len(wanted) > 1:
        raise CallError(1003, "Only one filter type may be specified")
    ((name, value),) = wanted.items()
    return str(name), value


def date_range(given: Any, column: str) -> Condition:
    """Return the condition of a range of times, both ends included.

    Raises:
        CallError: an end is missing or no time, or the range is longer than 31 days.
    """
    if not isinstance(given, Mapping):
        raise mistyped(given, "DateRange")
    start, end = _time(given, "startAt"), _time(given, "endAt")
    if not timedelta(0) <= end - start <= LONGEST:
        raise CallError(1003, "The date range must be 31 days or less")
    return f"{column} >= ? and {column} <= ?", [start, end]


def _time(given: Json, name: str) -> datetime:
    if not given.get(name):
        raise missing(name)
    try:
        return moment(str(given[name]))
    except (ValueError, OverflowError):
        raise CallError(704, f"Invalid date format for '{name}'") from None


def _fields(body: Json) -> list[str]:
    fields = body.get("fields")
    if not fields:
        raise missing("fields")
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise mistyped(fields, "array of strings")
    return list(dict.fromkeys(fields))


def _headers(body: Json) -> dict[str, str]:
    given = body.get("columnHeaderNames") or {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise mistyped(given, "object")
    return given


def _columns(object_type: ObjectType, names: Sequence[str], headers: Json, alias: str = "t") -> list[Column]:
    lower = {name.lower(): name for name in object_type.fields}
    unknown = next((name for name in names if name.lower() not in lower), None)
    if unknown is not None:
        raise CallError(1006, f"Field '{unknown}' not found")
    found = [(name, object_type.fields[lower[name.lower()]]) for name in names]
    return [Column(headers.get(name, name), spelled(f"{alias}.{quote(f.name)}", f.column)) for name, f in found]


def _many(given: Any, name: str, kind: type) -> list[Any]:
    values = given if isinstance(given, list) else [given]
    if not all(type(value) is kind for value in values):
        raise mistyped(given, f"array for '{name}'")
    return list(values)


def _list_id(subscription: Subscription, name: str, value: Any) -> int:
    column = "id" if name.endswith("Id") else "name"
    if type(value) is not (int if column == "id" else str):
        raise mistyped(value, "integer" if column == "id" else "string")
    rows = subscription.rows(f'select id from "staticList" where {column} = ?', [value])
    if not rows:
        raise CallError(1013, f"List '{value}' not found")
    return int(rows[0]["id"])
