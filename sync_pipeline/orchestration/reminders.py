"""The sales tool's reminder tasks as an asset, brought to the same as Salesforce's tasks every five minutes."""

from collections.abc import Iterator

import dagster as dg

from sync_pipeline.assembly import runs
from sync_pipeline.lake import pause
from sync_pipeline.model import FAILED
from sync_pipeline.orchestration.actions import RUNNING, asset_job, table_shown, table_spec
from sync_pipeline.orchestration.checks import asset_key
from sync_pipeline.orchestration.resources import WAIT_SECONDS, SyncResource
from sync_pipeline.orchestration.sensors import state
from sync_pipeline.sales_insight import tables
from sync_pipeline.settings import Settings

REMINDERS, ALL_DONE = asset_key(tables.REMINDERS), "all_done"
JOB, STEP = "reminders", "reminders_exchange"  # Dagster wants no step named as a job


def reminders(mirrors: list[dg.AssetKey]) -> dg.AssetsDefinition:
    said = "Nothing was refused, and every reminder is about somebody in Salesforce (SIA-DIAG-1)."

    @dg.multi_asset(
        name=STEP,
        specs=[table_spec(tables.REMINDERS.description, REMINDERS, mirrors)],
        check_specs=[dg.AssetCheckSpec(ALL_DONE, asset=REMINDERS, description=said)],
    )
    def compute(sync: SyncResource) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        given = sync.settings()
        with sync.lake() as lake, pause.cycle(lake, WAIT_SECONDS):
            done = runs.exchange_reminders(given, lake)
            [(count,)] = lake.rows("select count(*) from lake.actions.reminder_task where deleted_at is null")
            shown = {
                "new from Salesforce": done.taken,
                "changed by Salesforce": done.changed,
                "deleted by Salesforce": done.deleted,
                "due in Salesforce": done.due,
                "done in Salesforce": done.accepted,
                "writes": given.write_back,
                **table_shown(lake, tables.REMINDERS.table, count),
            }
        yield dg.MaterializeResult(asset_key=REMINDERS, metadata=shown)
        yield dg.AssetCheckResult(
            asset_key=REMINDERS, check_name=ALL_DONE, passed=not done.said, description=done.said or "nothing is left"
        )
        if done.status == FAILED:
            raise dg.Failure(done.said, allow_retries=False)

    return compute


def definitions(mirrors: list[dg.AssetKey], settings: Settings) -> dg.Definitions:
    """Return the asset, its job and schedule; none where reminders do not sync (SIA-TASK-1)."""
    if not settings.actions_reminders or settings.crm != "salesforce":
        return dg.Definitions()
    asset = reminders(mirrors)
    job = asset_job(JOB, asset, None, "Reminders and tasks follow one another. Every five minutes.")

    @dg.schedule(
        job=job, cron_schedule="*/5 * * * *", name=f"{JOB}_schedule", default_status=dg.DefaultScheduleStatus.RUNNING
    )
    def schedule(context: dg.ScheduleEvaluationContext, sync: SyncResource) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs_count(dg.RunsFilter(job_name=JOB, statuses=RUNNING)):
            return dg.SkipReason("the last run has not ended yet")
        _, switched_off = state(sync)
        if switched_off:
            return dg.SkipReason(switched_off)
        return dg.RunRequest()

    return dg.Definitions(assets=[asset], jobs=[job], schedules=[schedule])
