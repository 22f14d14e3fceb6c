"""Settings of the CRM: Salesforce, or Veeva CRM, which logs in and is read like it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from sync_pipeline.settings.spelling import Names


class CrmSettings(BaseSettings):
    """The CRM."""

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
    salesforce_task_key: str = Field(
        "Sync_Pipeline_Id__c",
        description="Custom field of tasks (text of 32, unique, external id) for our own id of a task. Where the org "
        "has it, a task whose answer was lost is found by it, else by its person, subject and date.",
    )
    veeva_professional_types: Names = Field(
        (),
        description="Record types of accounts, by developer name, separated by commas, whose people take part in the "
        "Veeva sync (VV-PA-1). Often `Professional_vod`; `sync-pipeline check` lists the org's own. It is not guessed: "
        "without it no sync begins.",
    )
    veeva_call_objects: Names = Field(
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

    @model_validator(mode="after")
    def _login_host(self) -> Self:
        """Choose where to log in, where nobody says (CONN-12)."""
        host = "test" if self.salesforce_sandbox else "login"
        self.salesforce_login_url = self.salesforce_login_url or f"https://{host}.salesforce.com"
        return self

    def has_crm_credentials(self) -> bool:
        """Tell whether any way to log in to the CRM is set."""
        by_app = self.salesforce_client_id and (
            self.salesforce_client_secret or self.salesforce_refresh_token or self.salesforce_private_key_file
        )
        return bool(by_app or (self.salesforce_username and self.salesforce_password))
