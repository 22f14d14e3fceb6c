"""The life of records over the API: getDeleted and getUpdated by REST, merge and undelete as SOAP asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.api.rest import visible_object
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.values import record_id
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.rules import person_drafts
from sync_pipeline.sandbox.salesforce.rules.writer import Writer

DELETED_DAYS, UPDATED_DAYS = 15, 30
MERGEABLE = ("Lead", "Contact", "Account")
MOST_LOSERS = 2


def deleted(call: Call, name: str) -> Response:
    """Ids and times of the records deleted in a span of whole minutes, those gone for good included."""
    found = visible_object(call, name)
    start, end = _span(call, DELETED_DAYS)
    in_bin = f"select Id, SystemModstamp from {quote(found.name)} where IsDeleted"
    if "IsDeleted" not in found.columns:
        in_bin = f"select Id, null::timestamp from {quote(found.name)} where false"
    sql = (
        f"select id, gone_at from ({in_bin} union all select id, deleted_at from sandbox.gone where object = ?)"
        " as r(id, gone_at) where gone_at >= ? and gone_at < ? order by gone_at, id"
    )
    with call.org.cursor() as cursor:
        rows = cursor.execute(sql, [found.name, start, end]).fetchall()
        first = cursor.execute("select min(deleted_at) from sandbox.gone where object = ?", [found.name]).fetchone()
    earliest = first[0] if first and first[0] else call.org.now().replace(tzinfo=None) - timedelta(days=DELETED_DAYS)
    return json_answer(
        {
            "deletedRecords": [{"deletedDate": _stamp(at), "id": record} for record, at in rows],
            "earliestDateAvailable": _stamp(earliest),
            "latestDateCovered": _stamp(end),
        }
    )


def updated(call: Call, name: str) -> Response:
    """Ids of the records created or changed in a span of whole minutes."""
    found = visible_object(call, name)
    start, end = _span(call, UPDATED_DAYS)
    seen = call.reader().relation(found.name)
    sql = f"select Id from {seen} where SystemModstamp >= ? and SystemModstamp < ? order by Id"
    with call.org.cursor() as cursor:
        rows = cursor.execute(sql, [start, end]).fetchall()
    return json_answer({"ids": [record for (record,) in rows], "latestDateCovered": _stamp(end)})


def _span(call: Call, days: int) -> tuple[datetime, datetime]:
    """Return start and end as UTC without zone; the API ignores seconds."""
    start, end = (_minute(call, name) for name in ("start", "end"))
    now = call.org.now().replace(tzinfo=None)
    if start >= end:
        raise ApiError("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")
    if start < now.replace(second=0) - timedelta(days=days):
        raise ApiError("INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return start, end


def _minute(call: Call, name: str) -> datetime:
    given = call.request.args.get(name, "").replace(" ", "+")  # a plus sign that the client did not quote
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise ApiError("INVALID_REPLICATION_DATE", f"{name} is no date and time: {given}") from None
    at = at.astimezone(UTC) if at.tzinfo else at
    return at.replace(second=0, microsecond=0, tzinfo=None)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


# What SOAP asks for


def undelete(writer: Writer, ids: Sequence[str]) -> list[Outcome]:
    """Take records out of the recycle bin, each with the children that went into it with them."""
    return [_undelete_one(writer, one) for one in ids]


def _undelete_one(writer: Writer, given: str) -> Outcome:
    org, record = writer.org, record_id(given)
    found = org.schema.by_prefix(record) if record else None
    if record is None or found is None or "IsDeleted" not in found.columns:
        return _refused("MALFORMED_ID", f"Record ID: id value of incorrect type: {given}", ["Id"])
    with org.transaction():
        state = lookups.states(org, found, [record], writer.user).get(record)
        master = (org.record(found.name, record) or {}).get("MasterRecordId")
        if state != lookups.DELETED or master or not found.describe["undeletable"]:
            return _refused("UNDELETE_FAILED", "Entity is not in the recycle bin", [])
        org.undelete(found.name, [record])
    return Outcome(record)


def merge(writer: Writer, name: str, winner: str, losers: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Merge records of one object and change the winner's fields; return the ids of the children that moved.

    Raises:
        ApiError: why they cannot be merged; nothing has changed then.
    """
    org, found = writer.org, writer.permitted(name, "updateable")
    if found.name not in MERGEABLE:
        raise ApiError("INVALID_TYPE", f"sObject type '{found.name}' cannot be merged")
    ids = [record_id(one) for one in (winner, *losers)]
    if not losers or len(losers) > MOST_LOSERS or len(set(ids)) < len(ids):
        message = f"A merge needs one or {MOST_LOSERS} further records, each of them once"
        raise ApiError("INVALID_NUMBER_OF_RECORDS", message, fields=[])
    with org.transaction():
        person_drafts.check_merge(org, found, [one for one in ids if one])
        first, *others = writer.update(name, [(one, values if i == 0 else {}) for i, one in enumerate(ids)])
        for outcome in (first, *others):
            if outcome.error:
                raise outcome.error
        return org.merge(found.name, str(first.id), [str(one.id) for one in others], writer.user)


def _refused(code: str, message: str, fields: Sequence[str]) -> Outcome:
    return Outcome(None, error=ApiError(code, message, fields=fields))


_ROOT = "/services/data/v<version>/sobjects/<name>"
ROUTES = [
    Route(f"{_ROOT}/deleted", deleted),
    Route(f"{_ROOT}/updated", updated),
]
