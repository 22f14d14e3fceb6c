"""Settings made into the things that work: connector, lake, source, objects. Shared by the CLI and Dagster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from sync_pipeline import catalog
from sync_pipeline.connectors.login import Credentials
from sync_pipeline.connectors.salesforce import Salesforce
from sync_pipeline.lake import Lake
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import Object
from sync_pipeline.settings import Settings


def objects(settings: Settings) -> tuple[Object, ...]:
    """Return the declared objects of the chosen CRM and the custom ones chosen in settings, in reading order."""
    types = settings.veeva_professional_types
    declared = catalog.objects(settings.crm, settings.sync_custom_objects)
    return tuple(obj if obj.chosen_types is None else replace(obj, chosen_types=types) for obj in declared)


def undecided(settings: Settings) -> str:
    """Tell what must be decided before a first sync and is not; empty if nothing is (SPEC 31, decision 31)."""
    names = ", ".join(obj.name for obj in objects(settings) if obj.chosen_types == ())
    said = "VEEVA_PROFESSIONAL_TYPES must name the record types whose people take part"
    return f"{names}: {said}; `sync-pipeline check` lists the org's own" if names else ""


def connector(settings: Settings) -> Salesforce:
    return Salesforce(
        Credentials(
            login_url=settings.salesforce_login_url,
            client_id=settings.salesforce_client_id,
            client_secret=_secret(settings.salesforce_client_secret),
            username=settings.salesforce_username,
            password=_secret(settings.salesforce_password),
            security_token=_secret(settings.salesforce_security_token),
            refresh_token=_secret(settings.salesforce_refresh_token),
            private_key_file=str(settings.salesforce_private_key_file or "") or None,
        ),
        system=settings.crm,
        version=settings.salesforce_api_version,
        bulk_from=settings.salesforce_bulk_from,
        reserve=settings.salesforce_call_reserve,
    )


def lake(settings: Settings, *, read_only: bool = False) -> Lake:
    return Lake.open(settings.lake_catalog, settings.lake_data, read_only=read_only, memory_limit=settings.lake_memory)


def source(
    settings: Settings, opened: Lake, landed: Callable[[Object, int, int], None] = lambda _o, _r, _of: None
) -> Source:
    return Source(
        opened,
        connector(settings),
        settings.lake_landing,
        Policy(
            overlap=timedelta(seconds=settings.sync_overlap_seconds),
            lag=timedelta(seconds=settings.sync_lag_seconds),
            describe_age=timedelta(seconds=settings.sync_describe_seconds),
            page_threads=settings.sync_page_threads,
            object_threads=settings.sync_object_threads,
            most_deletes=settings.sync_most_deletes,
        ),
        landed=landed,
    )


def _secret(given: SecretStr | None) -> str | None:
    return given.get_secret_value() if given else None
