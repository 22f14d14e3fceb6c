"""The tables of Sales Insight Actions as assets: the people feed and the duplicates, with what is watched in them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any

import dagster as dg

from sync_pipeline.assembly import runs
from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.lake.table import columns
from sync_pipeline.orchestration.assets import OWNER
from sync_pipeline.orchestration.checks import asset_key
from sync_pipeline.orchestration.resources import WAIT_SECONDS, SyncResource
from sync_pipeline.sales_insight import duplicates_report, feed, tables
from sync_pipeline.sales_insight.duplicates import SCOPES
from sync_pipeline.sales_insight.people_changes import KINDS

GROUP, STORED_IN, OWNERS = tables.SCHEMA, {"duckdb", "parquet"}, [OWNER]
CAPACITY, NO_NEW_GROUPS = "within_capacity", "no_new_groups"
PEOPLE, DUPLICATES = asset_key(tables.PEOPLE), asset_key(tables.DUPLICATES)
FEED_STEP, DUPLICATES_STEP = "people_feed", "duplicates_report"
RUNNING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


class FeedMode(StrEnum):
    """What a run of the feed does: `start` compares everybody; `increment` those whom a change may concern."""

    START = "start"
    INCREMENT = "increment"


class FeedConfig(dg.Config):
    """Materialised by hand the feed is started, or compared as a whole; the schedule takes in what changed."""

    mode: FeedMode = FeedMode.START


class DuplicatesConfig(dg.Config):
    """`whole` looks at all addresses, not only at those that a change may concern."""

    whole: bool = False


def people_feed(mirrors: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=FEED_STEP,
        specs=[table_spec(tables.PEOPLE.description, PEOPLE, mirrors)],
        check_specs=[
            dg.AssetCheckSpec(CAPACITY, asset=PEOPLE, description="No more people than ACTIONS_CAPACITY (SIA-FEED-16).")
        ],
    )
    def compute(
        context: dg.AssetExecutionContext, config: FeedConfig, sync: SyncResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        began, work = monotonic(), feed.start if config.mode is FeedMode.START else feed.increment
        with sync.lake() as lake, lake.only_pipeline(WAIT_SECONDS):
            done = work(lake, runs.feed_options(sync.settings()), context.run.run_id, datetime.now(UTC))
            shown: dict[str, Any] = {
                "people looked at": done.looked_at,
                **{kind: done.changes.get(kind, 0) for kind in KINDS},
                "seconds": round(monotonic() - began, 3),
                "values left empty": [notice.message for notice in done.notices],
                **table_shown(lake, tables.PEOPLE.table, done.people),
            }
        yield dg.MaterializeResult(asset_key=PEOPLE, metadata=shown)
        yield _warned(PEOPLE, CAPACITY, not done.warning, done.warning or f"{done.people:,} people")

    return compute


def duplicates(mirrors: list[dg.AssetKey]) -> dg.AssetsDefinition:
    said = "No group of records that share an address has come since the last run."

    @dg.multi_asset(
        name=DUPLICATES_STEP,
        specs=[table_spec(tables.DUPLICATES.description, DUPLICATES, mirrors)],
        check_specs=[dg.AssetCheckSpec(NO_NEW_GROUPS, asset=DUPLICATES, description=said)],
    )
    def compute(config: DuplicatesConfig, sync: SyncResource) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        began = monotonic()
        with sync.lake() as lake, lake.only_pipeline(WAIT_SECONDS):
            found = duplicates_report.report(lake, sync.settings().crm, datetime.now(UTC), whole=config.whole)
            shown: dict[str, Any] = {
                "groups": found.groups,
                **{f"groups {scope}": found.scopes[scope] for scope in SCOPES},
                "new groups": found.new,
                "ended groups": found.ended,
                "addresses looked at": found.looked_at,
                "seconds": round(monotonic() - began, 3),
                **table_shown(lake, tables.DUPLICATES.table, found.records),
            }
        yield dg.MaterializeResult(asset_key=DUPLICATES, metadata=shown)
        yield _warned(DUPLICATES, NO_NEW_GROUPS, not found.new, f"{found.new} new groups of {found.groups}")

    return compute


def definitions(mirrors: list[dg.AssetKey]) -> dg.Definitions:
    """Return the assets, jobs and schedules; `mirrors` are the assets that they are made of."""
    fed, doubled = people_feed(mirrors), duplicates(mirrors)
    start = asset_job(
        "feed_start", fed, {"mode": FeedMode.START.name}, "Starts the people feed, or compares all of it."
    )
    refresh = asset_job("feed", fed, {"mode": FeedMode.INCREMENT.name}, "Takes in what changed. Every five minutes.")
    report = asset_job("duplicates", doubled, {"whole": False}, "Groups records that share an address. Hourly.")

    def scheduled(job: dg.JobDefinition, cron: str, only_started: bool) -> dg.ScheduleDefinition:
        @dg.schedule(
            job=job, cron_schedule=cron, name=f"{job.name}_schedule", default_status=dg.DefaultScheduleStatus.RUNNING
        )
        def schedule(context: dg.ScheduleEvaluationContext, sync: SyncResource) -> dg.RunRequest | dg.SkipReason:
            if context.instance.get_runs_count(dg.RunsFilter(job_name=job.name, statuses=RUNNING)):
                return dg.SkipReason("the last run has not ended yet")
            return dg.SkipReason(why) if (why := _why_wait(sync, only_started)) else dg.RunRequest()

        return schedule

    return dg.Definitions(
        assets=[fed, doubled],
        jobs=[start, refresh, report, preview_job],
        schedules=[scheduled(refresh, "*/5 * * * *", True), scheduled(report, "20 * * * *", False)],
    )


@dg.op(name="preview", description="Counts the people who would be in the feed; `feed preview` shows some of them.")
def preview(context: dg.OpExecutionContext, sync: SyncResource) -> None:
    with sync.lake(read_only=True) as lake:
        found = feed.preview(lake, runs.feed_options(sync.settings()), sample=0)
    empty = [notice.message for notice in found.notices]
    shown = {"people": found.people, "linked people without a user": found.without_user, "values left empty": empty}
    context.add_output_metadata({**shown, "warning": found.warning or "none"})


@dg.job(name="feed_preview", executor_def=dg.in_process_executor)
def preview_job() -> None:
    """Count who would be in the people feed; writes nothing (SIA-FEED-15)."""
    preview()


def _why_wait(sync: SyncResource, only_started: bool) -> str:
    """Return why there is nothing to do yet; empty if there is."""
    try:
        with sync.lake(read_only=True) as lake:
            if only_started and feed.status(lake) is None:
                return "the people feed has not been started: run feed_preview, then feed_start"
            with lake.reading() as con:
                return "" if columns(con, "marketo", "person") else "Marketo's people have not been read yet"
    except LakeError as error:
        return str(error)


def table_spec(description: str, key: dg.AssetKey, mirrors: list[dg.AssetKey]) -> dg.AssetSpec:
    named = {"dagster/table_name": ".".join(("lake", *key.path))}
    return dg.AssetSpec(
        key, deps=mirrors, description=description, group_name=GROUP, kinds=STORED_IN, owners=OWNERS, metadata=named
    )


def asset_job(
    name: str, assets: dg.AssetsDefinition, config: dict[str, object] | None, description: str
) -> dg.JobDefinition:
    return dg.define_asset_job(  # type: ignore[return-value]  # resolved when definitions are built
        name,
        selection=dg.AssetSelection.assets(*assets.keys),
        config={"ops": {assets.op.name: {"config": config}}} if config else None,
        description=description,
        executor_def=dg.in_process_executor,
    )


def table_shown(lake: Lake, table: tuple[str, str], rows: int) -> dict[str, Any]:
    with lake.reading() as con:
        kinds = columns(con, *table)
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()])
    return {"dagster/row_count": rows, "dagster/column_schema": schema}


def _warned(key: dg.AssetKey, name: str, passed: bool, said: str) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(asset_key=key, check_name=name, passed=passed, severity=severity, description=said)
