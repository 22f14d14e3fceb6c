"""What syncing persons does: who is created, who changes, who is refused and why, and what is logged (leads.json).

Set by set: a request is cut into waves in which no key comes twice, and a wave is a few statements whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from sync_pipeline.sandbox.marketo.errors import Reason, RecordError, skipped
from sync_pipeline.sandbox.marketo.records import email_status, people_links, people_records
from sync_pipeline.sandbox.marketo.records.drafts import Draft, How
from sync_pipeline.sandbox.marketo.records.keys import Key, key_of, matches
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import parse

ACTIONS = ("createOnly", "updateOnly", "createOrUpdate", "createDuplicate")
_ALWAYS = ("id", "email", "unsubscribed", "externalCompanyId", "leadPartitionId", "firstName", "lastName", "mktoName")
_ALREADY = Reason(1005, "Lead already exists")
_NOBODY = Reason(1004, "Lead not found")
_SEVERAL = Reason(1007, "Multiple lead match lookup criteria")

Result = dict[str, Any]


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
    values = subscription.kept("lead", values)
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
        companies = people_links.companies(cursor, subscription, wave)
        owners = people_links.owners(cursor, subscription, wave)
        for draft in wave:
            if draft.position in results:
                continue
            try:
                people_links.link(draft, companies, owners, subscription.lead.fields)
            except RecordError as error:
                results[draft.position] = skipped(error.reason)
            else:
                _name(draft)
                taken.append(draft)
        statuses = email_status.known(cursor, [draft.after("email") for draft in taken])
        adopted = {d.position for d in taken if people_links.adopt(d, statuses, how)}
        created = [draft for draft in taken if draft.old is None]
        changed = [draft for draft in taken if draft.old is not None]
        people_records.create(cursor, subscription, created, how, author)
        people_records.change(cursor, subscription, changed, adopted, author)
        said = {
            draft.after("email"): draft.values["unsubscribed"]
            for draft in taken
            if draft.position not in adopted and draft.says_unsubscribed()
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


def _name(draft: Draft) -> None:
    if draft.old is None or not {"firstName", "lastName"}.isdisjoint(draft.values):
        parts = [part for part in (draft.after("firstName"), draft.after("lastName")) if part]
        draft.values["mktoName"] = " ".join(parts) or None
