"""Person accounts in a schema: an Account that is a person has a Contact as its other half (SF-PACCT, VV-PA).

The account shows the contact's fields under names of its own: `PersonEmail` is the contact's `Email`, `Level__pc` its
`Level__c`. Whether an org has person accounts is told by the describe of its Account alone, so any schema may bring
them. Pure; what happens to the two records is told in `halves.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sync_pipeline.sandbox.salesforce.org.describe import Json, expand_field

FLAG, LINK = "IsPersonAccount", "PersonContactId"
LINKS = {("Account", LINK), ("Contact", "AccountId")}  # where the halves name one another
TYPE_NAME = "PersonAccount"  # the record type that every org with person accounts is born with
PROFESSIONAL = "Professional_vod"  # the same in a Veeva org
_PARTS = ("LastName", "FirstName", "Salutation")
# Fields of the contact that an account shows with the prefix, in describe's order; the rest is not for persons.
_ADDRESS = (
    "Street", "City", "State", "PostalCode", "Country", "Latitude", "Longitude", "GeocodeAccuracy", "Address",
)  # fmt: skip
_PREFIXED = (
    *(f"{kind}{part}" for kind in ("Mailing", "Other") for part in _ADDRESS),
    "MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone", "Email", "Title", "Department", "AssistantName",
    "LeadSource", "Birthdate", "HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall", "LastCURequestDate",
    "LastCUUpdateDate", "EmailBouncedReason", "EmailBouncedDate", "IndividualId", "Pronouns", "GenderIdentity",
)  # fmt: skip
# What describe says otherwise of the account's field than of the contact's.
_OTHERWISE: Mapping[str, Json] = {
    "LastName": {"extraTypeInfo": "switchablepersonname", "nameField": True, "nillable": True},
    "FirstName": {"extraTypeInfo": "switchablepersonname", "nameField": True},
    "Salutation": {"extraTypeInfo": "switchablepersonname"},
    "MobilePhone": {"label": "Mobile"},
    "Email": {"idLookup": False},
    "Title": {"length": 80, "byteLength": 240},
    "AssistantName": {"label": "Assistant"},
    "IndividualId": {"searchPrefilterable": False},
}
# Both halves have these under one name, and they are always equal.
_ALIKE = ("Name", "Phone", "Fax", "Description", "OwnerId", "LastActivityDate")


def account_name(contact_field: str) -> str | None:
    """Return what the account calls a field of its contact, None for one that it does not show."""
    if contact_field in _PARTS or contact_field in _ALIKE:
        return contact_field
    if contact_field.endswith("__c"):
        return f"{contact_field.removesuffix('__c')}__pc"
    return f"Person{contact_field}" if contact_field in _PREFIXED else None


def pairs(account: Collection[str], contact: Collection[str]) -> dict[str, str]:
    """Return the fields that both halves hold: the account's name for it, the contact's."""
    named = {account_name(field): field for field in contact}
    return {name: named[name] for name in account if name in named}


def personal(account: Collection[str]) -> set[str]:
    """Return the fields that only an account that is a person has."""
    return {f for f in account if f in _PARTS or f.endswith("__pc") or f.removeprefix("Person") in _PREFIXED}


def is_person(record: Mapping[str, Any], types: Collection[str]) -> bool:
    """Tell whether a new account is a person: its record type (of `types`) says so, without one its last name."""
    if record.get("RecordTypeId"):
        return record["RecordTypeId"] in types
    return bool(record.get(FLAG)) or (bool(record.get("LastName")) and not record.get("Name"))


def person_field(field: Json) -> Json:
    """Return the describe of a contact's field as its account has it."""
    name = account_name(field["name"]) or field["name"]
    changed = {"name": name, **_OTHERWISE.get(field["name"], {})}
    if field["compoundFieldName"] and field["name"] not in _PARTS:
        changed["compoundFieldName"] = f"Person{field['compoundFieldName']}"
    if field["relationshipName"]:
        custom = field["relationshipName"].endswith("__r")
        changed["relationshipName"] = field["relationshipName"][:-1] + "pr" if custom else name.removesuffix("Id")
    if "sql" in field:  # a formula is computed from the contact's columns, wherever it is shown
        changed["sql"] = f'select {field["sql"]} from "Contact" where "Contact".Id = {LINK}'
    # As in real describes the children are listed under the contact; those of the account would be `Person...`.
    changed["childRelationshipName"] = None
    return {**field, **changed}


def enable(describes: Mapping[str, Json]) -> dict[str, Json]:
    """Return the describes of Account, Contact, Lead and RecordType as they are once persons can be accounts."""
    contact = {field["name"]: field for field in describes["Contact"]["fields"]}
    listed = [name for name in _PREFIXED if name in contact]
    customs = [name for name, field in contact.items() if field["custom"]]
    flag = {"name": FLAG, "type": "boolean", "label": "Is Person Account", "createable": False, "updateable": False,
            "permissionable": False}  # fmt: skip
    link = {"name": LINK, "type": "reference", "label": "Contact ID", "referenceTo": ["Contact"], "createable": False,
            "updateable": False, "permissionable": False, "childRelationshipName": None}  # fmt: skip
    kind = {"name": "IsPersonType", "type": "boolean", "label": "Is Person Type", "createable": False,
            "updateable": False, "permissionable": False}  # fmt: skip
    persons = [expand_field(link), expand_field(flag), *(person_field(contact[name]) for name in listed)]
    account = _with(describes["Account"], "Name", [*persons, *(person_field(contact[name]) for name in customs)])
    after_name = [field["name"] for field in account["fields"]].index("Name") + 1
    account["fields"][after_name:after_name] = [person_field(contact[name]) for name in _PARTS]
    return {
        "Account": account,
        "Contact": _with(describes["Contact"], None, [expand_field(flag)]),
        "Lead": _with(describes["Lead"], "Company", []),
        "RecordType": _with(describes["RecordType"], None, [expand_field(kind)]),
    }


def _with(describe: Json, no_longer_required: str | None, added: list[Json]) -> Json:
    fields = [{**f, "nillable": True} if f["name"] == no_longer_required else f for f in describe["fields"]]
    return {**describe, "fields": [*fields, *added]}
