"""`sync-pipeline reminders`: reminder tasks of a sales tool and tasks of Salesforce follow one another (SIA-TASK)."""

from __future__ import annotations

import json
import sys

import click

from sync_pipeline.assembly import runs
from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.lake import pause


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def reminders(as_json: bool) -> None:
    """Bring reminders and tasks to the same, as Dagster does every five minutes; ACTIONS_REMINDERS switches it on."""
    given = settings()
    if not given.actions_reminders:
        raise click.ClickException("reminders do not sync: set ACTIONS_REMINDERS=true")
    with open_lake(given) as lake, pause.cycle(lake):
        done = runs.exchange_reminders(given, lake)
    if as_json:
        click.echo(json.dumps(vars(done)))
    else:
        sent = f"{done.accepted:,} done" if given.write_back == "apply" else f"WRITE_BACK={given.write_back}"
        told = f"from Salesforce {done.taken:,} new, {done.changed:,} changed, {done.deleted:,} deleted"
        click.echo(f"{told}; {done.due:,} due there: {sent}{'; ' + done.said if done.said else ''}")
    if done.said:
        sys.exit(NOT_DONE)
