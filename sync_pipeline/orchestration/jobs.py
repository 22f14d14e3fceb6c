"""The runs by name, and when they happen by themselves."""

from collections.abc import Sequence

import dagster as dg

from sync_pipeline.model import Object, Pairing
from sync_pipeline.orchestration import actions, reminders, unsubscribes
from sync_pipeline.orchestration.assets import STEP, Mode, lake_files, mirrors
from sync_pipeline.orchestration.checks import asset_key, count_specs
from sync_pipeline.orchestration.partitions import monthly
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.orchestration.sensors import cycle_sensor
from sync_pipeline.orchestration.two_way import drift_check, two_way
from sync_pipeline.sales_insight.mirrors import CRM_TABLES
from sync_pipeline.settings import Settings

RUNNING = dg.DefaultScheduleStatus.RUNNING


def definitions(
    objects: Sequence[Object],
    settings: Settings,
    sync: SyncResource | None = None,
    pairings: Sequence[Pairing] = (),
) -> dg.Definitions:
    """Return all of Dagster's definitions; needs neither network nor secrets.

    Args:
        pairings: what is synced both ways, after the mirrors, in every cycle.
    """
    months = monthly(settings.sync_first_month)
    assets, files, counts = mirrors(objects, months), lake_files(objects), [spec.key for spec in count_specs(objects)]
    both_ways = [two_way(pairings)] if pairings and settings.write_back != "off" else []
    drifts = [drift_check()] if both_ways else []

    def job(mode: Mode, description: str, after: Sequence[dg.AssetsDefinition] = ()) -> dg.JobDefinition:
        config = {"ops": {STEP: {"config": {"mode": mode.name}}}}
        return dg.define_asset_job(  # type: ignore[return-value]  # resolved when definitions are built
            mode.value,
            selection=dg.AssetSelection.assets(*assets.keys, *(key for made in after for key in made.keys))
            - dg.AssetSelection.checks(*counts, *drifts),
            config=config,
            description=description,
            executor_def=dg.in_process_executor,
        )

    cycle = job(Mode.CYCLE, "Reads what changed since the last cycle. The sensor runs it all day.", both_ways)
    reconcile = job(Mode.RECONCILE, "Compares all ids with the org: hard deletes, records missed. Weekly.")
    formulas = job(Mode.FORMULAS, "Reads formula fields again, which change without a stamp. Nightly.")
    tidy = dg.define_asset_job("tidy", dg.AssetSelection.assets(files), executor_def=dg.in_process_executor)
    count = dg.define_asset_job(
        "counts",
        dg.AssetSelection.checks(*counts),
        description="Compares every mirror's count with the org's own. Hourly.",
        executor_def=dg.in_process_executor,
    )

    compare = [
        dg.define_asset_job(
            "drift",
            dg.AssetSelection.checks(*drifts),
            description="Looks for two-way fields that differ though nothing is left to be done. Daily.",
            executor_def=dg.in_process_executor,
        )
        for _ in drifts
    ]

    def monthly_schedule(of: dg.JobDefinition, cron: str) -> dg.ScheduleDefinition:
        @dg.schedule(job=of, cron_schedule=cron, name=f"{of.name}_schedule", default_status=RUNNING)
        def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
            if not settings.has_credentials():
                return dg.SkipReason("no credentials yet")
            return dg.RunRequest(partition_key=months.get_last_partition_key())

        return schedule

    made_of = [asset_key(obj) for obj in objects if obj.system == settings.crm and obj.name in CRM_TABLES]
    mirrored = dg.Definitions(
        assets=[assets, files, *both_ways],
        asset_checks=drifts,
        jobs=[cycle, reconcile, formulas, tidy, count, *compare],
        sensors=[cycle_sensor(cycle, months)],
        schedules=[
            monthly_schedule(reconcile, "15 3 * * 0"),
            monthly_schedule(formulas, "15 2 * * *"),
            dg.ScheduleDefinition(job=tidy, cron_schedule="30 * * * *", default_status=RUNNING),
            dg.ScheduleDefinition(job=count, cron_schedule="45 * * * *", default_status=RUNNING),
            *(dg.ScheduleDefinition(job=one, cron_schedule="15 4 * * *", default_status=RUNNING) for one in compare),
        ],
        resources={"sync": sync or SyncResource()},
        executor=dg.in_process_executor,
    )
    made_of.append(dg.AssetKey(["marketo", "person"]))
    return dg.Definitions.merge(
        mirrored,
        actions.definitions(made_of),
        unsubscribes.definitions([actions.PEOPLE, *made_of], settings),
        reminders.definitions([actions.PEOPLE, dg.AssetKey(["salesforce", "task"])], settings),
    )
