"""Custom objects over HTTP: the list of approved ones, and the schema calls that make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.api.records_http import described
from sync_pipeline.sandbox.marketo.errors import CallError, mistyped
from sync_pipeline.sandbox.marketo.http import Call, Route
from sync_pipeline.sandbox.marketo.records import custom_objects
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

_STATES = ("draft", "approved", "approvedWithDraft")


def list_approved(call: Call) -> Response:
    wanted = call.many("names")
    found = [one for one in call.subscription.objects.values() if one.custom and (not wanted or one.name in wanted)]
    return call.answer([described(one, fields=False) for one in found])


def list_types(call: Call) -> Response:
    wanted, state = call.many("names"), call.value("state")
    subscription = call.subscription
    live = {name: found for name, found in subscription.objects.items() if found.custom}
    names = [name for name in {**live, **subscription.drafts} if not wanted or name in wanted]
    states = {name: custom_objects.state(subscription, name) for name in names}
    if state is not None and state not in _STATES:
        raise mistyped(state, "state")
    return call.answer([_type(call, name, None) for name in names if state in (None, states[name])])


def describe_type(call: Call, api_name: str) -> Response:
    state = call.value("state")
    if state is not None and state not in _STATES:
        raise mistyped(state, "state")
    return call.answer([_type(call, api_name, state)])


def _type(call: Call, name: str, wanted: str | None) -> dict[str, Any]:
    """Return a type in its approved form, or in its draft where that is wanted or all there is."""
    subscription = call.subscription
    live, draft = subscription.objects.get(name), subscription.drafts.get(name)
    found: ObjectType | None = draft if wanted == "draft" or live is None or not live.custom else live
    if found is None:
        raise CallError(1013, f"Object '{name}' not found")
    state = custom_objects.state(subscription, name)
    shown = {key: value for key, value in described(found).items() if value != "" and key != "name"}
    empty: dict[str, Any] = {"relationships": []}
    if not found.searchable:
        shown["searchableFields"] = [[]]
    version = "draft" if found is draft else "approved"
    return {"state": state, "version": version, **empty, **shown, "apiName": name}


def create_or_update(call: Call) -> Response:
    body = call.body()
    action = call.text(body, "action") or "createOrUpdate"
    if action not in ("createOnly", "updateOnly", "createOrUpdate"):
        raise mistyped(action, "action")
    name, subscription = call.named(body, "apiName"), call.subscription
    live = subscription.objects.get(name)
    exists = name in subscription.drafts or (live is not None and live.custom)
    if action == "createOnly" or (action == "createOrUpdate" and not exists):
        plural, description = call.text(body, "pluralName"), call.text(body, "description")
        custom_objects.create(subscription, name, call.named(body, "displayName"), plural, description)
    else:
        told = {"label": "displayName", "plural": "pluralName", "description": "description"}
        custom_objects.update(subscription, name, {to: call.text(body, key) for to, key in told.items()})
    return call.answer([])


def add_fields(call: Call, api_name: str) -> Response:
    custom_objects.add_fields(call.subscription, api_name, call.records(call.body()))
    return call.answer([])


def delete_fields(call: Call, api_name: str) -> Response:
    names = [call.named(record, "name") for record in call.records(call.body())]
    custom_objects.delete_fields(call.subscription, api_name, names)
    return call.answer([])


def update_field(call: Call, api_name: str, field: str) -> Response:
    custom_objects.update_field(call.subscription, api_name, field, call.body())
    return call.answer([])


def _whole(act: Callable[[Subscription, str], None]) -> Callable[[Call, str], Response]:
    def answer(call: Call, api_name: str) -> Response:
        act(call.subscription, api_name)
        return call.answer([])

    return answer


def data_types(call: Call) -> Response:
    return call.answer(list(custom_objects.DATA_TYPES))


def linkable(call: Call) -> Response:
    """What a custom object can be linked to: persons, companies, and approved custom objects."""
    subscription = call.subscription
    found = [one for name, one in subscription.objects.items() if one.custom or name in ("lead", "company")]
    return call.answer(
        [
            {
                "name": one.name,
                "displayName": one.label,
                "fields": [
                    {"name": field.name, "displayName": field.label, "dataType": field.type}
                    for field in one.fields.values()
                    if field.type in ("string", "email", "integer")
                ],
            }
            for one in found
        ]
    )


def dependents(call: Call, api_name: str) -> Response:
    """Nothing depends on an object: the sandbox has no smart lists."""
    custom_objects.draft_of(call.subscription, api_name)
    return call.answer([])


_SCHEMA = "/rest/v1/customobjects/schema"
_TYPE = f"{_SCHEMA}/<api_name>"
ROUTES = [
    Route("/rest/v1/customobjects.json", list_approved),
    Route(f"{_SCHEMA}.json", list_types),
    Route(f"{_SCHEMA}.json", create_or_update, ("POST",)),
    Route(f"{_SCHEMA}/fieldDataTypes.json", data_types),
    Route(f"{_SCHEMA}/linkableObjects.json", linkable),
    Route(f"{_TYPE}/describe.json", describe_type),
    Route(f"{_TYPE}/dependentAssets.json", dependents),
    Route(f"{_TYPE}/approve.json", _whole(custom_objects.approve), ("POST",)),
    Route(f"{_TYPE}/discardDraft.json", _whole(custom_objects.discard), ("POST",)),
    Route(f"{_TYPE}/delete.json", _whole(custom_objects.delete), ("POST",)),
    Route(f"{_TYPE}/addField.json", add_fields, ("POST",)),
    Route(f"{_TYPE}/deleteField.json", delete_fields, ("POST",)),
    Route(f"{_TYPE}/<field>/updateField.json", update_field, ("POST",)),
]
