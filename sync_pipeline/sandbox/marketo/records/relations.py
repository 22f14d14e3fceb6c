"""What hangs together: companies and their people, opportunities and roles, owners, links of custom objects.

Asked by `records.py` before records are written (`check`), after (`follow`), and before they go (`in_use`, `leave`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import amend
from sync_pipeline.sandbox.marketo.errors import CallError, Reason
from sync_pipeline.sandbox.marketo.records import activity_types, log
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.keys import Key, comparable, key_of, matches
from sync_pipeline.sandbox.marketo.records.log import Activity, Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import written

# Above so many people a company's change is not told of each of them (SPEC 29.1).
MOST_TOLD = 5_000
_NO_LEAD = Reason(1004, "Lead not found")


@dataclass
class Write:
    """One record on its way: its place in the request, values, key, the record as it was, its id."""

    position: int
    values: dict[str, Any]
    key: Key
    old: dict[str, Any] | None = None
    id: Any = None

    @property
    def changed(self) -> dict[str, Any]:
        old = self.old or {}
        return {name: value for name, value in self.values.items() if value != old.get(name)}

    def after(self, name: str) -> Any:
        return self.values[name] if name in self.values else (self.old or {}).get(name)


def needed(object_type: ObjectType) -> tuple[str, ...]:
    """Return the fields that this module asks of a record as it was."""
    return {
        "company": ("externalCompanyId",),
        "opportunity": ("externalOpportunityId",),
        "opportunityRole": ("externalOpportunityId", "leadId", "role", "isPrimary"),
        "salesPerson": ("externalSalesPersonId",),
    }.get(object_type.name, ())


def check(
    subscription: Subscription, object_type: ObjectType, writes: Sequence[Write]
) -> Iterator[tuple[Write, Reason | None]]:
    """Yield each record with the reason for which it cannot be written, if any.

    Raises:
        CallError: 718 an opportunity's sales person does not exist.
    """
    links: list[tuple[str, str, str, Reason]] = [
        (
            name,
            found.related["name"],
            found.related["field"],
            _NO_LEAD if found.related["name"] == "lead" else _missing(name),
        )
        for name, found in object_type.fields.items()
        if found.related
    ]
    if object_type.name == "opportunityRole":
        links += [
            ("externalOpportunityId", "opportunity", "externalOpportunityId", _missing("externalOpportunityId")),
            ("leadId", "lead", "id", _NO_LEAD),
        ]
    if object_type.name in ("opportunity", "company"):
        links.append(
            ("externalSalesPersonId", "salesPerson", "externalSalesPersonId", _missing("externalSalesPersonId"))
        )
    if object_type.name == "opportunity":
        links.append(("externalCompanyId", "company", "externalCompanyId", _missing("externalCompanyId")))
    present = {name: _present(subscription, writes, name, other, by) for name, other, by, _ in links}
    for write in writes:
        reasons = (
            reason
            for name, _, _, reason in links
            if write.values.get(name) is not None and key_of([write.values[name]]) not in present[name]
        )
        reason = next(reasons, None)
        if reason and object_type.name == "opportunity" and "SalesPerson" in reason.message:
            raise CallError(718, "ExternalSalesPersonID not found")
        yield write, reason


def _missing(field: str) -> Reason:
    return Reason(1013, f"No object found for field '{field}'")


def _present(subscription: Subscription, writes: Sequence[Write], name: str, other: str, by: str) -> set[Key]:
    with subscription.cursor() as cursor:
        keys = [key_of([write.values.get(name)]) for write in writes]
        found = matches(cursor, subscription.objects[other], [by], keys, ())
    return {key for key, records in found.items() if records}


def follow(subscription: Subscription, object_type: ObjectType, writes: Sequence[Write], author: Author) -> None:
    """Do to persons what follows from what was written, and log it."""
    if object_type.name == "company":
        _spread(subscription, [write for write in writes if write.old is not None and write.changed], author)
    elif object_type.name == "opportunityRole":
        new = [write for write in writes if write.old is None]
        _log_roles(subscription, [(write.values, activity_types.ADD_TO_OPPORTUNITY) for write in new], author)
    elif object_type.name == "opportunity":
        _log_opportunities(subscription, [write for write in writes if write.old is not None and write.changed], author)


def _spread(subscription: Subscription, writes: Sequence[Write], author: Author) -> None:
    """Give a company's new values to its people; each of them is told of, unless they are very many."""
    fields = subscription.lead.fields
    for write in writes:
        changed = {name: value for name, value in write.changed.items() if name in fields and fields[name].company}
        if not changed:
            continue
        columns = ", ".join(["id", *map(quote, changed)])
        condition = f"{comparable(subscription.lead, 'externalCompanyId')} = ?"
        key = key_of([write.after("externalCompanyId")])
        people = subscription.rows(f"select {columns} from lead as t where {condition}", key)
        now = subscription.present()
        with subscription.cursor() as cursor:
            amend(cursor, subscription.lead, [{"id": one["id"], **changed, "updatedAt": now} for one in people], "id")
        if len(people) <= MOST_TOLD:
            log.record(
                subscription,
                [
                    log.change(
                        one["id"], fields[name].id, fields[name].label, written(one[name]), written(value), author
                    )
                    for one in people
                    for name, value in changed.items()
                    if one[name] != value
                ],
            )


def _log_roles(subscription: Subscription, roles: Sequence[tuple[Mapping[str, Any], int]], author: Author) -> None:
    names = _names(subscription, [role["externalOpportunityId"] for role, _ in roles])
    log.record(
        subscription,
        [
            Activity(
                role["leadId"],
                kind,
                None,
                names.get(key_of([role["externalOpportunityId"]])),
                {"Role": role["role"], "Is Primary": bool(role.get("isPrimary")), **author.trail},
            )
            for role, kind in roles
        ],
    )


def _names(subscription: Subscription, ids: Sequence[str]) -> dict[Key, str | None]:
    with subscription.cursor() as cursor:
        keys = [key_of([one]) for one in ids]
        found = matches(cursor, subscription.objects["opportunity"], ["externalOpportunityId"], keys, ["name"])
    return {key: records[0]["name"] for key, records in found.items() if records}


def _log_opportunities(subscription: Subscription, writes: Sequence[Write], author: Author) -> None:
    """Tell everybody who has a role in an opportunity of each value of it that changed."""
    by_id = {key_of([write.after("externalOpportunityId")]): write for write in writes}
    roles = subscription.rows(
        'select distinct "leadId", lower("externalOpportunityId") as opportunity from "opportunityRole"'
        ' where lower("externalOpportunityId") in (select unnest(?::varchar[])) order by all',
        [[key for (key,) in by_id]],
    )
    activities = []
    for role in roles:
        write = by_id[(role["opportunity"],)]
        for name, value in write.changed.items():
            told = {
                "Attribute Name": subscription.objects["opportunity"].fields[name].label,
                "New Value": written(value),
                "Old Value": written((write.old or {}).get(name)),
                **author.trail,
            }
            kind = activity_types.UPDATE_OPPORTUNITY
            activities.append(Activity(role["leadId"], kind, None, str(write.after("externalOpportunityId")), told))
    log.record(subscription, activities)


# Who points to a company or a sales person, and by which field.
_POINTING = {
    "company": (("lead", "externalCompanyId"), ("opportunity", "externalCompanyId")),
    "salesPerson": (
        ("lead", "externalSalesPersonId"),
        ("company", "externalSalesPersonId"),
        ("opportunity", "externalSalesPersonId"),
    ),
}


def in_use(subscription: Subscription, object_type: ObjectType, writes: Sequence[Write]) -> set[int]:
    """Return the places of records that others point to, which therefore stay (1022)."""
    used: set[int] = set()
    for other, name in _POINTING.get(object_type.name, ()):
        with subscription.cursor() as cursor:
            keys = [key_of([write.after(name)]) for write in writes]
            found = matches(cursor, subscription.objects[other], [name], keys, ())
        used |= {write.position for write in writes if found.get(key_of([write.after(name)]))}
    return used


def leave(subscription: Subscription, object_type: ObjectType, writes: Sequence[Write], author: Author) -> None:
    """Take away what goes with records that are deleted, and log it."""
    if object_type.name == "opportunityRole":
        _log_roles(
            subscription, [(write.old or {}, activity_types.REMOVE_FROM_OPPORTUNITY) for write in writes], author
        )
    if object_type.name == "opportunity":
        with subscription.cursor() as cursor:
            cursor.execute(
                'delete from "opportunityRole" where lower("externalOpportunityId") in (select unnest(?::varchar[]))',
                [[key_of([write.after("externalOpportunityId")])[0] for write in writes]],
            )
