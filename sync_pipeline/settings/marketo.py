"""Settings of Marketo Engage."""

from __future__ import annotations

from datetime import date

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from sync_pipeline.settings.spelling import Names, Numbers
from sync_pipeline.sync.scope import filters


class MarketoSettings(BaseSettings):
    """Marketo."""

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
    marketo_activity_types: Numbers = Field(
        (2, 6, 8, 9, 10, 11, 23, 27, 46, 100),
        description="Ids of the activity types to mirror besides those that tell of changes, separated by commas. "
        "Every ten of them cost a call a cycle, and exports count bytes.",
    )
    marketo_custom_objects: Names = Field(
        (), description="Custom objects of Marketo to mirror, by API name, separated by commas."
    )
    marketo_poll_seconds: float = Field(60.0, gt=0, description="How often a bulk job is asked for its state.")
    marketo_import_from: int = Field(
        10_000, ge=1, description="Number of new persons of one cycle from which they are written by bulk import."
    )
    marketo_ingestion_from: int = Field(
        0,
        ge=0,
        description="Number of new people, companies, members or custom objects of one cycle from which they go by the "
        "Data Ingestion API, a thousand a call, which subscriptions of the Performance Tier have; 0: never.",
    )
    marketo_ingestion_url: str = Field(
        "https://mkto-ingestion-api.adobe.io", description="The address of the Data Ingestion API."
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

    @field_validator("marketo_partitions")
    @classmethod
    def _partitions(cls, given: str) -> str:
        filters.by_rule(given)
        return given
