"""Which records a batch of writes is about: found by id or by an external id, or refused because they cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.values import record_id
from sync_pipeline.sandbox.salesforce.rules.drafts import Draft, standing

_NEEDED = ("FirstName", "LastName", "IsConverted", "IsPersonAccount")
_UPDATES_OF_ONE = 12  # times that one call may name one record


def match(org: Org, found: SObject, key: str, values: Sequence[Any], drafts: Sequence[Draft]) -> None:
    """Find out by the values of an external-id field which drafts are updates, and of which records."""
    field = found.fields[key]
    held = lookups.holders(org, found, field, [value for value in values if value is not None])
    met: set[Any] = set()
    for value, draft in zip(values, drafts, strict=True):
        folded = lookups.key(field, value)
        ids = held.get(folded, [])
        if draft.error:
            continue
        if value is None and key != "Id":
            draft.error = ApiError("MISSING_ARGUMENT", f"{key} not specified", fields=[])
        elif value is not None and folded in met:
            draft.error = ApiError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", fields=[key])
        elif len(ids) > 1:
            message = f"More than one record found for external id field: [{', '.join(ids)}]"
            draft.error = ApiError("DUPLICATE_EXTERNAL_ID", message, 300, [])
        elif ids or (key == "Id" and value is not None):
            draft.id, draft.creating = (ids or [value])[0], False
        else:
            draft.given = {**draft.given, key: value} if value is not None else draft.given
        met.add(folded)


def find(org: Org, found: SObject, drafts: Sequence[Draft], user: str | None, whole: bool) -> None:
    """Load the records to be changed; refuse what is missing, deleted, hidden or a converted lead.

    `whole` loads all fields of them, not only those that every change needs.
    """
    for draft in drafts:
        formed = record_id(draft.id)
        if formed is None or formed[:3] != found.prefix:
            draft.error = malformed(draft.id) if draft.id else _no_id()
        else:
            draft.id = formed
    ids = {draft.id for draft in standing(drafts)}
    states = lookups.states(org, found, ids, user)
    wanted = None if whole else [name for name in _NEEDED if name in found.columns]
    olds = lookups.records(org, found, ids, wanted) if ids else {}
    times = Counter[str]()
    for draft in standing(drafts):
        draft.old = olds.get(draft.id, {})
        times[draft.id] += 1
        draft.error = _missing(states.get(draft.id)) or (
            _unchangeable(draft, times[draft.id]) if draft.values else None
        )


def _unchangeable(draft: Draft, times: int) -> ApiError | None:
    if draft.old.get("IsConverted"):
        return ApiError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])
    if times > _UPDATES_OF_ONE:
        message = (
            f"Maximum number of duplicate updates in one batch ({_UPDATES_OF_ONE} allowed). Attempt to update"
            f" Id more than once in this Api call: {draft.id}"
        )
        return ApiError("DUPLICATE_VALUE", message, fields=[])
    return None


def malformed(record: str) -> ApiError:
    return ApiError("MALFORMED_ID", f"Record ID: id value of incorrect type: {record}", fields=["Id"])


def _no_id() -> ApiError:
    return ApiError("MISSING_ARGUMENT", "Id not specified in an update call", fields=["Id"])


def _missing(state: str | None) -> ApiError | None:
    """Return why a record cannot be changed: there is none, it is in the bin, the user may not see it."""
    if state is None:
        return ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", 404, [])
    if state == lookups.DELETED:
        return ApiError("ENTITY_IS_DELETED", "entity is deleted", 404, [])
    if state == lookups.HIDDEN:
        return ApiError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", 403, [])
    return None


def check_restricted(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse to delete what children hold on to whose describe says so; the answer names them."""
    label = f"p.{quote(_named(found))}"
    if "Salutation" in found.columns:
        label = f"concat_ws(' ', p.Salutation, {label})"
    for relationship in org.schema.children(found.name):
        child = org.schema.get(relationship["childSObject"])
        if child is None or not relationship["restrictedDelete"] or relationship["field"] not in child.columns:
            continue
        alive = "and not c.IsDeleted" if "IsDeleted" in child.columns else ""
        with org.cursor() as cursor:
            rows = cursor.execute(
                f"select p.Id, {label}, string_agg(c.{quote(_named(child))}, ', ' order by c.Id)"
                f" from {quote(found.name)} as p join {quote(child.name)} as c"
                f" on c.{quote(relationship['field'])} = p.Id {alive}"
                " where p.Id in (select unnest(?)) group by all",
                [[draft.id for draft in standing(drafts)]],
            ).fetchall()
        held = {record: (name, children) for record, name, children in rows}
        for draft in standing(drafts):
            if draft.id in held:
                name, children = held[draft.id]
                message = (
                    f"Your attempt to delete {name} could not be completed because it is associated with the following"
                    f" {child.describe['labelPlural'].lower()}.: {children}\n"
                )
                draft.error = ApiError("DELETE_FAILED", message, fields=[])


def _named(found: SObject) -> str:
    """Return the field that names a record: some objects have a subject, a few only ids."""
    if "Name" in found.columns:
        return "Name"
    return next((f["name"] for f in found.fields.values() if f["nameField"] and f["name"] in found.columns), "Id")
