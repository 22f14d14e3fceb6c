"""What a person hangs on: its company, whose values it has, and its owner; and its address, whose state it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from sync_pipeline.sandbox.marketo.errors import RecordError
from sync_pipeline.sandbox.marketo.records import email_status
from sync_pipeline.sandbox.marketo.records.drafts import Draft, How
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.keys import Key, key_of, matches
from sync_pipeline.sandbox.marketo.records.subscription import Subscription


def companies(
    cursor: duckdb.DuckDBPyConnection, subscription: Subscription, wave: list[Draft]
) -> dict[Key, list[dict[str, Any]]]:
    keys = [key_of([draft.values.get("externalCompanyId")]) for draft in wave]
    names = [field.name for field in subscription.lead.fields.values() if field.company]
    return matches(cursor, subscription.objects["company"], ["externalCompanyId"], keys, names)


def owners(
    cursor: duckdb.DuckDBPyConnection, subscription: Subscription, wave: list[Draft]
) -> dict[Key, list[dict[str, Any]]]:
    keys = [key_of([draft.values.get("externalSalesPersonId")]) for draft in wave]
    return matches(cursor, subscription.objects["salesPerson"], ["externalSalesPersonId"], keys, ())


def link(
    draft: Draft,
    known_companies: Mapping[Key, Sequence[Mapping[str, Any]]],
    known_owners: Mapping[Key, Sequence[Mapping[str, Any]]],
    fields: Mapping[str, Field],
) -> None:
    """Check the company and owner named, and give the person the company's values.

    Raises:
        RecordError: 1013 there is none such, 1021 the company's own values would change, 1003 it would be left.
    """
    owner = draft.values.get("externalSalesPersonId")
    if owner is not None and not known_owners[key_of([owner])]:
        raise RecordError(1013, "Sales person not found")
    company = draft.after("externalCompanyId")
    if company is None:
        if (draft.old or {}).get("externalCompanyId") is not None:
            raise RecordError(1003, "A lead cannot be removed from its company")  # MK-REST-12
        return
    of_company: Mapping[str, Any] = draft.old or {}
    if "externalCompanyId" in draft.values:
        found = known_companies[key_of([company])]
        if not found:
            raise RecordError(1013, "Company not found")
        of_company = found[0]
    given = {name: value for name, value in draft.values.items() if fields[name].company}
    if any(value != of_company.get(name) for name, value in given.items()):
        raise RecordError(1021, "Company update not allowed")
    if "externalCompanyId" in draft.values:
        draft.values.update(
            {name: value for name, value in of_company.items() if name in fields and fields[name].company}
        )
        draft.values["externalCompanyId"] = of_company["externalCompanyId"]


def adopt(draft: Draft, statuses: Mapping[str, bool], how: How) -> bool:
    """Give a person with a new address the state that the address is in, and tell whether that was done.

    A new person's "no" does not undo an unsubscription, and an import's never does (durable unsubscribe).
    """
    email, old = draft.after("email"), draft.old
    if how.from_file and old and old["unsubscribed"] and draft.values.get("unsubscribed") is False:
        del draft.values["unsubscribed"]
    if not email or (old is not None and email_status.same(email, old["email"])):
        return False
    if draft.says_unsubscribed() and (old is not None or draft.values["unsubscribed"]):
        return False
    status = statuses.get(email.lower(), False)
    if draft.after("unsubscribed") is status or (old is None and not status):
        return False
    draft.values["unsubscribed"] = status
    return True
