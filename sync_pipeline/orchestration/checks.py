"""What must hold of every mirror: judged hourly, and whenever somebody asks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from sync_pipeline import assembly
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.sql import quoted
from sync_pipeline.model import Object
from sync_pipeline.orchestration.assets import asset_key
from sync_pipeline.orchestration.resources import SyncResource

# An error that has been open for so long needs a person.
OLD_ERROR = timedelta(hours=24)
# So many pauses without a finished cycle are late.
LATE_PAUSES = 6
# Share by which a mirror's count may differ from the org's own while people work.
COUNT_TOLERANCE = 0.001

DESCRIPTIONS = {
    "unique_key": "No record is in the mirror twice.",
    "count_matches_source": "The mirror has as many living records as the org itself counts.",
    "fresh": f"The last window that was read whole ended less than {LATE_PAUSES} pauses ago.",
    "no_lost_fields": "No field that the mirror keeps has vanished from the org, and no mapped field is hidden.",
    "no_old_errors": f"No error has been open for more than {OLD_ERROR}.",
}


def checks(objects: Sequence[Object]) -> dg.AssetChecksDefinition:
    by_key = {asset_key(obj): obj for obj in objects}
    specs = [
        dg.AssetCheckSpec(name, asset=key, description=said) for key in by_key for name, said in DESCRIPTIONS.items()
    ]

    @dg.multi_asset_check(name="judge_mirrors", specs=specs, can_subset=True)
    def judge(context: dg.AssetCheckExecutionContext, sync: SyncResource) -> Iterator[dg.AssetCheckResult]:
        with sync.lake(read_only=True) as lake:
            judging = Judging(lake, sync)
            for key, name in sorted((k.asset_key, k.name) for k in context.selected_asset_check_keys):
                yield judging.result(by_key[key], name)

    return judge


class Judging:
    """Judges mirrors in one open lake; asks the org only for counts."""

    def __init__(self, lake: Lake, sync: SyncResource) -> None:
        self._lake = lake
        self._settings = sync.settings()
        self._connector = assembly.connector(self._settings)
        self._now = datetime.now(UTC)
        with lake.reading() as con:
            self._watermarks = ledger.watermarks(con, self._settings.crm)
            self._described = ledger.remembered_describes(con, self._settings.crm)

    def result(self, obj: Object, name: str) -> dg.AssetCheckResult:
        passed, said = getattr(self, f"_{name}")(obj)
        return dg.AssetCheckResult(
            asset_key=asset_key(obj),
            check_name=name,
            passed=passed,
            severity=dg.AssetCheckSeverity.ERROR if name == "unique_key" else dg.AssetCheckSeverity.WARN,
            description=said,
        )

    def _unique_key(self, obj: Object) -> tuple[bool, str]:
        if obj.name not in self._watermarks:
            return False, "never read"
        key = quoted(obj.key)
        [(twice,)] = self._lake.rows(f"select count(*) - count(distinct {key}) from {table.full_name(*obj.table)}")
        return twice == 0, f"{twice} records too many"

    def _count_matches_source(self, obj: Object) -> tuple[bool, str]:
        if obj.name not in self._watermarks:
            return False, "never read"
        [(kept,)] = self._lake.rows(
            f"select count(*) from {table.full_name(*obj.table)} where {quoted(table.DELETED_AT)} is null"
        )
        try:
            told = self._connector.count(obj)
        except ConnectorError as error:
            return False, f"the org did not count: {error}"
        return abs(kept - told) <= max(COUNT_TOLERANCE * told, 1), f"{kept} in the mirror, {told} in the org"

    def _fresh(self, obj: Object) -> tuple[bool, str]:
        at = self._watermarks.get(obj.name)
        if at is None:
            return False, "never read"
        late = LATE_PAUSES * max(timedelta(seconds=self._settings.sync_pause_seconds), timedelta(minutes=1))
        return self._now - at < late, f"read up to {at:%Y-%m-%d %H:%M:%S} UTC"

    def _no_lost_fields(self, obj: Object) -> tuple[bool, str]:
        described = self._described.get(obj.source)
        if described is None:
            return False, "never described"
        with self._lake.reading() as con:
            kept = table.fields_kept(con, obj)
        names = described[0].names
        lost = sorted(set(kept) - names)
        hidden = sorted({m.crm for m in obj.mappings if not m.crm.startswith("mkto71_")} - names)
        said = [f"vanished: {', '.join(lost)}"] * bool(lost) + [f"mapped but hidden: {', '.join(hidden)}"] * bool(
            hidden
        )
        return not said, "; ".join(said) or "all fields can be read"

    def _no_old_errors(self, obj: Object) -> tuple[bool, str]:
        [(count, oldest)] = self._lake.rows(
            f"select count(*), min(noted_at) from {ledger.table('error')} "
            "where system = ? and object = ? and resolved_at is null and noted_at < ?",
            [obj.system, obj.name, self._now - OLD_ERROR],
        )
        return count == 0, f"{count} open errors, the oldest of {oldest}" if count else "none"
