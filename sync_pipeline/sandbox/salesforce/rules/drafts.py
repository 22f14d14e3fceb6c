"""Writes on their way, and the checks of a whole batch against the org: references, owners, duplicates, uniqueness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.rules import DuplicateRule
from sync_pipeline.sandbox.salesforce.org.schema import SObject

NO_ACCESS = (
    "You can\u2019t complete this action because you don\u2019t have the required access on the cross-reference ID."
    " Contact your Salesforce admin to gain access."
)


@dataclass
class Draft:
    """One write: what was sent, what it would store, and what stands against it.

    `old` is the record as it was (the fields that the checks need), or what a new one is born with.
    """

    given: Mapping[str, Any]
    id: str = ""
    creating: bool = True
    values: dict[str, Any] = field(default_factory=dict)
    old: Mapping[str, Any] = field(default_factory=dict)
    error: ApiError | None = None

    @property
    def record(self) -> dict[str, Any]:
        """Return the whole record as it would be."""
        return {**self.old, **self.values, "Id": self.id}


def standing(drafts: Iterable[Draft]) -> list[Draft]:
    """Return the drafts that nothing stands against yet."""
    return [draft for draft in drafts if draft.error is None]


def check_references(org: Org, found: SObject, drafts: Sequence[Draft], user: str | None) -> None:
    """Refuse ids of a wrong type, of missing, deleted or hidden records, and owners that cannot own."""
    for name in dict.fromkeys(name for draft in drafts for name in draft.values):
        field_ = found.fields[name]
        if field_["type"] != "reference":
            continue
        users = [draft for draft in standing(drafts) if draft.values.get(name)]
        _check_types(org, field_, users)
        groups: dict[str, list[Draft]] = defaultdict(list)
        for draft in standing(users):
            groups[draft.values[name][:3]].append(draft)
        for prefix, group in groups.items():
            target = org.schema.by_prefix(prefix)
            states = lookups.states(org, target, {d.values[name] for d in group}, user) if target else {}
            for draft in group:
                draft.error = _unfit(states.get(draft.values[name]))
        if name == "OwnerId":
            _check_owners(org, found, standing(users))


def _check_types(org: Org, field_: Json, drafts: Sequence[Draft]) -> None:
    targets = [org.schema.get(name) for name in field_["referenceTo"]]
    prefixes = {target.prefix for target in targets if target}
    name = field_["name"]
    for draft in drafts:
        value = draft.values[name]
        if value[:3] not in prefixes and org.schema.by_prefix(value):
            message = f"{field_['label']}: id value of incorrect type: {value}"
            draft.error = ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=[name])


def _unfit(state: str | None) -> ApiError | None:
    if state is None:
        return ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    if state == lookups.DELETED:
        return ApiError("ENTITY_IS_DELETED", "entity is deleted", fields=[])
    if state == lookups.HIDDEN:
        return ApiError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", NO_ACCESS, fields=[])
    return None


def _check_owners(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """An owner is an active user or, where the object allows it, a queue; other groups own nothing."""
    for name, column in (("User", "IsActive"), ("Group", "Type")):
        owner = org.schema.get(name)
        owned = [d for d in drafts if owner and d.values["OwnerId"][:3] == owner.prefix]
        if not owner or not owned:
            continue
        owners = lookups.records(org, owner, {d.values["OwnerId"] for d in owned}, [column])
        for draft in owned:
            value = draft.values["OwnerId"]
            if owners[value][column] in (True, "Queue"):
                continue
            draft.error = (
                ApiError(
                    "OPERATION_WITH_INACTIVE_USER_EXCEPTION",
                    f"operation performed with inactive user [{value}] as owner of {found.describe['label'].lower()}",
                    fields=[],
                )
                if name == "User"
                else ApiError("INVALID_OPERATION", "Queue not associated with this SObject type", fields=["OwnerId"])
            )


def check_unique(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse values of unique fields that another record holds, or another write of this batch takes."""
    for field_ in (f for f in found.fields.values() if f["unique"]):
        name = field_["name"]
        users = [draft for draft in standing(drafts) if draft.values.get(name) is not None]
        taken = lookups.holders(org, found, field_, [draft.values[name] for draft in users])
        for draft in users:
            key = lookups.key(field_, draft.values[name])
            others = [record for record in taken.get(key, ()) if record != draft.id]
            if others:
                message = f"duplicate value found: {name} duplicates value on record with id: {others[0][:15]}"
                draft.error = ApiError("DUPLICATE_VALUE", message, fields=[])
            else:
                taken[key] = [draft.id]


def check_duplicates(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse records that a duplicate rule finds already there; the answer names the matches."""
    for rule in (rule for rule in org.rules.duplicate_rules if rule.object == found.name):
        tuples = {id(d): tuple(str(d.record.get(name) or "").lower() for name in rule.fields) for d in standing(drafts)}
        target = org.schema[rule.against]
        matches = lookups.alike(org, target, rule.fields, {one for one in tuples.values() if all(one)})
        for draft in standing(drafts):
            others = [record for record in matches.get(tuples[id(draft)], ()) if record != draft.id]
            if others:
                draft.error = _duplicates(org, rule, others)


def _duplicates(org: Org, rule: DuplicateRule, others: Sequence[str]) -> ApiError:
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": {"type": rule.against}, "Id": record},
        }
        for record in others
    ]
    match = {
        "entityType": rule.against,
        "errors": [],
        "matchEngine": "ExactMatchEngine",
        "matchRecords": records,
        "rule": rule.name,
        "size": len(records),
        "success": True,
    }
    result = {
        "allowSave": False,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object,
        "errorMessage": "Use one of these records?",
        "matchResults": [match],
    }
    return ApiError("DUPLICATES_DETECTED", "Use one of these records?", more={"duplicateResult": result})


def resolve_parents(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Put the parent's id in place of `{"External_Number__c": "17"}`, a parent named by an external id."""
    for draft in standing(drafts):
        for name, value in draft.values.items():
            if not isinstance(value, dict):
                continue
            try:
                draft.values[name] = _parent(org, found.fields[name], value)
            except ApiError as error:
                draft.error = error
                break


def _parent(org: Org, field_: Json, given: Mapping[str, Any]) -> str | None:
    attributes = given.get("attributes")
    if field_["polymorphicForeignKey"] and next(iter(given), None) != "attributes":
        message = "Nested object for polymorphic foreign key must have an attributes field before any other fields."
        raise ApiError("JSON_PARSER_ERROR", message)
    named = attributes.get("type", "") if isinstance(attributes, dict) else field_["referenceTo"][0]
    target = org.schema.get(named)
    keys = [(name, value) for name, value in given.items() if name != "attributes"]
    outer = target.field(keys[0][0]) if target and len(keys) == 1 else None
    if target is None or outer is None or not (outer["externalId"] or outer["idLookup"]):
        message = f"The relationship to {named} must name exactly one external id field"
        raise ApiError("INVALID_FIELD", message, fields=[])
    value = keys[0][1]
    ids = lookups.holders(org, target, outer, [value])
    found = ids.get(lookups.key(outer, value), [])
    if len(found) != 1:
        message = (
            f"Foreign key external ID: {str(value).lower()} not found for field {outer['name']} in entity {target.name}"
        )
        raise ApiError("INVALID_FIELD", message, fields=[])
    return found[0]
