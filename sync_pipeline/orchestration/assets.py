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
        check_specs=[*checks.specs(objects), *checks.count_specs(objects)],
        can_subset=True,
        partitions_def=months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="Reads the systems' objects into their mirrors, a few at a time, and judges the mirrors.",
    )
    def compute(
        context: dg.AssetExecutionContext, config: MirrorConfig, sync: SyncResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        wanted = [by_key[key] for key in by_key if key in context.selected_asset_keys]
        chosen = set(context.selected_asset_check_keys)
        judged = [by_key[key] for key in by_key if key in {check.asset_key for check in chosen}]
        if not wanted:  # nothing is read or written, so that no pipeline is waited for
            with sync.lake(read_only=True) as lake:
                yield from _judged(lake, sync, judged, chosen)
            return
        late: list[Cycle] = []
        with sync.sources() as sources:
            for system, source in sources.items():
                objects = [obj for obj in wanted if obj.system == system]
                reading = _Reading(source, objects, config.mode, _asked(context, months) if objects else None)
                for done in reading:
                    if done.error:
                        context.log.error(f"{done.obj.title}: {done.error}")
                        continue
                    if config.mode is not Mode.REREAD and done.window and not done.window.start and done.counts.read:
                        _mark_all_months(context, source.lake, done.obj, months)
                    shown = metadata.of_done(source.lake, done)
                    yield dg.MaterializeResult(asset_key=asset_key(done.obj), metadata=shown)
                of_system = [obj for obj in judged if obj.system == system]
                yield from _judged(source.lake, sync, of_system, chosen)
                if reading.cycle and reading.cycle.status != SUCCEEDED:
                    late.append(reading.cycle)
        if late:
            said = "; ".join(f"{cycle.status}: {cycle.message}" for cycle in late)
            raise dg.Failure(said, allow_retries=False)

    return compute


def _judged(
    lake: Lake, sync: SyncResource, objects: Sequence[Object], chosen: set[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Judge the chosen checks, also where an object could not be read: what the others are does not depend on it."""
    for system in dict.fromkeys(obj.system for obj in objects):
        connector, some = sync.systems(lake).connector(system), [obj for obj in objects if obj.system == system]
        yield from checks.judge(lake, sync.settings(), some, chosen, connector.now())
        yield from checks.compare_counts(lake, connector, some, chosen)


def _spec(obj: Object, months: dg.MonthlyPartitionsDefinition) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(obj),
        description=obj.description,
        group_name=obj.system,
        kinds={obj.system, "duckdb", "parquet"},
        owners=[OWNER],
        partitions_def=months,
        metadata=metadata.of_object(obj, obj.source.endswith("_c")),
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
