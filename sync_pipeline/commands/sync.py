"""`sync-pipeline sync` and `check`: a cycle without Dagster, and the look before the first one."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from sync_pipeline.assembly import declarations, systems
from sync_pipeline.assembly import runs as assembly
from sync_pipeline.assembly.systems import Systems
from sync_pipeline.commands import activities, two_way
from sync_pipeline.commands.options import NOT_DONE, chosen, console, open_lake, settings
from sync_pipeline.connectors import bounds
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.lake import Lake, LakeError, ledger, pause
from sync_pipeline.mirror import preflight, runs
from sync_pipeline.mirror.cycle import Cycle, Done, Told
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import SUCCEEDED, Object, worst
from sync_pipeline.settings import Settings
from sync_pipeline.sync.planning import preview

ONLY_READ = "only read: nothing was decided or written; `sync-pipeline sync` without options does"
Landed = Callable[[Object, int, int], None]


class UtcTime(click.ParamType[datetime]):
    """An ISO time; without an offset it is UTC."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO time such as 2026-03-01T12:00:00Z", param, ctx)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@click.command()
@click.option("--objects", help="Read only these objects, by name, separated by commas; decides nothing.")
@click.option("--full", is_flag=True, help="Read everything again and repair the mirrors.")
@click.option("--since", type=UtcTime(), help="Reach back to this time (ISO, UTC), if it is before the watermark.")
@click.option("--reconcile", is_flag=True, help="Compare all ids with the org: finds hard deletes and missed records.")
@click.option("--formulas", is_flag=True, help="Read all formula fields again.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON: counts per object.")
def sync(
    objects: str | None, full: bool, since: datetime | None, reconcile: bool, formulas: bool, as_json: bool
) -> None:
    """Run one cycle: bring every mirror up to date, then plan or write what differs between both systems.

    With --objects, --reconcile or --formulas it only reads: a decision needs all that was changed on both sides. The
    next cycle decides.
    """
    if sum((full, since is not None, reconcile, formulas)) > 1:
        raise click.UsageError("--full, --since, --reconcile and --formulas exclude one another")
    given = settings()
    wanted = chosen(given, objects)
    if undecided := declarations.undecided(given):
        raise click.UsageError(undecided)
    with open_lake(given) as lake, pause.cycle(lake), _progress() as (landed, told):

        def read(source: Source, objects: Sequence[Object]) -> Cycle:
            if reconcile:
                return runs.compare_ids(source, objects, told=told)
            if formulas:
                return runs.refresh_formulas(source, objects, told=told)
            return runs.sync(source, objects, since=since, full=full, told=told)

        over = Systems(given, lake)
        cycles = each_system(given, lake, over, wanted, landed, read)
        is_two_way = given.write_back != "off" and bool(declarations.pairings(given))
        decides = is_two_way and not (objects or reconcile or formulas)
        both_ways = _both_ways(given, lake, over) if decides else SUCCEEDED
    late = [cycle for cycle in cycles if cycle.status != SUCCEEDED]
    if as_json:
        click.echo(json.dumps({**as_dict(cycles), "decided": decides}))
    else:
        for cycle in late:
            click.echo(f"{cycle.status}: {cycle.message}", err=True)
    if is_two_way and not decides:
        click.echo(ONLY_READ, err=True)
    if late or both_ways != SUCCEEDED:
        sys.exit(NOT_DONE)


def _both_ways(given: Settings, lake: Lake, over: Systems) -> str:
    """Plan, or write, what differs between both systems, as WRITE_BACK says; return the status."""
    run_id = uuid.uuid4().hex
    status, done = assembly.pass_over(given, lake, over if given.write_back == "apply" else None, run_id)
    for synced in done:
        click.echo(two_way.line(synced), err=True)
    with lake.reading() as con:
        twice = preview.twins(con, [synced.pairing for synced in done], run_id)
    if twice:
        click.echo(two_way.of_twins(twice), err=True)
    if given.write_back != "apply":
        return status
    also, logged = assembly.log_activities(given, lake, over)
    for one in logged:
        click.echo(activities.line(one), err=True)
    return worst((status, also))


def each_system(
    given: Settings,
    lake: Lake,
    over: Systems,
    wanted: Sequence[Object],
    landed: Landed,
    read: Callable[[Source, Sequence[Object]], Cycle],
) -> list[Cycle]:
    """Read the wanted objects system by system; an outage of one is in its own cycle and stops no other."""
    return [
        read(systems.source(given, lake, system, landed, over), objects)
        for system in given.systems()
        if (objects := [obj for obj in wanted if obj.system == system])
    ]


def as_dict(cycles: Sequence[Cycle]) -> dict[str, object]:
    """Return the line of `--json`: scripts rely on these names. Objects of Marketo have its name before theirs."""
    return {
        "run_id": cycles[0].run_id,
        "status": worst(cycle.status for cycle in cycles),
        "started_at": cycles[0].started_at.isoformat(),
        "ended_at": cycles[-1].ended_at.isoformat(),
        "objects": {
            named(d.obj): {"status": d.status, **d.counts.as_dict(), **({"error": d.error} if d.error else {})}
            for cycle in cycles
            for d in cycle.done
        },
    }


def named(obj: Object) -> str:
    """Return the name by which commands show an object."""
    return obj.title if obj.system == "marketo" else obj.name


def line(done: Done) -> str:
    """Return one line about an object: what was read, and what of it was news."""
    if done.error:
        return f"{named(done.obj):28} {done.status}: {done.error}"
    c = done.counts
    kinds = {"inserted": c.inserted, "updated": c.updated, "deleted": c.deleted, "undeleted": c.undeleted}
    news = ", ".join(f"{count:,} {kind}" for kind, count in {**kinds, "merged": c.merged}.items() if count)
    bad = f", {c.failed} values did not fit" if c.failed else ""
    later = f", {done.said}" if done.waiting else ""
    news = f"{news or 'nothing new'}{bad}{later}"
    return f"{named(done.obj):28} {c.read:>10,} read  {news}  ({c.calls} calls, {c.seconds:.1f} s)"


@contextmanager
def _progress() -> Iterator[tuple[Landed, Told]]:
    """Give progress bars on a terminal and plain lines elsewhere; both on stderr, so that stdout stays clean.

    What a system is waited for is shown, too.
    """
    if not sys.stderr.isatty():
        with waits_shown(lambda said: click.echo(said, err=True)):
            yield lambda _obj, _rows, _of: None, lambda done: click.echo(line(done), err=True)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def landed(obj: Object, rows: int, of: int) -> None:
            if obj.title not in tasks:
                tasks[obj.title] = bars.add_task(named(obj))
            bars.update(tasks[obj.title], completed=rows, total=max(of, rows))

        def told(done: Done) -> None:
            if done.obj.title in tasks:
                bars.remove_task(tasks.pop(done.obj.title))
            bars.console.print(line(done), highlight=False)

        with waits_shown(lambda said: bars.console.print(said, highlight=False, markup=False)):
            yield landed, told


class _Shown(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def waits_shown(show: Callable[[str], None]) -> Iterator[None]:
    """Show each line of the log of what is waited for."""
    handler, before = _Shown(show), bounds.LOG.level
    bounds.LOG.addHandler(handler)
    bounds.LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        bounds.LOG.removeHandler(handler)
        bounds.LOG.setLevel(before)


@click.command()
def check() -> None:
    """Look before the first sync: login, permissions, missing fields, quota, size and time."""
    given = settings()
    wanted = chosen(given, None)
    good = [_checked(given, system, [obj for obj in wanted if obj.system == system]) for system in given.systems()]
    if step := _next_step(given) if all(good) else "mend what is called an error, and check again":
        console.print(f"next: {step}")
    if not all(good):
        sys.exit(NOT_DONE)


def _next_step(given: Settings) -> str:
    """Return what comes next when an org and a subscription are set up (CONN-13: docs/setup.md); empty if all is."""
    try:
        with systems.lake(given, read_only=True) as lake, lake.reading() as con:
            is_read = all(ledger.watermarks(con, system) for system in given.systems())
    except LakeError:  # there is none yet
        is_read = False
    if not is_read:
        return "`sync-pipeline sync` reads everything, and writes nothing unless WRITE_BACK=apply says so"
    if given.write_back == "apply" or not declarations.pairings(given):
        return ""
    return "`sync-pipeline plan` shows what would be written; WRITE_BACK=apply writes it"


def _checked(given: Settings, system: str, wanted: Sequence[Object]) -> bool:
    """Show what the check of one system finds; tell whether all of it can be synced."""
    try:
        found = preflight.check(Systems(given).connector(system), wanted)
    except ConnectorError as error:
        click.echo(f"Error: {system}: {error}", err=True)
        return False
    console.print(f"{system}: organization {found.organization_id}: login works")
    console.print(f"API calls of today: {found.calls_used:,} of {found.calls_limit:,} used")
    for name, count in found.records.items():
        said = found.unread(name) if count is None else f"{count:>12,} records"
        console.print(f"  {name:28} {said}")
    console.print(f"first sync: {found.first_sync}")
    for finding in found.findings:
        console.print(f"{finding.severity}: {finding.object}: {finding.message}")
    return not any(f.severity is preflight.Severity.ERROR for f in found.findings)
