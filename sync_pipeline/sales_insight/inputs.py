"""What a sales tool tells, declared once: sales activities (SIA-ACT-2), unsubscribes, reminders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sync_pipeline.identifiers import CrmId, EmailAddress, MarketoId


class Type(StrEnum):
    """How a value is kept; the word is that of our column."""

    TEXT = "VARCHAR"
    WHOLE = "BIGINT"
    TRUTH = "BOOLEAN"
    DAY = "DATE"
    TIME = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class Value:
    """A named value of an input.

    Attributes:
        label: what Adobe's glossary calls it, for the attributes of an activity.
        parse: makes one plain address or id of it, where it names a person or a record.
    """

    name: str
    said: str
    type: Type = Type.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    label: str = ""
    parse: Callable[[object], str] | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of sales activity with the names of its attributes.

    Attributes:
        type_id: that of the standard activity in Marketo where it is published (SIA-ACT-5). REST cannot write those, so
            a custom activity stands in (SIA-ACT-7).
    """

    name: str
    label: str
    attributes: tuple[str, ...]
    type_id: int | None = None


def attribute(name: str, label: str, type: Type = Type.TEXT, choices: tuple[str, ...] = ()) -> Value:  # noqa: A002
    return Value(name, label, type, choices=choices, label=label)


ATTRIBUTES = (
    attribute("sent_by", "Sent By"),
    attribute("source", "Source"),
    attribute("template_id", "Template ID"),
    attribute("template_name", "Sales Template Name"),
    attribute("template_url", "Sales Template URL"),
    attribute("campaign_name", "Sales Campaign Name"),
    attribute("campaign_url", "Sales Campaign URL"),
    attribute("campaign_id", "Sales Campaign ID"),
    attribute("email_subject", "Email Subject"),
    attribute("sales_person_id", "Marketo Sales Person ID"),
    attribute("link", "Link"),
    attribute("received_by", "Received By"),
    attribute("details", "Details"),
    attribute("bounced_email", "Email"),
    attribute("call_made_by", "Sales Call Made By"),
    attribute("call_status", "Status", choices=("completed", "no answer", "cancelled", "failed")),
    attribute("call_outcome", "Subject"),
    attribute("url", "URL"),
    attribute("phone_number", "Phone Number Called"),
    attribute("duration_seconds", "Duration", Type.WHOLE),
    attribute("recording_url", "Recording URL"),
    attribute("answered_by", "Answered By"),
    attribute("sales_call_status", "Sales Call Status"),
)

# What only the CRM's task has: for its subject (SIA-LOG-8) and its own fields (SPEC table 25.1).
OF_TASKS = (
    Value("subject", "subject of what was replied to, or of the call"),
    Value("campaign_day", "day of the sales campaign"),
    Value("campaign_step", "step of the sales campaign"),
    Value("call_reason", "reason of the call"),
    Value("local_presence_id", "local presence of the call"),
    Value("email_status", "status of the e-mail"),
    Value("details_url", "where the tool shows it"),
    *(
        Value(name, f"whether it was {said}", Type.TRUTH)
        for name, said in {
            "viewed": "viewed", "clicked": "clicked", "replied": "replied to",
            "presentation_viewed": "viewed as a presentation",
        }.items()
    ),
)  # fmt: skip

SENT = (
    "sent_by", "source", "template_id", "template_name", "template_url", "campaign_name", "campaign_url",
    "email_subject", "sales_person_id",
)  # fmt: skip
CALL = (
    "call_made_by", "call_status", "call_outcome", "campaign_name", "url", "phone_number", "duration_seconds",
    "recording_url", "answered_by", "source", "sales_person_id",
)  # fmt: skip
CAMPAIGN = ("campaign_name", "campaign_id", "sales_call_status", "url", "sent_by", "source")
KINDS = (
    Kind("send_email", "Send Sales Email", SENT, 39),
    Kind("open_email", "Open Sales Email", SENT, 40),
    Kind("click_email", "Click Sales Email", (*SENT, "link"), 41),
    Kind("reply", "Replied to Sales Email", ("received_by", "source", "sales_person_id")),
    Kind(
        "bounce", "Sales Email Bounced", ("details", "bounced_email", "sent_by", "template_id", "sales_person_id"), 48
    ),
    Kind("call", "Received Sales Call", CALL),
    Kind("add_to_campaign", "Add to Sales Campaign", CAMPAIGN),
    Kind("remove_from_campaign", "Removed from Sales Campaign", CAMPAIGN),
)

PERSON = (
    Value("marketo_id", "the person, by the Marketo id of the feed", Type.WHOLE, parse=MarketoId),
    Value("salesforce_id", "or by the id of its lead or contact", parse=CrmId),
    Value("email", "or by its address", parse=EmailAddress),
)


@dataclass(frozen=True)
class Input:
    """A table that is filled from outside; records are told from one another by their `key`.

    Attributes:
        stamp: the value that says when a record was last changed: it is told anew with each change, and one that is
            not later than what is known changes nothing. Empty where a record is told once and never changes.
    """

    table: str
    key: str
    values: tuple[Value, ...]
    stamp: str = ""


ACTIVITY = Input(
    "sales_activity",
    "activity_id",
    (
        Value("activity_id", "the sender's own id of it; the same one again is no second activity", required=True),
        Value("kind", "one of the eight", required=True, choices=tuple(kind.name for kind in KINDS)),
        Value("happened_at", "when, ISO; UTC without an offset", Type.TIME, required=True),
        *PERSON,
        *ATTRIBUTES,
        *OF_TASKS,
    ),
)
UNSUBSCRIBE = Input(
    "unsubscribe",
    "unsubscribe_id",
    (
        Value("unsubscribe_id", "the sender's own id of it", required=True),
        Value("happened_at", "when, ISO; UTC without an offset", Type.TIME, required=True),
        *PERSON,
    ),
)
REMINDER = Input(
    "reminder_task",
    "task_id",
    (
        Value("task_id", "the sales tool's own id of it; `salesforce/…` where it came from there", required=True),
        Value("updated_at", "when it was last changed, ISO; UTC without an offset", Type.TIME, required=True),
        Value("deleted_at", "when it was deleted", Type.TIME),
        Value("name", "what is to be done", required=True),
        Value("status", "how far it is", required=True, choices=("open", "complete")),
        Value("priority", "how urgent it is", choices=("normal", "high")),
        Value("due_on", "the day it is due, ISO", Type.DAY),
        Value("details", "more about it"),
        Value("owner_id", "the user of Salesforce whose task it is; the sync user's where it is empty", parse=CrmId),
        *PERSON,
    ),
    stamp="updated_at",
)
INPUTS = {into.table: into for into in (ACTIVITY, UNSUBSCRIBE, REMINDER)}
