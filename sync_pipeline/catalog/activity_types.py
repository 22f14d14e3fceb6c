"""The custom activity types of Marketo that stand in for those which REST cannot write (SPEC 31, decision 11).

Seven of the ten that a subscription may have, each with fewer than its twenty attributes (MK-REST-11); marketers get a
trigger and a filter with each. Custom activities can neither be changed nor deleted, and Marketo takes them twice if
they are sent twice: each carries our own id of it, by which it is found again (SIA-ACT-8).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """An attribute: its API name, what marketers read, and Marketo's data type."""

    api_name: str
    name: str
    type: str = "string"


@dataclass(frozen=True)
class ActivityType:
    """A custom activity type; its primary attribute tells what happened.

    Attributes:
        name: our name of it.
        label: what marketers read; its trigger and its filter are called after it.
        events: what the primary attribute can say.
    """

    name: str
    api_name: str
    label: str
    description: str
    events: tuple[str, ...]
    attributes: tuple[Attribute, ...]

    @property
    def trigger(self) -> str:
        return f"Has {self.label}"

    @property
    def filter(self) -> str:
        return f"Had {self.label}"


EVENT = Attribute("event", "Event")
SOURCE_ID = Attribute("sourceId", "Source ID")


def _attributes(text: str) -> tuple[Attribute, ...]:
    """Return the attributes that stand in `text`, `apiName Name in words: type`, separated by commas; ours is last."""
    found = []
    for part in text.split(","):
        name, _, kind = part.partition(":")
        api_name, _, label = name.strip().partition(" ")
        found.append(Attribute(api_name, label.strip(), kind.strip() or "string"))
    return (*found, SOURCE_ID)


CRM_ACTIVITY = ActivityType(
    "crm_activity",
    "crmActivity",
    "CRM Activity",
    "A task or calendar entry of the CRM about this person (SF-ACT-1 to 3)",
    ("Logged", "Updated"),
    _attributes(
        "isTask Is Task: boolean, subject Subject, dueDate Due Date: date, description Description: text,"
        "priority Priority, activityOwner Activity Owner, status Status, crmId CRM ID, origin Origin"
    ),
)
OPPORTUNITY_EVENT = ActivityType(
    "opportunity_event",
    "crmOpportunityEvent",
    "CRM Opportunity Event",
    "What happened to this person's part in an opportunity of the CRM (SF-OPP-6)",
    ("Added to Opportunity", "Removed from Opportunity", "Opportunity is Updated"),
    _attributes(
        "opportunityId Opportunity ID, name Name, stage Stage, amount Amount: float, closeDate Close Date: date,"
        "probability Probability: float, isClosed Is Closed: boolean, isWon Is Won: boolean, type Type, role Role,"
        "isPrimary Is Primary: boolean"
    ),
)
CAMPAIGN_EVENT = ActivityType(
    "campaign_event",
    "crmCampaignEvent",
    "CRM Campaign Event",
    "What happened to this person's membership of a campaign of the CRM (SF-CAMP-2)",
    ("Added to Campaign", "Removed from Campaign", "Status is Changed in Campaign"),
    _attributes("campaignId Campaign ID, name Campaign, status Status, hasResponded Has Responded: boolean"),
)
SALES_EMAIL = ActivityType(
    "sales_email",
    "salesEmailEvent",
    "Sales Email Event",
    "A sales e-mail to this person: sent, opened, clicked, replied to or bounced (SIA-ACT-2)",
    ("Send Sales Email", "Open Sales Email", "Click Sales Email", "Replied to Sales Email", "Sales Email Bounced"),
    _attributes(
        "sentBy Sent By, source Source, templateId Template ID, templateName Sales Template Name,"
        "templateUrl Sales Template URL: link, campaignName Sales Campaign Name, campaignUrl Sales Campaign URL: link,"
        "emailSubject Email Subject, salesPersonId Marketo Sales Person ID, link Link: link, receivedBy Received By,"
        "details Details: text, bouncedEmail Email"
    ),
)
SALES_CALL = ActivityType(
    "sales_call",
    "salesCallEvent",
    "Sales Call Event",
    "A sales call to this person (SIA-ACT-2)",
    ("Received Sales Call",),
    _attributes(
        "callMadeBy Sales Call Made By, status Status, subject Subject, campaignName Sales Campaign Name,"
        "url URL: link, phoneNumber Phone Number Called, duration Duration: integer, recordingUrl Recording URL: link,"
        "answeredBy Answered By, source Source, salesPersonId Marketo Sales Person ID"
    ),
)
SALES_CAMPAIGN = ActivityType(
    "sales_campaign",
    "salesCampaignEvent",
    "Sales Campaign Event",
    "This person was added to a sales campaign or removed from one (SIA-ACT-2)",
    ("Add to Sales Campaign", "Removed from Sales Campaign"),
    _attributes(
        "campaignName Sales Campaign Name, campaignId Sales Campaign ID, salesCallStatus Sales Call Status,"
        "url URL: link, sentBy Sent By, source Source"
    ),
)
CRM_EVENT = ActivityType(
    "crm_event",
    "crmRecordEvent",
    "CRM Record Event",
    "What happened to this person's record in the CRM: conversions (CONV-5), and writes that failed (OPS-8)",
    ("Sync Error", "Lead is Converted"),
    _attributes(
        "object Object, crmId CRM ID, side Side, operation Operation, code Code, message Message: text,"
        "status Converted Status, contactId Contact ID, accountId Account ID, opportunityId Opportunity ID"
    ),
)

ACTIVITY_TYPES = (
    CRM_ACTIVITY, OPPORTUNITY_EVENT, CAMPAIGN_EVENT, SALES_EMAIL, SALES_CALL, SALES_CAMPAIGN, CRM_EVENT,
)  # fmt: skip


def activity_types(names: Collection[str]) -> tuple[ActivityType, ...]:
    """Return the types of these names.

    Raises:
        ValueError: one is unknown.
    """
    known = {found.name: found for found in ACTIVITY_TYPES}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no activity type is called {', '.join(unknown)}; known: {', '.join(known)}")
    return tuple(known[name] for name in known if name in names)
