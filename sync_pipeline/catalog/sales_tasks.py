"""How a sales activity is told in a task of the CRM: its type, and the custom fields that Adobe adds (SPEC 25.1)."""

from __future__ import annotations

import re

# What the picklist `Task.Type` must have, letter by letter, for the type to be set (SIA-LOG-6).
TYPES = {"send_email": "Email", "call": "Call", "reply": "Reply"}

# Our value by the task's field; those that an org does not have are left out (SIA-LOG-9).
FIELDS = {
    "mktosales_call_outcome__c": "call_outcome",
    "mktosales_call_reason__c": "call_reason",
    "MSE_Call_Local_Presence_ID__c": "local_presence_id",
    "MSE_Call_Recording__c": "recording_url",
    "MSE_Campaign__c": "campaign_name",
    "MSE_Current_Campaign_Step__c": "campaign_step",
    "MSE_Campaign_Details_Link__c": "campaign_url",
    "MSE_Presentation_Viewed__c": "presentation_viewed",
    "MSE_Clicked__c": "clicked",
    "MSE_Replied__c": "replied",
    "MSE_Viewed__c": "viewed",
    "MSE_Email_Status__c": "email_status",
    "MSE_Template__c": "template_name",
    "MSE_Template_Details__c": "template_url",
    "MSE_Details__c": "details_url",
    "CallDurationInSeconds": "duration_seconds",
    "CallDisposition": "call_outcome",
}

# The dynamic fields of a subject (SIA-LOG-8); `activity_type` and `activity_subject` depend on the kind.
SUBJECT_FIELDS = {
    "sales_campaign_name": "campaign_name",
    "sales_campaign_day": "campaign_day",
    "sales_campaign_step": "campaign_step",
    "call_outcome": "call_outcome",
    "call_reason": "call_reason",
}
SUBJECT_LENGTH = 255

_FIELD = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def subject_parts(template: str) -> list[str]:
    """Return a template of subjects cut into texts and, at the odd places, names of dynamic fields.

    Raises:
        ValueError: it names a field that there is not.
    """
    parts, known = _FIELD.split(template), {"activity_type", "activity_subject", *SUBJECT_FIELDS}
    if unknown := [name for name in parts[1::2] if name not in known]:
        raise ValueError(f"no such field: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return parts
