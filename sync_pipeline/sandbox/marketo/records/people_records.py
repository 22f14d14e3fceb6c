"""Persons written to their table, and what the log tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from sync_pipeline.sandbox.core.rows import amend, append
from sync_pipeline.sandbox.marketo.records import activity_types, email_status, log
from sync_pipeline.sandbox.marketo.records.drafts import Draft, How
from sync_pipeline.sandbox.marketo.records.log import Activity, Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import written

_UNLOGGED = ("mktoName", "updatedAt")


def create(
    cursor: duckdb.DuckDBPyConnection, subscription: Subscription, drafts: list[Draft], how: How, author: Author
) -> None:
    if not drafts:
        return
    first, now = subscription.reserve("lead", len(drafts)), subscription.present()
    flags = {name: False for name, kind in subscription.lead.columns.items() if kind == "boolean"}
    born = {
        **flags,
        "createdAt": now,
        "updatedAt": now,
        "isLead": True,
        "personType": "contact",
        "leadPartitionId": how.partition or 1,
        "originalSourceType": author.source,
        "registrationSourceType": author.source,
    }
    for i, draft in enumerate(drafts):
        draft.id = first + i
    append(cursor, subscription.lead, [{**born, **draft.values, "id": draft.id} for draft in drafts])
    log.record(subscription, [_new_lead(draft, now.date().isoformat(), author) for draft in drafts])


def _new_lead(draft: Draft, created: str, author: Author) -> Activity:
    told = {
        "Created Date": created,
        "Lead Source": draft.after("leadSource"),
        "Source Type": author.source,
        **author.trail,
    }
    return Activity(draft.id, activity_types.NEW_LEAD, draft.id, draft.after("mktoName"), told)


def change(
    cursor: duckdb.DuckDBPyConnection,
    subscription: Subscription,
    drafts: list[Draft],
    adopted: set[int],
    author: Author,
) -> None:
    rows, activities = [], []
    for draft in drafts:
        old = draft.old or {}
        new = {name: value for name, value in draft.values.items() if value != old.get(name)}
        if not new:
            continue
        rows.append({"id": draft.id, **new, "updatedAt": subscription.present()})
        for name, value in new.items():
            by = email_status.AUTHOR if name == "unsubscribed" and draft.position in adopted else author
            field = subscription.lead.fields[name]
            if name not in _UNLOGGED:
                activities.append(
                    log.change(draft.id, field.id, field.label, written(old.get(name)), written(value), by)
                )
    amend(cursor, subscription.lead, rows, "id")
    if activities:
        log.record(subscription, activities)


def log_pushed(
    subscription: Subscription, leads: Iterable[int], program: int, name: str, told: Mapping[str, Any]
) -> None:
    log.record(subscription, [Activity(lead, activity_types.PUSH, program, name, told) for lead in leads])
