"""A Marketo subscription: the first load of its persons against the floor, and what its cycles cost in calls.

Adobe's pace is left out: a day's exports may have any size, and jobs end as soon as their file is written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, stated
from benchmarks.speed import against_floor, best, files_of, floor_of, load_of
from sync_pipeline.connectors.marketo import Credentials, Marketo
from sync_pipeline.connectors.marketo.exports import Exports, parts_by_time
from sync_pipeline.connectors.marketo.kinds import FATE
from sync_pipeline.lake.types import column_type
from sync_pipeline.mirror.windows import LAG
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records import people
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline_tests.pipeline import Pipeline

PERSONS, MONTHS = 1_000_000, 6
FOLLOWED, CHANGED = 12_000, 10_000
A_CALL = 300  # activities on a page, persons read by id
QUIET = 4
TIMES = 3
# Cycles of a benchmark follow one another at once, and would read again what lies within the overlap.
AT_ONCE = {"MARKETO_POLL_SECONDS": "0.5", "SYNC_OVERLAP_SECONDS": "0"}


def marketo(persons: int = PERSONS) -> Iterator[Bar]:
    """Measure the first load of so many persons, then the calls of cycles on fewer."""
    yield from _load(persons)
    yield from _calls()


def _load(persons: int) -> Iterator[Bar]:
    with _served(persons) as sandbox, orgs.new_folder() as folder:
        columns = _columns(sandbox)
        csv = _csv_of(sandbox, list(columns), orgs.FOLDER / f"persons-{persons}.csv")
        parquets = [Path(folder, f"{i}.parquet") for i in range(TIMES)]
        floor = best(floor_of(csv, parquet, json.dumps(columns), "null") for parquet in parquets)
        lakes = [Path(folder, f"lake-{i}") for i in range(TIMES)]
        ours = best(load_of(sandbox, lake, "person", AT_ONCE) for lake in lakes)
        files = files_of(lakes[0], "marketo", "person")
    yield from against_floor(f"{persons:,} persons x {len(columns)}", csv, floor, ours)
    yield stated("... persons a second; files", f"{persons / ours.seconds:,.0f}; {files}")


def _calls() -> Iterator[Bar]:
    with orgs.new_folder() as folder:
        copy = orgs.copy_of(orgs.of_persons(FOLLOWED, 1), Path(folder, "subscription.duckdb"))
        with Subscription.open(copy) as subscription, MarketoSandbox(subscription) as sandbox:
            pipeline = Pipeline(Path(folder), {**sandbox.env(), **AT_ONCE})
            pipeline.sync()
            time.sleep(LAG.total_seconds() + 1)  # windows end so long ago: what was written since is looked at again
            pipeline.sync()
            quiet = _calls_of(sandbox, pipeline)
            _change(subscription)
            time.sleep(LAG.total_seconds() + 1)
            changed = _calls_of(sandbox, pipeline)
            with pipeline.lake() as lake:
                [(arrived,)] = lake.rows("select count(*) from lake.marketo.person where city = 'Ulm'")
    if arrived != CHANGED:
        raise RuntimeError(f"{arrived:,} of {CHANGED:,} changes arrived")
    yield at_most(f"quiet cycle, {FOLLOWED:,} persons: calls", quiet, QUIET)
    fewest = 2 * -(-CHANGED // A_CALL)
    yield at_most(
        f"{CHANGED:,} changed persons: calls", changed, 1.2 * fewest, note=f" ({fewest} for feed and persons)"
    )


def _calls_of(sandbox: MarketoSandbox, pipeline: Pipeline) -> int:
    before = sandbox.log.count("/rest/*")
    pipeline.sync()
    return sandbox.log.count("/rest/*") - before


def _change(subscription: Subscription) -> None:
    """Change a field of so many persons, a call's worth at a time."""
    rows = subscription.rows(f"select id from lead where city is distinct from 'Ulm' order by id limit {CHANGED}")
    for start in range(0, CHANGED, A_CALL):
        some = [{"id": row["id"], "city": "Ulm"} for row in rows[start : start + A_CALL]]
        people.sync(subscription, some, How("updateOnly", "id"), Author())


@contextmanager
def _served(persons: int) -> Iterator[MarketoSandbox]:
    with (
        Subscription.open(orgs.of_persons(persons, MONTHS)) as subscription,
        MarketoSandbox(subscription) as sandbox,
    ):
        sandbox.extracts.daily_bytes = 1 << 50
        yield sandbox


def _connector(sandbox: MarketoSandbox) -> Marketo:
    env = sandbox.env()
    return Marketo(Credentials(sandbox.url, env["MARKETO_CLIENT_ID"], env["MARKETO_CLIENT_SECRET"]))


def _columns(sandbox: MarketoSandbox) -> dict[str, str]:
    """Return the column types of the fields that an export holds."""
    own = {field.name for field in FATE}
    return {f.name: column_type(f) for f in _connector(sandbox).describe("lead").fields if f.name not in own}


def _csv_of(sandbox: MarketoSandbox, fields: list[str], file: Path) -> Path:
    """Return the files of all export jobs as one, fetched once from the sandbox."""
    if file.exists():
        return file
    connector, part = _connector(sandbox), file.with_suffix(".part")
    exports = Exports(connector.calls, "leads", poll_seconds=0.2)
    (oldest,) = sandbox.subscription.rows('select min("createdAt") as first from lead')
    with part.open("wb") as out:
        for number, span in enumerate(parts_by_time("createdAt", oldest["first"], sandbox.subscription.present())):
            job = exports.create(span, fields)
            exports.enqueue(job)
            exports.finished(job)
            with connector.calls.stream(f"/bulk/v1/leads/export/{job}/file.json") as answer:
                header, _, rows = answer.content.partition(b"\n")
                out.write(rows if number else header + b"\n" + rows)
    return part.replace(file)
