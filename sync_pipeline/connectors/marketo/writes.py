"""Writing to Marketo: records of every kind by one function, and what persons do in programs, lists and activities.

Every record gets an answer of its own, in the order given. A call takes 300 records of different keys in less than a
megabyte; what is more goes in further calls, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import (
    ConnectorError,
    MalformedAnswerError,
    RejectedError,
    UnknownOutcomeError,
)
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.kinds import LEAD, MEMBER, MOST, NOT_THERE, Kind, kind_of
from sync_pipeline.connectors.records import NOT_SENT, Answer, Operation, Record, Value, Verdict
from sync_pipeline.model import Object

# A body may have a megabyte (MK-REST-17); the rest is for what stands around the records.
MOST_BYTES = 1_000_000
ACTIONS = {Operation.CREATE: "createOnly", Operation.UPDATE: "updateOnly", Operation.UPSERT: "createOrUpdate"}

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Activity:
    """A custom activity to be added: it can neither be changed nor deleted afterwards (MK-REST-11).

    `type_id` is told by Get Activity Types (`activity_types.ids`); `attributes` by API name.
    """

    lead: int
    type_id: int
    at: str
    primary: str
    attributes: Mapping[str, Value]


def write(calls: Calls, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
    """Write records of any kind; see `writes.Writer` for what it promises.

    Args:
        key: the field by which records are found; Marketo's own id, or e-mail for new persons, where it is empty.

    Raises:
        ValueError: members of programs are written by `members.write`.
    """
    if obj.source == MEMBER:
        raise ValueError("a membership has a program and a status: use members.write")
    kind, find_by = kind_of(obj.source), key or _default_key(obj, operation)
    rows = [_row(record, kind) for record in records]
    if operation is Operation.DELETE:
        return _delete(calls, obj.source, kind, rows, find_by)
    told: Json = {"action": ACTIONS[operation]}
    told |= {"lookupField": find_by} if obj.source == LEAD else {"dedupeBy": _dedupe(kind, find_by)}
    if records and records[0].partition:
        told["partitionName"] = records[0].partition
    keys = (find_by,) if obj.source == LEAD or find_by == kind.id_field else kind.dedupe or (find_by,)

    def send(some: Sequence[Json]) -> Document:
        return calls.post(kind.resource, {**told, "input": some}, once=operation is Operation.CREATE)

    return _in_batches(rows, send, kind.id_field, lambda row: tuple(_folded(row.get(name)) for name in keys))


def _default_key(obj: Object, operation: Operation) -> str:
    new_person = obj.source == LEAD and operation in (Operation.CREATE, Operation.UPSERT)
    return "email" if new_person else kind_of(obj.source).id_field


def _row(record: Record, kind: Kind) -> Json:
    if record.id is None:
        return dict(record.values)
    return {**record.values, kind.id_field: int(record.id) if kind.id_field == "id" else record.id}


def _dedupe(kind: Kind, find_by: str) -> str:
    return "idField" if find_by == kind.id_field else "dedupeFields"


def _delete(calls: Calls, source: str, kind: Kind, rows: Sequence[Json], find_by: str) -> list[Answer]:
    """Delete records; persons by id only. One that is not there is what was asked for."""
    names = (find_by,) if find_by == kind.id_field else kind.dedupe or (find_by,)
    bare = [{name: row[name] for name in names} for row in rows]
    told = {} if source == LEAD else {"deleteBy": _dedupe(kind, find_by)}
    path = f"/rest/v1/{kind.path}/delete.json"
    found = _in_batches(
        bare, lambda some: calls.post(path, {**told, "input": some}), kind.id_field, lambda row: tuple(row.values())
    )
    return [Answer(Verdict.ACCEPTED, one.id) if one.code in NOT_THERE else one for one in found]


def merge_into(calls: Calls, obj: Object, record: Record) -> Answer:
    """Merge a person into the one that its record names, to which the record's values go over first, in one call."""
    winner, loser = int(record.into or 0), int(record.id or 0)
    if record.values:
        moved = [Record(str(winner), record.values), Record(str(loser), record.given_up)]
        for answer in write(calls, obj, Operation.UPDATE, [one for one in moved if one.values]):
            if answer.verdict is not Verdict.ACCEPTED:
                return answer
    return merge(calls, winner, [loser])


def merge(calls: Calls, winner: int, losers: Sequence[int]) -> Answer:
    """Merge persons into one, which keeps its id and its values (MK-REST-6).

    Raises:
        UnknownOutcomeError: whether they were merged is not known.
    """
    try:
        calls.post(f"/rest/v1/leads/{winner:d}/merge.json", parameters={"leadIds": list(losers)}, once=True)
    except RejectedError as error:
        return Answer(Verdict.REJECTED, str(winner), code=error.code, message=error.message)
    return Answer(Verdict.ACCEPTED, str(winner))


def set_status(calls: Calls, program: int, status: str, leads: Sequence[int]) -> list[Answer]:
    """Make persons members of a program with this status, or move them on; statuses only go forward (1037)."""
    path = f"/rest/v1/programs/{program:d}/members/status.json"
    rows = [{"leadId": lead} for lead in leads]
    return _in_batches(rows, lambda some: calls.post(path, {"statusName": status, "input": some}), "leadId")


def set_member_data(calls: Calls, program: int, values: Mapping[int, Mapping[str, Value]]) -> list[Answer]:
    """Write custom fields of memberships, by person."""
    rows = [{"leadId": lead, **fields} for lead, fields in values.items()]
    path = f"/rest/v1/programs/{program:d}/members.json"
    return _in_batches(rows, lambda some: calls.post(path, {"input": some}), "leadId")


def remove_members(calls: Calls, program: int, leads: Sequence[int]) -> list[Answer]:
    path = f"/rest/v1/programs/{program:d}/members/delete.json"
    return _in_batches([{"leadId": lead} for lead in leads], lambda some: calls.post(path, {"input": some}), "leadId")


def add_to_list(calls: Calls, list_id: int, leads: Sequence[int]) -> list[Answer]:
    path = f"/rest/v1/lists/{list_id:d}/leads.json"
    return _in_batches([{"id": lead} for lead in leads], lambda some: calls.post(path, {"input": some}), "id")


def remove_from_list(calls: Calls, list_id: int, leads: Sequence[int]) -> list[Answer]:
    path = f"/rest/v1/lists/{list_id:d}/leads.json"
    return _in_batches([{"id": lead} for lead in leads], lambda some: calls.delete(path, {"input": some}), "id")


def add_activities(calls: Calls, activities: Sequence[Activity]) -> list[Answer]:
    """Add custom activities.

    Raises:
        UnknownOutcomeError: whether they were added is not known; added again they would be there twice.
    """
    rows = [
        {
            "leadId": activity.lead,
            "activityTypeId": activity.type_id,
            "activityDate": activity.at,
            "primaryAttributeValue": activity.primary,
            "attributes": [{"apiName": name, "value": value} for name, value in activity.attributes.items()],
        }
        for activity in activities
    ]
    path = "/rest/v1/activities/external.json"
    send = lambda some: calls.post(path, {"input": some}, once=True)  # noqa: E731
    return _in_batches(rows, send, "marketoGUID", lambda _: None)


def _in_batches(
    rows: Sequence[Json],
    send: Callable[[Sequence[Json]], Document],
    id_field: str,
    key: Callable[[Json], Key | None] = lambda row: tuple(row.values()),
) -> list[Answer]:
    """Send rows in calls that Marketo takes, and return an answer to each, in their order.

    What comes after a call that failed is not sent: its answers say that it may be tried later.

    Raises:
        UnknownOutcomeError: a call's answer was lost; with the answers to the others.
        ConnectorError: not even the first call went through.
    """
    found: list[Answer] = []
    for some in batches(rows, key):
        try:
            results = _results(send(some), some, id_field)
        except UnknownOutcomeError as error:
            unsent = [NOT_SENT] * (len(rows) - len(found) - len(some))
            raise UnknownOutcomeError(error.code, error.message, [*found, *[None] * len(some), *unsent]) from error
        except ConnectorError as error:
            if not found:
                raise
            return found + [Answer(Verdict.RETRY, code=error.code, message=error.message)] * (len(rows) - len(found))
        found += results
    return found


def _results(told: Document, sent: Sequence[Json], id_field: str) -> list[Answer]:
    """Return what became of each record of a call.

    Raises:
        UnknownOutcomeError: it does not say so of each.
    """
    try:
        results = told.parts("result")
        if len(results) != len(sent):
            raise UnknownOutcomeError("RESULTS_DIFFER", f"{len(results)} results came for {len(sent)} records")
        return [answers.of_record(result, id_field, row) for result, row in zip(results, sent, strict=True)]
    except MalformedAnswerError as error:
        raise UnknownOutcomeError(error.code, error.message) from error


def batches(rows: Sequence[Json], key: Callable[[Json], Key | None]) -> Iterator[list[Json]]:
    """Cut rows into calls: at most 300, under a megabyte, and no key twice, which would be refused (1036)."""
    some: list[Json] = []
    size, keys = 0, set[Key]()
    for row in rows:
        length, own = len(json.dumps(row)) + 2, key(row)
        if some and (len(some) == MOST or size + length > MOST_BYTES or own in keys):
            yield some
            some, size, keys = [], 0, set()
        some.append(row)
        size += length
        if own is not None:
            keys.add(own)
    if some:
        yield some


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
