"""The only reader of the environment: variables, or a `.env` file in the working folder, as typed settings.

Secrets are `SecretStr`: they show as asterisks wherever a setting is printed. Each module here has the settings of one
thing; what concerns several of them is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sync_pipeline import catalog, redactor
from sync_pipeline.catalog.chosen import chosen
from sync_pipeline.catalog.pairings import names as pairing_names
from sync_pipeline.model import Chosen
from sync_pipeline.settings.actions import ActionsSettings
from sync_pipeline.settings.crm import CrmSettings
from sync_pipeline.settings.lake import LakeSettings
from sync_pipeline.settings.marketo import MarketoSettings
from sync_pipeline.settings.reading import ReadingSettings
from sync_pipeline.settings.secrets import secrets
from sync_pipeline.settings.writing import WritingSettings

__all__ = ["PARTS", "Settings"]

PARTS: tuple[type[BaseSettings], ...] = (
    CrmSettings,
    MarketoSettings,
    ReadingSettings,
    WritingSettings,
    ActionsSettings,
    LakeSettings,
)


class Settings(CrmSettings, MarketoSettings, ReadingSettings, WritingSettings, ActionsSettings, LakeSettings):
    """All settings; docs/settings.md is generated from their descriptions."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    def model_post_init(self, _: object) -> None:
        redactor.keep(*secrets(self))

    @model_validator(mode="after")
    def _filtered_objects(self) -> Self:
        """Make sure that each filter is of an object that can have one: of others it would do nothing, silently."""
        known = (*catalog.CAN_BE_FILTERED[self.crm], *(source.lower() for source in self.sync_custom_objects))
        if unknown := self.sync_filters.keys() - known:
            raise ValueError(f"SYNC_FILTERS: {', '.join(sorted(unknown))} cannot have a filter; {', '.join(known)} can")
        return self

    @model_validator(mode="after")
    def _fields_of_what_is_paired(self) -> Self:
        named = {
            "SYNC_FIELDS": self.mappings().keys(),
            "SYNC_CONSENT_FIELDS": {field.partition(".")[0] for field in self.sync_consent_fields},
        }
        known = pairing_names(self.crm, self.sync_custom_objects) if any(named.values()) else frozenset()
        for setting, some in named.items():
            if unknown := some - known:
                names = ", ".join(sorted(known))
                raise ValueError(f"{setting}: nothing is called {', '.join(sorted(unknown))}; {names} are")
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
        if self.marketo_url and not self.has_crm_credentials():
            return ("marketo",)
        return (self.crm, "marketo") if self.marketo_url else (self.crm,)

    def has_credentials(self) -> bool:
        """Tell whether any way to log in to any system is set."""
        return self.has_crm_credentials() or bool(self.marketo_client_id and self.marketo_client_secret)
