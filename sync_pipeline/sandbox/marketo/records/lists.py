"""Static lists: who is in them, adding and removing, each logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync_pipeline.sandbox.marketo.errors import CallError, Reason, skipped
from sync_pipeline.sandbox.marketo.records import activity_types, log
from sync_pipeline.sandbox.marketo.records.log import WEB_SERVICE, Activity
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import LIST_MEMBER, STATIC_LIST

NOT_FOUND = Reason(1004, "Lead not found")

Json = dict[str, Any]


def members_sql() -> str:
    """Return a query of the persons in a list, whose id is to be bound."""
    return 'select "leadId" from "listMember" where "listId" = ?'


def get(subscription: Subscription, list_id: int) -> Json:
    """Return a list.

    Raises:
        CallError: 1013 there is none.
    """
    rows = subscription.rows('select * from "staticList" where id = ?', [list_id])
    if not rows:
        raise CallError(1013, f"List '{list_id}' not found")
    return rows[0]


def create(subscription: Subscription, name: str, program: int | None = None, **more: Any) -> int:
    """Create a list and return its id.

    Raises:
        CallError: 709 the name is taken.
    """
    if subscription.rows('select id from "staticList" where name = ?', [name]):
        raise CallError(709, "Static List with the same name already exists")
    number = 1_000 + subscription.reserve("staticList", 1)
    now = subscription.present()
    born = {"createdAt": now, "updatedAt": now, "workspaceName": "Default"}
    subscription.insert(STATIC_LIST, [{"id": number, "name": name, "programId": program, **born, **more}])
    return number


def add(subscription: Subscription, list_id: int, leads: Sequence[int], source: str = WEB_SERVICE) -> list[Json]:
    """Put persons into a list; one who is in it already is told as added, and not logged again."""
    with subscription.transaction():
        known, members = subscription.known(leads), in_list(subscription, list_id, leads)
        new = [lead for lead in dict.fromkeys(leads) if lead in known and lead not in members]
        now = subscription.present()
        subscription.insert(LIST_MEMBER, [{"listId": list_id, "leadId": lead, "createdAt": now} for lead in new])
        _log(subscription, activity_types.ADD_TO_LIST, list_id, new, source)
    return [{"id": lead, "status": "added"} if lead in known else skipped(NOT_FOUND, id=lead) for lead in leads]


def remove(subscription: Subscription, list_id: int, leads: Sequence[int]) -> list[Json]:
    with subscription.transaction(), subscription.cursor() as cursor:
        known, members = subscription.known(leads), in_list(subscription, list_id, leads)
        cursor.execute(
            'delete from "listMember" where "listId" = ? and "leadId" in (select unnest(?::bigint[]))',
            [list_id, list(members)],
        )
        _log(subscription, activity_types.REMOVE_FROM_LIST, list_id, sorted(members), WEB_SERVICE)
    results = []
    for lead in leads:
        if lead not in known:
            results.append(skipped(NOT_FOUND, id=lead))
        elif lead not in members:
            results.append(skipped(Reason(1015, "Lead not in list"), id=lead))
        else:
            results.append({"id": lead, "status": "removed"})
    return results


def membership(subscription: Subscription, list_id: int, leads: Sequence[int]) -> list[Json]:
    known, members = subscription.known(leads), in_list(subscription, list_id, leads)
    return [
        {"id": lead, "status": "memberof" if lead in members else "notmemberof"}
        if lead in known
        else skipped(NOT_FOUND, id=lead)
        for lead in leads
    ]


def in_list(subscription: Subscription, list_id: int, leads: Sequence[int]) -> set[int]:
    rows = subscription.rows(f'{members_sql()} and "leadId" in (select unnest(?::bigint[]))', [list_id, list(leads)])
    return {row["leadId"] for row in rows}


def _log(subscription: Subscription, kind: int, list_id: int, leads: Sequence[int], source: str) -> None:
    name = get(subscription, list_id)["name"]
    log.record(subscription, [Activity(lead, kind, list_id, name, {"Source": source}) for lead in leads])
