"""Program members over HTTP, and what a person is a member of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.api import schema_http
from sync_pipeline.sandbox.marketo.api.life_http import lead_id
from sync_pipeline.sandbox.marketo.errors import CallError, RecordError, missing
from sync_pipeline.sandbox.marketo.http import MOST, Call, Route, at_most, integer
from sync_pipeline.sandbox.marketo.records import members
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.keys import comparable, key_of
from sync_pipeline.sandbox.marketo.records.values import parse, shown

MOST_MEMBERS = 100_000
LONGEST_RANGE = timedelta(days=7)
_DEFAULT = ("acquiredBy", "leadId", "membershipDate", "programId", "reachedSuccess")


def set_status(call: Call, program_id: str) -> Response:
    body = call.body()
    found = members.program(call.subscription, integer(program_id))
    name = call.named(body, "statusName")
    leads = [lead_id(record, "leadId") for record in call.records(body)]
    results = members.set_status(call.subscription, found, name, leads, call.author("syncProgramMemberStatus"))
    return call.answer(_numbered(results))


def change_status(call: Call, program_id: str) -> Response:
    """The older call, which changes the status of members only and names persons by `id`."""
    body = call.body()
    found = members.program(call.subscription, integer(program_id))
    name = call.named(body, "status")
    leads = [lead_id(record, "id") for record in call.records(body)]
    author = call.author("changeLeadProgramStatus")
    results = members.set_status(call.subscription, found, name, leads, author, only_members=True)
    return call.answer(
        [
            {"id": lead, **{key: value for key, value in result.items() if key != "leadId"}}
            for lead, result in zip(leads, results, strict=True)
        ]
    )


def set_data(call: Call, program_id: str) -> Response:
    found = members.program(call.subscription, integer(program_id))
    records = [{**record, "leadId": lead_id(record, "leadId")} for record in call.records(call.body())]
    return call.answer(
        _numbered(members.set_data(call.subscription, found, records, call.author("syncProgramMemberData")))
    )


def remove(call: Call, program_id: str) -> Response:
    found = members.program(call.subscription, integer(program_id))
    leads = [lead_id(record, "leadId") for record in call.records(call.body())]
    return call.answer(_numbered(members.remove(call.subscription, found, leads)))


def _numbered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"seq": number, **result} for number, result in enumerate(results)]


def query(call: Call, program_id: str) -> Response:
    found = members.program(call.subscription, integer(program_id))
    object_type = call.subscription.objects["programMember"]
    fields = call.fields(object_type, _DEFAULT)
    condition, parameters = _filter(call)
    condition = f't."programId" = ? and {condition}'
    (counted,) = call.subscription.rows(
        f'select count(*) as size from "programMember" as t where {condition}', [found["id"], *parameters]
    )
    if counted["size"] > MOST_MEMBERS:
        raise CallError(
            1003,
            f"Matching membership size: {counted['size']:,} exceeds the limit allowed ({MOST_MEMBERS:,}) for this api",
        )
    size = call.size
    columns = ", ".join(quote(name) for name in dict.fromkeys(["leadId", *fields]))
    rows = call.subscription.rows(
        f'select {columns} from "programMember" as t where {condition} and t."leadId" > ?'
        f' order by t."leadId" limit {size + 1}',
        [found["id"], *parameters, call.place],
    )
    last = rows[size - 1]["leadId"] if len(rows) > size else 0
    shown_rows = [
        {"seq": number, **{name: shown(row[name]) for name in fields}} for number, row in enumerate(rows[:size])
    ]
    if len(rows) > size:
        return call.paged([*shown_rows, None], size, last)
    return call.answer(shown_rows, moreResult=False)


def _filter(call: Call) -> tuple[str, list[Any]]:
    """Return the condition that the filter parameters set.

    Raises:
        CallError: 1003 the range of times is longer than a week; 1011 no such filter.
    """
    by = call.required("filterType")
    if by == "updatedAt":
        start, end = call.time("startAt"), call.time("endAt")
        if start is None or end is None:
            raise missing("startAt" if start is None else "endAt")
        if not timedelta(0) <= end - start <= LONGEST_RANGE:
            raise CallError(1003, "The date range must be 7 days or less")
        return 't."updatedAt" >= ? and t."updatedAt" <= ?', [start, end]
    object_type = call.subscription.objects["programMember"]
    field = object_type.fields.get(by)
    if field is None or not _is_searchable(field):
        raise CallError(1011, f"Field '{by}' not supported")
    values = call.many("filterValues")
    if not values:
        raise missing("filterValues")
    at_most(values, MOST, "filterValues")
    try:
        wanted = list(key_of(parse(field, value) for value in values))
    except RecordError as error:
        raise CallError(error.reason.code, error.reason.message) from None
    return f"{comparable(object_type, by)} in (select unnest(?::{field.column}[]))", [wanted]


def _is_searchable(field: Field) -> bool:
    return field.name in ("leadId", "reachedSuccess", "statusName") or (
        field.custom and field.type in ("string", "integer")
    )


def describe(call: Call) -> Response:
    object_type = call.subscription.objects["programMember"]
    custom = [[field.name] for field in object_type.fields.values() if field.custom and _is_searchable(field)]
    return call.answer(
        [
            {
                "name": object_type.label,
                "description": object_type.description,
                "createdAt": object_type.created_at,
                "updatedAt": object_type.updated_at,
                "dedupeFields": list(object_type.dedupe),
                "searchableFields": [list(key) for key in object_type.searchable] + custom,
                "fields": _described(object_type.fields),
            }
        ]
    )


def describe_older(call: Call) -> Response:
    object_type = call.subscription.objects["programMember"]
    return call.answer([{"name": object_type.label, "fields": _described(object_type.fields)}])


def _described(fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    return [{**field.in_describe(), "displayName": field.name} for field in fields.values()]


_ROOT = "/rest/v1/programs/<program_id>/members"
_SCHEMA = "/rest/v1/programs/members/schema/fields"
ROUTES = [
    Route(f"{_ROOT}/status.json", set_status, ("POST",)),
    Route(f"{_ROOT}.json", query),
    Route(f"{_ROOT}.json", set_data, ("POST",)),
    Route(f"{_ROOT}/delete.json", remove, ("POST",)),
    Route("/rest/v1/programs/members/describe.json", describe),
    Route("/rest/v1/program/members/describe.json", describe_older),
    Route(f"{_SCHEMA}.json", schema_http.fields_of("programMember")),
    Route(f"{_SCHEMA}.json", schema_http.create_in("programMember"), ("POST",)),
    Route(f"{_SCHEMA}/<field>.json", schema_http.field_of("programMember")),
    Route(f"{_SCHEMA}/<field>.json", schema_http.update_in("programMember"), ("POST",)),
    Route("/rest/v1/leads/programs/<program_id>/status.json", change_status, ("POST",)),
]
