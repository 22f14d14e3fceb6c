"""Programs with their period costs, channels and smart campaigns over HTTP, as far as a sync reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.rows import amend
from sync_pipeline.sandbox.marketo.api import assets
from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.http import Call, Route, integer
from sync_pipeline.sandbox.marketo.records import members
from sync_pipeline.sandbox.marketo.records.tables import PROGRAM
from sync_pipeline.sandbox.marketo.records.values import stamp

TYPES = ("Default", "Event", "Event with Webinar", "Engagement", "Email")
_URL = {"Engagement": "NP", "Email": "EBP", "Event": "ME", "Event with Webinar": "ME"}


def browse(call: Call) -> Response:
    conditions: list[str] = ["true"]
    parameters: list[Any] = []
    for name, comparison in (("earliestUpdatedAt", ">="), ("latestUpdatedAt", "<=")):
        at = call.time(name)
        if at:
            conditions.append(f'"updatedAt" {comparison} ?')
            parameters.append(at)
    wanted = call.integers("filterValues") if call.value("filterType") == "id" else []
    if wanted:
        conditions.append("id in (select unnest(?::bigint[]))")
        parameters.append(wanted)
    status = call.value("status")
    if status:
        conditions.append("status = ?")
        parameters.append(status)
    page = assets.offset_and_size(call)
    rows = call.subscription.rows(
        f"select * from program where {' and '.join(conditions)} order by id {page}", parameters
    )
    return assets.answer(call, [_program(call, row) for row in rows])


def get(call: Call, program_id: str) -> Response:
    rows = call.subscription.rows("select * from program where id = ?", [integer(program_id)])
    return assets.answer(call, [_program(call, row) | _costs(row) for row in rows])


def by_name(call: Call) -> Response:
    rows = call.subscription.rows("select * from program where name = ?", [call.required("name")])
    with_costs = call.flag("includeCosts")
    return assets.answer(call, [_program(call, row) | (_costs(row) if with_costs else {}) for row in rows])


def create(call: Call) -> Response:
    form = call.request.form
    needed = {name: form.get(name) for name in ("name", "type", "channel", "folder")}
    absent = next((name for name, value in needed.items() if not value), None)
    if absent:
        raise missing(absent)
    if needed["type"] not in TYPES:
        raise CallError(709, f"Invalid program type '{needed['type']}'")
    if not call.subscription.rows("select id from channel where name = ?", [needed["channel"]]):
        raise CallError(709, f"Channel '{needed['channel']}' not found")
    if call.subscription.rows("select id from program where name = ?", [needed["name"]]):
        raise CallError(709, f"Program name already exists. Program name: {needed['name']}")
    folder = assets.folder(needed["folder"])
    number = 1_000 + call.subscription.reserve("program", 1)
    now = call.subscription.present()
    made = {
        **needed,
        "id": number,
        "description": form.get("description", ""),
        "status": "",
        "workspace": "Default",
        "costs": _costs_of(form.get("costs")),
        "folder": assets.spelled({"type": folder["type"], "value": folder["id"], "folderName": "Sandbox"}),
        "createdAt": now,
        "updatedAt": now,
    }
    call.subscription.insert(PROGRAM, [made])
    return get(call, str(number))


def update(call: Call, program_id: str) -> Response:
    """Change name, description and costs; channel and type are set by the creation alone (SF-CAMP-19).

    Costs are added to those there are, or take their place.
    """
    form, found = call.request.form, members.program(call.subscription, integer(program_id))
    given, kept = _costs_of(form.get("costs")), json.loads(found["costs"] or "[]")
    replaced = form.get("costsDestructiveUpdate", "").lower() == "true"
    costs = [*([] if replaced else kept), *json.loads(given or "[]")]
    new = {
        "id": found["id"],
        **{name: form[name] for name in ("name", "description") if name in form},
        "costs": json.dumps(costs) if costs else None,
        "updatedAt": call.subscription.present(),
    }
    with call.subscription.transaction(), call.subscription.cursor() as cursor:
        amend(cursor, PROGRAM, [new], "id")
    return get(call, program_id)


def _costs_of(spelled: str | None) -> str | None:
    """Return the period costs of a form as they are kept, null if there are none.

    Raises:
        CallError: 1001 they are no list of costs, each with a whole number and the day on which its period begins.
    """
    if not spelled:
        return None
    try:
        costs = [
            {"startDate": date.fromisoformat(one["startDate"]).isoformat(), "cost": int(one["cost"])}
            | ({"note": one["note"]} if one.get("note") else {})
            for one in json.loads(spelled)
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise mistyped(spelled, "costs") from None
    return json.dumps(costs) if costs else None


def _costs(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"costs": json.loads(row["costs"]) if row["costs"] else None}


def _program(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    kind = _URL.get(row["type"], "PG")
    shown = {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"] or "",
        **assets.stamps(row),
        "url": f"{call.sandbox.url}/#{kind}{row['id']}A1",
        "type": row["type"],
        "channel": row["channel"],
        "folder": json.loads(row["folder"])
        if row["folder"]
        else {"type": "Folder", "value": 1, "folderName": "Sandbox"},
        "status": row["status"] or "",
        "workspace": row["workspace"] or "Default",
        "headStart": False,
    }
    of_crm = {name: row[name] for name in ("sfdcId", "sfdcName") if row[name]}
    dates = {name: assets.moment(row[name]) for name in ("startDate", "endDate") if row[name]}
    return {**shown, **of_crm, **dates}


def channels(call: Call) -> Response:
    page = assets.offset_and_size(call)
    rows = call.subscription.rows(f"select * from channel order by id {page}")
    return assets.answer(call, [_channel(row) for row in rows])


def channel_by_name(call: Call) -> Response:
    rows = call.subscription.rows("select * from channel where name = ?", [call.required("name")])
    return assets.answer(call, [_channel(row) for row in rows])


def _channel(row: Mapping[str, Any]) -> dict[str, Any]:
    statuses = [{"description": None, "hidden": False, **status} for status in json.loads(row["statuses"])]
    return {
        "id": row["id"],
        "name": row["name"],
        "applicableProgramType": row["programType"],
        "progressionStatuses": statuses,
        **assets.stamps(row),
    }


def campaigns(call: Call) -> Response:
    conditions: list[str] = ["c.id > ?"]
    parameters: list[Any] = [call.place]
    for name, column in (("name", "c.name"), ("programName", "p.name"), ("workspaceName", 'c."workspaceName"')):
        if call.many(name):
            conditions.append(f"{column} in (select unnest(?::varchar[]))")
            parameters.append(call.many(name))
    if call.integers("id"):
        conditions.append("c.id in (select unnest(?::bigint[]))")
        parameters.append(call.integers("id"))
    if call.flag("isTriggerable"):
        conditions.append("c.type = 'trigger'")
    size = call.size
    rows = call.subscription.rows(
        f"{_CAMPAIGNS} where {' and '.join(conditions)} order by c.id limit {size + 1}", parameters
    )
    last = rows[size - 1]["id"] if len(rows) > size else 0
    return call.paged([_campaign(row) for row in rows], size, last)


def campaign(call: Call, campaign_id: str) -> Response:
    rows = call.subscription.rows(f"{_CAMPAIGNS} where c.id = ?", [integer(campaign_id)])
    if not rows:
        raise CallError(1013, f"Campaign '{campaign_id}' not found")
    return call.answer([_campaign(row) for row in rows])


_CAMPAIGNS = 'select c.*, p.name as "programName" from campaign as c left join program as p on p.id = c."programId"'


def _campaign(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "name", "description", "type", "programId", "programName", "workspaceName", "active")
    told = {name: row[name] for name in names if row[name] is not None}
    return {**told, "createdAt": stamp(row["createdAt"]), "updatedAt": stamp(row["updatedAt"])}


def segmentations(call: Call) -> Response:
    """There are none; asked for by clients that list everything."""
    return assets.answer(call, [])


_ROOT = "/rest/asset/v1"
ROUTES = [
    Route(f"{_ROOT}/programs.json", browse),
    Route(f"{_ROOT}/programs.json", create, ("POST",)),
    Route(f"{_ROOT}/program/byName.json", by_name),
    Route(f"{_ROOT}/program/<program_id>.json", get),
    Route(f"{_ROOT}/program/<program_id>.json", update, ("POST",)),
    Route(f"{_ROOT}/channels.json", channels),
    Route(f"{_ROOT}/channel/byName.json", channel_by_name),
    Route(f"{_ROOT}/segmentation.json", segmentations),
    Route("/rest/v1/campaigns.json", campaigns),
    Route("/rest/v1/campaigns/<campaign_id>.json", campaign),
]
