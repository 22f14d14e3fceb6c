"""Lead conversion in its three forms: into a new account and contact, a new contact of an account, a contact there is.

Merging and converting are done by no REST call; they are offered by SOAP (`soap_calls.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.records import only
from sync_pipeline.sandbox.salesforce.rules.lead_fields import Values, converted, converted_person

CONVERTED = "Converted"  # what the names of the statuses for converted leads have in common


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
        account, contact = _person(org, asked, lead, owner, user) or _company(org, asked, lead, owner, user)
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


def _lead(org: Org, asked: Conversion, user: str | None) -> Values:
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


def _person(org: Org, asked: Conversion, lead: Values, owner: str, user: str | None) -> tuple[str, str] | None:
    """Return account and contact of the person that the lead becomes: it has no company, or the account is a person."""
    joined = bool(asked.account and org.contacts_of("Account", [asked.account]))
    if not joined and (lead.get("Company") or asked.account or not org.has_persons):
        return None
    if asked.contact:
        message = "A lead that becomes a person account names no contact"
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["contactId"])
    values = converted_person(org.schema, lead)
    if asked.account:
        _check_there(org, "Account", asked.account, user)
        _fill_gaps(org, "Account", asked.account, values, asked.overwrite_lead_source and "PersonLeadSource", user)
    account = asked.account or org.insert("Account", [{**values, "OwnerId": owner}], user)[0]
    return account, org.contacts_of("Account", [account])[account]


def _company(org: Org, asked: Conversion, lead: Values, owner: str, user: str | None) -> tuple[str, str]:
    """Return the account and the contact that the lead becomes or joins."""
    if asked.contact and not asked.account:
        raise ApiError("REQUIRED_FIELD_MISSING", "a contactId needs the accountId it belongs to", fields=["accountId"])
    if asked.account:
        _check_there(org, "Account", asked.account, user)
    values = converted(org.schema, lead, "Account")
    account = asked.account or org.insert("Account", [{**values, "OwnerId": owner}], user)[0]
    values = converted(org.schema, lead, "Contact")
    if not asked.contact:
        return account, org.insert("Contact", [{**values, "AccountId": account, "OwnerId": owner}], user)[0]
    _check_there(org, "Contact", asked.contact, user)
    if (org.record("Contact", asked.contact) or {})["AccountId"] not in (None, account):
        message = "The contact must belong to the account that the lead is converted into"
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["contactId"])
    values["AccountId"] = account
    _fill_gaps(org, "Contact", asked.contact, values, asked.overwrite_lead_source and "LeadSource", user)
    return account, asked.contact


def _fill_gaps(org: Org, name: str, record: str, values: Values, overwritten: str | bool, user: str | None) -> None:
    """Give a record there is what it has not; of what it has, one field at most is overwritten."""
    old = org.record(name, record) or {}
    new = {field: value for field, value in values.items() if old[field] is None or field == overwritten}
    org.update(name, record, {field: value for field, value in new.items() if value is not None}, user)


def _check_there(org: Org, name: str, record: str, user: str | None) -> None:
    if lookups.states(org, org.schema[name], [record], user).get(record) != lookups.SEEN:
        raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[])


def _opportunity(org: Org, asked: Conversion, lead: Values, account: str, contact: str, user: str | None) -> str:
    """The account's name and a dash, in the first stage, due when the quarter ends; the contact has the first role."""
    named = (org.record("Account", account) or {})["Name"]
    stage = org.schema["Opportunity"].fields["StageName"]["picklistValues"][0]["value"]
    values = {
        **converted(org.schema, lead, "Opportunity"),
        "Name": asked.opportunity_name or f"{named}-",
        "AccountId": account,
        "StageName": stage,
        "CloseDate": _quarter_end(org.now().date()),
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
    member = {"ContactId": contact, "LeadOrContactId": contact, "Type": "Contact"}
    for name, field, values in (
        ("Task", "WhoId", {"WhoId": contact}),
        ("Event", "WhoId", {"WhoId": contact}),
        ("CampaignMember", "LeadId", member),
    ):
        if name not in org.schema:
            continue
        with org.cursor() as cursor:
            rows = cursor.execute(f"select Id from {quote(name)} where {quote(field)} = ?", [lead]).fetchall()
        org.change(name, {record: only(org.schema[name], values) for (record,) in rows}, {}, user)
    org.unite_members("ContactId", contact)
