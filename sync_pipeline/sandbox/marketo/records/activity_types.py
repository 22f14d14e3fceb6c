"""The activity types of every subscription: number, name, primary attribute, attributes.

Numbers and names after SPEC 28.3 and Adobe's lists; attributes after its event stream page, its examples and
public data sets. Names of attributes are what activities carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VISIT_WEBPAGE, NEW_LEAD, CHANGE_DATA_VALUE = 1, 12, 13
ADD_TO_LIST, REMOVE_FROM_LIST = 24, 25
SFDC_MERGE, MERGE, DELETE = 31, 32, 37
ADD_TO_OPPORTUNITY, REMOVE_FROM_OPPORTUNITY, UPDATE_OPPORTUNITY = 34, 35, 36
CHANGE_PARTITION, CHANGE_STATUS, CHANGE_MEMBER, PUSH = 100, 104, 123, 145
FIRST_CUSTOM = 100_001


@dataclass(frozen=True)
class ActivityType:
    """One type; `attributes` by name with their data types, the primary one apart."""

    id: int
    name: str
    description: str
    primary: tuple[str, str] | None
    attributes: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the type as Get Activity Types shows it."""
        primary = {"primaryAttribute": _attribute(*self.primary)} if self.primary else {}
        shown = [_attribute(name, kind) for name, kind in self.attributes.items()]
        return {"id": self.id, "name": self.name, "description": self.description, **primary, "attributes": shown}


def _attribute(name: str, kind: str) -> dict[str, str]:
    return {"name": name, "dataType": kind}


_API = "API Method Name, Modifying User, Request Id"
_MAIL = "Campaign Run ID:integer, Choice Number:integer, Step ID:integer"
_DEVICE = "Device, Is Mobile Device:boolean, Platform, User Agent"
_VISIT = "Client IP Address, Query Parameters, Referrer URL:text, User Agent"
_SALES = (
    "Sent By, Source, Template ID:integer, Sales Template Name, Sales Template URL, Sales Campaign Name, "
    "Sales Campaign URL, Email Subject, Marketo Sales Person ID:integer"
)
_TYPES = f"""
1   | Visit Webpage | Webpage ID:integer | {_VISIT}, Search Engine, Search Query, Webpage URL
2   | Fill Out Form | Webform ID:integer | {_VISIT}, Form Fields:text, Webpage ID:integer
3   | Click Link | Link ID:integer | {_VISIT}, Webpage ID:integer
6   | Send Email | Mailing ID:integer | {_MAIL}, Test Variant:integer, Action Result
7   | Email Delivered | Mailing ID:integer | {_MAIL}, Test Variant:integer
8   | Email Bounced | Mailing ID:integer | Category, Details, Email, Subcategory, {_MAIL}, Test Variant:integer
9   | Unsubscribe Email | Mailing ID:integer | {_VISIT}, Form Fields:text, Webform ID:integer, Webpage ID:integer, Campaign Run ID:integer
10  | Open Email | Mailing ID:integer | {_DEVICE}, {_MAIL}, Test Variant:integer
11  | Click Email | Mailing ID:integer | Link:text, Link ID, {_DEVICE}, {_MAIL}, Test Variant:integer
12  | New Lead | - | Created Date:date, Form Name, Lead Source, List Name, SFDC Type, Source Type, Source Info, {_API}
13  | Change Data Value | Attribute Name | New Value:text, Old Value:text, Reason, Source, {_API}
19  | Sync Lead to SFDC | - | Assign To, Campaign, Lead ID:integer
21  | Convert Lead | - | Assign To, Converted Status, Send Notification Email:boolean
22  | Change Score | Score Name | Change Value, New Value:integer, Old Value:integer, Reason, Urgency:float, Priority:float, Relative Score:float, Relative Urgency:float
23  | Change Owner | - | Old Owner, New Owner, Reason, Source
24  | Add to List | List ID:integer | Source
25  | Remove from List | List ID:integer | Source
26  | SFDC Activity | SFDC Activity | Is Task:boolean, Subject, Due Date:datetime, Description:text, Priority, Activity Owner, Status
27  | Email Bounced Soft | Mailing ID:integer | Category, Details, Email, Subcategory, {_MAIL}, Test Variant:integer
28  | Sync Lead Updates to SFDC | - | Source
29  | Delete Lead from SFDC | Lead ID:integer | Campaign
30  | SFDC Activity Updated | SFDC Activity | Is Task:boolean, Subject, Due Date:datetime, Description:text, Priority, Activity Owner, Status
31  | SFDC Merge Leads | Lead ID:integer | Merge IDs:text, Merge Fields:text
32  | Merge Leads | Lead ID:integer | Merge IDs:text, Merge Fields:text, Master Updated:boolean, Merged in Sales:boolean, Merge Source, {_API}
34  | Add to Opportunity | Oppty ID:integer | Role, Is Primary:boolean, {_API}
35  | Remove from Opportunity | Oppty ID:integer | Role, Is Primary:boolean, {_API}
36  | Update Opportunity | Oppty ID:integer | Data Value Changes:text, Attribute Name, New Value:text, Old Value:text, {_API}
37  | Delete Lead | Lead ID:integer | Campaign, {_API}
38  | Send Alert | Mailing ID:integer | {_MAIL}, Send To Owner, Send To List
39  | Send Sales Email | Artifact ID:integer | {_SALES}
40  | Open Sales Email | Artifact ID:integer | {_SALES}
41  | Click Sales Email | Artifact ID:integer | Link:text, {_SALES}
42  | Add to SFDC Campaign | Campaign ID:integer | Status
43  | Remove from SFDC Campaign | Campaign ID:integer | Status
44  | Change Status in SFDC Campaign | Campaign ID:integer | Old Status, New Status
45  | Receive Sales Email | Artifact ID:integer | Received By, Source, Marketo Sales Person ID:integer
46  | Interesting Moment | Milestone | Date:datetime, Description:text, Source, Type
47  | Request Campaign | Campaign ID:integer | Source
48  | Sales Email Bounced | Artifact ID:integer | Details, Email, Sent By, Template ID:integer, Marketo Sales Person ID:integer
100 | Change Lead Partition | Old Partition ID:integer | New Partition ID:integer, Reason
101 | Change Revenue Stage | Model ID:integer | New Stage, New Stage ID:integer, Old Stage, Old Stage ID:integer, Reason, SLA Expiration:datetime
104 | Change Status in Progression | Program ID:integer | Acquired By:boolean, New Status, New Status ID:integer, Old Status, Old Status ID:integer, Program Member ID:integer, Reason, Success:boolean, {_API}
108 | Change Segment | Segmentation ID:integer | New Segment ID:integer
110 | Call Webhook | Webhook | Error Type:integer, Response:text
113 | Add to Nurture | Program ID:integer | Track ID:integer, Track Name
114 | Change Nurture Track | Program ID:integer | New Track ID:integer, Previous Track ID:integer, Track Name
115 | Change Nurture Cadence | Program ID:integer | New Nurture Cadence, Previous Nurture Cadence
123 | Change Program Member Data | Program ID:integer | Attribute Name, Attribute Display Name, New Value:text, Old Value:text, Reason, Source, {_API}
145 | Push Lead to Marketo | Program ID:integer | Source, Reason, {_API}
"""  # noqa: E501
_DESCRIPTIONS = {
    1: "User visits a web page",
    2: "User fills out and submits form on web page",
    12: "New person/record is added to the lead database",
    13: "Changed attribute value for a person/record",
    32: "Merge two or more leads into a single record",
    37: "Delete lead/contact from Marketo database",
}


def _read(line: str) -> ActivityType:
    number, name, primary, attributes = (part.strip() for part in line.split("|"))
    named = dict(_typed(part) for part in attributes.split(", "))
    description = _DESCRIPTIONS.get(int(number), name)
    return ActivityType(int(number), name, description, None if primary == "-" else _typed(primary), named)


def _typed(part: str) -> tuple[str, str]:
    name, _, kind = part.strip().partition(":")
    return name, kind or "string"


TYPES: dict[int, ActivityType] = {found.id: found for found in map(_read, filter(None, _TYPES.strip().splitlines()))}
