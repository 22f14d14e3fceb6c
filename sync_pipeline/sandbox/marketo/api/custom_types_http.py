"""Custom activity types over HTTP, and posting activities of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.errors import CallError, RecordError
from sync_pipeline.sandbox.marketo.http import Call, Route, integer
from sync_pipeline.sandbox.marketo.records import custom_types, log
from sync_pipeline.sandbox.marketo.records.log import Activity
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import moment, parse, shown

MOST_BYTES = 65_536  # of a record's attributes
_NEEDED = ("leadId", "activityDate", "primaryAttributeValue")

Json = dict[str, Any]


def list_types(call: Call) -> Response:
    found = [one for one in custom_types.all_types(call.subscription) if not one["deleted"]]
    return call.answer([custom_types.shown(one, full=False) for one in found])


def describe(call: Call, api_name: str) -> Response:
    found = custom_types.get(call.subscription, api_name)
    return call.answer([custom_types.shown(found, draft=call.flag("draft"))])


def create(call: Call) -> Response:
    return call.answer([custom_types.shown(custom_types.create(call.subscription, call.body()), draft=True)])


def update(call: Call, api_name: str) -> Response:
    found = custom_types.update(call.subscription, api_name, call.body())
    return call.answer([custom_types.shown(found, draft=True)])


def whole(change: Callable[[Subscription, str], Json]) -> Callable[[Call, str], Response]:
    """Return the call that approves, discards or deletes a type."""

    def act(call: Call, api_name: str) -> Response:
        return call.answer([custom_types.shown(change(call.subscription, api_name))])

    return act


def attributes(action: str) -> Callable[[Call, str], Response]:
    """Return the call that creates, updates or deletes attributes of a type."""

    def act(call: Call, api_name: str) -> Response:
        given = call.records(call.body(), "attributes")
        found = custom_types.change_attributes(call.subscription, api_name, action, given)
        return call.answer([custom_types.shown(found, draft=True)])

    return act


def post(call: Call) -> Response:
    """Log activities; write-once, never de-duplicated, each refused for itself."""
    records = call.records(call.body())
    subscription = call.subscription
    types = {found["id"]: found for found in custom_types.all_types(subscription) if found["live"]}
    present = _present(subscription, records)
    results: list[Json] = []
    taken: list[Activity] = []
    for record in records:
        try:
            call.sandbox.faults.check(call.request.path)
            taken.append(_activity(record, types, present))
            results.append({"status": "added"})
        except RecordError as error:
            results.append({"status": "skipped", "errors": [error.reason.as_dict()]})
    number = log.record(subscription, taken)
    for result in results:
        if result["status"] == "added":
            result |= {"id": number, "marketoGUID": str(number)}
            number += 1
    return call.answer(results)


def _present(subscription: Subscription, records: list[Json]) -> set[int]:
    named = [record["leadId"] for record in records if type(record.get("leadId")) is int]
    return subscription.known(lead for lead in named if abs(lead) < 2**63)


def _activity(record: Mapping[str, Any], types: Mapping[int, Json], present: set[int]) -> Activity:
    for name in _NEEDED:
        if record.get(name) in (None, ""):
            raise RecordError(1002, f"Missing value for the required parameter '{name}'")
    try:
        kind = types.get(integer(record.get("activityTypeId")))
        lead = integer(record["leadId"])
    except CallError as error:
        raise RecordError(int(error.code), error.message) from None
    if kind is None or kind["deleted"]:
        raise RecordError(1013, "Activity type not found")
    if lead not in present:
        raise RecordError(1004, "Lead not found")
    try:
        at = moment(str(record["activityDate"]))
    except (ValueError, OverflowError):
        raise RecordError(1001, f"Invalid value '{record['activityDate']}'. Required of type 'datetime'") from None
    told = _attributes(record.get("attributes") or [], kind["live"])
    primary = parse(custom_types.field_of(kind["live"]["primaryAttribute"]), record["primaryAttributeValue"])
    return Activity(lead, kind["id"], None, str(shown(primary)), told, at)


def _attributes(given: object, form: Mapping[str, Any]) -> Json:
    """Return values by API name; an attribute is named by its API name or its name."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise RecordError(1001, "Invalid value 'attributes'. Required of type 'array of objects'")
    if len(json.dumps(given, ensure_ascii=False).encode()) > MOST_BYTES:
        raise RecordError(1049, "Attributes array too long")
    by_name = {name: one for one in form["attributes"] for name in (one["name"], one["apiName"])}
    told = {}
    for one in given:
        name = one.get("apiName") or one.get("name")
        found = by_name.get(name) if isinstance(name, str) else None
        if found is None:
            raise RecordError(1006, f"Field '{name}' not found")
        told[found["apiName"]] = shown(parse(custom_types.field_of(found), one.get("value")))
    return told


_ROOT = "/rest/v1/activities/external"
_TYPE = f"{_ROOT}/type/<api_name>"
ROUTES = [
    Route(f"{_ROOT}.json", post, ("POST",)),
    Route(f"{_ROOT}/types.json", list_types),
    Route(f"{_ROOT}/type.json", create, ("POST",)),
    Route(f"{_TYPE}.json", update, ("POST",)),
    Route(f"{_TYPE}/describe.json", describe),
    Route(f"{_TYPE}/approve.json", whole(custom_types.approve), ("POST",)),
    Route(f"{_TYPE}/discardDraft.json", whole(custom_types.discard), ("POST",)),
    Route(f"{_TYPE}/delete.json", whole(custom_types.delete), ("POST",)),
    *(
        Route(f"{_TYPE}/attributes/{action}.json", attributes(action), ("POST",))
        for action in ("create", "update", "delete")
    ),
]
