"""`sync-pipeline sync` and `check`: a cycle without Dagster, and the look before the first one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
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

from sync_pipeline import assembly
from sync_pipeline.commands.options import NOT_DONE, chosen, console, open_lake, plain_errors, settings
from sync_pipeline.mirror import preflight, runs
from sync_pipeline.mirror.cycle import SUCCEEDED, Cycle, Done, Told
from sync_pipeline.model import Object

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
@click.option("--objects", help="Only these objects, by name, separated by commas.")
@click.option("--full", is_flag=True, help="Read everything again and repair the mirrors.")
@click.option("--since", type=UtcTime(), help="Reach back to this time (ISO, UTC), if it is before the watermark.")
@click.option("--reconcile", is_flag=True, help="Compare all ids with the org: finds hard deletes and missed records.")
@click.option("--formulas", is_flag=True, help="Read all formula fields again.")
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON: counts per object.")
def sync(
    objects: str | None, full: bool, since: datetime | None, reconcile: bool, formulas: bool, as_json: bool
) -> None:
    """Run one cycle: bring every mirror up to date with the org."""
    if sum((full, since is not None, reconcile, formulas)) > 1:
        raise click.UsageError("--full, --since, --reconcile and --formulas exclude one another")
    given = settings()
    wanted = chosen(given, objects)
    if undecided := assembly.undecided(given):
        raise click.UsageError(undecided)
    with open_lake(given) as lake, lake.only_pipeline(), _progress() as (landed, told):
        source = assembly.source(given, lake, landed)
        if reconcile:
            cycle = runs.compare_ids(source, wanted, told=told)
        elif formulas:
            cycle = runs.refresh_formulas(source, wanted, told=told)
        else:
            cycle = runs.sync(source, wanted, since=since, full=full, told=told)
    if as_json:
        click.echo(json.dumps(as_dict(cycle)))
    elif cycle.status != SUCCEEDED:
        click.echo(f"{cycle.status}: {cycle.message}", err=True)
    if cycle.status != SUCCEEDED:
        sys.exit(NOT_DONE)


def as_dict(cycle: Cycle) -> dict[str, object]:
    """Return the line of `--json`: scripts rely on these names."""
    return {
        "run_id": cycle.run_id,
        "status": cycle.status,
        "started_at": cycle.started_at.isoformat(),
        "ended_at": cycle.ended_at.isoformat(),
        "objects": {
            d.obj.name: {"status": d.status, **d.counts.as_dict(), **({"error": d.error} if d.error else {})}
            for d in cycle.done
        },
    }


def line(done: Done) -> str:
    """Return one line about an object: what was read, and what of it was news."""
    if done.error:
        return f"{done.obj.name:28} {done.status}: {done.error}"
    c = done.counts
    kinds = {"inserted": c.inserted, "updated": c.updated, "deleted": c.deleted, "undeleted": c.undeleted}
    news = ", ".join(f"{count:,} {kind}" for kind, count in {**kinds, "merged": c.merged}.items() if count)
    bad = f", {c.failed} values did not fit" if c.failed else ""
    return f"{done.obj.name:28} {c.read:>10,} read  {news or 'nothing new'}{bad}  ({c.calls} calls, {c.seconds:.1f} s)"


@contextmanager
def _progress() -> Iterator[tuple[Landed, Told]]:
    """Give progress bars on a terminal and plain lines elsewhere; both on stderr, so that stdout stays clean."""
    if not sys.stderr.isatty():
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
            if obj.name not in tasks:
                tasks[obj.name] = bars.add_task(obj.name)
            bars.update(tasks[obj.name], completed=rows, total=max(of, rows))

        def told(done: Done) -> None:
            if done.obj.name in tasks:
                bars.remove_task(tasks.pop(done.obj.name))
            bars.console.print(line(done), highlight=False)

        yield landed, told


@click.command()
def check() -> None:
    """Look before the first sync: login, permissions, missing fields, quota, size and time."""
    given = settings()
    wanted = chosen(given, None)
    with plain_errors():
        found = preflight.check(assembly.connector(given), wanted)
    console.print(f"organization {found.organization_id}: login works")
    console.print(f"API calls of today: {found.calls_used:,} of {found.calls_limit:,} used")
    for name, count in found.records.items():
        console.print(f"  {name:28} {'cannot be read' if count is None else f'{count:>12,} records'}")
    minutes = found.seconds / 60
    console.print(
        f"first sync: {found.total:,} records, about {minutes:,.0f} minutes"
        if minutes >= 1
        else f"first sync: {found.total:,} records, less than a minute"
    )
    for finding in found.findings:
        console.print(f"{finding.severity}: {finding.object}: {finding.message}")
    if any(f.severity is preflight.Severity.ERROR for f in found.findings):
        sys.exit(NOT_DONE)
