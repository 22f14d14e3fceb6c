"""Settings made into the things that work: connectors, lake, sources, objects. Shared by the CLI and Dagster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sync_pipeline import catalog
from sync_pipeline.activity_log import sales_tasks, step
from sync_pipeline.assembly.declarations import _defaults, pairings
from sync_pipeline.assembly.systems import Systems, _marketo, _used_today, source, writer
from sync_pipeline.catalog.flow_actions import PERSON_PREFIXES
from sync_pipeline.catalog.pushed import pushed
from sync_pipeline.catalog.salesforce import TASK
from sync_pipeline.connectors.errors import ConnectorError, FatalError
from sync_pipeline.connectors.marketo.setup import is_native
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.mirror.cycle import OTHERS, connect
from sync_pipeline.model import FAILED, SUCCEEDED, worst
from sync_pipeline.on_demand import perform
from sync_pipeline.on_demand.perform import Flow, unsettled
from sync_pipeline.on_demand.sides import Sides
from sync_pipeline.sales_insight import opt_outs, reminders, unsubscribes
from sync_pipeline.sales_insight.feed import Options
from sync_pipeline.sales_insight.may_send import Permission, may_send
from sync_pipeline.settings import Settings
from sync_pipeline.sync.inspection import backlog
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.pass_result import Synced, record
from sync_pipeline.sync.policy import Limits, SyncPolicy
from sync_pipeline.sync.sync_pass import Pass, Side, describes


def two_way(settings: Settings, opened: Lake, run_id: str, over: Systems | None = None) -> Pass:
    """Return one pass of the two-way sync, which writes `over` the systems; without them it only plans."""
    wanted, policy = pairings(settings), sync_policy(settings)
    # Views of their own, so that the pass has the time of an object, and no more (law 12).
    sides: dict[str, Side] = (
        {"crm": writer(settings, over.crm).metered(), "marketo": over.marketo.metered()} if over else {}
    )
    of = dict.fromkeys(obj.system for p in wanted for obj in (p.crm, p.marketo))
    return Pass(opened, wanted, describes(opened, tuple(of)), run_id, policy, sides or None)


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


def sync_policy(settings: Settings) -> SyncPolicy:
    """Return what the settings choose for a pass."""
    return SyncPolicy(
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
    rules = perform.Rules(_defaults(settings), settings.flow_second_leads, sync_policy(settings))
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


def feed_options(settings: Settings) -> Options:
    return Options(settings.crm, settings.actions_linkedin_field, settings.actions_capacity)
