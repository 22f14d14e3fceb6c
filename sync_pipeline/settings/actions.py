"""Settings of the feed of Sales Insight Actions, and of what its sales tool tells."""

from __future__ import annotations

from zoneinfo import available_timezones

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from sync_pipeline.catalog import sales_tasks
from sync_pipeline.settings.spelling import Names


class ActionsSettings(BaseSettings):
    """Sales Insight Actions."""

    actions_linkedin_field: str = Field(
        "linkedInProfileURL", description="Marketo field, by REST name, of the people feed's LinkedIn address."
    )
    actions_capacity: int = Field(
        1_500_000,
        ge=1,
        description="People that an instance of Sales Insight Actions holds (SIA-FEED-16); above it the feed warns.",
    )
    actions_opt_out_field: str = Field(
        "",
        description="Checkbox of leads and contacts, by API name, that an unsubscribe of the sales tool ticks besides "
        "Email Opt Out (SIA-UNS-3), such as Marketo Sales Opt Out of the Sales Insight package.",
    )
    actions_unsubscribes_at: str = Field(
        "20:00",
        pattern=r"^(off|([01]\d|2[0-3]):[0-5]\d)$",
        description="When unsubscribes are brought to the same on both sides each night (SIA-UNS-2), or `off`; those "
        "that the sales tool tells go to Salesforce at once all the same.",
    )
    actions_time_zone: str = Field("America/Los_Angeles", description="The time zone of that hour, by its IANA name.")
    actions_reminders: bool = Field(
        False,
        description="Let reminder tasks of the sales tool and tasks of Salesforce follow one another (SIA-TASK-1).",
    )
    actions_marketo_check: bool = Field(
        False, description="Ask Marketo before a sales e-mail is sent whether the person is unsubscribed (SIA-UNS-6)."
    )
    actions_check_seconds: float = Field(
        5.0, gt=0, description="How long Marketo may take to answer that; without an answer nothing is sent."
    )
    actions_blocked_domains: Names = Field(
        (), description="Domains to which no sales e-mail may go, separated by commas (SIA-UNS-7)."
    )
    actions_task_kinds: Names = Field(
        (),
        description="Kinds of sales activities that become tasks of the CRM (SIA-LOG-1), separated by commas: "
        + ", ".join(f"`{kind}`" for kind in sales_tasks.TYPES)
        + ".",
    )
    actions_task_subject: str = Field(
        "{{activity_type}}: {{activity_subject}}",
        description="Subject of those tasks (SIA-LOG-8); fields in double braces: activity_type, activity_subject, "
        + ", ".join(sales_tasks.SUBJECT_FIELDS)
        + ".",
    )
    actions_task_newest: bool = Field(
        False,
        description="Of several records with one address the one written last gets the task; otherwise none does, and "
        "it is listed (SIA-LOG-10).",
    )

    @field_validator("actions_time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        if given not in available_timezones():
            raise ValueError("no time zone has this name")
        return given

    @field_validator("actions_task_kinds")
    @classmethod
    def _kinds(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(given) - sales_tasks.TYPES.keys():
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be tasks; {', '.join(sales_tasks.TYPES)} can")
        return given

    @field_validator("actions_task_subject")
    @classmethod
    def _subject(cls, given: str) -> str:
        sales_tasks.subject_parts(given)
        return given
