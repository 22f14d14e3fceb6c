"""A staff of marketers at work: seeded edits of a subscription, as it looks from outside while one watches a sync."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.records import life, people
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

_STAFF = Author("", "staff@sandbox.example", "", "Changed by Smart Campaign", "Marketo Flow Action")
_CHANGES: dict[str, tuple[Any, ...]] = {
    "leadStatus": ("Open", "Working", "Qualified", None),
    "rating": ("Hot", "Warm", "Cold", None),
    "leadScore": tuple(range(0, 120, 5)),
    "city": ("Köln", "Zürich", "São Paulo", "Łódź", None),
    "title": ("Buyer", "Head of Buying", "Managing Director", None),
    "unsubscribed": (True, False),
}


def edit(subscription: Subscription, count: int, seed: int) -> list[str]:
    """Make so many random edits; return a line for each, without personal data.

    Raises:
        ValueError: less than one edit.
    """
    if count < 1:
        raise ValueError(f"at least one edit is made, not {count}")
    random = Random(f"{seed}/{subscription.present()}")
    return [_one(subscription, random) for _ in range(count)]


def change(subscription: Subscription, person: int, values: Mapping[str, Any]) -> None:
    """Change a person as a marketer does by hand."""
    people.sync(subscription, [{"id": person, **values}], How("updateOnly", "id"), _STAFF)


def _one(subscription: Subscription, random: Random) -> str:
    leads = _some(subscription, random, 2)
    kind = random.choices(("change", "create", "delete", "merge"), (80, 12, 4, 4))[0] if len(leads) == 2 else "create"
    if kind == "create":
        email = f"new{random.randrange(10**9)}@sandbox.example"
        person = {"email": email, "firstName": "New", "lastName": f"Person {random.randrange(1_000)}"}
        (made,) = people.sync(subscription, [person], How(), _STAFF)
        return f"created person {made.get('id')}"
    if kind == "delete":
        life.delete(subscription, leads[:1], _STAFF)
        return f"deleted person {leads[0]}"
    if kind == "merge":
        return _merge(subscription, leads)
    field = random.choice(list(_CHANGES))
    change(subscription, leads[0], {field: random.choice(_CHANGES[field])})
    return f"changed {field} of person {leads[0]}"


def _merge(subscription: Subscription, leads: list[int]) -> str:
    try:
        life.merge(subscription, leads[0], leads[1:], _STAFF, in_crm=False)
    except CallError as error:
        return f"could not merge persons {leads[0]} and {leads[1]}: {error.code}"
    return f"merged person {leads[1]} into {leads[0]}"


def _some(subscription: Subscription, random: Random, count: int) -> list[int]:
    """Return random persons, as many as there are up to `count`, no one twice."""
    (known,) = subscription.rows("select coalesce(max(id), 0) as most from lead")
    found: list[int] = []
    for _ in range(count):
        start = random.randint(1, known["most"]) if known["most"] else 0
        others = "select id from lead where id not in (select unnest(?::bigint[]))"
        rows = subscription.rows(f"{others} order by id < ?, id limit 1", [found, start])
        found += [row["id"] for row in rows]
    return found
