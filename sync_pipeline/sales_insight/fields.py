"""The 13 values of a person in the feed, declared once (SPEC table 23.1): neither set nor mapping can be configured."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipeline.lake.types import TEXT

KEY = "marketo_id"
LINKEDIN = "linkedin_url"


@dataclass(frozen=True)
class FeedField:
    """One value of the feed.

    Attributes:
        name: our column.
        label, kind: what Adobe's page calls it, and the type it states.
        person: the REST name of the Marketo field it is copied from; empty for ids that the link leads to.
        rule: what else holds.
    """

    name: str
    label: str
    kind: str
    person: str = ""
    rule: str = ""

    @property
    def column(self) -> str:
        """The type of our column; ids of Marketo are numbers, all else is text."""
        return "BIGINT" if self.kind == "integer" else TEXT


FIELDS = (
    FeedField("first_name", "First name", "string(255)", "firstName"),
    FeedField("last_name", "Last name", "string(255)", "lastName"),
    FeedField("salesforce_contact_id", "Salesforce contact id", "string(18)", rule="of the link; empty for leads"),
    FeedField(
        "salesforce_lead_id",
        "Salesforce lead id",
        "string(18)",
        rule="of the link; empty for contacts, converted leads among them, whose lead no longer exists (decision 35)",
    ),
    FeedField("salesforce_account_id", "Salesforce account id", "string(18)", rule="the contact's; empty for leads"),
    FeedField(
        "salesforce_opportunity_id",
        "Salesforce opportunity id",
        "string(18)",
        rule="of the contact's opportunities an open one before a closed one, then one with a primary role, then the "
        "one touched last; empty if there is none, and for leads (decision 6)",
    ),
    FeedField(KEY, "Marketo id", "integer", "id", rule="the key; never empty"),
    FeedField("company", "Company", "string(255)", "company"),
    FeedField("title", "Title", "string(255)", "title"),
    FeedField("email", "Email", "e-mail", "email", rule="not unique: duplicates are carried 1:1"),
    FeedField("phone_number", "Phone number", "phone", "phone"),
    FeedField(
        LINKEDIN,
        "LinkedIn URL",
        "URL",
        "linkedInProfileURL",
        rule="or the field that `ACTIONS_LINKEDIN_FIELD` names (decision 8)",
    ),
    FeedField("source", "Source", "string(255)", "leadSource", rule="decision 37"),
)
NAMES = tuple(field.name for field in FIELDS)
