"""Members of campaigns: one lead or contact once in each, with what follows from it and from the status.

Uniqueness and texts as quoted in public; of a member with both a lead and a contact only the contact is kept, as the
object's reference says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org import lookups
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.rules import required_missing
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.rules.drafts import Draft, standing

NAME = "CampaignMember"
DEFAULT = "Sent"  # the status of a new member where the campaign names none
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_SHOWN = (  # what a member shows of its person under the same name
    "Salutation", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "Fax", "MobilePhone", "Description",
    "DoNotCall", "HasOptedOutOfEmail", "HasOptedOutOfFax", "LeadSource",
)  # fmt: skip
_PERSONS = {
    "Lead": {name: name for name in (*_SHOWN, *_ADDRESS)} | {"LeadOrContactOwnerId": "OwnerId"},
    "Contact": {name: name for name in _SHOWN}
    | {name: f"Mailing{name}" for name in _ADDRESS}
    | {"LeadOrContactOwnerId": "OwnerId"},
}


def check(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse members without a person and persons that are members already, by this batch too."""
    if found.name != NAME:
        return
    new = [draft for draft in standing(drafts) if draft.creating]
    for draft in new:
        if draft.values.get("ContactId"):
            draft.values["LeadId"] = None
        elif not draft.values.get("LeadId"):
            draft.error = required_missing(["LeadId", "ContactId"])
    taken = _members(org, {draft.values["CampaignId"] for draft in standing(new)})
    for draft in standing(new):
        member = draft.values["CampaignId"], _person(draft)
        if member in taken:
            draft.error = ApiError("DUPLICATE_VALUE", "Already a campaign member.", fields=[])
        taken.add(member)


def complete(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Add to the drafts what Salesforce fills in: whose member it is, who that is, whether it has responded."""
    if found.name != NAME:
        return
    new = [draft for draft in standing(drafts) if draft.creating]
    for kind in _PERSONS:
        _show_persons(org, kind, found, [draft for draft in new if draft.values.get(f"{kind}Id")])
    old = [draft for draft in standing(drafts) if not draft.creating and draft.values.get("Status")]
    known = lookups.records(org, found, {d.id for d in old}, ["CampaignId", "FirstRespondedDate"]) if old else {}
    statuses = _statuses(org, {d.values["CampaignId"] for d in new} | {one["CampaignId"] for one in known.values()})
    for draft in (*new, *old):
        before = known.get(draft.id, {})
        responding, default = statuses[before.get("CampaignId") or draft.values["CampaignId"]]
        draft.values["Status"] = draft.values.get("Status") or default
        draft.values["HasResponded"] = draft.values["Status"] in responding
        if draft.values["HasResponded"] and not before.get("FirstRespondedDate"):
            draft.values["FirstRespondedDate"] = org.now().date()


def _person(draft: Draft) -> str:
    return str(draft.values.get("ContactId") or draft.values["LeadId"])


def _members(org: Org, campaigns: Collection[str]) -> set[tuple[str, str]]:
    """Return the pairs of campaign and person that there are in these campaigns."""
    sql = f"select CampaignId, {{}} from {NAME} where not IsDeleted and CampaignId in (select unnest($ids))"
    with org.cursor() as cursor:
        both = " union all ".join(sql.format(field) for field in ("LeadId", "ContactId"))
        return set(cursor.execute(both, {"ids": list(campaigns)}).fetchall())


def _show_persons(org: Org, kind: str, found: SObject, drafts: Sequence[Draft]) -> None:
    fields = {shown: field for shown, field in _PERSONS[kind].items() if shown in found.columns}
    known = {field for field in fields.values() if field in org.schema[kind].columns}
    persons = lookups.records(org, org.schema[kind], {_person(draft) for draft in drafts}, sorted(known))
    for draft in drafts:
        person = persons.get(_person(draft), {})
        shown = {name: person.get(field) for name, field in fields.items() if field in known}
        draft.values |= {**shown, "Type": kind, "LeadOrContactId": _person(draft)}


def _statuses(org: Org, campaigns: Collection[str]) -> dict[str, tuple[set[str], str]]:
    """Return for each campaign the statuses that count as a response, and that of new members."""
    named: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    if "CampaignMemberStatus" in org.schema:
        sql = (
            f"select CampaignId, Label, HasResponded, IsDefault from {quote('CampaignMemberStatus')}"
            " where CampaignId in (select unnest(?)) order by SortOrder"
        )
        with org.cursor() as cursor:
            for campaign, *status in cursor.execute(sql, [list(campaigns)]).fetchall():
                named[campaign].append(tuple(status))
    return {
        campaign: (
            {label for label, responded, _ in named[campaign] if responded} or {"Responded"},
            next((label for label, _, is_default in named[campaign] if is_default), DEFAULT),
        )
        for campaign in campaigns
    }
