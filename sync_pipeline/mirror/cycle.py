"""One pass over all objects: each is read on its own, a failure of one stays its own (law 8), all of it is on record.

Runs without Dagster too: the CLI and the assets call the same functions.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb

from sync_pipeline import faults
from sync_pipeline.catalog.views import VIEWS
from sync_pipeline.connectors.errors import ConnectorError, FatalError
from sync_pipeline.lake import LakeError, ledger, views
from sync_pipeline.lake.landing import LandingError
from sync_pipeline.mirror.future import put_right
from sync_pipeline.mirror.intake import PULL
from sync_pipeline.mirror.read import Read
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import CRMS, FAILED, INCOMPLETE, SUCCEEDED, Counts, Object, Window, worst

# The notices that are owed for a system out of reach, and for one whose clock is not ours.
DOWN, CLOCK = "sync_down", "clock"
OTHERS = ("OTHER_CRM", "OTHER_ORGANIZATION")  # the codes of a login to what is not the lake's


@dataclass(frozen=True)
class Done:
    """What became of one object in a run; `error` says why it was not done, empty if it was.

    `notice` is the kind of notice that an operator is owed for it (OPS-15). `waiting` are the records of a first load
    that the next cycle reads.
    """

    obj: Object
    window: Window | None
    counts: Counts
    errors: tuple[ledger.Error, ...] = ()
    error: str = ""
    code: str = ""
    fatal: bool = False
    notice: str = ""
    committed: bool = True
    waiting: int = 0

    @property
    def said(self) -> str:
        """What is to be said of it besides its counts; empty if nothing is."""
        later = f"{self.waiting:,} younger than the window's end come with the next cycle" if self.waiting else ""
        return self.error or later

    @property
    def status(self) -> str:
        if self.error:
            return FAILED
        return INCOMPLETE if self.errors else SUCCEEDED


@dataclass(frozen=True)
class Cycle:
    """A run over some objects. It is green only if everything in it was done (law 10)."""

    run_id: str
    kind: str
    started_at: datetime
    ended_at: datetime
    done: tuple[Done, ...] = field(default=())

    @property
    def status(self) -> str:
        return worst(d.status for d in self.done)

    @property
    def message(self) -> str:
        """What was not done, by object; empty if all was."""
        said = [f"{d.obj.name}: {d.error}" for d in self.done if d.error]
        said += [f"{d.obj.name}: {len(d.errors)} values did not fit" for d in self.done if not d.error and d.errors]
        return "; ".join(said)

    def counts(self) -> Counts:
        total = Counts()
        for done in self.done:
            total += done.counts
        return total


Work = Callable[[Source, Object, str], Read]
Told = Callable[[Done], None]


def run(
    source: Source,
    objects: Sequence[Object],
    work: Work,
    *,
    kind: str,
    operation: str = PULL,
    told: Told = lambda _: None,
) -> Cycle:
    """Do `work(source, object, run_id)` for every object, a few at a time, and put the outcome on record.

    Args:
        kind: what the run is called in `sync.run`: cycle, backfill, reconcile, refresh.
        told: called as each object is done, for progress.

    Raises:
        LakeError: not even the record of the run could be written.
    """
    run_id, started = uuid.uuid4().hex, source.connector.now()
    finished: list[Done] = []
    for done in _each(source, objects, work, run_id):
        finished.append(done)
        told(done)
    order = {obj.name: i for i, obj in enumerate(objects)}
    in_order = tuple(sorted(finished, key=lambda d: order[d.obj.name]))
    cycle = Cycle(run_id, kind, started, source.connector.now(), in_order)
    record(source, cycle, operation)
    return cycle


def _each(source: Source, objects: Sequence[Object], work: Work, run_id: str) -> Iterator[Done]:
    """Yield the outcomes as they come. After an error that stops everything, what has not begun is not begun."""
    stopped: list[tuple[str, str]] = []
    try:
        source.connector.begin()
        connect(source)
        source = _known(source, run_id)
    except (ConnectorError, LakeError, duckdb.Error) as error:
        stopped.append((str(error), getattr(error, "notice", "") or DOWN))
    except Exception as error:
        stopped.append((faults.noted(error, source.connector.system), DOWN))

    def one(obj: Object) -> Done:
        if stopped:
            said, notice = stopped[0]
            return Done(obj, None, Counts(), error=f"not begun: {said}", code="NOT_BEGUN", notice=notice)
        done = _timed(source, obj, work, run_id)
        if done.fatal:
            stopped.append((done.error, done.notice))
        return done

    with ThreadPoolExecutor(source.policy.object_threads, thread_name_prefix="object") as pool:
        for stage in _stages(objects):
            for future in as_completed([pool.submit(one, obj) for obj in stage]):
                yield future.result()


def _known(source: Source, run_id: str) -> Source:
    """Return the source with what the lake knows of its system, after what a wrong clock left there is put right."""
    system = source.connector.system
    put_right(source.lake, run_id, system, source.connector.clock.ours())
    with source.lake.reading() as con:
        described, marks = ledger.remembered_describes(con, system), ledger.watermarks(con, system)
    return replace(source, remembered=described, marks=marks)


def _stages(objects: Sequence[Object]) -> Iterator[Sequence[Object]]:
    """Yield what can be read at once: first all that stand for themselves, then one by one those known by others."""
    yield [obj for obj in objects if not obj.known_by]
    for obj in objects:
        if obj.known_by:
            yield [obj]


def connect(source: Source) -> str:
    """Log in, and make sure that the lake belongs to this organization (GEN-18) and CRM (VV-GEN-9); return its id.

    Raises:
        FatalError: the login was refused, or the lake holds the records of another organization or CRM.
    """
    system, organization = source.connector.system, source.connector.organization_id()
    with source.lake.reading() as con:
        kept = ledger.organizations(con)
    known = kept.get(system)
    other = CRMS & kept.keys() - {system} if system in CRMS else ()
    if other:
        raise FatalError(
            OTHERS[0],
            f"this lake mirrors a {'/'.join(other)} org; a {system} org needs a lake of its own",
        )
    if known is None:
        with source.lake.transaction() as con:
            ledger.insert(con, "connection", [(system, organization, source.connector.now())])
    elif known != organization:
        raise FatalError(
            OTHERS[1],
            f"this lake mirrors organization {known}, but the login is to {organization}; other credentials of the "
            "same organization are fine, another organization needs a lake of its own",
        )
    return organization


def _timed(source: Source, obj: Object, work: Work, run_id: str) -> Done:
    start, connector = time.monotonic(), source.connector.metered()
    try:
        read = work(replace(source, connector=connector), obj, run_id)
        done = Done(obj, read.window, read.counts, read.errors, committed=read.committed, waiting=read.waiting)
    except (ConnectorError, LakeError, LandingError, duckdb.Error) as error:
        code, notice = getattr(error, "code", type(error).__name__), getattr(error, "notice", "")
        fatal = isinstance(error, FatalError)
        done = Done(obj, None, Counts(), error=str(error), code=code, fatal=fatal, notice=notice)
    except OSError as error:  # a full disk while pages land
        said = f"{error.strerror or error} ({error.filename or source.landings})"
        done = Done(obj, None, Counts(), error=said, code="DISK")
    except Exception as error:
        done = Done(obj, None, Counts(), error=faults.noted(error, obj.title), code=faults.UNFORESEEN)
    usage = connector.usage()
    spent = Counts(calls=usage.calls, bytes=usage.bytes, seconds=round(time.monotonic() - start, 3))
    return replace(done, counts=done.counts + spent)


def record(source: Source, cycle: Cycle, operation: str) -> None:
    """Write the run, its jobs and the watermarks of the quiet objects, in one transaction; new views come with them."""
    with source.lake.transaction() as con:
        quiet = [(d.obj, d.window) for d in cycle.done if d.window and not d.committed]
        ledger.move_watermarks(con, quiet, cycle.ended_at)
        ledger.insert(con, "job", [_job(cycle, done, operation) for done in cycle.done])
        for done in cycle.done:
            if done.error:
                error = ledger.Error(done.code or FAILED, done.error)
                ledger.add_errors(con, cycle.run_id, done.obj, operation, [error], cycle.ended_at)
        for kind in dict.fromkeys(done.notice for done in cycle.done if done.notice):
            said = next(done.error for done in cycle.done if done.notice == kind)
            notice = ledger.Notice(kind, "", said.removeprefix("not begun: "))
            ledger.warn(con, cycle.run_id, source.connector.system, notice, cycle.ended_at)
        if doubt := source.connector.clock.doubt():
            ledger.warn(con, cycle.run_id, source.connector.system, ledger.Notice(CLOCK, "", doubt), cycle.ended_at)
        ledger.resolve_job_errors(con, [d.obj for d in cycle.done if not d.error], cycle.ended_at)
        views.refresh(con, VIEWS)
        ended = (cycle.started_at, cycle.ended_at, cycle.status, cycle.message)
        ledger.insert(con, "run", [(cycle.run_id, cycle.kind, *ended)])


def _job(cycle: Cycle, done: Done, operation: str) -> tuple[object, ...]:
    start, end = (done.window.start, done.window.end) if done.window else (None, None)
    return (
        cycle.run_id, done.obj.system, done.obj.name, operation, done.status, cycle.started_at, cycle.ended_at,
        start, end, *done.counts.as_dict().values(), done.said,
    )  # fmt: skip
