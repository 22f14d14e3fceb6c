"""`sync-pipeline feed`: the people feed to Sales Insight Actions, from its preview on (SIA-FEED-14)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from sync_pipeline.assembly import runs
from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.lake import Lake
from sync_pipeline.sales_insight import feed as people
from sync_pipeline.sales_insight.feed import Fed, FeedError, Options

as_json = click.option("--json", "as_json", is_flag=True, help="One line of JSON.")


@contextmanager
def _opened(*, read_only: bool = False) -> Iterator[tuple[Lake, Options]]:
    given = settings()
    with open_lake(given, read_only=read_only) as lake:
        try:
            yield lake, runs.feed_options(given)
        except FeedError as error:
            raise click.ClickException(str(error)) from None


@click.group()
def feed() -> None:
    """Feed people to Sales Insight Actions: table lake.actions.people."""


@feed.command()
@click.option("--sample", default=10, type=click.IntRange(0, 1000), help="Show so many people.")
@as_json
def preview(sample: int, as_json: bool) -> None:
    """Count the people who qualify and show some; writes nothing."""
    with _opened(read_only=True) as (lake, options):
        found = people.preview(lake, options, sample)
    if as_json:
        told = {"people": found.people, "without_user": found.without_user, "sample": found.sample}
        click.echo(json.dumps({**told, "notices": [n.message for n in found.notices], "warning": found.warning}))
        return
    click.echo(f"{found.people:,} people qualify; {found.without_user:,} are linked, but no user owns them")
    for row in found.sample:
        click.echo("  " + ", ".join(f"{name}={value}" for name, value in row.items() if value is not None))
    _remark([n.message for n in found.notices], found.warning)


@feed.command()
@as_json
def start(as_json: bool) -> None:
    """Start the feed; later, compare everybody again."""
    _run(people.start, as_json)


@feed.command()
@as_json
def refresh(as_json: bool) -> None:
    """Take in what changed since the last run."""
    _run(people.increment, as_json)


@feed.command()
@as_json
def status(as_json: bool) -> None:
    """Show when the feed was last brought up to date, and what it holds."""
    with _opened(read_only=True) as (lake, _):
        found = people.status(lake)
    if as_json:
        click.echo(json.dumps({"started": found is not None, **(vars(found) if found else {})}, default=str))
    elif found is None:
        click.echo("the feed has not been started: sync-pipeline feed preview, then sync-pipeline feed start")
    else:
        click.echo(f"up to date as of {found.taken_at:%Y-%m-%d %H:%M:%S} UTC")
        click.echo(f"{found.people:,} people, and {found.left:,} who have left its scope")
        click.echo(f"changes so far: {_counted(found.changes)}")


def _run(work: Callable[[Lake, Options, str, datetime], Fed], as_json: bool) -> None:
    with _opened() as (lake, options), lake.only_pipeline():
        done = work(lake, options, uuid.uuid4().hex, datetime.now(UTC))
    if as_json:
        told = {"looked_at": done.looked_at, "changes": done.changes, "people": done.people}
        click.echo(json.dumps({**told, "notices": [n.message for n in done.notices], "warning": done.warning}))
        return
    click.echo(f"{done.looked_at:,} people looked at: {_counted(done.changes)}; {done.people:,} are in the feed")
    _remark([n.message for n in done.notices], done.warning)


def _counted(changes: Any) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(changes.items())) or "nothing new"


def _remark(notices: list[str], warning: str) -> None:
    for said in [*notices, *([warning] if warning else [])]:
        click.echo(f"note: {said}", err=True)
