"""The activity log: what happened to persons, appended by whatever does something to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync_pipeline.sandbox.marketo.records import activity_types
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY

WEB_SERVICE = "Web service API"  # reason and source of what a call changes (MK-REST-9)


@dataclass(frozen=True)
class Author:
    """Who does something: the API method, its user and request, and the reason and source that the log names."""

    method: str = ""
    user: str = ""
    request: str = ""
    reason: str = WEB_SERVICE
    source: str = WEB_SERVICE

    @property
    def trail(self) -> dict[str, str]:
        """The attributes by which an activity names the call that caused it."""
        named = {"API Method Name": self.method, "Modifying User": self.user, "Request Id": self.request}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Activity:
    """One activity to be logged; without a time it is now."""

    lead: int
    type: int
    primary_id: int | None = None
    primary: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    campaign: int | None = None


def record(subscription: Subscription, activities: Sequence[Activity]) -> int:
    """Append activities in order and return the number of the first; attributes without value are left out."""
    first = subscription.reserve("activity", len(activities))
    now = subscription.present()
    rows = [
        {
            "id": first + i,
            "leadId": one.lead,
            "activityDate": one.at or now,
            "activityTypeId": one.type,
            "campaignId": one.campaign,
            "primaryAttributeValueId": one.primary_id,
            "primaryAttributeValue": one.primary,
            "attributes": json.dumps({k: v for k, v in one.attributes.items() if v is not None}, ensure_ascii=False),
        }
        for i, one in enumerate(activities)
    ]
    subscription.insert(ACTIVITY, rows)
    return first


def change(lead: int, field_id: int, label: str, old: str | None, new: str | None, author: Author) -> Activity:
    """Return the activity that tells of a field's new value."""
    told = {"New Value": new, "Old Value": old, "Reason": author.reason, "Source": author.source, **author.trail}
    return Activity(lead, activity_types.CHANGE_DATA_VALUE, field_id, label, told)
