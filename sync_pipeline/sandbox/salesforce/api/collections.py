"""sObject Collections: up to 200 records in one call, of several objects, answered one by one in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.answers import write_records
from sync_pipeline.sandbox.salesforce.api.rest import visible_object
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.org.values import record_id
from sync_pipeline.sandbox.salesforce.outcome import Outcome, all_or_none
from sync_pipeline.sandbox.salesforce.soql.compiler import compile_soql

MOST, MOST_READ = 200, 2000
Values = Mapping[str, Any]


def create(call: Call) -> Response:
    body = call.body()
    return _written(call, body, lambda name, records: call.writer().create(name, records))


def update(call: Call) -> Response:
    def write(name: str, records: Sequence[Values]) -> list[Outcome]:
        return call.writer().update(name, [_apart(record, "Id") for record in records])

    return _written(call, call.body(), write)


def upsert(call: Call, name: str, field: str) -> Response:
    def write(named: str, records: Sequence[Values]) -> list[Outcome]:
        if named.lower() != name.lower():
            message = f"The object type of the records, {named}, is not that of the address, {name}"
            return [Outcome(None, error=ApiError("INVALID_TYPE", message, fields=[])) for _ in records]
        return call.writer().upsert(name, field, [_apart(record, field) for record in records])

    return _written(call, call.body(), write, tells_created=True)


def delete(call: Call) -> Response:
    """Ids and `allOrNone` are in the address: a DELETE has no body."""
    ids = [one for one in call.request.args.get("ids", "").split(",") if one]
    _check_number(ids, MOST)
    whole = call.request.args.get("allOrNone", "false").lower() == "true"

    def write() -> list[Outcome]:
        return call.writer().delete(ids)

    return json_answer([result(one) for one in (all_or_none(call.org, write) if whole else write())])


def retrieve(call: Call, name: str) -> Response:
    """The records in the order of the ids asked for, null where there is none to see."""
    if call.request.method == "POST":
        body = call.body()
        ids, fields = body.get("ids", []), body.get("fields", [])
    else:
        ids, fields = (call.request.args.get(key, "").split(",") for key in ("ids", "fields"))
    _check_number(ids, MOST_READ)
    found = visible_object(call, name)
    formed = [record_id(one) for one in ids]
    wanted = ", ".join(text(one) for one in formed if one) or "''"
    soql = f"SELECT {', '.join(dict.fromkeys(['Id', *fields]))} FROM {found.name} WHERE Id IN ({wanted})"
    plan = compile_soql(call.reader(), soql)
    with call.org.cursor() as cursor:
        rows = cursor.execute(plan.sql()).fetchall()
    of_id = {
        row[0]: record for row, record in zip(rows, write_records(call.org, plan, rows, call.version), strict=True)
    }
    return json_answer(f"[{','.join(of_id.get(one or '', 'null') for one in formed)}]")


def _written(
    call: Call,
    body: Mapping[str, Any],
    write: Callable[[str, Sequence[Values]], list[Outcome]],
    tells_created: bool = False,
) -> Response:
    """Write the records of a body, those of one object in one go, and answer each in its place."""
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError("JSON_PARSER_ERROR", "The body must have a list of records")
    _check_number(records, MOST)
    groups: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        groups.setdefault(_type(record), []).append(place)

    def all_groups() -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome(None)] * len(records)
        for name, places in groups.items():
            group = [{k: v for k, v in records[place].items() if k != "attributes"} for place in places]
            for place, outcome in zip(places, _group(write, name, group), strict=True):
                outcomes[place] = outcome
        return outcomes

    outcomes = all_or_none(call.org, all_groups) if body.get("allOrNone") is True else all_groups()
    return json_answer([result(outcome, tells_created) for outcome in outcomes])


def _group(
    write: Callable[[str, Sequence[Values]], list[Outcome]], name: str, records: Sequence[Values]
) -> list[Outcome]:
    """An object that cannot be written refuses its own records, not those of the others."""
    try:
        return write(name, records)
    except ApiError as error:
        if error.status == 404:
            raise
        return [Outcome(None, error=error) for _ in records]


def result(outcome: Outcome, tells_created: bool = False) -> dict[str, object]:
    """Return one entry of the answer: a refused record has no id."""
    if outcome.error:
        return {"success": False, "errors": outcome.error.listed()}
    created = {"created": outcome.created} if tells_created else {}
    return {"id": outcome.id, "success": True, "errors": [], **created}


def _type(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    named = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(named, str):
        message = "The value of attributes.type must name the object of the record"
        raise ApiError("INVALID_INPUT", message)
    return named


def _apart(record: Values, key: str) -> tuple[object, Values]:
    """Return the value of the key field, in any letter case, and the other values."""
    value = next((v for k, v in record.items() if k.lower() == key.lower()), None)
    return value, {k: v for k, v in record.items() if k.lower() != key.lower()}


def _check_number(records: Sequence[object], most: int) -> None:
    if len(records) > most:
        message = f"record limit reached. cannot submit more than {most} records in this call"
        raise ApiError("EXCEEDED_ID_LIMIT", message)


_ROOT = "/services/data/v<version>/composite/sobjects"
ROUTES = [
    Route(_ROOT, create, ("POST",)),
    Route(_ROOT, update, ("PATCH",)),
    Route(_ROOT, delete, ("DELETE",)),
    Route(f"{_ROOT}/<name>", retrieve, ("GET", "POST")),
    Route(f"{_ROOT}/<name>/<field>", upsert, ("PATCH",)),
]
