"""Static lists over HTTP: the lead database's calls and the asset calls that create them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.api import assets
from sync_pipeline.sandbox.marketo.api.life_http import lead_id
from sync_pipeline.sandbox.marketo.api.people_http import DEFAULT_FIELDS, persons
from sync_pipeline.sandbox.marketo.errors import missing
from sync_pipeline.sandbox.marketo.http import MOST, Call, Route, at_most, integer
from sync_pipeline.sandbox.marketo.records import lists
from sync_pipeline.sandbox.marketo.records.values import stamp

_SELECT = 'select l.*, p.name as "programName" from "staticList" as l left join program as p on p.id = l."programId"'


def browse(call: Call) -> Response:
    conditions: list[str] = ["l.id > ?"]
    parameters: list[Any] = [call.place]
    for name, column, kind in (
        ("id", "l.id", "bigint"),
        ("name", "l.name", "varchar"),
        ("programName", "p.name", "varchar"),
        ("workspaceName", 'l."workspaceName"', "varchar"),
    ):
        wanted: list[Any] = call.integers(name) if kind == "bigint" else call.many(name)
        if wanted:
            conditions.append(f"{column} in (select unnest(?::{kind}[]))")
            parameters.append(wanted)
    size = call.size
    rows = call.subscription.rows(
        f"{_SELECT} where {' and '.join(conditions)} order by l.id limit {size + 1}", parameters
    )
    last = rows[size - 1]["id"] if len(rows) > size else 0
    return call.paged([_shown(row) for row in rows], size, last)


def get(call: Call, list_id: str) -> Response:
    lists.get(call.subscription, integer(list_id))
    return call.answer([_shown(row) for row in call.subscription.rows(f"{_SELECT} where l.id = ?", [integer(list_id)])])


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "name", "description", "programName", "workspaceName")
    told = {name: row[name] for name in names if row[name] is not None}
    return {**told, "createdAt": stamp(row["createdAt"]), "updatedAt": stamp(row["updatedAt"])}


def members(call: Call, list_id: str) -> Response:
    number = lists.get(call.subscription, integer(list_id))["id"]
    fields, size = call.fields(call.subscription.lead, DEFAULT_FIELDS), call.size
    condition = f"t.id in ({lists.members_sql()}) and t.id > ?"
    found = persons(call.subscription, ["id", *fields], condition, [number, call.place], size + 1)
    last = found[size - 1]["id"] if len(found) > size else 0
    return call.paged([{name: person[name] for name in fields} for person in found], size, last)


def add(call: Call, list_id: str) -> Response:
    number = lists.get(call.subscription, integer(list_id))["id"]
    return call.answer(lists.add(call.subscription, number, _leads(call)))


def remove(call: Call, list_id: str) -> Response:
    number = lists.get(call.subscription, integer(list_id))["id"]
    return call.answer(lists.remove(call.subscription, number, _leads(call)))


def is_member(call: Call, list_id: str) -> Response:
    number = lists.get(call.subscription, integer(list_id))["id"]
    return call.answer(lists.membership(call.subscription, number, _leads(call)))


def _leads(call: Call) -> list[int]:
    """Return the persons named by `id` parameters, or else in the body."""
    leads = call.integers("id")
    if not leads and call.request.get_data():
        leads = [lead_id(record, "id") for record in call.records(call.body())]
    if not leads:
        raise missing("id")
    at_most(leads, MOST, "records")
    return leads


# Asset calls


def asset_get(call: Call, list_id: str) -> Response:
    rows = call.subscription.rows(f"{_SELECT} where l.id = ?", [integer(list_id)])
    return assets.answer(call, [_asset(call, row) for row in rows])


def asset_by_name(call: Call) -> Response:
    rows = call.subscription.rows(f"{_SELECT} where l.name = ?", [call.required("name")])
    return assets.answer(call, [_asset(call, row) for row in rows])


def asset_browse(call: Call) -> Response:
    page = assets.offset_and_size(call)
    return assets.answer(call, [_asset(call, row) for row in call.subscription.rows(f"{_SELECT} order by l.id {page}")])


def asset_create(call: Call) -> Response:
    form = call.request.form
    name = form.get("name")
    if not name:
        raise missing("name")
    folder = assets.folder(form.get("folder"))
    program = folder["id"] if folder["type"] == "Program" else None
    described = form.get("description")
    number = lists.create(call.subscription, name, program, description=described, folder=assets.spelled(folder))
    return asset_get(call, str(number))


def asset_update(call: Call, list_id: str) -> Response:
    old, form = lists.get(call.subscription, integer(list_id)), call.request.form
    with call.subscription.transaction(), call.subscription.cursor() as cursor:
        cursor.execute(
            'update "staticList" set name = ?, description = ?, "updatedAt" = ? where id = ?',
            [
                form.get("name") or old["name"],
                form.get("description", old["description"]),
                call.subscription.present(),
                old["id"],
            ],
        )
    return asset_get(call, list_id)


def asset_delete(call: Call, list_id: str) -> Response:
    number = lists.get(call.subscription, integer(list_id))["id"]
    with call.subscription.transaction(), call.subscription.cursor() as cursor:
        cursor.execute('delete from "listMember" where "listId" = ?', [number])
        cursor.execute('delete from "staticList" where id = ?', [number])
    return assets.answer(call, [{"id": number}])


def _asset(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": row["description"]} if row["description"] is not None else {}
    return {
        "id": row["id"],
        "name": row["name"],
        **described,
        **assets.stamps(row),
        "folder": assets.read_folder(row["folder"]),
        "computedUrl": f"{call.sandbox.url}/#ST{row['id']}A1",
    }


_LISTS = "/rest/v1/lists"
_ASSETS = "/rest/asset/v1/staticList"
ROUTES = [
    Route(f"{_LISTS}.json", browse),
    Route(f"{_LISTS}/<list_id>.json", get),
    Route("/rest/v1/list/<list_id>/leads.json", members),
    Route(f"{_LISTS}/<list_id>/leads.json", members),
    Route(f"{_LISTS}/<list_id>/leads.json", add, ("POST",)),
    Route(f"{_LISTS}/<list_id>/leads.json", remove, ("DELETE",)),
    Route(f"{_LISTS}/<list_id>/leads/ismember.json", is_member),
    Route(f"{_ASSETS}s.json", asset_browse),
    Route(f"{_ASSETS}s.json", asset_create, ("POST",)),
    Route(f"{_ASSETS}/byName.json", asset_by_name),
    Route(f"{_ASSETS}/<list_id>.json", asset_get),
    Route(f"{_ASSETS}/<list_id>.json", asset_update, ("POST",)),
    Route(f"{_ASSETS}/<list_id>/delete.json", asset_delete, ("POST",)),
]
