"""The sales tool's unsubscribes as an asset: sent on within minutes, and each night the same on both sides."""

from collections.abc import Iterator

import dagster as dg

from sync_pipeline.assembly import runs
from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.model import FAILED
from sync_pipeline.orchestration.actions import asset_job, table_shown, table_spec
from sync_pipeline.orchestration.checks import asset_key
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.opt_outs import UNSUBSCRIBE
from sync_pipeline.sales_insight.unsubscribes import waiting
from sync_pipeline.settings import Settings

UNSUBSCRIBES, ALL_TAKEN = asset_key(tables.UNSUBSCRIBES), "all_taken"
STEP = "unsubscribes_exchange"  # Dagster wants no step named as a job
RUNNING = dg.DefaultScheduleStatus.RUNNING


class UnsubscribesConfig(dg.Config):
    """`whole` goes both ways over all of them, as the nightly run does; else what the sales tool told is sent on."""

    whole: bool = True


def unsubscribes(mirrors: list[dg.AssetKey]) -> dg.AssetsDefinition:
    said = "Salesforce took every opt-out that was due (SIA-DIAG-1)."

    @dg.multi_asset(
        name=STEP,
        specs=[table_spec(tables.UNSUBSCRIBES.description, UNSUBSCRIBES, mirrors)],
        check_specs=[dg.AssetCheckSpec(ALL_TAKEN, asset=UNSUBSCRIBES, description=said)],
    )
    def compute(config: UnsubscribesConfig, sync: SyncResource) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        given = sync.settings()
        with sync.lake() as lake:
            done = runs.exchange_unsubscribes(given, lake, config.whole)
            shown = {
                "due in Salesforce": done.due,
                "set in Salesforce": done.accepted,
                "found in Salesforce": done.found,
                "of nobody in Salesforce": done.nowhere,
                "writes": given.write_back,
                **table_shown(lake, tables.UNSUBSCRIBES.table, _count(lake)),
            }
        yield dg.MaterializeResult(asset_key=UNSUBSCRIBES, metadata=shown)
        yield dg.AssetCheckResult(
            asset_key=UNSUBSCRIBES, check_name=ALL_TAKEN, passed=not done.said, description=done.said or "all of them"
        )
        if done.status == FAILED:
            raise dg.Failure(done.said, allow_retries=False)

    return compute


def definitions(mirrors: list[dg.AssetKey], settings: Settings) -> dg.Definitions:
    """Return the asset, its jobs and schedules: none for a CRM other than Salesforce."""
    if settings.crm != "salesforce":
        return dg.Definitions()
    asset = unsubscribes(mirrors)
    nightly = asset_job("unsubscribes", asset, {"whole": True}, "Brings both sides to the same unsubscribes. Nightly.")
    retried = asset_job("unsubscribes_waiting", asset, {"whole": False}, "Sends on what waits. Every five minutes.")

    @dg.schedule(job=retried, cron_schedule="*/5 * * * *", name="unsubscribes_waiting_schedule", default_status=RUNNING)
    def wait(sync: SyncResource) -> dg.RunRequest | dg.SkipReason:
        return dg.SkipReason(why) if (why := _nothing_waits(sync)) else dg.RunRequest()

    schedules = [wait]
    if settings.actions_unsubscribes_at != "off":
        hour, _, minute = settings.actions_unsubscribes_at.partition(":")
        at, zone = f"{int(minute)} {int(hour)} * * *", settings.actions_time_zone
        schedules.append(
            dg.ScheduleDefinition(job=nightly, cron_schedule=at, execution_timezone=zone, default_status=RUNNING)
        )
    return dg.Definitions(assets=[asset], jobs=[nightly, retried], schedules=schedules)


def _nothing_waits(sync: SyncResource) -> str:
    """Return why there is nothing to send; empty if there is."""
    given = sync.settings()
    if given.write_back != "apply":
        return f"nothing is written: WRITE_BACK={given.write_back}"
    try:
        with sync.lake(read_only=True) as lake:
            return "" if waiting(lake, runs.opt_out_fields(given)) else "no unsubscribe waits"
    except LakeError as error:
        return str(error)


def _count(lake: Lake) -> int:
    [(count,)] = lake.rows(f"select count(*) from {UNSUBSCRIBE} where _cleared_at is null")
    return int(count)
