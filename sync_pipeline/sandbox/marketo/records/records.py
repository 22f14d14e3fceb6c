"""What companies, opportunities, roles, sales persons and custom objects have in common: sync, delete, query.

Set by set, as for persons; what is particular about an object is told in `relations.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import amend, append
from sync_pipeline.sandbox.marketo.errors import CallError, Reason, RecordError, skipped
from sync_pipeline.sandbox.marketo.records import relations
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.keys import Key, key_of, matches
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.relations import Write
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import parse, shown

ACTIONS = ("createOnly", "updateOnly", "createOrUpdate")
_NAMESPACE = uuid.UUID("6f0c5a1e-6d8e-4f0b-9f63-0d2b9c1c7a55")  # of the ids that records get
_TWICE = Reason(1036, "Duplicate object found in input")
_THERE = Reason(1017, "Object already exists")

Json = dict[str, Any]


@dataclass
class _Taken:
    """The records of a request that can be taken so far, and the results of those that cannot."""

    writes: list[Write] = field(default_factory=list)
    results: dict[int, Json] = field(default_factory=dict)


def guid(name: str, number: int) -> str:
    """Return the GUID of an object's n-th record; the same in every subscription."""
    return str(uuid.uuid5(_NAMESPACE, f"{name}/{number}"))


def sync(
    subscription: Subscription,
    object_type: ObjectType,
    records: Sequence[Mapping[str, Any]],
    action: str,
    by: str,
    author: Author,
) -> list[Json]:
    """Create or change records and return a result for each, in order.

    Raises:
        CallError: 1003 `idField` with `createOnly`.
    """
    if by == "idField" and action == "createOnly":
        raise CallError(1003, "dedupeBy 'idField' is not compatible with action 'createOnly'")
    key = object_type.key(by)
    with subscription.transaction():
        taken = _read(object_type, records, key)
        _find(subscription, object_type, taken, key, action, by)
        writes = []
        for write, reason in relations.check(subscription, object_type, taken.writes):
            if reason:
                taken.results[write.position] = skipped(reason)
            else:
                writes.append(write)
        _save(subscription, object_type, writes)
        relations.follow(subscription, object_type, writes, author)
    for write in writes:
        status = "created" if write.old is None else "updated"
        taken.results[write.position] = {"status": status, object_type.id_field: write.id}
    return [{"seq": seq, **taken.results[seq]} for seq in range(len(records))]


def _read(object_type: ObjectType, records: Sequence[Mapping[str, Any]], key: Sequence[str]) -> _Taken:
    taken, met = _Taken(), set()
    for position, record in enumerate(records):
        try:
            values = _values(object_type, record, key)
        except RecordError as error:
            taken.results[position] = skipped(error.reason)
            continue
        found = key_of(values[name] for name in key)
        if found in met:
            taken.results[position] = skipped(_TWICE)
            continue
        met.add(found)
        taken.writes.append(Write(position, values, found))
    return taken


def _values(object_type: ObjectType, record: Mapping[str, Any], key: Sequence[str]) -> Json:
    values = {}
    for name, value in record.items():
        found = object_type.fields.get(name)
        if found is None:
            raise RecordError(1006, f"Field '{name}' not found")
        if found.read_only and name not in (*key, *object_type.dedupe):
            raise RecordError(1011, f"Field '{name}' not supported")
        values[name] = parse(found, value)
    absent = next((name for name in key if values.get(name) is None), None)
    if absent:
        raise RecordError(1002, f"Missing value for the required parameter '{absent}'")
    return values


def _find(
    subscription: Subscription, object_type: ObjectType, taken: _Taken, key: Sequence[str], action: str, by: str
) -> None:
    columns = {name for write in taken.writes for name in write.values} | set(relations.needed(object_type))
    with subscription.cursor() as cursor:
        found = matches(cursor, object_type, key, [write.key for write in taken.writes], sorted(columns))
    writes = []
    for write in taken.writes:
        records = found[write.key]
        reason = None
        if records and action == "createOnly":
            reason = _THERE
        elif not records and (action == "updateOnly" or by == "idField"):
            reason = not_found(object_type)
        if reason:
            taken.results[write.position] = skipped(reason)
            continue
        if records:
            write.old, write.id = records[0], records[0][object_type.id_field]
        writes.append(write)
    taken.writes = writes


def _save(subscription: Subscription, object_type: ObjectType, writes: Sequence[Write]) -> None:
    now = subscription.present()
    new = [write for write in writes if write.old is None]
    first = subscription.reserve(object_type.name, len(new))
    for number, write in enumerate(new, first):
        write.id = guid(object_type.name, number) if object_type.id_is_guid else number
    rows = []
    for write in writes:
        if write.old is not None and write.changed:
            rows.append({object_type.id_field: write.id, **write.changed, "updatedAt": now})
    born = {
        **{name: False for name, kind in object_type.columns.items() if kind == "boolean"},
        "createdAt": now,
        "updatedAt": now,
    }
    with subscription.cursor() as cursor:
        if new:
            append(cursor, object_type, [{**born, **write.values, object_type.id_field: write.id} for write in new])
        amend(cursor, object_type, rows, object_type.id_field)


def delete(
    subscription: Subscription, object_type: ObjectType, records: Sequence[Mapping[str, Any]], by: str, author: Author
) -> list[Json]:
    """Delete records by their key and return a result for each, in order."""
    key = object_type.key(by)
    results: dict[int, Json] = {}
    with subscription.transaction():
        taken = _read(object_type, [{name: record.get(name) for name in key} for record in records], key)
        results.update(taken.results)
        _find(subscription, object_type, taken, key, "updateOnly", by)
        results.update(taken.results)
        used = relations.in_use(subscription, object_type, taken.writes)
        gone = [write for write in taken.writes if write.position not in used]
        relations.leave(subscription, object_type, gone, author)
        ids = [write.id for write in gone]
        with subscription.cursor() as cursor:
            cursor.execute(
                f"delete from {quote(object_type.name)} where {quote(object_type.id_field)} in (select unnest(?))",
                [ids],
            )
        results.update({position: skipped(Reason(1022, "Object in use")) for position in used})
        results.update({write.position: {object_type.id_field: write.id, "status": "deleted"} for write in gone})
    return [{"seq": seq, **results[seq]} for seq in range(len(records))]


def query(
    subscription: Subscription,
    object_type: ObjectType,
    key: Sequence[str],
    wanted: Iterable[Key],
    fields: Sequence[str],
    begin: int,
    most: int,
) -> tuple[list[Json], int]:
    """Return a page of the records that have one of the keys, and how many there are in all."""
    with subscription.cursor() as cursor:
        found = matches(cursor, object_type, key, wanted, fields)
    rows = [record for records in found.values() for record in records]
    page = rows[begin : begin + most]
    return [{"seq": seq, **{name: shown(row[name]) for name in fields}} for seq, row in enumerate(page)], len(rows)


def not_found(object_type: ObjectType) -> Reason:
    return Reason(1013, "Object not found" if object_type.id_is_guid else "Record not found")
