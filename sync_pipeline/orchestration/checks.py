"""What must hold of every mirror. All but one are judged from the lake alone, with every materialisation, in a handful
of queries for all objects together; the comparison with the org's own count costs a call an object, so it is hourly."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from sync_pipeline import faults
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.model import Object
from sync_pipeline.settings import Settings

# An error that has been open for so long needs a person.
OLD_ERROR = timedelta(hours=24)
# So many pauses without a finished cycle are late.
LATE_PAUSES = 6
# Share by which a mirror's count may differ from the org's own while people work.
COUNT_TOLERANCE = 0.001

FROM_THE_LAKE = {
    "read": "The last reading of the object did not fail.",
    "unique_key": "No record is in the mirror twice.",
    "fresh": f"The last window that was read whole ended less than {LATE_PAUSES} pauses ago.",
    "no_lost_fields": "No field that the mirror keeps has vanished from the org, and no mapped field is hidden.",
    "no_old_errors": f"No error has been open for more than {OLD_ERROR}.",
}
COUNT = "count_matches_source"


def asset_key(obj: Object) -> dg.AssetKey:
    return dg.AssetKey(list(obj.table))


def specs(objects: Sequence[Object]) -> list[dg.AssetCheckSpec]:
    """Return the checks that are judged with every materialisation."""
    return [
        dg.AssetCheckSpec(name, asset=asset_key(obj), description=said)
        for obj in objects
        for name, said in FROM_THE_LAKE.items()
    ]


def judge(
    lake: Lake, settings: Settings, objects: Sequence[Object], chosen: set[dg.AssetCheckKey], now: datetime
) -> Iterator[dg.AssetCheckResult]:
    """Judge the chosen checks of the objects, which are of one system."""
    if not objects:
        return
    system = objects[0].system
    with lake.reading() as con:
        watermarks = ledger.watermarks(con, system)
        described = ledger.remembered_describes(con, system)
        kept = {obj.name: frozenset(table.fields_kept(con, obj)) for obj in objects}
    read = [obj for obj in objects if obj.name in watermarks and kept[obj.name]]
    doubled = _doubled(lake, read)
    errors, failures = _old_errors(lake, system, now), _failures(lake, system)
    for obj in objects:
        names = described[obj.source][0].names if obj.source in described else frozenset[str]()
        findings = {
            "read": _read(obj.name in watermarks, failures.get(obj.name)),
            "unique_key": _unique(doubled.get(obj.name)),
            "fresh": _fresh(obj, watermarks.get(obj.name), settings, now),
            "no_lost_fields": _lost(obj, kept[obj.name], names),
            "no_old_errors": _old(*errors.get(obj.name, (0, None))),
        }
        for name, (passed, said) in findings.items():
            if dg.AssetCheckKey(asset_key(obj), name) in chosen:
                yield _result(obj, name, passed, said)


def _result(obj: Object, name: str, passed: bool, said: str) -> dg.AssetCheckResult:
    severe = dg.AssetCheckSeverity.ERROR if name in ("read", "unique_key") else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=asset_key(obj), check_name=name, passed=passed, severity=severe, description=said
    )


def _doubled(lake: Lake, objects: Sequence[Object]) -> dict[str, int]:
    each = [
        f"select {literal(o.name)}, count(*) - count(distinct {quoted(o.key)}) from {table.full_name(*o.table)}"
        for o in objects
    ]
    return dict(lake.rows(" union all ".join(each))) if each else {}


def _old_errors(lake: Lake, system: str, now: datetime) -> dict[str, tuple[int, datetime | None]]:
    found = lake.rows(
        f"select object, count(*), min(noted_at) from {ledger.table('error')} "
        "where system = ? and resolved_at is null and noted_at < ? group by object",
        [system, now - OLD_ERROR],
    )
    return {name: (count, oldest) for name, count, oldest in found}


def _failures(lake: Lake, system: str) -> dict[str, str]:
    """Return what went wrong with the objects whose last reading failed: its error is open until one succeeds."""
    found = lake.rows(
        f"select object, arg_max(code || ': ' || message, noted_at) from {ledger.table('error')} "
        "where system = ? and operation like 'Pull%' and record_id is null and resolved_at is null group by object",
        [system],
    )
    return dict(found)


def _read(is_read: bool, failure: str | None) -> tuple[bool, str]:
    if failure:
        return False, failure
    return (True, "done") if is_read else (False, "never read")


def _unique(doubled: int | None) -> tuple[bool, str]:
    return (False, "never read") if doubled is None else (doubled == 0, f"{doubled} records too many")


def _fresh(obj: Object, watermark: datetime | None, settings: Settings, now: datetime) -> tuple[bool, str]:
    if watermark is None:
        return False, "never read"
    late = LATE_PAUSES * max(timedelta(seconds=settings.sync_pause_seconds), timedelta(minutes=1), obj.every)
    return now - watermark < late, f"read up to {watermark:%Y-%m-%d %H:%M:%S} UTC"


def _lost(obj: Object, kept: frozenset[str], described: frozenset[str]) -> tuple[bool, str]:
    """Tell of mapped fields that cannot be read.

    Adobe's recommended `mkto71_` fields are optional (CONN-20), as is what only some orgs have: no finding.
    """
    vanished = sorted(kept - described)
    wanted = {m.crm for m in obj.mappings if not (m.optional or m.crm.startswith("mkto71_"))}
    hidden = sorted(wanted - described)
    said = [f"vanished: {', '.join(vanished)}"] if vanished else []
    said += [f"mapped but hidden: {', '.join(hidden)}"] if hidden else []
    return not said, "; ".join(said) or "all fields can be read"


def _old(count: int, oldest: datetime | None) -> tuple[bool, str]:
    return count == 0, f"{count} open errors, the oldest of {oldest}" if count else "none"


def count_specs(objects: Sequence[Object]) -> list[dg.AssetCheckSpec]:
    """Return the checks that ask the org how many records it has, for objects that it counts."""
    said = "The mirror has as many living records as the org itself counts."
    return [dg.AssetCheckSpec(COUNT, asset=asset_key(obj), description=said) for obj in objects if obj.counted]


def compare_counts(
    lake: Lake, connector: Connector, objects: Sequence[Object], chosen: set[dg.AssetCheckKey]
) -> Iterator[dg.AssetCheckResult]:
    """Compare the counts that are chosen; an object that cannot be counted keeps no other from it (law 8)."""
    for obj in objects:
        if dg.AssetCheckKey(asset_key(obj), COUNT) in chosen:
            try:
                yield _result(obj, COUNT, *_counted(lake, connector, obj))
            except ConnectorError as error:
                yield _result(obj, COUNT, False, f"the org did not count: {error}")
            except Exception as error:
                yield _result(obj, COUNT, False, faults.noted(error, f"the count of {obj.title}"))


def _counted(lake: Lake, connector: Connector, obj: Object) -> tuple[bool, str]:
    with lake.reading() as con:
        if not table.columns(con, *obj.table):
            return False, "never read"
    living = f"select count(*) from {table.full_name(*obj.table)} where {quoted(table.DELETED_AT)} is null"
    [(kept,)] = lake.rows(living)
    told = connector.count(obj)
    return abs(kept - told) <= max(COUNT_TOLERANCE * told, 1), f"{kept} in the mirror, {told} in the org"
