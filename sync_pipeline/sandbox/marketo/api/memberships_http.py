"""Membership seen from the person: who is in a program, and which programs, lists and campaigns a person is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.api.people_http import DEFAULT_FIELDS
from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.http import Call, Route, integer
from sync_pipeline.sandbox.marketo.records import members
from sync_pipeline.sandbox.marketo.records.values import shown, stamp


def by_program(call: Call, program_id: str) -> Response:
    """Persons who are members, each with its membership."""
    found = members.program(call.subscription, integer(program_id))
    fields, size = call.fields(call.subscription.lead, DEFAULT_FIELDS), call.size
    columns = ", ".join(f"l.{quote(name)}" for name in dict.fromkeys(["id", *fields]))
    rows = call.subscription.rows(
        f'select {columns}, m.* rename ("updatedAt" as "memberUpdatedAt", "createdAt" as "memberCreatedAt")'
        ' from lead as l join "programMember" as m on m."leadId" = l.id'
        f' where m."programId" = ? and l.id > ? order by l.id limit {size + 1}',
        [found["id"], call.place],
    )
    last = rows[size - 1]["id"] if len(rows) > size else 0
    people = [{**{name: shown(row[name]) for name in fields}, "membership": _membership(row)} for row in rows]
    return call.paged(people, size, last)


def _membership(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "id": row["programId"],
        "progressionStatus": row["statusName"],
        "progressionStatusType": row["statusName"],
        "nurtureCadence": row["nurtureCadence"],
        "stream": row["trackName"],
        "isExhausted": row["isExhausted"],
        "acquiredBy": row["acquiredBy"],
        "reachedSuccess": row["reachedSuccess"],
        "membershipDate": stamp(row["membershipDate"]),
        "updatedAt": stamp(row["memberUpdatedAt"]),
    }
    return {name: value for name, value in told.items() if value is not None}


def programs_of(call: Call, lead: str) -> Response:
    wanted = call.integers("filterValues") if call.value("filterType") == "programId" else []
    more = ' and m."programId" in (select unnest(?::bigint[]))' if wanted else ""
    return _of_person(
        call,
        lead,
        'select m.* rename ("updatedAt" as "memberUpdatedAt"), m."programId" as place from "programMember" as m'
        f' where m."leadId" = ?{more}',
        [wanted] if wanted else [],
        lambda row: {key: value for key, value in _membership(row).items() if key != "progressionStatusType"},
    )


def lists_of(call: Call, lead: str) -> Response:
    return _of_person(
        call,
        lead,
        'select "listId" as place, "createdAt" from "listMember" where "leadId" = ?',
        [],
        lambda row: {
            "listId": row["place"],
            "createdAt": stamp(row["createdAt"]),
            "updatedAt": stamp(row["createdAt"]),
        },
    )


def campaigns_of(call: Call, lead: str) -> Response:
    """Nobody is in a smart campaign: the sandbox runs none."""
    return _of_person(call, lead, "select 0 as place from lead where id = ? and false", [], dict)


def _of_person(
    call: Call, lead: str, sql: str, parameters: list[Any], show: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Response:
    number = integer(lead)
    if not call.subscription.known([number]):
        raise CallError(1004, f"Lead '{lead}' not found")
    size = call.size
    rows = call.subscription.rows(
        f"select * from ({sql}) where place > ? order by place limit {size + 1}", [number, *parameters, call.place]
    )
    if len(rows) > size:
        return call.paged([*map(show, rows[:size]), None], size, rows[size - 1]["place"])
    return call.answer([show(row) for row in rows], moreResult=False)


ROUTES = [
    Route("/rest/v1/leads/programs/<program_id>.json", by_program),
    Route("/rest/v1/leads/<lead>/programMembership.json", programs_of),
    Route("/rest/v1/leads/<lead>/listMembership.json", lists_of),
    Route("/rest/v1/leads/<lead>/smartCampaignMembership.json", campaigns_of),
]
