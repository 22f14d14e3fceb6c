"""What a person account and its contact refuse of a batch of writes; the words are Salesforce's where quoted in public.

Without a recording: that persons have no place in hierarchies of accounts is known, how it is said is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org import lookups, persons
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.persons import FLAG
from sync_pipeline.sandbox.salesforce.org.rules import not_writable, required_missing
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.rules.drafts import Draft, standing


def check(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse what does not fit an account of its kind, or takes the halves of a person apart."""
    if not org.has_persons or found.name not in ("Account", "Contact"):
        return
    if found.name == "Contact":
        for draft in standing(drafts):
            if draft.old.get(FLAG) and "AccountId" in draft.values:
                draft.error = _bad_names(["AccountId"])
        _check_parents(org, "AccountId", drafts)
        return
    types = org.person_types()
    only = persons.personal(found.fields)
    for draft in standing(drafts):
        person = persons.is_person(draft.values, types) if draft.creating else bool(draft.old.get(FLAG))
        changed = draft.values.get("RecordTypeId")
        if not draft.creating and changed and (changed in types) != person:
            draft.error = _kind_changed(draft)
        elif person:
            draft.error = _unfit_person(draft)
        else:
            extra = [name for name in draft.values if name in only]
            draft.error = _bad_names(extra) if extra else _missing(draft, "Name")
    _check_parents(org, "ParentId", drafts)


def check_deletable(found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse contacts that are half a person: they are deleted as accounts."""
    for draft in standing(drafts):
        if found.name == "Contact" and draft.old.get(FLAG):
            draft.error = _half_refused()


def check_merge(org: Org, found: SObject, ids: Sequence[str]) -> None:
    """Persons are merged as accounts, and with persons only.

    Raises:
        ApiError: why they cannot be merged.
    """
    if not org.has_persons or found.name not in ("Account", "Contact"):
        return
    kinds = {record[FLAG] for record in lookups.records(org, found, ids, [FLAG]).values()}
    if found.name == "Contact" and True in kinds:
        raise _half_refused()
    if len(kinds) > 1:
        message = "Person accounts can be merged only with other person accounts"
        raise ApiError("INVALID_PERSON_ACCOUNT_OPERATION", message, fields=[])


def _half_refused() -> ApiError:
    return ApiError("INVALID_PERSON_ACCOUNT_OPERATION", "cannot reference person contact", fields=[])


def _unfit_person(draft: Draft) -> ApiError | None:
    """A person's name comes from its parts, and it stands in no hierarchy of companies."""
    if "Name" in draft.values:
        return not_writable(["Name"]) if draft.creating else _bad_names(["Name"])
    if draft.values.get("ParentId"):
        return _no_hierarchy("ParentId")
    return _missing(draft, "LastName")


def _missing(draft: Draft, name: str) -> ApiError | None:
    empty = draft.values.get(name) is None and (draft.creating or name in draft.values)
    return required_missing([name]) if empty else None


def _kind_changed(draft: Draft) -> ApiError:
    message = "Cannot specify any additional fields when marrying or separating a Person-Account"
    if len(draft.values) == 1:
        message = "Business accounts do not become persons here, nor persons business accounts"
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=[])


def _bad_names(names: Sequence[str]) -> ApiError:
    message = f"Account: bad field names on insert/update call: {', '.join(names)}"
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=names)


def _check_parents(org: Org, field: str, drafts: Sequence[Draft]) -> None:
    """Refuse persons as parents of contacts and of accounts."""
    children = [draft for draft in standing(drafts) if draft.values.get(field)]
    if children:
        parents = {draft.values[field] for draft in children}
        records = lookups.records(org, org.schema["Account"], parents, [FLAG])
        for draft in children:
            if records.get(draft.values[field], {}).get(FLAG):
                draft.error = _no_hierarchy(field)


def _no_hierarchy(field: str) -> ApiError:
    message = "A person account has no parent account and is none, neither of accounts nor of contacts"
    return ApiError("INVALID_PERSON_ACCOUNT_OPERATION", message, fields=[field])
