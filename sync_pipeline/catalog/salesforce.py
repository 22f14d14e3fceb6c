"""The objects of a Salesforce org, each declared once, in the order of a first load (SPEC 31, decision 21).

`required` and `updateable` are SPEC 2.1 without its relationship names: `Owner.Name` and `Account.Name` are
fields of the user and of the account, which are mirrored themselves. That every field of a task and event
should be visible (CONN-6) is a rule for the start-up check; which fields those are, only the org can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from sync_pipeline.catalog import (
    mappings_account,
    mappings_activity,
    mappings_campaign,
    mappings_opportunity,
    mappings_person,
)
from sync_pipeline.model import Object, Rule

# Any touch moves these three, even one that changes no field (GEN-13). Every object declared here has them.
BOOKKEEPING = ("SystemModstamp", "LastModifiedDate", "LastModifiedById")

# Objects with a tab of their own have these two, others do not.
PER_READER = {
    "LastViewedDate": "when the reading user last looked at the record, so another value for each user",
    "LastReferencedDate": "when the reading user last looked at a related record, likewise",
}

declare = partial(Object, "salesforce", bookkeeping=BOOKKEEPING, unread=PER_READER)


def names(text: str) -> tuple[str, ...]:
    """Return the field names that stand in `text` with blanks between them."""
    return tuple(text.split())


USER = declare(
    "User",
    "user",
    "A row is one user of the org, active or not: the sales owners of people, accounts and opportunities. "
    "Salesforce to Marketo only, as sales persons (SF-USER-1 to 9). A user is deactivated, never deleted.",
    required=names("Id AccountId CreatedDate Email ManagerId SystemModstamp UserType"),
    mappings=mappings_opportunity.USER,
)

GROUP = declare(
    "Group",
    "group",
    "A row is one group of users; those of `Type` 'Queue' can own leads. Read only: it tells an owner that "
    "is a queue from one that is a user (SF-USER-4, SF-USER-6).",
)

RECORD_TYPE = declare(
    "RecordType",
    "record_type",
    "A row is one record type of one object (`SobjectType`); person accounts have theirs. Read only.",
)

ORGANIZATION = declare(
    "Organization",
    "organization",
    "The only row is the org itself. Read only: its id guards against a sync with another org (GEN-18).",
)

ACCOUNT = declare(
    "Account",
    "account",
    "A row is one account: a company or, where `IsPersonAccount` is true, a company and a person in one "
    "(SF-PACCT-1 to 7). Salesforce to Marketo only, as companies; every update overwrites all mapped fields "
    "there (SF-ACCOUNT-1 to 12). `MasterRecordId` of a deleted row names the account it was merged into.",
    # SPEC 2.1 wants Name updateable only where it is two-way, on person accounts; most orgs have none.
    required=names("Id IsDeleted MasterRecordId SystemModstamp CreatedDate OwnerId ParentId Name Type"),
    mappings=mappings_account.ACCOUNT,
)

CONTACT = declare(
    "Contact",
    "contact",
    "A row is one person whom sales works with, at one account at most. Both ways; when both sides changed a "
    "field, Salesforce wins (SF-CONTACT-1 to 11). Person accounts have a row here too. `MasterRecordId` of a "
    "deleted row names the contact it was merged into.",
    required=names("Id IsDeleted MasterRecordId SystemModstamp CreatedDate AccountId OwnerId Name Email"),
    # Salesforce composes `Name`; its parts are what can be written.
    updateable=names("Salutation FirstName LastName Email"),
    rule=Rule.CRM_WINS,
    mappings=mappings_person.CONTACT,
)

LEAD = declare(
    "Lead",
    "lead",
    "A row is one person not yet qualified by sales; its company is plain text. Both ways; when both sides "
    "changed a field, Marketo wins (SF-LEAD-1 to 13). A converted lead (`IsConverted`) stays as a row, names "
    "its contact, account and opportunity, and can no longer be written. `MasterRecordId` of a deleted row "
    "names the lead it was merged into.",
    required=names(
        "Id IsDeleted MasterRecordId SystemModstamp CreatedDate IsConverted ConvertedDate ConvertedAccountId "
        "ConvertedContactId ConvertedOpportunityId Status OwnerId Name Email Company"
    ),
    updateable=names("Status Salutation FirstName LastName Email"),
    rule=Rule.MARKETO_WINS,
    mappings=mappings_person.LEAD,
)

OPPORTUNITY = declare(
    "Opportunity",
    "opportunity",
    "A row is one deal. Salesforce to Marketo only; amounts are copied as numbers, whatever their currency. "
    "It belongs to people only through `opportunity_contact_role` (SF-OPP-1 to 12).",
    required=names(
        "Id IsDeleted SystemModstamp CreatedDate LastModifiedDate AccountId CampaignId IsClosed IsPrivate "
        "IsWon Name OwnerId Probability StageName"
    ),
    mappings=mappings_opportunity.OPPORTUNITY,
)

OPPORTUNITY_CONTACT_ROLE = declare(
    "OpportunityContactRole",
    "opportunity_contact_role",
    "A row is one contact's part in one opportunity, which may be its primary one. Salesforce to Marketo "
    "only (SF-OPP-3, SF-OPP-9 to 12).",
    required=names("Id IsDeleted SystemModstamp CreatedDate ContactId OpportunityId IsPrimary"),
    mappings=mappings_opportunity.OPPORTUNITY_CONTACT_ROLE,
)

CAMPAIGN = declare(
    "Campaign",
    "campaign",
    "A row is one campaign. Where it is linked to a Marketo program, its type and cost come from there "
    "(SF-CAMP-1 to 7).",
    required=names(
        "Id IsDeleted SystemModstamp CreatedDate CampaignMemberRecordTypeId IsActive Name OwnerId ParentId Status Type"
    ),
    mappings=mappings_campaign.CAMPAIGN,
)

CAMPAIGN_MEMBER_STATUS = declare(
    "CampaignMemberStatus",
    "campaign_member_status",
    "A row is one status that members of one campaign can have. Read only: a program can be linked only to a "
    "campaign whose labels match its own statuses (SF-CAMP-7).",
)

CAMPAIGN_MEMBER = declare(
    "CampaignMember",
    "campaign_member",
    "A row is one lead or contact in one campaign. Both ways where the campaign is linked to a program: "
    "membership and status, which in Marketo only moves forward (SF-CAMP-2 to 22).",
    mappings=mappings_campaign.CAMPAIGN_MEMBER,
)

TASK = declare(
    "Task",
    "task",
    "A row is one to-do, call or logged e-mail, mostly about a lead or contact (`WhoId`). Salesforce to "
    "Marketo, as an activity of that person (SF-ACT-1 to 3).",
    mappings=mappings_activity.TASK,
)

EVENT = declare(
    "Event",
    "event",
    "A row is one calendar entry, mostly about a lead or contact (`WhoId`). Salesforce to Marketo, as an "
    "activity of that person (SF-ACT-1 to 3); of several invitees only the primary counts (SF-ACT-11).",
    mappings=mappings_activity.EVENT,
)

RECORDS = (
    *(USER, GROUP, RECORD_TYPE, ORGANIZATION),
    *(ACCOUNT, CONTACT, LEAD),
    *(OPPORTUNITY, OPPORTUNITY_CONTACT_ROLE),
    *(CAMPAIGN, CAMPAIGN_MEMBER_STATUS, CAMPAIGN_MEMBER),
)
ACTIVITIES = (TASK, EVENT)

CUSTOM_NAME = re.compile(r"[A-Za-z]\w*__c", re.ASCII)


def custom(source: str) -> Object:
    """Return the declaration of the custom object whose API name is `source` (SPEC 10).

    Raises:
        ValueError: `source` cannot be the API name of a custom object.
    """
    if not CUSTOM_NAME.fullmatch(source):
        raise ValueError(f"a custom object's API name ends in __c, as in Invoice__c, unlike {source!r}")
    return declare(
        source,
        source.lower(),
        f"A row is one {source}, a custom object of this org chosen in the settings. Salesforce to Marketo "
        "only (SF-CO-1 to 15).",
    )


def objects(custom_sources: Iterable[str] = ()) -> tuple[Object, ...]:
    """Return all objects in the order of a first load: custom ones after their parents, activities last."""
    return (*RECORDS, *(custom(source) for source in custom_sources), *ACTIVITIES)
