"""Activities over HTTP: paging token, activities, lead changes, deleted leads, activity types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.errors import CallError, missing
from sync_pipeline.sandbox.marketo.http import Call, Route, at_most
from sync_pipeline.sandbox.marketo.records import custom_types, feed, paging
from sync_pipeline.sandbox.marketo.records.activity_types import CHANGE_DATA_VALUE, DELETE, NEW_LEAD, TYPES
from sync_pipeline.sandbox.marketo.records.lists import members_sql

MOST_TYPES, MOST_LEADS = 10, 30
DELETES_KEPT = timedelta(days=14)
LARGE_LIST, LARGE_LIST_REFUSED = 10_000, datetime(2026, 12, 30)  # noqa: DTZ001  (MK-REST-10; UTC as the tables are)


def paging_token(call: Call) -> Response:
    call.required("sinceDatetime")
    since = call.time("sinceDatetime")
    if since is None:
        raise missing("sinceDatetime")
    return call.answer(nextPageToken=paging.moment_token(since))


def activities(call: Call) -> Response:
    types = call.integers("activityTypeIds")
    if not types:
        raise missing("activityTypeIds")
    at_most(types, MOST_TYPES, "activityTypeIds")
    condition, parameters = '"activityTypeId" in (select unnest(?::integer[]))', [types]
    assets = call.integers("assetIds")
    if assets:
        condition += ' and "primaryAttributeValueId" in (select unnest(?::bigint[]))'
        parameters.append(assets)
    page = _page(call, condition, parameters)
    labels = custom_types.labels(call.subscription)
    shown = [feed.shown(row, feed.attributes_of(row, labels.get(row["activityTypeId"]))) for row in page.rows]
    return call.answer(shown, **page.envelope)


def lead_changes(call: Call) -> Response:
    """New persons, and changes of the fields named."""
    lead = call.subscription.lead
    call.required("fields")
    ids = [lead.fields[name].id for name in call.fields(lead, ())]
    condition = (
        '"activityTypeId" = ? or ("activityTypeId" = ? and "primaryAttributeValueId" in (select unnest(?::bigint[])))'
    )
    page = _page(call, condition, [NEW_LEAD, CHANGE_DATA_VALUE, ids])
    names = {field.id: field.name for field in lead.fields.values()}
    return call.answer([_change(row, names) for row in page.rows], **page.envelope)


def _change(row: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    told = json.loads(row["attributes"] or "{}")
    fields = []
    if row["activityTypeId"] == CHANGE_DATA_VALUE:
        number = row["primaryAttributeValueId"]
        values = {"newValue": told.pop("New Value", None), "oldValue": told.pop("Old Value", None)}
        values = {name: value for name, value in values.items() if value is not None}
        fields.append({"id": number, "name": names.get(number, row["primaryAttributeValue"]), **values})
    attributes = [{"name": name, "value": value} for name, value in {**told, "Lead ID": row["leadId"]}.items()]
    shown = feed.shown({**row, "primaryAttributeValue": None, "primaryAttributeValueId": None}, attributes)
    return {**shown, "fields": fields}


def deleted_leads(call: Call) -> Response:
    """Deletions of the last fortnight; a merge is none."""
    since = call.subscription.present() - DELETES_KEPT
    page = _page(call, '"activityTypeId" = ? and "activityDate" >= ?', [DELETE, since])
    return call.answer([feed.shown(row, []) for row in page.rows], **page.envelope)


def types(call: Call) -> Response:
    shown = [found.as_json() for found in TYPES.values()]
    return call.answer(shown + custom_types.as_activity_types(call.subscription))


def _page(call: Call, condition: str, parameters: list[Any]) -> feed.Page:
    condition, parameters = f"({condition})", list(parameters)
    leads = call.integers("leadIds")
    at_most(leads, MOST_LEADS, "leadIds")
    if leads:
        condition += ' and "leadId" in (select unnest(?::bigint[]))'
        parameters.append(leads)
    static_list = call.integer("listId")
    if static_list is not None:
        _check_list(call, static_list)
        condition += f' and "leadId" in ({members_sql()})'
        parameters.append(static_list)
    size = call.size
    short = call.sandbox.faults.take("short_page", call.request.path)
    if short:
        size = min(size, int(short["rows"]))
    token = call.required("nextPageToken")
    return feed.read(call.subscription, token, condition, parameters, size, call.sandbox.faults.late_seconds())


def _check_list(call: Call, static_list: int) -> None:
    (row,) = call.subscription.rows(f"select count(*) as size from ({members_sql()})", [static_list])
    if row["size"] >= LARGE_LIST and call.subscription.present() >= LARGE_LIST_REFUSED:
        raise CallError(1003, f"The list has {LARGE_LIST} leads or more")


_ROOT = "/rest/v1/activities"
ROUTES = [
    Route(f"{_ROOT}/pagingtoken.json", paging_token),
    Route(f"{_ROOT}.json", activities),
    Route(f"{_ROOT}/leadchanges.json", lead_changes),
    Route(f"{_ROOT}/deletedleads.json", deleted_leads),
    Route(f"{_ROOT}/types.json", types),
]
