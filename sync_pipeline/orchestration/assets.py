"""Every declared object as an asset, all of them computed by one step: threads share a login, no process an object."""

import queue
import threading
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum

import dagster as dg

from sync_pipeline.lake import Lake, maintenance
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle, Done
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import SUCCEEDED, Object
from sync_pipeline.orchestration import checks, metadata
from sync_pipeline.orchestration.checks import asset_key
from sync_pipeline.orchestration.resources import WAIT_SECONDS, SyncResource

OWNER = "team:analytics-engineering"
STEP = "mirrors"


class Mode(StrEnum):
    """What a run does: `cycle` reads what changed; `reread` reads the chosen months whole and repairs them;
    `reconcile` compares all ids with the org; `formulas` reads formula fields again."""

    CYCLE = "cycle"
    REREAD = "reread"
    RECONCILE = "reconcile"
    FORMULAS = "formulas"


class MirrorConfig(dg.Config):
    """Materialising months by hand re-reads them whole; the sensor and the schedules choose another mode."""

    mode: Mode = Mode.REREAD


def mirrors(objects: Sequence[Object], months: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """Return the mirror assets of `objects`, partitioned by UTC month of last modification."""
    by_key = {asset_key(obj): obj for obj in objects}

    @dg.multi_asset(
        name=STEP,
        specs=[_spec(obj, months) for obj in objects],
        check_specs=checks.specs(objects),
        can_subset=True,
        partitions_def=months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="Reads the CRM's objects into their mirrors, a few at a time, and judges the mirrors.",
    )
    def compute(
        context: dg.AssetExecutionContext, config: MirrorConfig, sync: SyncResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        wanted = [by_key[key] for key in by_key if key in context.selected_asset_keys]
        chosen = set(context.selected_asset_check_keys)
        judged = [by_key[key] for key in by_key if key in {check.asset_key for check in chosen}]
        with sync.source() as source:
            reading = _Reading(source, wanted, config.mode, _asked(context, months) if wanted else None)
            for done in reading:
                if done.error:
                    context.log.error(f"{done.obj.name}: {done.error}")
                    continue
                if config.mode is not Mode.REREAD and done.window and done.window.start is None and done.counts.read:
                    _mark_all_months(context, source.lake, done.obj, months)
                shown = metadata.of_done(source.lake, done)
                yield dg.MaterializeResult(asset_key=asset_key(done.obj), metadata=shown)
            yield from checks.judge(source.lake, sync.settings(), judged, chosen, source.connector.now())
        cycle = reading.cycle
        if cycle and cycle.status != SUCCEEDED:
            raise dg.Failure(f"{cycle.status}: {cycle.message}", allow_retries=False)

    return compute


def _spec(obj: Object, months: dg.MonthlyPartitionsDefinition) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(obj),
        description=obj.description,
        group_name=obj.system,
        kinds={obj.system, "duckdb", "parquet"},
        owners=[OWNER],
        partitions_def=months,
        metadata=metadata.of_object(obj, obj.source.endswith("__c")),
        skippable=True,  # an object that failed has no materialisation; the run says why and is red
    )


def _asked(context: dg.AssetExecutionContext, months: dg.MonthlyPartitionsDefinition) -> tuple[date, date, bool]:
    """Return the first and last month of the run, and whether the first is the earliest there is."""
    chosen = context.partition_key_range
    first, last = date.fromisoformat(chosen.start), date.fromisoformat(chosen.end)
    return first, last, chosen.start == months.get_first_partition_key()


def _mark_all_months(
    context: dg.AssetExecutionContext, lake: Lake, obj: Object, months: dg.MonthlyPartitionsDefinition
) -> None:
    """After a first load by a cycle: every month's rows are there, so the partition bar says so."""
    rows = metadata.rows_by_month(lake, obj)
    for key in months.get_partition_keys():
        if key != context.partition_key:
            shown = {"rows in this month": rows.get(key, 0)}
            context.log_event(dg.AssetMaterialization(asset_key(obj), partition=key, metadata=shown))


class _Reading:
    """A run in a thread of its own, giving each object's outcome as it comes, so that the UI shows it then."""

    def __init__(
        self, source: Source, objects: Sequence[Object], mode: Mode, asked: tuple[date, date, bool] | None
    ) -> None:
        self._source, self._objects, self._mode, self._asked = source, objects, mode, asked
        self._done: queue.Queue[Done | None] = queue.Queue()
        self._failed: BaseException | None = None
        self.cycle: Cycle | None = None

    def __iter__(self) -> Iterator[Done]:
        thread = threading.Thread(target=self._run, name="reading")
        thread.start()
        try:
            while (done := self._done.get()) is not None:
                yield done
        finally:
            thread.join()
        if self._failed:
            raise self._failed

    def _run(self) -> None:
        try:
            if self._asked:  # nothing is to be read where only checks were asked for
                self.cycle = self._read(*self._asked)
        except BaseException as error:
            self._failed = error
        finally:
            self._done.put(None)

    def _read(self, first: date, last: date, from_beginning: bool) -> Cycle:
        source, objects, told = self._source, self._objects, self._done.put
        if self._mode is Mode.CYCLE:
            return runs.sync(source, objects, told=told)
        if self._mode is Mode.RECONCILE:
            return runs.compare_ids(source, objects, told=told)
        if self._mode is Mode.FORMULAS:
            return runs.refresh_formulas(source, objects, told=told)
        return runs.backfill(source, objects, first, last, from_beginning=from_beginning, told=told)


def lake_files(objects: Sequence[Object]) -> dg.AssetsDefinition:
    """Return the asset that stands for the lake's files, which all mirrors write."""

    @dg.asset(
        key=["sync", "lake_files"],
        deps=[asset_key(obj) for obj in objects],
        group_name="sync",
        kinds={"duckdb", "parquet"},
        owners=[OWNER],
        description="The lake's files, kept few: small ones are merged, old snapshots and what only they held removed.",
    )
    def tidied(sync: SyncResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        given = sync.settings()
        with sync.lake() as lake, lake.only_pipeline(WAIT_SECONDS):
            keep, keep_record = timedelta(hours=given.lake_keep_hours), timedelta(days=given.sync_keep_days)
            done = maintenance.tidy(lake, keep, keep_record=keep_record)
        return dg.MaterializeResult(metadata=vars(done))

    return tidied
