"""Settings made into the things that work: connectors, lake, sources, objects. Shared by the CLI and Dagster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property, partial
from time import sleep

from pydantic import SecretStr

from sync_pipeline import catalog
from sync_pipeline.actions import opt_outs, reminders, unsubscribes
from sync_pipeline.actions.feed import Options
from sync_pipeline.actions.may_send import Permission, may_send
from sync_pipeline.activities import sales_tasks, step
from sync_pipeline.catalog.flow_actions import COMPANY, LAST_NAME, PERSON_PREFIXES
from sync_pipeline.catalog.pushed import pushed
from sync_pipeline.catalog.salesforce import TASK
from sync_pipeline.catalog.veeva import Kept
from sync_pipeline.connectors import marketo
from sync_pipeline.connectors.bounds import Bounds, Patience
from sync_pipeline.connectors.errors import ConnectorError, FatalError, RetryableError
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.connectors.marketo.calls import TIMEOUT
from sync_pipeline.connectors.marketo.limits import next_reset
from sync_pipeline.connectors.marketo.setup import is_native
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.flow import perform
from sync_pipeline.flow.perform import Flow, unsettled
from sync_pipeline.flow.sides import Sides
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.tokens import tokens
from sync_pipeline.mirror.cycle import OTHERS, connect
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import FAILED, SUCCEEDED, Object, Pairing, worst
from sync_pipeline.settings import Settings
from sync_pipeline.sync.inspection import backlog
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.pass_result import Synced, record
from sync_pipeline.sync.planning.limits import Limits
from sync_pipeline.sync.scope.filters import cascaded, filtered
from sync_pipeline.sync.sync_pass import Pass, Rules, Side, describes

DAY = timedelta(days=1)


def objects(settings: Settings) -> tuple[Object, ...]:
    """Return the declared objects of all systems and the custom ones chosen in settings, in reading order."""
    calls = settings.veeva_call_objects if settings.crm == "veeva" else ()
    custom = {
        settings.crm: settings.sync_custom_objects,
        "marketo": tuple(dict.fromkeys((*settings.marketo_custom_objects, *calls))),
    }
    types = settings.veeva_professional_types
    declared = (obj for system in settings.systems() for obj in catalog.objects(system, custom[system]))
    return tuple(obj if obj.chosen_types is None else replace(obj, chosen_types=types) for obj in declared)


def undecided(settings: Settings) -> str:
    """Tell what must be decided before a first sync and is not; empty if nothing is (SPEC 31, decision 31)."""
    names = ", ".join(obj.name for obj in objects(settings) if obj.chosen_types == ())
    said = "VEEVA_PROFESSIONAL_TYPES must name the record types whose people take part"
    return f"{names}: {said}; `sync-pipeline check` lists the org's own" if names else ""


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


def pairings(settings: Settings) -> tuple[Pairing, ...]:
    """Return what is synced both ways, in the order of writing; nothing while only one system is configured."""
    if len(settings.systems()) < 2:
        return ()
    found = filtered(_pairings(settings), settings.sync_filters)
    return cascaded(found) if settings.sync_filter_cascade else found


def _pairings(settings: Settings) -> tuple[Pairing, ...]:
    given = settings.marketo_person_key, settings.marketo_deleted_field, settings.sync_delete_people
    custom = catalog.custom_pairings(settings.sync_custom_objects, settings.marketo_custom_objects, settings.crm)
    if settings.crm == "veeva":
        kept = Kept(datetime.now(UTC).date(), settings.veeva_call_months)
        types, calls = settings.veeva_professional_types, settings.veeva_call_objects
        return (*catalog.veeva_pairings(types, calls, kept, *given), *custom)
    campaigns = catalog.campaign_pairings(
        settings.sync_campaigns, settings.sync_campaign_removals, settings.sync_member_fields
    )
    standard = catalog.pairings(*given)
    if campaigns and settings.sync_member_leads:
        standard = catalog.with_member_leads(standard, _defaults(settings))
    return (*standard, *custom, *campaigns)


def _defaults(settings: Settings) -> dict[str, str]:
    return {LAST_NAME: settings.flow_default_last_name, COMPANY: settings.flow_default_company}


def two_way(settings: Settings, opened: Lake, run_id: str, over: Systems | None = None) -> Pass:
    """Return one pass of the two-way sync, which writes `over` the systems; without them it only plans."""
    wanted, rules = pairings(settings), _rules(settings)
    # Views of their own, so that the pass has the time of an object, and no more (law 12).
    sides: dict[str, Side] = (
        {"crm": writer(settings, over.crm).metered(), "marketo": over.marketo.metered()} if over else {}
    )
    of = dict.fromkeys(obj.system for p in wanted for obj in (p.crm, p.marketo))
    return Pass(opened, wanted, describes(opened, tuple(of)), run_id, rules, sides or None)


def pass_over(
    settings: Settings, opened: Lake, over: Systems | None = None, run_id: str = ""
) -> tuple[str, list[Synced]]:
    """Run one pass of the two-way sync, which writes `over` the systems; return its status and what it came to.

    Its writes are those of `run_id` in `sync.outbox`.

    What was applied is on record as a run with its jobs. A plan is not: it stands in `sync.outbox` until the next one,
    and only one that could not be made is no success.

    Raises:
        FatalError: the systems are not those of the lake (GEN-18); nothing is sent.
    """
    run_id, started = run_id or uuid.uuid4().hex, datetime.now(UTC)
    if over:
        refuse_others(settings, opened, over, settings.systems())
    if over and unsettled(opened):
        with suppress(ConnectorError):  # what is not settled is held back, and the pass meets the same outage
            flow(settings, opened, over).settle()
    done = two_way(settings, opened, run_id, over).run(started)
    backlog.measure(opened, pairings(settings), datetime.now(UTC))
    if over:
        return record(opened, run_id, done, started, datetime.now(UTC)), done
    return worst(FAILED if synced.error else SUCCEEDED for synced in done), done


def _rules(settings: Settings) -> Rules:
    return Rules(
        Limits(
            settings.sync_most_writes,
            settings.sync_most_write_share,
            settings.sync_most_emptied,
            settings.sync_most_duplicates,
            settings.sync_limits_from,
            settings.sync_most_deletes,
            settings.sync_limits_from // 2,
        ),
        mapping=Choice(
            settings.mappings(),
            settings.sync_custom_fields,
            settings.sync_consent_fields,
            settings.actions_opt_out_field,
        ),
        blocked=settings.sync_blocked_fields,
        truncates=settings.sync_cut_long_texts,
        recreates=settings.sync_recreate_people,
        score=settings.sync_merge_score,
        match=settings.sync_match_email,
        ingests=settings.marketo_ingestion_from > 0,
        partitions=settings.marketo_partitions,
    )


def flow(settings: Settings, opened: Lake, over: Systems) -> Flow:
    """Return the flow actions on demand; two calls make sure that they may act on these systems.

    Raises:
        FatalError: the lake belongs to other systems (GEN-18), or Marketo's own sync is on: it would take what is
            created here for strangers.
    """
    for system in settings.systems():
        connect(source(settings, opened, system, over=over))
    if is_native(over.marketo.calls):
        raise FatalError("NATIVE_MODE", "Marketo's own CRM sync is on: its flow steps act in Salesforce, not these")
    people = [pairing for pairing in pairings(settings) if pairing.name in PERSON_PREFIXES.values()]
    rules = perform.Rules(_defaults(settings), settings.flow_second_leads, _rules(settings))
    return Flow(opened, Sides(over.crm, writer(settings, over.crm), over.marketo), people, rules)


def log_activities(settings: Settings, opened: Lake, over: Systems) -> tuple[str, list[step.Logged]]:
    """Log on both sides what happened to people; return the status and what it came to.

    Raises:
        FatalError: the systems are not those of the lake (GEN-18); nothing is sent.
    """
    refuse_others(settings, opened, over, settings.systems())
    run_id, started = uuid.uuid4().hex, datetime.now(UTC)
    with opened.reading() as con:
        told = ledger.remembered_describes(con, settings.crm, "Task").get("Task")
    options = step.Options(
        settings.activity_types,
        pushed(settings.activity_push),
        sales_tasks.Options(settings.actions_task_kinds, settings.actions_task_subject, settings.actions_task_newest),
        settings.salesforce_task_key,
    )
    activity = catalog.by_name("activity", catalog.objects("marketo"))
    task = replace(TASK, system=settings.crm)  # Veeva's are never described, so none is logged there (VV-TASK-2)
    crm = writer(settings, over.crm).metered()
    described = told[0] if told else None
    done = step.Step(opened, options, over.marketo.metered(), crm, activity, task, described, run_id).run(started)
    return step.record(opened, run_id, done, started, datetime.now(UTC)), done


def exchange_unsubscribes(settings: Settings, opened: Lake, whole: bool) -> unsubscribes.Done:
    """Send the sales tool's unsubscribes to Salesforce, or with `whole` bring both sides to the same (SIA-UNS-1, -2).

    Only `WRITE_BACK=apply` writes; otherwise what is due is counted.
    """
    to = _crm_alone(settings, opened) if settings.write_back == "apply" else None
    work = unsubscribes.exchange if whole else unsubscribes.push
    return work(opened, to, uuid.uuid4().hex, datetime.now(UTC), opt_out_fields(settings))


def _crm_alone(settings: Settings, opened: Lake) -> SalesforceWriter:
    """Return a writer to the CRM of the lake.

    Raises:
        FatalError: it is another one (GEN-18).
    """
    over = Systems(settings, opened)
    refuse_others(settings, opened, over, (settings.crm,))
    return writer(settings, over.crm)


def refuse_others(settings: Settings, opened: Lake, over: Systems, systems: Iterable[str]) -> None:
    """Make sure, before anything is sent, that these are the systems whose records the lake holds (GEN-18).

    One that is out of reach is left to whatever is sent to it: that meets the same outage.

    Raises:
        FatalError: one of them is another.
    """
    for system in systems:
        try:
            connect(source(settings, opened, system, over=over))
        except ConnectorError as error:
            if error.code in OTHERS:
                raise


def opt_out_fields(settings: Settings) -> tuple[str, ...]:
    """Return the fields of leads and contacts that an unsubscribe ticks (SIA-UNS-3)."""
    return tuple(filter(None, (opt_outs.OPT_OUT, settings.actions_opt_out_field)))


def exchange_reminders(settings: Settings, opened: Lake) -> reminders.Done:
    """Let reminders and tasks follow one another; only `WRITE_BACK=apply` writes to Salesforce (SIA-TASK)."""
    to = _crm_alone(settings, opened) if settings.write_back == "apply" else None
    named = (
        "activity_subject" in settings.actions_task_subject
    )  # else a task's subject is not ours to keep (SIA-TASK-3)
    return reminders.exchange(opened, to, uuid.uuid4().hex, datetime.now(UTC), named)


def mail_check(settings: Settings, opened: Lake) -> Callable[..., Permission]:
    """Return `may_send` for an address, as the settings ask for it: `check("ada@example.com", transactional=False)`."""
    asked = None
    if settings.actions_marketo_check:
        asked = _marketo(settings, _used_today(opened), patience=settings.actions_check_seconds)
    return partial(may_send, opened, asked, blocked_domains=settings.actions_blocked_domains)


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


def feed_options(settings: Settings) -> Options:
    return Options(settings.crm, settings.actions_linkedin_field, settings.actions_capacity)


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
