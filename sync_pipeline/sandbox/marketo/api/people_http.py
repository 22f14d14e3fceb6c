"""Persons over HTTP: by id, by filter, sync, push (leads.json and what belongs to it)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.errors import CallError, Reason, RecordError, missing, mistyped, skipped
from sync_pipeline.sandbox.marketo.http import MOST, Call, Route, at_most, integer
from sync_pipeline.sandbox.marketo.records import people, people_records
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.keys import comparable, key_of
from sync_pipeline.sandbox.marketo.records.people import ACTIONS
from sync_pipeline.sandbox.marketo.records.standard import PERSON_KEYS
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import parse, shown

DEFAULT_FIELDS = ("id", "updatedAt", "lastName", "email", "createdAt", "firstName")
MOST_MATCHES = 1_000  # of a filter (MK-REST-5)
_CUSTOM_KEYS = ("string", "email", "integer")  # types by which a custom field finds


def get(call: Call, lead_id: str) -> Response:
    fields = call.fields(call.subscription.lead, DEFAULT_FIELDS)
    found = persons(call.subscription, fields, "t.id = ?", [integer(lead_id)])
    if not found:
        raise CallError(1004, f"Lead '{lead_id}' not found")
    return call.answer(found)


def by_filter(call: Call) -> Response:
    """Persons whose field has one of at most 300 values; more than 1,000 of them are an error, not pages."""
    subscription, name, values = call.subscription, call.required("filterType"), call.many("filterValues")
    if not values:
        raise missing("filterValues")
    at_most(values, MOST, "filterValues")
    field = filter_field(subscription, name)
    fields = call.fields(subscription.lead, DEFAULT_FIELDS)
    condition = f"{comparable(subscription.lead, field.name)} in (select unnest(?::{field.column}[]))"
    wanted = [_wanted(field, values)]
    with subscription.cursor() as cursor:
        row = cursor.execute(f"select count(*) from lead as t where {condition}", wanted).fetchone()
    if row and row[0] > MOST_MATCHES:
        raise CallError(1003, "Too many results match the filter")
    size = call.size
    found = persons(subscription, ["id", *fields], f"{condition} and t.id > ?", [*wanted, call.place], size + 1)
    last = found[size - 1]["id"] if len(found) > size else 0
    return call.paged([_only(person, fields) for person in found], size, last)


def filter_field(subscription: Subscription, name: str) -> Field:
    """Return the field by which persons can be found.

    Raises:
        CallError: 1006 there is none such, 1011 nobody can be found by it.
    """
    field = subscription.lead.fields.get(name)
    if field is None:
        raise CallError(1006, f"Field '{name}' not found")
    if name not in PERSON_KEYS and not (field.custom and field.type in _CUSTOM_KEYS):
        raise CallError(1011, f"Field '{name}' not supported")
    return field


def persons(
    subscription: Subscription, fields: Sequence[str], condition: str, parameters: Sequence[Any], most: int = MOST
) -> list[dict[str, Any]]:
    """Return persons (`t`) for which a condition holds, as answers show them, in the order of their ids."""
    names = list(dict.fromkeys(fields))
    columns = ", ".join(f"t.{quote(name)}" for name in names)
    with subscription.cursor() as cursor:
        sql = f"select {columns} from lead as t where {condition} order by t.id limit {most}"
        rows = cursor.execute(sql, list(parameters)).fetchall()
    return [dict(zip(names, map(shown, row), strict=True)) for row in rows]


def sync(call: Call) -> Response:
    body = call.body()
    action = call.text(body, "action") or "createOrUpdate"
    if action not in ACTIONS:
        raise mistyped(action, "action")
    lookup = call.text(body, "lookupField") or "email"
    records = call.records(body)
    return call.answer(_sync(call, records, action, lookup, call.text(body, "partitionName"), "syncLead"))


def push(call: Call) -> Response:
    """As sync, always an upsert, with an activity that names the program."""
    body = call.body()
    program = call.named(body, "programName")
    rows = call.subscription.rows("select id from program where name = ?", [program])
    if not rows:
        raise CallError(1013, f"Program '{program}' not found")
    records = call.records(body)
    lookup = call.text(body, "lookupField") or "email"
    results = _sync(call, records, "createOrUpdate", lookup, call.text(body, "partitionName"), "pushLead")
    told = {"Source": call.text(body, "source"), "Reason": call.text(body, "reason"), **call.author("pushLead").trail}
    pushed = [result["id"] for result in results if "id" in result]
    people_records.log_pushed(call.subscription, pushed, rows[0]["id"], program, told)
    return call.answer(results, warnings=[])


def _sync(
    call: Call, records: list[dict[str, Any]], action: str, lookup: str, partition: str | None, method: str
) -> list[dict[str, Any]]:
    subscription = call.subscription
    filter_field(subscription, lookup)
    if lookup == "id" and action != "updateOnly":
        raise CallError(1003, "lookupField 'id' is only allowed when action is 'updateOnly'")
    number = None
    if partition and action in ("createOnly", "createOrUpdate"):
        number = subscription.partitions().get(partition)
        if number is None:
            return [skipped(Reason(1008, f"Access denied to partition '{partition}'"))] * len(records)
    return call.sandbox.spoiled(
        call.request.path,
        records,
        lambda kept: people.sync(subscription, kept, How(action, lookup, number), call.author(method)),
    )


def _wanted(field: Field, values: Iterable[str]) -> list[Any]:
    """Return filter values as they are compared; one of another type is refused."""
    if field.column == "varchar":
        return list(key_of(values))
    try:
        return [parse(field, value) for value in values]
    except RecordError as error:
        raise CallError(error.reason.code, error.reason.message) from None


def _only(person: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: person[name] for name in fields}


ROUTES = [
    Route("/rest/v1/lead/<lead_id>.json", get),
    Route("/rest/v1/leads.json", by_filter),
    Route("/rest/v1/leads.json", sync, ("POST",)),
    Route("/rest/v1/leads/push.json", push, ("POST",)),
]
