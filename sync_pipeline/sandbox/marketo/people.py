"""What syncing persons does: who is created, who changes, who is refused and why, and what is logged (leads.json).

Set by set: a request is cut into waves in which no key comes twice, and a wave is a few statements whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from sync_pipeline.sandbox.marketo import activity_types, email_status, log
from sync_pipeline.sandbox.marketo.errors import Reason, RecordError, skipped
from sync_pipeline.sandbox.marketo.fields import Field
from sync_pipeline.sandbox.marketo.keys import Key, key_of, matches
from sync_pipeline.sandbox.marketo.log import Activity, Author
from sync_pipeline.sandbox.marketo.subscription import Subscription
from sync_pipeline.sandbox.marketo.values import parse, written
from sync_pipeline.sandbox.rows import amend, append

ACTIONS = ("createOnly", "updateOnly", "createOrUpdate", "createDuplicate")
_ALWAYS = ("id", "email", "unsubscribed", "externalCompanyId", "leadPartitionId", "firstName", "lastName", "mktoName")
_UNLOGGED = ("mktoName", "updatedAt")
_ALREADY = Reason(1005, "Lead already exists")
_NOBODY = Reason(1004, "Lead not found")
_SEVERAL = Reason(1007, "Multiple lead match lookup criteria")

Result = dict[str, Any]


@dataclass(frozen=True)
class How:
    """What a request asks for besides its records; `partition` is the id of the one named."""

    action: str = "createOrUpdate"
    lookup: str = "email"
    partition: int | None = None
    from_file: bool = False  # an import takes odd addresses, and takes no unsubscription back


@dataclass
class Draft:
    """One record on its way: its place in the request, the values given, the key, and the person as it was."""

    position: int
    values: dict[str, Any]
    key: Key
    old: dict[str, Any] | None = None
    id: int = 0

    def after(self, name: str) -> Any:
        """Return the value that a field will have."""
        return self.values[name] if name in self.values else (self.old or {}).get(name)


def sync(subscription: Subscription, records: Sequence[Mapping[str, Any]], how: How, author: Author) -> list[Result]:
    """Create or change persons and return a result for each record, in their order."""
    results: dict[int, Result] = {}
    drafts = []
    for position, record in enumerate(records):
        try:
            drafts.append(_draft(subscription, position, record, how))
        except RecordError as error:
            results[position] = skipped(error.reason)
    for wave in waves(drafts):
        with subscription.transaction():
            results.update(_write(subscription, wave, how, author))
    return [results[position] for position in range(len(records))]


def waves(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    """Cut drafts into lists in which no key comes twice; records of one key stay in order."""
    rest = list(drafts)
    while rest:
        met: set[Key] = set()
        wave: list[Draft] = []
        later: list[Draft] = []
        for draft in rest:
            (later if draft.key in met else wave).append(draft)
            met.add(draft.key)
        yield wave
        rest = later


def _draft(subscription: Subscription, position: int, record: Mapping[str, Any], how: How) -> Draft:
    if "id" in record and not (how.action == "updateOnly" and how.lookup == "id"):
        raise RecordError(1003, "Field 'id' is only allowed when action is 'updateOnly' and lookupField is 'id'")
    values = {}
    for name, value in record.items():
        found = subscription.lead.fields.get(name)
        if found is None:
            raise RecordError(1006, f"Field '{name}' not found")
        if found.read_only and name != how.lookup:
            raise RecordError(1011, f"Field '{name}' not supported")
        values[name] = parse(found, value, strict=not how.from_file)
    if how.action == "createDuplicate":
        return Draft(position, values, (position,))
    if values.get(how.lookup) is None:
        raise RecordError(1003, f"Missing value for the lookup field '{how.lookup}'")
    return Draft(position, values, key_of([values[how.lookup]]))


def _write(subscription: Subscription, wave: list[Draft], how: How, author: Author) -> dict[int, Result]:
    results: dict[int, Result] = {}
    taken = []
    with subscription.cursor() as cursor:
        _find(cursor, subscription, wave, how, results)
        companies = _companies(cursor, subscription, wave)
        owners = _owners(cursor, subscription, wave)
        for draft in wave:
            if draft.position in results:
                continue
            try:
                _link(draft, companies, owners, subscription.lead.fields)
            except RecordError as error:
                results[draft.position] = skipped(error.reason)
            else:
                _name(draft)
                taken.append(draft)
        statuses = email_status.known(cursor, [draft.after("email") for draft in taken])
        adopted = {d.position for d in taken if _adopt(d, statuses, how)}
        created = [draft for draft in taken if draft.old is None]
        changed = [draft for draft in taken if draft.old is not None]
        _create(cursor, subscription, created, how, author)
        _change(cursor, subscription, changed, adopted, author)
        said = {
            draft.after("email"): draft.values["unsubscribed"]
            for draft in taken
            if draft.position not in adopted and _says_unsubscribed(draft)
        }
        email_status.spread(cursor, subscription, said)
    results.update({draft.position: {"id": draft.id, "status": "created"} for draft in created})
    results.update({draft.position: {"id": draft.id, "status": "updated"} for draft in changed})
    return results


def _find(
    cursor: duckdb.DuckDBPyConnection,
    subscription: Subscription,
    wave: list[Draft],
    how: How,
    results: dict[int, Result],
) -> None:
    """Give each draft the person it means, or the result that it means none, several, or one too many."""
    if how.action == "createDuplicate":
        return
    columns = {name for draft in wave for name in draft.values}
    if any("externalCompanyId" in draft.values for draft in wave):
        columns |= {field.name for field in subscription.lead.fields.values() if field.company}
    keys = [draft.key for draft in wave]
    found = matches(cursor, subscription.lead, [how.lookup], keys, [*_ALWAYS, *sorted(columns)])
    for draft in wave:
        persons = found[draft.key]
        reason = None
        if len(persons) > 1:
            reason = _SEVERAL if how.action != "createOnly" else _ALREADY
        elif persons and how.action == "createOnly":
            reason = _ALREADY
        elif not persons and how.action == "updateOnly":
            reason = _NOBODY
        elif persons and how.partition not in (None, persons[0]["leadPartitionId"]):
            reason = Reason(1010, "Partition update not allowed")
        if reason:
            results[draft.position] = skipped(reason)
        elif persons:
            draft.old, draft.id = persons[0], persons[0]["id"]


def _companies(
    cursor: duckdb.DuckDBPyConnection, subscription: Subscription, wave: list[Draft]
) -> dict[Key, list[dict[str, Any]]]:
    keys = [key_of([draft.values.get("externalCompanyId")]) for draft in wave]
    names = [field.name for field in subscription.lead.fields.values() if field.company]
    return matches(cursor, subscription.objects["company"], ["externalCompanyId"], keys, names)


def _owners(
    cursor: duckdb.DuckDBPyConnection, subscription: Subscription, wave: list[Draft]
) -> dict[Key, list[dict[str, Any]]]:
    keys = [key_of([draft.values.get("externalSalesPersonId")]) for draft in wave]
    return matches(cursor, subscription.objects["salesPerson"], ["externalSalesPersonId"], keys, ())


def _link(
    draft: Draft,
    companies: Mapping[Key, Sequence[Mapping[str, Any]]],
    owners: Mapping[Key, Sequence[Mapping[str, Any]]],
    fields: Mapping[str, Field],
) -> None:
    """Check the company and owner named, and give the person the company's values.

    Raises:
        RecordError: 1013 there is none such, 1021 the company's own values would change, 1003 it would be left.
    """
    owner = draft.values.get("externalSalesPersonId")
    if owner is not None and not owners[key_of([owner])]:
        raise RecordError(1013, "Sales person not found")
    company = draft.after("externalCompanyId")
    if company is None:
        if (draft.old or {}).get("externalCompanyId") is not None:
            raise RecordError(1003, "A lead cannot be removed from its company")  # MK-REST-12
        return
    of_company: Mapping[str, Any] = draft.old or {}
    if "externalCompanyId" in draft.values:
        found = companies[key_of([company])]
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


def _name(draft: Draft) -> None:
    if draft.old is None or not {"firstName", "lastName"}.isdisjoint(draft.values):
        parts = [part for part in (draft.after("firstName"), draft.after("lastName")) if part]
        draft.values["mktoName"] = " ".join(parts) or None


def _says_unsubscribed(draft: Draft) -> bool:
    before = bool(draft.old and draft.old["unsubscribed"])
    return "unsubscribed" in draft.values and draft.values["unsubscribed"] != before


def _adopt(draft: Draft, statuses: Mapping[str, bool], how: How) -> bool:
    """Give a person with a new address the state that the address is in, and tell whether that was done.

    A new person's "no" does not undo an unsubscription, and an import's never does (durable unsubscribe).
    """
    email, old = draft.after("email"), draft.old
    if how.from_file and old and old["unsubscribed"] and draft.values.get("unsubscribed") is False:
        del draft.values["unsubscribed"]
    if not email or (old is not None and email_status.same(email, old["email"])):
        return False
    if _says_unsubscribed(draft) and (old is not None or draft.values["unsubscribed"]):
        return False
    status = statuses.get(email.lower(), False)
    if draft.after("unsubscribed") is status or (old is None and not status):
        return False
    draft.values["unsubscribed"] = status
    return True


def _create(
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


def _change(
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
