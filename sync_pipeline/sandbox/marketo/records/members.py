"""Program membership: statuses that go only forward (1037), members' own fields, removal; all of it logged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sync_pipeline.sandbox.core.rows import append
from sync_pipeline.sandbox.marketo.errors import CallError, Reason, RecordError, skipped
from sync_pipeline.sandbox.marketo.records import activity_types, log
from sync_pipeline.sandbox.marketo.records.log import Activity, Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import parse, written

NO_LEAD = Reason(1004, "Lead not found")
PAST = Reason(1037, "Lead skipped because it is already in or past this status")
NOT_IN = "Not in Program"

Json = dict[str, Any]


def program(subscription: Subscription, program_id: int) -> Json:
    """Return a program.

    Raises:
        CallError: 1013 there is none.
    """
    rows = subscription.rows("select * from program where id = ?", [program_id])
    if not rows:
        raise CallError(1013, f"Program '{program_id}' not found")
    return rows[0]


def statuses(subscription: Subscription, found: Mapping[str, Any]) -> dict[str, Json]:
    """Return the statuses of a program's channel by name."""
    rows = subscription.rows("select statuses from channel where name = ?", [found["channel"]])
    return {status["name"]: status for row in rows for status in json.loads(row["statuses"])}


def status_of(subscription: Subscription, found: Mapping[str, Any], name: str) -> Json:
    """Return a status of the program's channel.

    Raises:
        CallError: 1025 the channel knows none of this name.
    """
    known = statuses(subscription, found)
    if name not in known:
        raise CallError(1025, f"Program status '{name}' not found")
    return known[name]


def set_status(
    subscription: Subscription,
    found: Mapping[str, Any],
    name: str,
    leads: Sequence[int],
    author: Author,
    only_members: bool = False,
) -> list[Json]:
    """Bring persons to a status, as members if they are none yet; results in order, with `leadId`."""
    new = status_of(subscription, found, name)
    steps = {status: told["step"] for status, told in statuses(subscription, found).items()}
    with subscription.transaction():
        known = subscription.known(leads)
        members = _members(subscription, found["id"], leads)
        results: list[Json] = []
        created: list[int] = []
        moved: list[int] = []
        for lead in leads:
            old = members.get(lead)
            if lead not in known:
                results.append(skipped(NO_LEAD))
            elif old is None and only_members:
                results.append(skipped(Reason(1037, "Lead not in program")))
            elif (old is not None and steps.get(old, -1) >= new["step"]) or lead in (*created, *moved):
                results.append(skipped(PAST))
            else:
                (created if old is None else moved).append(lead)
                results.append({"status": "created" if old is None else "updated", "leadId": lead})
        _insert(subscription, found, new, created)
        _move(subscription, found, new, moved)
        log.record(
            subscription,
            [_progress(found, new, members.get(lead, NOT_IN), lead, author) for lead in (*created, *moved)],
        )
    return results


def _insert(subscription: Subscription, found: Mapping[str, Any], new: Mapping[str, Any], leads: Sequence[int]) -> None:
    now = subscription.present()
    row = {
        "programId": found["id"],
        "program": found["name"],
        "statusName": new["name"],
        "acquiredBy": False,
        "isExhausted": False,
        "reachedSuccess": new["success"],
        "reachedSuccessDate": now if new["success"] else None,
        "membershipDate": now,
        "createdAt": now,
        "updatedAt": now,
    }
    if leads:
        with subscription.cursor() as cursor:
            append(cursor, subscription.objects["programMember"], [{"leadId": lead, **row} for lead in leads])


def _move(subscription: Subscription, found: Mapping[str, Any], new: Mapping[str, Any], leads: Sequence[int]) -> None:
    now = subscription.present()
    with subscription.cursor() as cursor:
        cursor.execute(
            'update "programMember" set "statusName" = ?, "updatedAt" = ?, "reachedSuccess" = "reachedSuccess" or ?,'
            ' "reachedSuccessDate" = if(? and not "reachedSuccess", ?, "reachedSuccessDate")'
            ' where "programId" = ? and "leadId" in (select unnest(?::bigint[]))',
            [new["name"], now, new["success"], new["success"], now, found["id"], list(leads)],
        )


def _progress(found: Mapping[str, Any], new: Mapping[str, Any], old: str, lead: int, author: Author) -> Activity:
    told = {
        "Acquired By": False,
        "New Status": new["name"],
        "Old Status": old,
        "Reason": author.reason,
        "Success": new["success"],
        **author.trail,
    }
    return Activity(lead, activity_types.CHANGE_STATUS, found["id"], found["name"], told)


def set_data(
    subscription: Subscription, found: Mapping[str, Any], records: Sequence[Mapping[str, Any]], author: Author
) -> list[Json]:
    """Change members' own fields; each record has `leadId` and values."""
    with subscription.transaction():
        members = _members(subscription, found["id"], [record["leadId"] for record in records])
        return [_set_one(subscription, found, record, members, author) for record in records]


def _set_one(
    subscription: Subscription,
    found: Mapping[str, Any],
    record: Mapping[str, Any],
    members: Mapping[int, Any],
    author: Author,
) -> Json:
    lead, fields = record["leadId"], subscription.objects["programMember"].fields
    if lead not in members:
        return skipped(Reason(1013, "Membership not found"))
    try:
        values = {}
        for name, value in record.items():
            if name == "leadId":
                continue
            if name not in fields:
                raise RecordError(1006, f"Field '{name}' not found")
            if fields[name].read_only:
                raise RecordError(1011, f"Field '{name}' not supported")
            values[name] = parse(fields[name], value)
    except RecordError as error:
        return skipped(error.reason)
    where = '"programId" = ? and "leadId" = ?'
    (old,) = subscription.rows(f'select * from "programMember" where {where}', [found["id"], lead])
    changed = {name: value for name, value in values.items() if value != old[name]}
    if changed:
        sets = ", ".join(f'"{name}" = ?' for name in (*changed, "updatedAt"))
        with subscription.cursor() as cursor:
            given = [*changed.values(), subscription.present(), found["id"], lead]
            cursor.execute(f'update "programMember" set {sets} where {where}', given)
        told = {"Reason": author.reason, "Source": author.source, **author.trail}
        log.record(
            subscription,
            [
                Activity(
                    lead,
                    activity_types.CHANGE_MEMBER,
                    found["id"],
                    found["name"],
                    {
                        "Attribute Name": name,
                        "Attribute Display Name": fields[name].label,
                        "New Value": written(value),
                        "Old Value": written(old[name]),
                        **told,
                    },
                )
                for name, value in changed.items()
            ],
        )
    return {"status": "updated", "leadId": lead}


def remove(subscription: Subscription, found: Mapping[str, Any], leads: Sequence[int]) -> list[Json]:
    with subscription.transaction(), subscription.cursor() as cursor:
        members = _members(subscription, found["id"], leads)
        cursor.execute(
            'delete from "programMember" where "programId" = ? and "leadId" in (select unnest(?::bigint[]))',
            [found["id"], list(members)],
        )
    results: list[Json] = []
    for lead in leads:
        gone = members.pop(lead, None)
        missing = skipped(Reason(1037, "Lead not in program"))
        results.append(missing if gone is None else {"status": "deleted", "leadId": lead})
    return results


def unite(subscription: Subscription, winner: int, losers: Sequence[int]) -> None:
    """Make the losers' memberships the winner's: once in each program, with the furthest status (MERGE-10).

    Of the other values the winner's count, and where it has none, those of a loser.
    """
    order = {lead: place for place, lead in enumerate((winner, *losers))}
    given = [list(order)]
    rows = subscription.rows('select * from "programMember" where "leadId" in (select unnest(?::bigint[]))', given)
    together: dict[int, list[Json]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: order[row["leadId"]]):
        together[row["programId"]].append(row)
    with subscription.transaction(), subscription.cursor() as cursor:
        for number, some in together.items():
            if [row["leadId"] for row in some] == [winner]:
                continue
            where = '"programId" = ? and "leadId" in (select unnest(?::bigint[]))'
            cursor.execute(f'delete from "programMember" where {where}', [number, *given])
            known = statuses(subscription, program(subscription, number))
            furthest = max(some, key=lambda row: known.get(row["statusName"], {"step": -1})["step"])
            united = {name: next((row[name] for row in some if row[name] is not None), None) for name in some[0]}
            united |= {name: furthest[name] for name in ("statusName", "reachedSuccess", "reachedSuccessDate")}
            united |= {"leadId": winner, "updatedAt": subscription.present()}
            append(cursor, subscription.objects["programMember"], [united])


def _members(subscription: Subscription, program_id: int, leads: Sequence[int]) -> dict[int, str]:
    """Return the status of those who are members."""
    rows = subscription.rows(
        'select "leadId", "statusName" from "programMember"'
        ' where "programId" = ? and "leadId" in (select unnest(?::bigint[]))',
        [program_id, list(leads)],
    )
    return {row["leadId"]: row["statusName"] for row in rows}
