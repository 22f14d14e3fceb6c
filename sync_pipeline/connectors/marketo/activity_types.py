"""Custom activity types of a subscription: which there are, what is missing of those wanted, and making that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_pipeline.catalog.activity_types import EVENT, ActivityType, Attribute
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls

APPROVED = "approved"
_ROOT = "/rest/v1/activities/external"


def ids(calls: Calls) -> dict[str, int]:
    """Return the ids of all activity types that can be used, by name; of custom ones by API name too."""
    found: dict[str, int] = {}
    for told in calls.get("/rest/v1/activities/types.json").parts("result"):
        found[told.text("name")] = told.number("id")
        if api_name := told.text("apiName", ""):
            found[api_name] = told.number("id")
    return found


def lacking(calls: Calls, wanted: Sequence[ActivityType]) -> Iterator[tuple[ActivityType, str]]:
    """Yield each wanted type that is not ready, with what is to be done about it."""
    listed = {told.text("apiName"): told for told in calls.get(f"{_ROOT}/types.json").parts("result")}
    for one in wanted:
        told = listed.get(one.api_name)
        if told is None:
            yield one, "has to be created and approved"
        elif missing := _missing(calls, one, draft=False):
            yield one, f"lacks {', '.join(attribute.name for attribute in missing)}"
        elif not told.text("status").startswith(APPROVED):
            yield one, "has to be approved"


def make(calls: Calls, wanted: Sequence[ActivityType]) -> list[ActivityType]:
    """Create, complete and approve what is missing; return what was done. What was begun before is finished.

    Raises:
        RejectedError: it is not permitted (603), or ten types are used already (1027).
    """
    done = []
    for one, said in lacking(calls, wanted):
        if "created" in said:
            calls.post(f"{_ROOT}/type.json", _told(one))
        if missing := _missing(calls, one, draft=True):
            calls.post(_path(one, "attributes/create"), {"attributes": [_attribute(given) for given in missing]})
        calls.post(_path(one, "approve"))
        done.append(one)
    return done


def _missing(calls: Calls, one: ActivityType, draft: bool) -> list[Attribute]:
    """Return the attributes that the live form of a type lacks, or its draft; each stands for the other alone."""
    told = calls.get(_path(one, "describe"), {"draft": draft}).only("result")
    there = {attribute.text("apiName") for attribute in told.parts("attributes", required=True)}
    return [attribute for attribute in one.attributes if attribute.api_name not in there]


def _path(one: ActivityType, action: str) -> str:
    return f"{_ROOT}/type/{one.api_name}/{action}.json"


def _told(one: ActivityType) -> Json:
    return {
        "apiName": one.api_name,
        "name": one.label,
        "triggerName": one.trigger,
        "filterName": one.filter,
        "description": one.description,
        "primaryAttribute": _attribute(EVENT),
    }


def _attribute(given: Attribute) -> Json:
    return {"apiName": given.api_name, "name": given.name, "dataType": given.type}
