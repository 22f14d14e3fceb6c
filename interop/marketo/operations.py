"""What every Marketo library is asked to do; see `interop.spoken` for how."""

from __future__ import annotations

import json
from collections.abc import Mapping

from interop.errors import DifferenceError
from interop.marketo.rows import MEMBER, arrived, described, equal, in_file
from interop.marketo.stage import SubscriptionStage
from interop.spoken import Records, Step

RECORDS = ("company", "salesPerson", "opportunity", "opportunityRole", "productInterest_c")
TYPES = (10, 12, 13)  # of the activities that are read: Open Email, New Lead, Change Data Value
ASSETS = {
    "staticList": ("id", "name", "createdAt", "updatedAt"),
    "program": ("id", "name", "description", "type", "channel", "workspace", "createdAt", "updatedAt"),
    "listMember": (MEMBER,),
}
ACTIVITY = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
)


def _described(stage: SubscriptionStage, name: str, fields: Records) -> str:
    return described(stage.subscription, name, fields)


def _read(stage: SubscriptionStage, name: str, rows: Records) -> str:
    if name == "activity":
        return _activities(stage, rows)
    return equal(stage.subscription, name, rows, ASSETS.get(name, ()))


def _extracted(stage: SubscriptionStage, name: str, rows: Records) -> str:
    return _activities(stage, rows) if name == "activity" else equal(stage.subscription, name, rows, spelled=in_file)


def _activities(stage: SubscriptionStage, rows: Records) -> str:
    """Compare activities, and their attributes by name: as text, for answers and files spell numbers apart."""
    where = f'"activityTypeId" in {TYPES}'
    said = equal(stage.subscription, "activity", rows, ACTIVITY, where)
    kept = stage.subscription.rows(f"select id::varchar as id, attributes from activity where {where}")
    own = {row["id"]: _texts(json.loads(row["attributes"])) for row in kept}
    for row in rows:
        if _texts(row["attributes"]) != own[row["marketoGUID"]]:
            raise DifferenceError(f"activity {row['marketoGUID']}: the subscription has other attributes")
    return f"{said} and attributes"


def _texts(attributes: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value).lower() for name, value in attributes.items()}


def _wrote(stage: SubscriptionStage, name: str, rows: Records) -> str:
    return arrived(stage.subscription, name, rows)


STEPS: Mapping[str, Step[SubscriptionStage]] = {
    "describe": Step("describe", _described, ["lead"]),
    "persons by filter": Step("find", _read, ["lead"]),
    "static lists and their members": Step("lists", _read, ["staticList", "listMember"]),
    "programs": Step("programs", _read, ["program"]),
    "activities by paging token": Step("activities", _read, ["activity"]),
    "bulk extract": Step("extract", _extracted, ["lead", "activity"]),
    "persons: create, update, merge, delete": Step("write", _wrote, ["lead"]),
    "static lists: add, remove": Step("write_lists", _wrote, ["listMember"]),
    "companies to custom objects: write, read, delete": Step("write_records", _wrote, RECORDS),
    "program members: statuses": Step("write_members", _wrote, ["programMember"]),
    "bulk import": Step("import", _wrote, ["lead"]),
}
