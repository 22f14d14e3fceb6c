"""Lead conversion in its three forms: into a new account and contact, a new contact of an account, a contact there is.

Merging and converting are done by no REST call; they are offered by SOAP (`soap_calls.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sync_pipeline.sandbox import lookups
from sync_pipeline.sandbox.errors import ApiError
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.rows import only
from sync_pipeline.sandbox.store import quote

CONVERTED = "Converted"  # what the names of the statuses for converted leads have in common

# Where the standard mapping puts a lead's fields; custom fields go nowhere until an administrator maps them.
_TO_ACCOUNT = {
    "Company": "Name",
    "Phone": "Phone",
    "Fax": "Fax",
    "Website": "Website",
    "Industry": "Industry",
    "Rating": "Rating",
    "AnnualRevenue": "AnnualRevenue",
    "NumberOfEmployees": "NumberOfEmployees",
    **{part: f"Billing{part}" for part in ("Street", "City", "State", "PostalCode", "Country")},
}
_TO_CONTACT = {
    **{name: name for name in ("FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone")},
    **{name: name for name in ("Fax", "Description", "LeadSource", "HasOptedOutOfEmail", "DoNotCall")},
    "HasOptedOutOfFax": "HasOptedOutOfFax",
    **{part: f"Mailing{part}" for part in ("Street", "City", "State", "PostalCode", "Country")},
}


@dataclass(frozen=True)
class Conversion:
    """One conversion as asked for; ids name records that are there already."""

    lead: str
    status: str
    account: str | None = None
    contact: str | None = None
    owner: str | None = None
    opportunity_name: str | None = None
    without_opportunity: bool = False
    overwrite_lead_source: bool = False


@dataclass(frozen=True)
class Converted:
    """What a lead became."""

    lead: str
    account: str
    contact: str
    opportunity: str | None


def convert(org: Org, asked: Conversion, user: str | None = None) -> Converted:
    """Convert a lead.

    Raises:
        ApiError: why it cannot be converted; nothing has changed then.
    """
    with org.transaction():
        lead = _lead(org, asked, user)
        owner = asked.owner or lead["OwnerId"]
        if owner[:3] != org.schema["User"].prefix:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "Owner ID: a queue cannot own a contact", fields=["OwnerId"])
        account = _account(org, asked, lead, owner, user)
        contact = _contact(org, asked, lead, account, owner, user)
        opportunity = None if asked.without_opportunity else _opportunity(org, asked, lead, account, contact, user)
        changes = {
            "IsConverted": True,
            "ConvertedDate": org.now().date(),
            "ConvertedAccountId": account,
            "ConvertedContactId": contact,
            "ConvertedOpportunityId": opportunity,
            "Status": asked.status,
        }
        found = org.schema["Lead"]
        org.update("Lead", lead["Id"], only(found, {**changes, "OwnerId": owner, "IsUnreadByOwner": False}), user)
        _follow(org, lead["Id"], contact, user)
        return Converted(lead["Id"], account, contact, opportunity)


def _lead(org: Org, asked: Conversion, user: str | None) -> Mapping[str, Any]:
    found = org.schema["Lead"]
    state = lookups.states(org, found, [asked.lead], user).get(asked.lead)
    if state == lookups.DELETED:
        raise ApiError("ENTITY_IS_DELETED", "entity is deleted", fields=[])
    lead = org.record("Lead", asked.lead) if state == lookups.SEEN else None
    if lead is None:
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])
    if lead["IsConverted"]:
        raise ApiError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=[])
    statuses = {value["value"] for value in found.fields["Status"]["picklistValues"]}
    if asked.status not in statuses or not asked.status.endswith(CONVERTED) or "Not" in asked.status:
        message = f"invalid convertedStatus: {asked.status}"
        raise ApiError("INVALID_STATUS", message, fields=[])
    return lead


def _account(org: Org, asked: Conversion, lead: Mapping[str, Any], owner: str, user: str | None) -> str:
    if asked.account:
        _check_there(org, "Account", asked.account, user)
        return asked.account
    if asked.contact:
        raise ApiError("REQUIRED_FIELD_MISSING", "a contactId needs the accountId it belongs to", fields=["accountId"])
    values = only(org.schema["Account"], {to: lead.get(name) for name, to in _TO_ACCOUNT.items()})
    return org.insert("Account", [{**values, "OwnerId": owner}], user)[0]


def _contact(org: Org, asked: Conversion, lead: Mapping[str, Any], account: str, owner: str, user: str | None) -> str:
    values = only(org.schema["Contact"], {to: lead.get(name) for name, to in _TO_CONTACT.items()})
    if not asked.contact:
        return org.insert("Contact", [{**values, "AccountId": account, "OwnerId": owner}], user)[0]
    _check_there(org, "Contact", asked.contact, user)
    old = org.record("Contact", asked.contact) or {}
    if old["AccountId"] not in (None, account):
        message = "The contact must belong to the account that the lead is converted into"
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["contactId"])
    empty = {name: value for name, value in values.items() if old[name] is None and value is not None}
    if asked.overwrite_lead_source:
        empty["LeadSource"] = lead.get("LeadSource")
    org.update("Contact", asked.contact, {**empty, "AccountId": account}, user)
    return asked.contact


def _check_there(org: Org, name: str, record: str, user: str | None) -> None:
    if lookups.states(org, org.schema[name], [record], user).get(record) != lookups.SEEN:
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])


def _opportunity(
    org: Org, asked: Conversion, lead: Mapping[str, Any], account: str, contact: str, user: str | None
) -> str:
    """The account's name and a dash, in the first stage, due when the quarter ends; the contact has the first role."""
    named = (org.record("Account", account) or {})["Name"]
    stage = org.schema["Opportunity"].fields["StageName"]["picklistValues"][0]["value"]
    values = {
        "Name": asked.opportunity_name or f"{named}-",
        "AccountId": account,
        "StageName": stage,
        "CloseDate": _quarter_end(org.now().date()),
        "LeadSource": lead.get("LeadSource"),
        "OwnerId": asked.owner or lead["OwnerId"],
    }
    (made,) = org.insert("Opportunity", [only(org.schema["Opportunity"], values)], user)
    if "OpportunityContactRole" in org.schema:
        role = {"OpportunityId": made, "ContactId": contact, "IsPrimary": True}
        org.insert("OpportunityContactRole", [role], user)
    return made


def _quarter_end(day: date) -> date:
    month = (day.month - 1) // 3 * 3 + 4
    return date(day.year + month // 13, (month - 1) % 12 + 1, 1) - timedelta(days=1)


def _follow(org: Org, lead: str, contact: str, user: str | None) -> None:
    """Activities move to the contact; a campaign member keeps the lead and gets the contact beside it."""
    for name, field, to in (
        ("Task", "WhoId", "WhoId"),
        ("Event", "WhoId", "WhoId"),
        ("CampaignMember", "LeadId", "ContactId"),
    ):
        if name not in org.schema:
            continue
        with org.cursor() as cursor:
            rows = cursor.execute(f"select Id from {quote(name)} where {quote(field)} = ?", [lead]).fetchall()
        org.change(name, {record: {to: contact} for (record,) in rows}, {}, user)
