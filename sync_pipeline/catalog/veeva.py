"""The objects of a Veeva CRM org, each declared once, in the order of a first load; and those that are refused.

Veeva CRM runs on force.com (VV-GEN-6), so users, groups and the like are those of a Salesforce org. People are person
accounts only: one row of `account` is a company and a person (VV-PA-2), of which Veeva wins every conflict (VV-PA-5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from sync_pipeline.catalog import mappings_account, mappings_call, salesforce
from sync_pipeline.catalog.salesforce import BOOKKEEPING, PER_READER, names
from sync_pipeline.model import Object

declare = partial(Object, "veeva", bookkeeping=BOOKKEEPING, unread=PER_READER)

USER = replace(
    salesforce.USER,
    system="veeva",
    description="A row is one user of the org, active or not: the sales owners of person accounts and who made the "
    "calls. Veeva to Marketo only, as sales persons (VV-USER-1). A user is deactivated, never deleted.",
)
GROUP = replace(
    salesforce.GROUP,
    system="veeva",
    description="A row is one group of users; those of `Type` 'Queue' can own records. Read only: it tells an owner "
    "that is a queue from one that is a user.",
)
RECORD_TYPE = replace(
    salesforce.RECORD_TYPE,
    system="veeva",
    description="A row is one record type of one object (`SobjectType`). Read only: those of accounts tell "
    "professionals from other people, hospitals from practices (VV-PA-1).",
)
ORGANIZATION = replace(salesforce.ORGANIZATION, system="veeva")

ACCOUNT = declare(
    "Account",
    "account",
    "A row is one account. Where `IsPersonAccount` is true and its record type is one of VEEVA_PROFESSIONAL_TYPES, it "
    "is a company and a person in Marketo (VV-PA-1, VV-PA-2): the company's fields one-way, the person's both ways; "
    "when both sides changed one, Veeva wins (VV-PA-5, VV-PA-6). Other person accounts and business accounts are "
    "mirrored, for calls refer to them, but nothing of them reaches Marketo (VV-GEN-5). Marketo makes no person "
    "accounts (VV-PA-7). `MasterRecordId` of a deleted row names the account it was merged into.",
    required=names(
        "Id IsDeleted MasterRecordId SystemModstamp CreatedDate OwnerId Name Type RecordTypeId IsPersonAccount "
        "PersonContactId LastName PersonEmail"
    ),
    updateable=names("Salutation FirstName LastName PersonEmail"),
    chosen_types=(),
    mappings=(*mappings_account.ACCOUNT, *mappings_account.VEEVA_PERSON),
)

PRODUCT = declare(
    "Product_vod__c",
    "product",
    "A row is one product of the company or of a competitor, from brand to sample pack. Read only: key messages and "
    "calls refer to it.",
)

KEY_MESSAGE = declare(
    "Key_Message_vod__c",
    "key_message",
    "A row is one message about a product that can be shown in calls. Read only: call key messages refer to it.",
)

CALL = declare(
    "Call2_vod__c",
    "call",
    "A row is one call on one account: planned, saved or submitted. A group call is a row of its own and one for each "
    "attendee, which names it in `Parent_Call_vod__c`; each belongs to its own account (VV-CALL-6). Veeva to Marketo "
    "only, those on professionals, for six months (VV-CALL-1 to 3); the mirror keeps all.",
    required=names(
        "Id IsDeleted SystemModstamp CreatedDate Account_vod__c Call_Type_vod__c Contact_vod__c Call_Date_vod__c "
        "Is_Parent_Call_vod__c Status_vod__c RecordTypeId"
    ),
    mappings=mappings_call.CALL,
)

CALL_KEY_MESSAGE = declare(
    "Call2_Key_Message_vod__c",
    "call_key_message",
    "A row is one key message in one call, with the reaction to it; it belongs to the call's person (VV-CALL-7). Veeva "
    "to Marketo only, as long as its call (VV-CALL-1 to 3); the mirror keeps all.",
    required=names(
        "Id IsDeleted SystemModstamp CreatedDate Call2_vod__c Category_vod__c Clm_Presentation_Name_vod__c "
        "Key_Message_Name_vod__c Product_Name__c Reaction_vod__c"
    ),
    mappings=mappings_call.CALL_KEY_MESSAGE,
)

RECORDS = (
    *(USER, GROUP, RECORD_TYPE, ORGANIZATION),
    *(ACCOUNT, PRODUCT, KEY_MESSAGE),
    *(CALL, CALL_KEY_MESSAGE),
)

# What the sync user may well see, and what is neither mirrored nor written (VV-GEN-5), by API name with the reason.
REFUSED = {
    "Lead": "the Veeva sync has no leads, and converts none (VV-GEN-5, VV-PA-8)",
    "Contact": "people are person accounts, whose row in `account` holds their contact's fields (VV-GEN-5)",
    "Opportunity": "the Veeva sync has no opportunities (VV-GEN-5)",
    "OpportunityContactRole": "the Veeva sync has no opportunities (VV-GEN-5)",
    "Campaign": "the Veeva sync has no campaigns (VV-GEN-5)",
    "CampaignMember": "the Veeva sync has no campaigns (VV-GEN-5)",
    "Task": "activities are not synced; Create Task in Veeva only writes them (VV-TASK-1, VV-TASK-2)",
    "Event": "activities are not synced (VV-TASK-2)",
}

DEVELOPER_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def custom(source: str) -> Object:
    """Return the declaration of the custom object whose API name is `source` (VV-CO-1).

    Raises:
        ValueError: `source` cannot be the API name of a custom object.
    """
    return replace(
        salesforce.custom(source),
        system="veeva",
        description=f"A row is one {source}, a custom object of this org chosen in the settings. Veeva to Marketo "
        "only, if it is one or two levels from a contact or account (VV-CO-1, VV-CO-2).",
    )


def objects(custom_sources: Iterable[str] = ()) -> tuple[Object, ...]:
    """Return all objects in the order of a first load: custom ones after the accounts and calls they hang on."""
    return (*RECORDS, *(custom(source) for source in custom_sources))


@dataclass(frozen=True)
class Kept:
    """How long Marketo keeps calls: so many months from the call's date, counted back from `today` (VV-CALL-3)."""

    today: date
    months: int = 6


def calls(types: Sequence[str], kept: Kept) -> tuple[tuple[Object, str, str], ...]:
    """Return calls and their key messages: each object, Marketo's field for whom it belongs to, and who takes part.

    A call takes part if it belongs to a professional (VV-CALL-6) and is not older than Marketo keeps it; of those that
    were there before the first load, nor older by when they were made (VV-CALL-2). A key message does as its call does
    (VV-CALL-7). A call without a date counts from when it was made.
    """
    back = f"interval {int(kept.months)} months"
    professional = f'"Account_vod__c" in (select "Id" from lake.veeva.account where {is_professional(types)})'
    first = "(select max(first_loaded_at) from lake.sync.watermark where system = 'veeva' and object = 'call')"
    call = (
        f'{professional} and coalesce("Call_Date_vod__c", "CreatedDate"::date) >= '
        f"date '{kept.today.isoformat()}' - {back} "
        f"and \"CreatedDate\" >= coalesce({first} - {back}, timestamptz '-infinity')"
    )
    message = f'"Call2_vod__c" in (select "Id" from lake.veeva.call where {call})'
    return (CALL, "leadId", call), (CALL_KEY_MESSAGE, "callId", message)


def is_professional(types: Sequence[str]) -> str:
    """Return SQL over the mirror of accounts: is this a person of one of these record types, by developer name?

    All others stay out of Marketo, and so do their calls (VV-PA-1, VV-GEN-5).

    Raises:
        ValueError: a name that no record type can have.
    """
    bad = [name for name in types if not DEVELOPER_NAME.fullmatch(name)]
    if bad:
        raise ValueError(f"no record type can be called {', '.join(map(repr, bad))}")
    listed = ", ".join(f"'{name}'" for name in types) or "null"
    return (
        '"IsPersonAccount" and "RecordTypeId" in (select "Id" from lake.veeva.record_type '
        f'where "SobjectType" = \'Account\' and "DeveloperName" in ({listed}))'
    )
