"""How each kind of record is called: its paths, keys and own fields. Declarations only."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipeline.model import Field

MOST = 300  # records of a call, values of a filter
NOT_THERE = frozenset({"1004", "1013"})  # no such person, no such record
# What a deleted or merged person leaves behind. Marketo tells it by activities only, so these fields are ours.
DELETED, MERGED_INTO = "isDeleted", "mergedInto"
FATE = (
    Field(DELETED, "boolean", "deleted or merged away, as activities tell it", updateable=False, createable=False),
    Field(MERGED_INTO, "integer", "id of the person it was merged into", updateable=False, createable=False),
)
# A membership has no id of its own: it is a person in a program.
MEMBERSHIP = Field("membershipId", "string", "program id and person id", updateable=False, createable=False)

ACTIVITY_FIELDS = (
    Field("marketoGUID", "string", "unique key"),
    Field("leadId", "integer", "person"),
    Field("activityDate", "datetime", "when it happened"),
    Field("activityTypeId", "integer", "type, see Get Activity Types"),
    Field("campaignId", "integer", "smart campaign that caused it"),
    Field("primaryAttributeValueId", "integer", "id of the asset or field it is about"),
    Field("primaryAttributeValue", "string", "name of the asset or field it is about"),
    Field("attributes", "text", "all other attributes, as a JSON object"),
)
PROGRAM_FIELDS = (
    Field("id", "integer", "Id"),
    Field("name", "string", "Name"),
    Field("description", "text", "Description"),
    Field("createdAt", "datetime", "Created At"),
    Field("updatedAt", "datetime", "Updated At"),
    Field("url", "url", "address in Marketo"),
    Field("type", "string", "Default, Event, Event with Webinar, Engagement or Email"),
    Field("channel", "string", "Channel, which has the statuses"),
    Field("statuses", "text", "names of the channel's statuses in their order, as a JSON list"),
    Field("folder", "text", "folder, as a JSON object"),
    Field("status", "string", "Status"),
    Field("workspace", "string", "Workspace"),
    Field("headStart", "boolean", "Head Start"),
    Field("startDate", "datetime", "Start"),
    Field("endDate", "datetime", "End"),
    Field("sfdcId", "string", "campaign that a native sync ties it to"),
    Field("sfdcName", "string", "name of that campaign"),
    Field("costs", "text", "period costs as a JSON list; of programs that are linked to a campaign only"),
    Field("periodCost", "currency", "sum of the period costs"),
)


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Attributes:
        path: below `/rest/v1`, without `.json`.
        id_field: Marketo's own id of a record.
        dedupe: the fields by which our records are found, as describe tells them too.
        export: the resource of its bulk extract, below `/bulk/v1`; empty where there is none.
    """

    path: str
    id_field: str
    dedupe: tuple[str, ...] = ()
    export: str = ""

    @property
    def describe(self) -> str:
        return f"/rest/v1/{self.path}/describe.json"

    @property
    def resource(self) -> str:
        return f"/rest/v1/{self.path}.json"


LEAD, ACTIVITY, PROGRAM, MEMBER = "lead", "activity", "program", "programMember"

STANDARD = {
    LEAD: Kind("leads", "id", export="leads"),
    ACTIVITY: Kind("activities", "marketoGUID", export="activities"),
    PROGRAM: Kind("programs", "id"),
    MEMBER: Kind("programs/members", "leadId", ("leadId", "programId"), export="program/members"),
    "company": Kind("companies", "id", ("externalCompanyId",)),
    "opportunity": Kind("opportunities", "marketoGUID", ("externalOpportunityId",)),
    "opportunityRole": Kind("opportunities/roles", "marketoGUID", ("externalOpportunityId", "leadId", "role")),
    "salesPerson": Kind("salespersons", "id", ("externalSalesPersonId",)),
}


def kind_of(source: str) -> Kind:
    """Return how records of this API name are called; a name that is not standard is a custom object's."""
    custom = Kind(f"customobjects/{source}", "marketoGUID", export=f"customobjects/{source}")
    return STANDARD.get(source, custom)
