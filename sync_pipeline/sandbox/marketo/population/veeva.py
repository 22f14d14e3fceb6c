"""What a subscription needs beside a Veeva org, as its administrator would set it up (VV-PA-4, VV-CALL-8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync_pipeline.sandbox.marketo.records import custom_objects
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

CALL, MESSAGE = "veevaCall_c", "veevaCallKeyMessage_c"
FLAG = Field("isPersonAccount", "Is Person Account", "boolean", custom=True)
# Marketo's guide names no fields for these; the labels are those of Marketo's own Veeva sync.
CALL_FIELDS = {
    "veevaId": "Veeva Id", "leadId": "Account", "callType": "Call Type", "contactId": "Contact", "callDate": "Date",
    "isParentCall": "Is Parent Call?", "callStatus": "Status", "recordTypeId": "Record Type",
}  # fmt: skip
MESSAGE_FIELDS = {
    "veevaId": "Veeva Id", "callId": "Call", "category": "Category", "clmPresentationName": "CLM Presentation Name",
    "keyMessageName": "Key Message Name", "productName": "Product Name", "reaction": "Reaction",
}  # fmt: skip
# Those that are no texts.
_KINDS = {"callDate": "date", "isParentCall": "integer"}


def set_up(subscription: Subscription) -> None:
    """Add the flag of person accounts, and the custom objects for calls and their key messages, unless it was done."""
    if CALL in subscription.objects:
        return
    subscription.add_fields("lead", [replace(FLAG, id=subscription.next_field_id())])
    _add(subscription, CALL, "Veeva Call", CALL_FIELDS, {"leadId": ("lead", "id")})
    _add(subscription, MESSAGE, "Veeva Call Key Message", MESSAGE_FIELDS, {"callId": (CALL, "veevaId")})


def _add(
    subscription: Subscription,
    name: str,
    label: str,
    labels: Mapping[str, str],
    links: Mapping[str, tuple[str, str]],
) -> None:
    custom_objects.create(subscription, name, label, f"{label}s", None)
    fields = []
    for own, shown in labels.items():
        field = {"name": own, "displayName": shown, "isDedupeField": own == "veevaId"}
        if own in links:
            to, by = links[own]
            fields.append({**field, "dataType": "link", "relatedTo": {"name": to, "field": by}})
        else:
            fields.append({**field, "dataType": _KINDS.get(own, "string")})
    custom_objects.add_fields(subscription, name, fields)
    custom_objects.approve(subscription, name)
