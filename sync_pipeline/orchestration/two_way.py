"""The two-way sync as assets, made by one pass after the mirrors: what is to be written, links, activities."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sync_pipeline.assembly import runs
from sync_pipeline.lake import Lake, ledger, pause
from sync_pipeline.model import SUCCEEDED, Pairing, worst
from sync_pipeline.orchestration.activities import ACTIVITY, DESCRIPTION, metadata
from sync_pipeline.orchestration.assets import OWNER
from sync_pipeline.orchestration.checks import OLD_ERROR, asset_key
from sync_pipeline.orchestration.resources import WAIT_SECONDS, SyncResource
from sync_pipeline.sync.inspection import drift
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.planning import preview

PLAN, LINK = dg.AssetKey(["sync", "plan"]), dg.AssetKey(["sync", "link"])
STEP = "two_way"
NUMBERS = ("looked at", "create in Marketo", "update in Marketo", "update in the CRM", "conflicts", "refused")
NO_ORPHANS, NO_OLD_ERRORS, NO_DRIFT = "no_orphan_links", "no_old_write_errors", "no_drift"
SAMPLES = 3  # of each kind of write, without any value
CHECKS = {
    NO_ORPHANS: "Both records of every link are there.",
    NO_OLD_ERRORS: f"No write has been rejected or refused for more than {OLD_ERROR}.",
}


def two_way(pairings: Sequence[Pairing]) -> dg.AssetsDefinition:
    """Return the plan, the links and the activities. With WRITE_BACK=apply the last two write; the plan never does.

    All are of one step: what a pass leaves undone must not keep activities from being logged.
    """
    objects = list({asset_key(obj): obj for pairing in pairings for obj in (pairing.crm, pairing.marketo)})

    @dg.multi_asset(
        name=STEP,
        specs=[
            _spec(PLAN, objects, "What differs between both systems: the writes of the last pass, by kind and reason. "
                  "They are in sync.outbox. Materialised alone it decides, and writes nothing."),
            _spec(LINK, [PLAN], "Who is who in both systems, and the values on which they last agreed. Materialising "
                  "it writes what the plan says if WRITE_BACK=apply: see sync.write_result, sync.conflict."),
            _spec(ACTIVITY, [LINK], DESCRIPTION),
        ],
        check_specs=[dg.AssetCheckSpec(name, asset=LINK, description=said) for name, said in CHECKS.items()],
        can_subset=True,
        description="Decides on what changed on either side, plans the writes and, where WRITE_BACK=apply, sends them.",
    )  # fmt: skip
    def compute(
        context: dg.AssetExecutionContext, sync: SyncResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        chosen, run_id = context.selected_asset_keys, context.run.run_id
        done: list[Synced] = []
        with sync.lake() as lake, pause.cycle(lake, WAIT_SECONDS):
            over, status, not_done = sync.systems(lake), SUCCEEDED, list[str]()
            given = over.settings
            applies = given.write_back == "apply" and LINK in chosen
            if chosen - {ACTIVITY}:  # nothing is to be decided where only checks or activities were asked for
                status, done = runs.pass_over(given, lake, over if applies else None, run_id)
            if PLAN in chosen:
                yield dg.MaterializeResult(asset_key=PLAN, metadata=_planned(lake, done, run_id))
            if LINK in chosen:
                yield dg.MaterializeResult(asset_key=LINK, metadata=_linked(lake, done, given.write_back))
            if ACTIVITY in chosen:
                logs = given.write_back == "apply"
                also, told = runs.log_activities(given, lake, over) if logs else (SUCCEEDED, [])
                status, not_done = worst((status, also)), [one.said for one in told if one.said]
                yield dg.MaterializeResult(asset_key=ACTIVITY, metadata=metadata(told, given.write_back))
            found = {NO_ORPHANS: _orphans(lake, pairings), NO_OLD_ERRORS: _old_errors(lake, datetime.now(UTC))}
            for check in context.selected_asset_check_keys:
                yield _judged(check.name, *found[check.name])
        if status != SUCCEEDED:
            not_done += [synced.said for synced in done if synced.said]
            raise dg.Failure("; ".join(not_done), allow_retries=False)

    return compute


def drift_check() -> dg.AssetChecksDefinition:
    """Return the check that looks at every link, which takes longer than a cycle should."""

    @dg.asset_check(
        asset=LINK, name=NO_DRIFT, description="What is decided agrees on both sides, in every two-way field (law 2)."
    )
    def compare(sync: SyncResource) -> dg.AssetCheckResult:
        with sync.lake(read_only=True) as lake:
            requests = runs.two_way(sync.settings(), lake, "").requests()
            with lake.reading() as con:
                found = [one for request in requests for one in drift.drift(con, request)]
        rows = [(d.pairing, d.field, d.links, ", ".join(d.crm_ids)) for d in found]
        said = f"{sum(d.links for d in found)} values differ though nothing is left to be done" if found else "none"
        return _judged(NO_DRIFT, not found, said, {"fields": _table(("object", "field", "links", "such as"), rows)})

    return compare


def _spec(key: dg.AssetKey, deps: Sequence[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key, deps=deps, group_name="sync", kinds={"duckdb", "parquet"}, owners=[OWNER], description=description
    )


def _planned(lake: Lake, done: Sequence[Synced], run_id: str) -> dict[str, Any]:
    """Return the sums, which Dagster plots over time, and the preview: ids and field names, but no value."""
    with lake.reading() as con:
        why, some = preview.reasons(con, run_id), preview.samples(con, run_id, SAMPLES)
    rows = [
        (s.pairing.name, s.planned.touched, s.planned.creates, s.planned.to_marketo, s.planned.to_crm,
         s.planned.conflicts, s.planned.refused, s.error)
        for s in done
    ]  # fmt: skip
    sums = {name: sum(int(row[number]) for row in rows) for number, name in enumerate(NUMBERS, 1)}
    return {
        **sums,
        "by object": _table(("object", *NUMBERS, "not done because"), rows),
        "by reason": _table(preview.REASONS, [tuple(one.values()) for one in why]),
        "for example": _table(preview.SAMPLES[:-1], [(*tuple(one.values())[:-2], list(one["fields"])) for one in some]),
        "dagster/row_count": sum(sums[name] for name in NUMBERS[1:4]),
    }


def _linked(lake: Lake, done: Sequence[Synced], write_back: str) -> dict[str, Any]:
    rows = [(s.pairing.name, _accepted(s, "marketo"), _accepted(s, "crm"), s.rejected, s.waiting, s.said) for s in done]
    names = ("written to Marketo", "written to the CRM", "rejected", "to be tried again")
    (links,) = lake.rows(f"select count(*) from {ledger.table('link')} where ended_at is null")[0]
    return {
        **{name: sum(int(row[number]) for row in rows) for number, name in enumerate(names, 1)},
        "by object": _table(("object", *names, "not done because"), rows),
        "dagster/row_count": links,
        "API calls": sum(spent.calls for s in done for spent in s.spent.values()),
        "WRITE_BACK": write_back,
    }


def _accepted(synced: Synced, side: str) -> int:
    return synced.sent[side].accepted if side in synced.sent else 0


def _orphans(lake: Lake, pairings: Sequence[Pairing]) -> tuple[bool, str]:
    with lake.reading() as con:
        found = {p.name: ids for p in pairings if (ids := drift.orphans(con, p))}
    said = "; ".join(f"{len(ids)} of {name}, such as {ids[0]}" for name, ids in found.items())
    return not found, said or "none"


def _old_errors(lake: Lake, now: datetime) -> tuple[bool, str]:
    of_writes = "operation like 'Push%' and record_id is not null and resolved_at is null"
    query = f"select count(*), min(noted_at) from {ledger.table('error')} where {of_writes} and noted_at < ?"
    count, oldest = lake.rows(query, [now - OLD_ERROR])[0]
    return count == 0, f"{count}, the oldest of {oldest}: `sync-pipeline errors` lists them" if count else "none"


def _judged(name: str, passed: bool, said: str, metadata: dict[str, Any] | None = None) -> dg.AssetCheckResult:
    warned = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=LINK, check_name=name, passed=passed, severity=warned, description=said, metadata=metadata or {}
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    lines = [head, ["---"] * len(head), *rows]
    return dg.MetadataValue.md("\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines))


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
