"""`sync-pipeline activities`: taking in what a sales tool tells, from files (SIA-ACT)."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sync_pipeline import assembly
from sync_pipeline.actions.inputs import ACTIVITY, INPUTS, REMINDER, UNSUBSCRIBE
from sync_pipeline.actions.intake import InputError, take_file
from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.commands.unsubscribes import told

SHOWN = 20


@click.group()
def activities() -> None:
    """Sales activities, unsubscribes and reminders of a sales tool; docs/feed.md says what they hold."""


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
        sent = assembly.exchange_unsubscribes(given, lake, whole=False) if at_once else None
    if as_json:
        refused = [vars(each) for each in done.refused]
        click.echo(json.dumps({"new": done.new, "known": done.known, "refused": refused}))
    else:
        click.echo(f"{done.new:,} new, {done.known:,} taken before, {len(done.refused):,} reasons to refuse others")
        for each in done.refused[:SHOWN]:
            click.echo(f"{each.key or '(no id)'}: {each.value} {each.message}", err=True)
        if len(done.refused) > SHOWN:
            click.echo(f"... and {len(done.refused) - SHOWN:,} more: --json shows all", err=True)
    if sent:
        click.echo(told(sent, given.write_back), err=True)
    if done.refused or (sent and sent.said):
        sys.exit(NOT_DONE)
