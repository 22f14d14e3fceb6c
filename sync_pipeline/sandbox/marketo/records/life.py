"""The life of a person apart from its values: deletion, merging, moving to another partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_pipeline.sandbox.core.rows import amend
from sync_pipeline.sandbox.marketo.errors import CallError, Reason, skipped
from sync_pipeline.sandbox.marketo.records import activity_types, log, members
from sync_pipeline.sandbox.marketo.records.log import Activity, Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import written

NOT_FOUND = Reason(1004, "Lead not found")
# What else hangs on a person, by table.
_HANGING = ("listMember", "programMember", "opportunityRole")
_KEPT = ("id", "createdAt", "updatedAt", "mktoName", "leadPartitionId")  # a merge leaves the winner's


def delete(subscription: Subscription, leads: Sequence[int], author: Author) -> list[dict[str, Any]]:
    """Delete persons for good, with their memberships and roles; what they did stays in the log."""
    with subscription.transaction(), subscription.cursor() as cursor:
        names = dict(
            cursor.execute(
                'select id, "mktoName" from lead where id in (select unnest(?::bigint[]))', [leads]
            ).fetchall()
        )
        results = []
        gone: set[int] = set()
        for lead in leads:
            missing = lead not in names or lead in gone
            results.append(skipped(NOT_FOUND, id=lead) if missing else {"id": lead, "status": "deleted"})
            gone.add(lead)
        present = [lead for lead in dict.fromkeys(leads) if lead in names]
        _remove(subscription, present)
        log.record(
            subscription,
            [Activity(lead, activity_types.DELETE, lead, names[lead], author.trail) for lead in present],
        )
    return results


def _remove(subscription: Subscription, leads: Sequence[int]) -> None:
    with subscription.cursor() as cursor:
        cursor.execute("delete from lead where id in (select unnest(?::bigint[]))", [leads])
        for table in _tables(subscription):
            cursor.execute(f'delete from "{table}" where "leadId" in (select unnest(?::bigint[]))', [leads])


def _tables(subscription: Subscription) -> list[str]:
    """Return the tables there are of those that name a person by `leadId`."""
    with subscription.cursor() as cursor:
        rows = cursor.execute(
            "select distinct table_name from duckdb_columns() where column_name = 'leadId' and schema_name = 'main'"
        ).fetchall()
    return [name for (name,) in rows if name in _HANGING]


def merge(subscription: Subscription, winner: int, losers: Sequence[int], author: Author, in_crm: bool) -> None:
    """Merge persons into one: its values win where it has any; activities and memberships of the others become its.

    Raises:
        CallError: 1004 one of them does not exist, 1003 the winner is among the losers.
    """
    if winner in losers:
        raise CallError(1003, "The winning lead cannot be one of the losing leads")
    with subscription.transaction():
        rows = subscription.rows(
            "select * from lead where id in (select unnest(?::bigint[]))", [[winner, *dict.fromkeys(losers)]]
        )
        persons = {row["id"]: row for row in rows}
        unknown = next((lead for lead in (winner, *losers) if lead not in persons), None)
        if unknown is not None:
            raise CallError(1004, f"Lead '{unknown}' not found")
        filled = _filled(persons, winner, losers)
        activities = []
        for name, value in filled.items():
            field = subscription.lead.fields[name]
            activities.append(log.change(winner, field.id, field.label, None, written(value), author))
        stamped = {"id": winner, **filled, "updatedAt": subscription.present()}
        with subscription.cursor() as cursor:
            amend(cursor, subscription.lead, [stamped], "id")
        _hand_over(subscription, winner, losers)
        told = {
            "Merge IDs": str(list(losers)).replace(" ", ""),
            "Merge Fields": ",".join(filled) or None,
            "Master Updated": bool(filled),
            "Merged in Sales": in_crm,
            "Merge Source": author.source,
            **author.trail,
        }
        activities.append(Activity(winner, activity_types.MERGE, winner, persons[winner]["mktoName"], told))
        log.record(subscription, activities)


def _filled(persons: Mapping[int, Mapping[str, Any]], winner: int, losers: Sequence[int]) -> dict[str, Any]:
    """Return what the winner lacks and a loser has; the first loser that has it gives it."""
    filled = {}
    for name, value in persons[winner].items():
        if value is None and name not in _KEPT:
            given = next((persons[lead][name] for lead in losers if persons[lead][name] is not None), None)
            if given is not None:
                filled[name] = given
    return filled


def _hand_over(subscription: Subscription, winner: int, losers: Sequence[int]) -> None:
    members.unite(subscription, winner, losers)
    with subscription.cursor() as cursor:
        cursor.execute(
            'update activity set "leadId" = ? where "leadId" in (select unnest(?::bigint[]))', [winner, losers]
        )
        for table in _tables(subscription):
            if table == "listMember":  # a list that the winner is in it is not in twice
                cursor.execute(
                    'delete from "listMember" where "leadId" in (select unnest(?::bigint[]))'
                    ' and "listId" in (select "listId" from "listMember" where "leadId" = ?)',
                    [losers, winner],
                )
            cursor.execute(
                f'update "{table}" set "leadId" = ? where "leadId" in (select unnest(?::bigint[]))', [winner, losers]
            )
        cursor.execute("delete from lead where id in (select unnest(?::bigint[]))", [losers])


def move(subscription: Subscription, wanted: Sequence[tuple[int, str]], author: Author) -> list[dict[str, Any]]:
    """Move persons to partitions by name."""
    partitions = subscription.partitions()
    with subscription.transaction(), subscription.cursor() as cursor:
        leads = [lead for lead, _ in wanted]
        were = dict(
            cursor.execute(
                'select id, "leadPartitionId" from lead where id in (select unnest(?::bigint[]))', [leads]
            ).fetchall()
        )
        results, moved = [], {}
        for lead, name in wanted:
            if lead not in were:
                results.append(skipped(NOT_FOUND, id=lead))
            elif name not in partitions:
                results.append(skipped(Reason(1008, f"Access denied to partition '{name}'"), id=lead))
            else:
                moved[lead] = partitions[name]
                results.append({"id": lead, "status": "updated"})
        rows = [{"id": lead, "leadPartitionId": number} for lead, number in moved.items()]
        amend(cursor, subscription.lead, rows, "id")
        names = {number: name for name, number in partitions.items()}
        log.record(
            subscription,
            [
                Activity(
                    lead, activity_types.CHANGE_PARTITION, were[lead], names.get(were[lead]),
                    {"New Partition ID": number, "Reason": author.reason},
                )
                for lead, number in moved.items()
                if number != were[lead]
            ],
        )  # fmt: skip
    return results
