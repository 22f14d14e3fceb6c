"""Custom activity types: drafted, approved, at most ten with at most twenty attributes each (MK-REST-11)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.records.activity_types import FIRST_CUSTOM
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import CUSTOM_TYPE
from sync_pipeline.sandbox.marketo.records.values import stamp

MOST_TYPES, MOST_ATTRIBUTES = 10, 20
DATA_TYPES = (
    "string", "boolean", "integer", "float", "link", "email", "currency", "date", "datetime", "phone", "text",
)  # fmt: skip
_API_NAME = re.compile(r"[A-Za-z0-9_]{1,255}")
_NAMES = ("name", "triggerName", "filterName")

Json = dict[str, Any]


def all_types(subscription: Subscription) -> list[Json]:
    """Return the types there are, deleted ones too, oldest first: each with its `live` form, its `draft`, or both."""
    rows = subscription.rows('select described from "customType" order by rowid')
    return sorted((json.loads(row["described"]) for row in rows), key=lambda found: int(found["id"]))


def get(subscription: Subscription, api_name: str) -> Json:
    """Return a type.

    Raises:
        CallError: 1013 there is none.
    """
    found = next((t for t in all_types(subscription) if t["apiName"] == api_name and not t["deleted"]), None)
    if found is None:
        raise CallError(1013, f"Custom activity type '{api_name}' not found")
    return found


def shown(found: Mapping[str, Any], draft: bool = False, full: bool = True) -> Json:
    """Return a type as answers show it: the live form, or the draft where one is asked for or nothing else is there."""
    form = found["draft"] if (draft or not found["live"]) and found["draft"] else found["live"] or found["draft"]
    head = {name: form[name] for name in (*_NAMES, "description") if form.get(name)}
    body = {"primaryAttribute": form["primaryAttribute"], "attributes": form["attributes"]} if full else {}
    return {
        "id": found["id"],
        "apiName": found["apiName"],
        **head,
        "status": status(found),
        "createdAt": found["createdAt"],
        "updatedAt": found["updatedAt"],
        **body,
    }


def status(found: Mapping[str, Any]) -> str:
    if found["deleted"]:
        return "deleted"
    if found["live"]:
        return "approved with draft" if found["draft"] else "approved"
    return "draft"


def create(subscription: Subscription, body: Mapping[str, Any]) -> Json:
    """Draft a new type.

    Raises:
        CallError: a name is missing, malformed or taken (1017), or there are ten types already (1027).
    """
    api_name = _required(body, "apiName")
    if not _API_NAME.fullmatch(api_name):
        raise mistyped(api_name, "apiName")
    others = [found for found in all_types(subscription) if not found["deleted"]]
    if any(found["apiName"].lower() == api_name.lower() for found in others):
        raise CallError(1017, f"Custom activity type '{api_name}' already exists")
    if len(others) >= MOST_TYPES:
        raise CallError(1027, "Max Activity Type Limit Reached")
    form: Json = {name: _required(body, name) for name in _NAMES}
    _check_unique(form, others)
    primary = body.get("primaryAttribute")
    if not isinstance(primary, dict):
        raise missing("primaryAttribute")
    form |= {
        "description": body.get("description"),
        "primaryAttribute": {**attribute(primary, "string"), "dataType": primary.get("dataType") or "string"},
        "attributes": [],
    }
    now = stamp(subscription.present())
    made = {
        "id": FIRST_CUSTOM - 1 + subscription.reserve("customType", 1),
        "apiName": api_name,
        "live": None,
        "draft": form,
        "deleted": False,
        "createdAt": now,
        "updatedAt": now,
    }
    return _keep(subscription, made)


def update(subscription: Subscription, api_name: str, body: Mapping[str, Any]) -> Json:
    """Change the draft of a type, which is begun from its live form where there is none."""
    found = get(subscription, api_name)
    form = _draft(found)
    form |= {name: _required(body, name) for name in _NAMES if name in body}
    if "description" in body:
        form["description"] = body["description"]
    if isinstance(body.get("primaryAttribute"), dict):
        form["primaryAttribute"] = attribute({**form["primaryAttribute"], **body["primaryAttribute"]})
    _check_unique(form, (t for t in all_types(subscription) if t["id"] != found["id"] and not t["deleted"]))
    return _keep(subscription, found)


def approve(subscription: Subscription, api_name: str) -> Json:
    found = get(subscription, api_name)
    if not found["draft"]:
        raise CallError(709, "The custom activity type has no draft to approve")
    found["live"], found["draft"] = found["draft"], None
    return _keep(subscription, found)


def discard(subscription: Subscription, api_name: str) -> Json:
    found = get(subscription, api_name)
    if not found["draft"] or not found["live"]:
        raise CallError(709, "The custom activity type has no draft that could be discarded")
    found["draft"] = None
    return _keep(subscription, found)


def delete(subscription: Subscription, api_name: str) -> Json:
    found = get(subscription, api_name)
    found["deleted"] = True
    return _keep(subscription, found)


def change_attributes(
    subscription: Subscription, api_name: str, action: str, given: Iterable[Mapping[str, Any]]
) -> Json:
    """Create, update or delete secondary attributes of the draft, all of the request or none.

    Raises:
        CallError: 1013 there is none such, 1017 it is there already, 1028 there would be more than twenty.
    """
    found = get(subscription, api_name)
    form = _draft(found)
    by_name = {one["apiName"]: one for one in form["attributes"]}
    for record in given:
        name = _required(record, "apiName")
        if action == "create":
            if name in by_name or name == form["primaryAttribute"]["apiName"]:
                raise CallError(1017, f"Attribute '{name}' already exists")
            by_name[name] = attribute(record)
        elif name not in by_name:
            raise CallError(1013, f"Attribute '{name}' not found")
        elif action == "update":
            by_name[name] = attribute({**by_name[name], **record})
        else:
            del by_name[name]
    if len(by_name) > MOST_ATTRIBUTES:
        raise CallError(1028, "Max field limit reached")
    form["attributes"] = list(by_name.values())
    return _keep(subscription, found)


def attribute(given: Mapping[str, Any], default: str | None = None) -> Json:
    """Return an attribute as it is kept."""
    kind = given.get("dataType") or default
    if kind is None:
        raise missing("dataType")
    if kind not in DATA_TYPES:
        raise mistyped(kind, "dataType")
    made = {"apiName": _required(given, "apiName"), "name": _required(given, "name"), "dataType": kind}
    described = given.get("description")
    return {**made, "description": described} if isinstance(described, str) else made


def field_of(found: Mapping[str, Any]) -> Field:
    """Return an attribute as a field, to read its values by."""
    kind = {"link": "url"}.get(found["dataType"], found["dataType"])
    return Field(found["apiName"], found["name"], kind)


def labels(subscription: Subscription) -> dict[int, dict[str, str]]:
    """Return the attributes' names by API name, by type."""
    forms = ((found["id"], found["live"] or found["draft"]) for found in all_types(subscription))
    return {number: {one["apiName"]: one["name"] for one in form["attributes"]} for number, form in forms}


def as_activity_types(subscription: Subscription) -> list[Json]:
    """Return the approved types as Get Activity Types shows them among the standard ones."""
    return [
        {
            "id": found["id"],
            "name": found["live"]["name"],
            "apiName": found["apiName"],
            "description": found["live"].get("description") or found["live"]["name"],
            "primaryAttribute": _typed(found["live"]["primaryAttribute"]),
            "attributes": [_typed(one) for one in found["live"]["attributes"]],
        }
        for found in all_types(subscription)
        if found["live"] and not found["deleted"]
    ]


def _typed(found: Mapping[str, Any]) -> Json:
    return {name: found[name] for name in ("name", "apiName", "dataType")}


def _draft(found: Json) -> Json:
    if not found["draft"]:
        found["draft"] = json.loads(json.dumps(found["live"]))
    draft: Json = found["draft"]
    return draft


def _check_unique(form: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> None:
    for other in others:
        for taken in filter(None, (other["live"], other["draft"])):
            name = next((name for name in _NAMES if form[name].lower() == taken[name].lower()), None)
            if name:
                raise CallError(1017, f"{name} '{form[name]}' is already in use")


def _required(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value in (None, ""):
        raise missing(name)
    if not isinstance(value, str):
        raise mistyped(value, "string")
    return value


def _keep(subscription: Subscription, found: Json) -> Json:
    found["updatedAt"] = stamp(subscription.present())
    with subscription.transaction(), subscription.cursor() as cursor:
        cursor.execute('delete from "customType" where "apiName" = ?', [found["apiName"]])
        subscription.insert(CUSTOM_TYPE, [{"apiName": found["apiName"], "described": json.dumps(found)}])
    return found
