"""Record types: those that a describe lists, and whether a record may have the one it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.describe import Json, urls
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.rules.drafts import Draft, standing

MASTER = "012000000000000AAA"  # the type of records that have no other, with the same id in every org


def infos(org: Org, found: SObject, version: str) -> list[Json]:
    """Return what describe tells of an object's record types; the first that is active is everybody's default.

    Recorded describes list none for objects that hang on a parent, such as contact roles, and for custom objects that
    have no types of their own.
    """
    types = _types(org, found.name)
    custom = found.describe["custom"] and not types
    if custom or not found.describe["mruEnabled"] or not found.describe["layoutable"]:
        return []
    default = next((one["Id"] for one in types if one["IsActive"]), MASTER)
    master = {"Id": MASTER, "DeveloperName": "Master", "Name": "Master", "IsActive": True}
    return [
        {
            "active": one["IsActive"],
            "available": one["IsActive"],
            "defaultRecordTypeMapping": one["Id"] == default,
            "developerName": one["DeveloperName"],
            "master": one["Id"] == MASTER,
            "name": one["Name"],
            "recordTypeId": one["Id"],
            "urls": {"layout": f"{urls(found.name, version)['layouts']}/{one['Id']}"},
        }
        for one in (*types, master)
    ]


def check(org: Org, found: SObject, drafts: Sequence[Draft]) -> None:
    """Refuse types that are another object's or switched off."""
    named = [draft for draft in standing(drafts) if draft.values.get("RecordTypeId") not in (None, MASTER)]
    if not named or "RecordType" not in org.schema:
        return
    allowed = {one["Id"] for one in _types(org, found.name) if one["IsActive"]}
    for draft in named:
        value = draft.values["RecordTypeId"]
        if value not in allowed:
            message = f"Record Type ID: this ID value isn't valid for the user: {value}"
            draft.error = ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=["RecordTypeId"])


def _types(org: Org, name: str) -> list[dict[str, Any]]:
    if "RecordType" not in org.schema:
        return []
    listed = ["Id", "Name", "DeveloperName", "IsActive"]
    sql = f'select {", ".join(listed)} from "RecordType" where SobjectType = ? order by Id'
    with org.cursor() as cursor:
        return [dict(zip(listed, row, strict=True)) for row in cursor.execute(sql, [name]).fetchall()]
