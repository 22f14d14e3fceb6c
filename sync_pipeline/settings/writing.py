"""Settings of what is written to either side."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from sync_pipeline.catalog import activity_types, consent, member_fields, pushed
from sync_pipeline.identifiers import CrmId, IdentifierError, MarketoId
from sync_pipeline.settings.spelling import ByName, Names, one_to_one, pairs


class WritingSettings(BaseSettings):
    """What is written, and what it may come to."""

    write_back: Literal["off", "plan", "apply"] = Field(
        "plan",
        description="What a cycle does with differences between both systems: nothing, plan the writes, or write.",
    )
    sync_most_writes: int = Field(
        0,
        ge=0,
        description="Most writes of one object to one system in a cycle; above it nothing is sent. 0: no limit.",
    )
    sync_most_write_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Largest share of an object's links of which a cycle may replace a value in one system; filling "
        "empty fields does not count.",
    )
    sync_most_emptied: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Largest share of the values of one field that a cycle may empty, or untick, in one system.",
    )
    sync_most_duplicates: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Largest share of the people that a cycle creates in a system whose e-mail address it has already.",
    )
    sync_limits_from: int = Field(
        20,
        ge=0,
        description="So many records are allowed by each limit that is a share, however large a share they are; half "
        "as many links may end.",
    )
    sync_cut_long_texts: bool = Field(
        True,
        description="Cut texts that the other system cannot hold; otherwise they are refused (FIELD-25). "
        "Addresses, phone numbers, links and choices are never cut.",
    )
    sync_delete_people: bool = Field(
        False, description="Whether a lead or contact deleted in the CRM is deleted in Marketo too, not only flagged."
    )
    sync_recreate_people: bool = Field(
        True,
        description="Whether a person deleted in Marketo becomes one again with the next change of its lead or contact "
        "(DEL-4).",
    )
    sync_merge_score: Literal["sum", "max", "winner"] = Field(
        "sum", description="The score of a person whose leads or contacts the CRM merged (MERGE-4)."
    )
    sync_match_email: Literal["never", "unique", "strict"] = Field(
        "never",
        description="Whether a new lead or contact is the person in Marketo who has its e-mail address: never, as in "
        "the original; `unique`: if nobody else is meant; `strict`: and refused where somebody else may be (DEDUP-8).",
    )
    sync_blocked_fields: Names = Field(
        (), description="Marketo fields that the CRM may fill but not overwrite, separated by commas (FIELD-15)."
    )
    flow_default_last_name: str = Field(
        "", description="Last name of a new lead whose person in Marketo has none, on its first push only (CONN-18)."
    )
    flow_default_company: str = Field("", description="Company of a new lead, likewise.")
    flow_second_leads: bool = Field(
        False,
        description="A contact that is sent to a queue becomes a second lead, as in the original (SF-CONTACT-6); "
        "otherwise it is refused.",
    )
    http_token: SecretStr | None = Field(
        None, min_length=16, description="Token that programs must bear which ask `sync-pipeline serve` for something."
    )
    activity_types: Names = Field(
        tuple(one.name for one in activity_types.ACTIVITY_TYPES),
        description="Custom activity types in which things are logged on people in Marketo, separated by commas; only "
        "those that it has, see `sync-pipeline activities setup` and docs/activities.md.",
    )
    activity_push: Names = Field(
        (),
        description="Marketo's activities that the CRM is told of as tasks, separated by commas (SF-ACT-5): "
        + ", ".join(f"`{kind.name}`" for kind in pushed.PUSHED)
        + ".",
    )
    sync_fields: Names = Field(
        (),
        description="Mappings of your own beside the declared ones and those by name, separated by commas: "
        "contact.Region__c=territory, with a rule contact.Region__c=territory:crm_wins, and contact.Region__c= for "
        "none. See docs/fields.md; `sync-pipeline fields try` tells beforehand what one would come to (FIELD-19).",
    )
    sync_consent_fields: Names = Field(
        (),
        description="Checkboxes by which a person says no, besides the opt-outs of e-mail, phone and fax and "
        "ACTIONS_OPT_OUT_FIELD, by the field of either side and separated by commas: contact.Sms_Opt_Out__c. Where "
        "both sides never agreed on one, an opt-out wins, whatever its rule (docs/unsubscribes.md).",
    )
    sync_custom_fields: bool = Field(
        True,
        description="Whether custom fields of leads, contacts, accounts and opportunities that both systems call alike "
        "are synced without being named (FIELD-1).",
    )
    sync_campaigns: ByName = Field(
        default_factory=dict,
        description="Programs and the campaigns they are linked to, by id, as in 1001=701Dn000000aBcDIAU, separated by "
        "commas: members and their statuses go both ways. Off where empty (SF-CAMP-1).",
    )
    sync_member_fields: ByName = Field(
        default_factory=dict,
        description="Custom fields of members of linked campaigns and programs that follow one another, by API name, "
        "as in Lunch__c=lunch, separated by commas: at most 20, each of equal type on both sides. What changes from "
        "then on flows (SF-CAMP-14 to 16).",
    )
    sync_member_leads: bool = Field(
        True,
        description="Members of linked programs whom the CRM does not know become leads (SF-CAMP-6); for an empty last "
        "name and company FLOW_DEFAULT_LAST_NAME and FLOW_DEFAULT_COMPANY stand in.",
    )
    sync_campaign_removals: bool = Field(
        False, description="Remove from a linked program who is removed from its campaign (SF-CAMP-17)."
    )

    @field_validator("sync_campaigns", mode="before")
    @classmethod
    def _linked(cls, given: object) -> object:
        """Read the links of programs and campaigns, one to one (SF-CAMP-3)."""
        if not isinstance(given, str):
            return given
        try:
            found = [(str(MarketoId(program)), str(CrmId(campaign, ("701",)))) for program, campaign in pairs(given)]
        except IdentifierError as error:
            example = "a link is the id of a program, =, and that of a campaign, as in 1001=701Dn000000aBcDIAU"
            raise ValueError(f"{example}: {error}") from None
        if not one_to_one(found):
            raise ValueError("a program is linked to one campaign, and a campaign to one program")
        return dict(found)

    @field_validator("sync_member_fields", mode="before")
    @classmethod
    def _paired(cls, given: object) -> object:
        """Read pairs of fields, one to one."""
        if not isinstance(given, str):
            return given
        found = pairs(given)
        if any(not name or "=" in name for pair in found for name in pair):
            raise ValueError("a pair is a field of the CRM, =, and one of Marketo, as in Lunch__c=lunch")
        if not one_to_one(found) or len(found) > member_fields.MOST:
            raise ValueError(f"at most {member_fields.MOST} fields are paired, each once (SF-CAMP-14)")
        return dict(found)

    @field_validator("sync_consent_fields")
    @classmethod
    def _consent(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return consent.parsed(given)

    @field_validator("activity_types")
    @classmethod
    def _types(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one.name for one in activity_types.activity_types(given))

    @field_validator("activity_push")
    @classmethod
    def _pushed(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(kind.name for kind in pushed.pushed(given))
