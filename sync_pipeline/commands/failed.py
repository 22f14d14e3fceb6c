"""`sync-pipeline failed`: the writes to the CRM that did not go through (SIA-DIAG)."""

from __future__ import annotations

import json

import click

from sync_pipeline.activities import diagnosis
from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.commands.shown import lines

SHOWN = 100


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def failed(as_json: bool) -> None:
    """Show writes to the CRM that failed and still stand: code, category, and whether somebody must act."""
    given = settings()
    with open_lake(given, read_only=True) as lake, lake.reading() as con:
        found = diagnosis.failed(con, given.crm, SHOWN)
    if as_json:
        click.echo(json.dumps(found, default=str))
    else:
        click.echo("\n".join(lines(found)) if found else "every write went through")
