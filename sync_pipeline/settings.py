"""The only reader of the environment: variables, or a `.env` file in the working folder, as typed settings.

Secrets are `SecretStr`: they show as asterisks wherever a setting is printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sync_pipeline import catalog
from sync_pipeline.catalog import activity_types, member_fields, pushed, sales_tasks
from sync_pipeline.catalog.chosen import chosen
from sync_pipeline.catalog.pairings import names as pairing_names
from sync_pipeline.model import Chosen
from sync_pipeline.sync import conditions

PROGRAM_ID, CAMPAIGN_ID = re.compile(r"[0-9]+"), re.compile(r"701[A-Za-z0-9]{12}([A-Z0-5]{3})?")


class Settings(BaseSettings):
    """All settings; docs/settings.md is generated from the descriptions here."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    crm: Literal["salesforce", "veeva"] = Field(
        "salesforce",
        description="The CRM that is synced. Veeva CRM runs on force.com: the settings of Salesforce log in to it too.",
    )
    salesforce_login_url: str = Field(
        "",
        description="Where to log in: the org's My Domain address. Where empty, https://login.salesforce.com, or "
        "https://test.salesforce.com with SALESFORCE_SANDBOX. Plain http is accepted on loopback only.",
    )
    salesforce_sandbox: bool = Field(False, description="Whether the org is a sandbox of Salesforce's.")
    salesforce_client_id: str | None = Field(None, description="Consumer key of the connected or external client app.")
    salesforce_client_secret: SecretStr | None = Field(None, description="Consumer secret of that app.")
    salesforce_username: str | None = Field(None, description="The sync user, for JWT or the legacy password login.")
    salesforce_password: SecretStr | None = Field(None, description="The sync user's password (legacy login).")
    salesforce_security_token: SecretStr | None = Field(None, description="The sync user's security token.")
    salesforce_refresh_token: SecretStr | None = Field(None, description="Refresh token of the web-server flow.")
    salesforce_private_key_file: Path | None = Field(None, description="PEM file of the private key, for JWT bearer.")
    salesforce_api_version: str = Field("62.0", pattern=r"^\d\d\.0$", description="REST and Bulk API version.")
    salesforce_bulk_from: int = Field(
        20_000, ge=0, description="Number of records from which a window is read by Bulk API 2.0 instead of REST."
    )
    salesforce_ingest_from: int = Field(
        2_000, ge=1, description="Number of records from which they are written by Bulk API 2.0 instead of REST."
    )
    salesforce_assign_leads: bool = Field(
        True,
        description="Whether new leads without an owner get theirs from the org's active assignment rule (FLOW-1).",
    )
    salesforce_converted_status: str = Field(
        "Closed - Converted",
        description="Status given to leads that are converted because Marketo merged them with a contact (MERGE-3).",
    )
    salesforce_call_reserve: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="Share of the org's daily API calls that is left to others; at it, reading pauses.",
    )

    marketo_url: str = Field(
        "",
        description="The subscription's REST address, https://123-ABC-456.mktorest.com; without it Marketo is left "
        "out. Plain http is accepted on loopback only.",
    )
    marketo_identity_url: str = Field("", description="Its identity address, where it is not beside the REST address.")
    marketo_client_id: str = Field("", description="Client id of the custom service (LaunchPoint).")
    marketo_client_secret: SecretStr | None = Field(None, description="Client secret of that service.")
    marketo_calls_in_20_seconds: int = Field(
        50, ge=1, le=100, description="Calls in any 20 seconds; Marketo allows 100, to all integrations together."
    )
    marketo_calls_at_once: int = Field(5, ge=1, le=10, description="Calls at once; Marketo allows 10, likewise.")
    marketo_calls_a_day: int = Field(
        40_000, ge=1, description="Budget of calls a day; at it reading pauses until midnight in US Central time."
    )
    marketo_first_day: date = Field(
        date(2007, 1, 1),
        description="No record of the subscription is older. Each 31 days since cost an export job of a minute or more "
        "in the first load, so the day the subscription began saves hours.",
    )
    marketo_activity_types: Annotated[tuple[int, ...], NoDecode] = Field(
        (2, 6, 8, 9, 10, 11, 23, 27, 46, 100),
        description="Ids of the activity types to mirror besides those that tell of changes, separated by commas. "
        "Every ten of them cost a call a cycle, and exports count bytes.",
    )
    marketo_custom_objects: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Custom objects of Marketo to mirror, by API name, separated by commas."
    )
    marketo_poll_seconds: float = Field(60.0, gt=0, description="How often a bulk job is asked for its state.")
    marketo_import_from: int = Field(
        10_000, ge=1, description="Number of new persons of one cycle from which they are written by bulk import."
    )
    marketo_person_key: str = Field(
        "externalPersonId",
        description="Field of a Marketo person that carries the id of its lead or contact: this one where the "
        "subscription has it, else a text field of your own that can be looked up by.",
    )
    marketo_deleted_field: str = Field(
        "",
        description="Truth field of your own, of persons, of companies or of both, that tells that the CRM deleted the "
        "record (DEL-1: the native sync's SFDC Is Deleted, which no API can write).",
    )
    marketo_partitions: str = Field(
        "",
        description="Person partition of new persons, by the first rule that holds of what they get from the CRM, as "
        "in `country = 'Germany' -> 'Europe'; 'Default'`, by Marketo's names (FILT-7); docs/filters.md tells more.",
    )
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
        description="Largest share of an object's links, above a thousand, of which a cycle may replace a value in one "
        "system; filling empty fields does not count.",
    )
    sync_cut_long_texts: bool = Field(
        True, description="Cut texts that the other system cannot hold; otherwise they are refused (FIELD-25)."
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
    sync_blocked_fields: Annotated[tuple[str, ...], NoDecode] = Field(
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
    activity_types: Annotated[tuple[str, ...], NoDecode] = Field(
        tuple(one.name for one in activity_types.ACTIVITY_TYPES),
        description="Custom activity types in which things are logged on people in Marketo, separated by commas; only "
        "those that it has, see `sync-pipeline activities setup` and docs/activities.md.",
    )
    activity_push: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Marketo's activities that the CRM is told of as tasks, separated by commas (SF-ACT-5): "
        + ", ".join(f"`{kind.name}`" for kind in pushed.PUSHED)
        + ".",
    )
    salesforce_task_key: str = Field(
        "Sync_Pipeline_Id__c",
        description="Custom field of tasks (text of 32, unique, external id) for our own id of a task. Where the org "
        "has it, a task whose answer was lost is found by it, else by its person, subject and date.",
    )
    veeva_professional_types: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Record types of accounts, by developer name, separated by commas, whose people take part in the "
        "Veeva sync (VV-PA-1). Often `Professional_vod`; `sync-pipeline check` lists the org's own. It is not guessed: "
        "without it no sync begins.",
    )
    veeva_call_objects: Annotated[tuple[str, ...], NoDecode] = Field(
        ("veevaCall_c", "veevaCallKeyMessage_c"),
        max_length=2,
        description="Custom objects of Marketo, by API name, for Veeva's calls and for their key messages (VV-CALL-8); "
        "docs/veeva.md lists their fields. Nothing of them is written where empty: `VEEVA_CALL_OBJECTS=,`.",
    )
    veeva_call_months: int = Field(
        6,
        ge=1,
        description="Months from its date that a call stays in Marketo, and that the first load reaches back "
        "(VV-CALL-2, VV-CALL-3); the mirror keeps all.",
    )

    lake_catalog: str = Field(
        "data/catalog.sqlite",
        description="The lake's catalog: path of a SQLite file, or `postgres:dbname=… host=…`. A lake holds one CRM: "
        "that of Veeva is below `data/veeva` unless these three say otherwise.",
    )
    lake_data: str = Field("data/files", description="Folder, or object-store URL, of the lake's Parquet files.")
    lake_landing: Path = Field(Path("data/landing"), description="Folder where pages wait until they are committed.")
    lake_memory: str = Field("800MB", description="Memory that DuckDB may use before it spills to disk.")
    lake_threads: int | None = Field(
        None,
        ge=1,
        description="Threads that DuckDB works with; one a processor if empty. Small cycles cost less with one.",
    )
    lake_keep_hours: float = Field(
        24.0, ge=0, description="How long old snapshots of the lake stay readable before maintenance removes them."
    )

    sync_keep_days: float = Field(
        90.0, gt=0, description="How long runs, jobs, notices and resolved errors stay on record (OPS-17)."
    )
    sync_filters: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="Which records of an object of the CRM are synced, as in `lead: Country in ('DE', 'AT') and not "
        "IsTest__c; contact: Sync__c`, in the words of SOQL (FILT-3); docs/filters.md tells more.",
    )
    sync_custom_objects: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Custom objects to mirror besides the standard ones, by API name, separated by commas, parents "
        "first. One that is called like one of MARKETO_CUSTOM_OBJECTS (Car_Sale__c, carSale_c) is copied to it.",
    )
    sync_fields: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Mappings of your own beside the declared ones and those by name, separated by commas: "
        "contact.Region__c=territory, with a rule contact.Region__c=territory:crm_wins, and contact.Region__c= for "
        "none. See docs/fields.md; `sync-pipeline fields try` tells beforehand what one would come to (FIELD-19).",
    )
    sync_custom_fields: bool = Field(
        True,
        description="Whether custom fields of leads, contacts, accounts and opportunities that both systems call alike "
        "are synced without being named (FIELD-1).",
    )
    sync_campaigns: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="Programs and the campaigns they are linked to, by id, as in 1001=701Dn000000aBcDIAU, separated by "
        "commas: members and their statuses go both ways. Off where empty (SF-CAMP-1).",
    )
    sync_member_fields: Annotated[dict[str, str], NoDecode] = Field(
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
    sync_pause_seconds: float = Field(
        300.0, ge=0, description="Pause between the end of one cycle and the start of the next (GEN-1)."
    )
    sync_first_month: date = Field(
        date(2020, 1, 1), description="First month that is a partition of its own; it stands for all before it too."
    )
    sync_overlap_seconds: float = Field(300.0, ge=0, description="How far a window reaches back before the watermark.")
    sync_lag_seconds: float = Field(5.0, ge=0, description="How long before now a window ends.")
    sync_describe_seconds: float = Field(
        3600.0, ge=0, description="Age at which an object's schema is asked for again."
    )
    sync_most_deletes: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Share of an object's records that an id comparison may find gone, or, above ten, that a cycle may "
        "find deleted or merged; above it, stop (DEL-10).",
    )
    sync_page_threads: int = Field(2, ge=1, description="Result pages read at once, per object.")
    sync_object_threads: int = Field(4, ge=1, description="Objects read at once.")

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
    actions_blocked_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Domains to which no sales e-mail may go, separated by commas (SIA-UNS-7)."
    )

    actions_task_kinds: Annotated[tuple[str, ...], NoDecode] = Field(
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

    @field_validator("sync_filters", mode="before")
    @classmethod
    def _conditions(cls, given: object) -> object:
        return conditions.by_object(given) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _filtered_objects(self) -> Self:
        """Make sure that each filter is of an object that can have one: of others it would do nothing, silently."""
        known = (*catalog.CAN_BE_FILTERED[self.crm], *(source.lower() for source in self.sync_custom_objects))
        if unknown := self.sync_filters.keys() - known:
            raise ValueError(f"SYNC_FILTERS: {', '.join(sorted(unknown))} cannot have a filter; {', '.join(known)} can")
        return self

    @field_validator("sync_campaigns", mode="before")
    @classmethod
    def _linked(cls, given: object) -> object:
        """Read the links of programs and campaigns, one to one (SF-CAMP-3)."""
        if not isinstance(given, str):
            return given
        pairs = _pairs(given)
        if any(not PROGRAM_ID.fullmatch(p) or not CAMPAIGN_ID.fullmatch(c) for p, c in pairs):
            raise ValueError("a link is the id of a program, =, and that of a campaign, as in 1001=701Dn000000aBcDIAU")
        if any(len({p[end] for p in pairs}) < len(pairs) for end in (0, 1)):
            raise ValueError("a program is linked to one campaign, and a campaign to one program")
        return dict(pairs)

    @field_validator("sync_member_fields", mode="before")
    @classmethod
    def _paired(cls, given: object) -> object:
        """Read pairs of fields, one to one."""
        if not isinstance(given, str):
            return given
        pairs = _pairs(given)
        if any(not name or "=" in name for pair in pairs for name in pair):
            raise ValueError("a pair is a field of the CRM, =, and one of Marketo, as in Lunch__c=lunch")
        if any(len({pair[end] for pair in pairs}) < len(pairs) for end in (0, 1)) or len(pairs) > member_fields.MOST:
            raise ValueError(f"at most {member_fields.MOST} fields are paired, each once (SF-CAMP-14)")
        return dict(pairs)

    @field_validator(
        "activity_types",
        "activity_push",
        "actions_task_kinds",
        "sync_custom_objects",
        "actions_blocked_domains",
        "marketo_custom_objects",
        "marketo_activity_types",
        "sync_blocked_fields",
        "sync_fields",
        "veeva_professional_types",
        "veeva_call_objects",
        mode="before",
    )
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("sync_fields")
    @classmethod
    def _of_what_is_paired(cls, given: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = pairing_names(info.data["crm"], info.data.get("sync_custom_objects", ())) if given else frozenset()
        if unknown := chosen(given).keys() - known:
            raise ValueError(f"nothing is called {', '.join(sorted(unknown))}; {', '.join(sorted(known))} are")
        return given

    @field_validator("actions_time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        if given not in available_timezones():
            raise ValueError("no time zone has this name")
        return given

    @field_validator("marketo_partitions")
    @classmethod
    def _partitions(cls, given: str) -> str:
        conditions.by_rule(given)
        return given

    @field_validator("activity_types")
    @classmethod
    def _types(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one.name for one in activity_types.activity_types(given))

    @field_validator("activity_push")
    @classmethod
    def _pushed(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(kind.name for kind in pushed.pushed(given))

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

    @field_validator("sync_first_month")
    @classmethod
    def _month(cls, given: date) -> date:
        return given.replace(day=1)

    @model_validator(mode="after")
    def _login_host(self) -> Self:
        """Choose where to log in, where nobody says (CONN-12)."""
        host = "test" if self.salesforce_sandbox else "login"
        self.salesforce_login_url = self.salesforce_login_url or f"https://{host}.salesforce.com"
        return self

    @model_validator(mode="after")
    def _lake_of_its_own(self) -> Self:
        """Keep the lakes of both CRMs apart where nobody says where they are (VV-GEN-9)."""
        if self.crm == "veeva":
            for name in {"lake_catalog", "lake_data", "lake_landing"} - self.model_fields_set:
                place = Path(getattr(self, name))
                of_veeva = place.parent / "veeva" / place.name
                setattr(self, name, of_veeva if name == "lake_landing" else str(of_veeva))
        return self

    def mappings(self) -> Mapping[str, tuple[Chosen, ...]]:
        """Return the mappings that were chosen, by pairing."""
        return chosen(self.sync_fields)

    def systems(self) -> tuple[str, ...]:
        """Return the systems that are mirrored: the CRM and, where its address is set, Marketo."""
        if self.marketo_url and not self._has_crm_credentials():
            return ("marketo",)
        return (self.crm, "marketo") if self.marketo_url else (self.crm,)

    def has_credentials(self) -> bool:
        """Tell whether any way to log in to any system is set."""
        return self._has_crm_credentials() or bool(self.marketo_client_id and self.marketo_client_secret)

    def _has_crm_credentials(self) -> bool:
        by_app = self.salesforce_client_id and (
            self.salesforce_client_secret or self.salesforce_refresh_token or self.salesforce_private_key_file
        )
        return bool(by_app or (self.salesforce_username and self.salesforce_password))


def _pairs(given: str) -> list[tuple[str, str]]:
    """Return the halves of `one=other, ...`; what has no sign has an empty other half."""
    halves = (part.partition("=") for part in given.split(",") if part.strip())
    return [(one.strip(), other.strip()) for one, _, other in halves]
