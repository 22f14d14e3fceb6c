"""`sync-pipeline activities`: what is logged on people, and taking in what a sales tool tells (SIA-ACT)."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sync_pipeline.activity_log import types
from sync_pipeline.activity_log.step import Logged
from sync_pipeline.assembly import declarations, runs, systems
from sync_pipeline.catalog.activity_types import activity_types
from sync_pipeline.commands.options import NOT_DONE, open_lake, plain_errors, settings
from sync_pipeline.commands.unsubscribes import told
from sync_pipeline.lake import pause
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sales_insight.inputs import ACTIVITY, INPUTS, REMINDER, UNSUBSCRIBE
from sync_pipeline.sales_insight.intake import InputError, take_file

SHOWN = 20


@click.group()
def activities() -> None:
    """What is logged on people in both systems, and what a sales tool tells: docs/activities.md, docs/feed.md."""


def line(logged: Logged) -> str:
    """Return one line about the activities of a side."""
    sent = logged.sent
    numbers = {
        "taken in": sum(logged.queued.values()),
        "logged": sent.accepted,
        "rejected": sent.rejected,
        "to be tried again": sent.retry,
        "whose answer was lost": sent.unsure,
    }
    news = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number) or "nothing to log"
    return f"{f'activities in {logged.obj.system}':28} {sent.error or news}"


@activities.command()
@click.option("--check", "only_check", is_flag=True, help="Only say what is missing.")
def setup(only_check: bool) -> None:
    """Create and approve in Marketo the custom activity types of ACTIVITY_TYPES, where the service may."""
    given = settings()
    wanted = activity_types(given.activity_types)
    with open_lake(given) as lake, plain_errors():
        marketo = systems.Systems(given, lake).marketo
        missing = marketo.lacking_activity_types(wanted)
        for one, said in missing:
            click.echo(f"{one.label} ({one.api_name}): {said}")
        if not only_check:
            marketo.make_activity_types(wanted)
            types.remember(lake, marketo.activity_types(), datetime.now(UTC))
    if only_check and missing:
        sys.exit(NOT_DONE)
    click.echo(f"{len(wanted):,} activity types are ready" + (f", {len(missing):,} of them new" if missing else ""))


@activities.command()
def log() -> None:
    """Log now what is to be logged on both sides, as each cycle does after its two-way pass."""
    given = settings()
    if given.write_back != "apply" or not declarations.pairings(given):
        raise click.ClickException("nothing is written: set both systems and WRITE_BACK=apply")
    with open_lake(given) as lake, pause.cycle(lake):
        status, done = runs.log_activities(given, lake, systems.Systems(given, lake))
    for one in done:
        click.echo(line(one))
    if status != SUCCEEDED:
        sys.exit(NOT_DONE)


@activities.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--unsubscribes", "table", flag_value=UNSUBSCRIBE.table, help="The file holds unsubscribes.")
@click.option("--reminders", "table", flag_value=REMINDER.table, help="The file holds reminder tasks.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON with everything that was refused.")
def import_file(file: Path, table: str | None, as_json: bool) -> None:
    """Take in a FILE of CSV, Parquet or JSON lines; what was taken before is known again."""
    given, into = settings(), INPUTS[table or ACTIVITY.table]
    with open_lake(given) as lake:
        try:
            done = take_file(lake, into, file, datetime.now(UTC))
        except InputError as error:
            raise click.ClickException(str(error)) from None
        at_once = into is UNSUBSCRIBE and given.crm == "salesforce"
        sent = runs.exchange_unsubscribes(given, lake, whole=False) if at_once else None
    if as_json:
        refused = [vars(each) for each in done.refused]
        left_out = [vars(each) for each in done.left_out]
        click.echo(json.dumps({"new": done.new, "known": done.known, "refused": refused, "left_out": left_out}))
    else:
        click.echo(f"{done.new:,} new, {done.known:,} taken before, {len(done.refused):,} reasons to refuse others")
        for one in done.left_out:
            click.echo(f"{one.kind} has no {one.value}: left out of {one.records:,} records", err=True)
        for each in done.refused[:SHOWN]:
            click.echo(f"{each.key or '(no id)'}: {each.value} {each.message}", err=True)
        if len(done.refused) > SHOWN:
            click.echo(f"... and {len(done.refused) - SHOWN:,} more: --json shows all", err=True)
    if sent:
        click.echo(told(sent, given.write_back), err=True)
    if done.refused or (sent and sent.said):
        sys.exit(NOT_DONE)
