"""The connectors, the lake and the source of one run, made from settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from time import sleep

from pydantic import SecretStr

from sync_pipeline.catalog.pushed import pushed
from sync_pipeline.connectors import marketo
from sync_pipeline.connectors.bounds import Bounds, Patience
from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.connectors.marketo.calls import TIMEOUT
from sync_pipeline.connectors.marketo.limits import next_reset
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.tokens import tokens
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import Object
from sync_pipeline.settings import Settings

DAY = timedelta(days=1)


class Systems:
    """The connectors of one run: mirrors are read and writes are sent under one login and within one rate of calls.

    A connector is made when it is first asked for, and sends nothing before its first call.
    """

    def __init__(self, settings: Settings, opened: Lake | None = None) -> None:
        """Give the systems of settings.

        Args:
            opened: tells how many of the day's calls to Marketo earlier runs made (LIM-4).
        """
        self.settings = settings
        self._lake = opened

    @cached_property
    def crm(self) -> Salesforce:
        return salesforce(self.settings)

    @cached_property
    def marketo(self) -> marketo.Marketo:
        return _marketo(self.settings, _used_today(self._lake) if self._lake else 0)

    def connector(self, system: str | None = None) -> Connector:
        """Return the connector to a system, the CRM if none is named."""
        return self.marketo if system == "marketo" else self.crm


def credentials(settings: Settings) -> Credentials:
    return Credentials(
        login_url=settings.salesforce_login_url,
        client_id=settings.salesforce_client_id,
        client_secret=_secret(settings.salesforce_client_secret),
        username=settings.salesforce_username,
        password=_secret(settings.salesforce_password),
        security_token=_secret(settings.salesforce_security_token),
        refresh_token=_secret(settings.salesforce_refresh_token),
        private_key_file=str(settings.salesforce_private_key_file or "") or None,
    )


def salesforce(settings: Settings) -> Salesforce:
    return Salesforce(
        credentials(settings),
        system=settings.crm,
        version=settings.salesforce_api_version,
        bulk_from=settings.salesforce_bulk_from,
        reserve=settings.salesforce_call_reserve,
        patience=Patience(bounds(settings)),
        tokens=tokens(settings.lake_catalog),
    )


def bounds(settings: Settings) -> Bounds:
    return Bounds(
        request=settings.sync_request_seconds,
        job=settings.sync_job_seconds,
        work=settings.sync_object_seconds,
        answer=int(settings.sync_answer_megabytes * 1e6),
        pages=settings.sync_most_pages,
    )


def writer(settings: Settings, org: Salesforce) -> SalesforceWriter:
    return SalesforceWriter(
        org,
        ingest_from=settings.salesforce_ingest_from,
        assign_leads=settings.salesforce_assign_leads,
        converted_status=settings.salesforce_converted_status,
    )


def _no_waiting(seconds: float) -> None:
    raise RetryableError("WOULD_WAIT", f"the next call may be made in {seconds:.0f} s, and nobody waits for it")


def _marketo(settings: Settings, used_today: int, patience: float | None = None) -> marketo.Marketo:
    """Return a connector; with `patience`, in seconds, one that would rather fail than wait or try again."""
    return marketo.Marketo(
        marketo.Credentials(
            settings.marketo_url,
            settings.marketo_client_id,
            _secret(settings.marketo_client_secret) or "",
            settings.marketo_identity_url,
        ),
        marketo.Limits(
            settings.marketo_calls_in_20_seconds,
            settings.marketo_calls_at_once,
            settings.marketo_calls_a_day,
            used_today,
            sleep=_no_waiting if patience else sleep,
        ),
        marketo.Reach(
            first_day=datetime.combine(settings.marketo_first_day, time.min, UTC),
            activity_types=(*settings.marketo_activity_types, *_told_types(settings)),
            priced=frozenset(map(int, settings.sync_campaigns)),
            poll_seconds=settings.marketo_poll_seconds,
            import_from=settings.marketo_import_from,
            ingest_from=settings.marketo_ingestion_from,
            ingestion_url=settings.marketo_ingestion_url,
        ),
        timeout=patience or TIMEOUT,
        bounds=bounds(settings),
    )


def _told_types(settings: Settings) -> tuple[int, ...]:
    """Return the activity types that the CRM is told of and that are therefore mirrored; of one the id is not known."""
    return tuple(kind.type_id for kind in pushed(settings.activity_push) if kind.type_id)


def lake(settings: Settings, *, read_only: bool = False) -> Lake:
    return Lake.open(
        settings.lake_catalog,
        settings.lake_data,
        read_only=read_only,
        memory_limit=settings.lake_memory,
        threads=settings.lake_threads,
    )


def source(
    settings: Settings,
    opened: Lake,
    system: str | None = None,
    landed: Callable[[Object, int, int], None] = lambda _o, _r, _of: None,
    over: Systems | None = None,
) -> Source:
    """Return a system, the CRM if none is named, as it is mirrored into a lake.

    Args:
        over: the connectors to read by; new ones if they are not given.
    """
    return Source(
        opened,
        (over or Systems(settings, opened)).connector(system),
        settings.lake_landing,
        Policy(
            overlap=timedelta(seconds=settings.sync_overlap_seconds),
            lag=timedelta(seconds=settings.sync_lag_seconds),
            describe_age=timedelta(seconds=settings.sync_describe_seconds),
            page_threads=settings.sync_page_threads,
            object_threads=settings.sync_object_threads,
            most_deletes=settings.sync_most_deletes,
            bounds=bounds(settings),
        ),
        landed=landed,
    )


def _used_today(opened: Lake) -> int:
    """Return the calls to Marketo that runs on record made since its day began."""
    with opened.reading() as con:
        return ledger.calls_since(con, "marketo", next_reset(datetime.now(UTC)) - DAY)


def _secret(given: SecretStr | None) -> str | None:
    return given.get_secret_value() if given else None
