"""`sync-pipeline duplicates`: who shares an e-mail address, in Marketo, in the CRM, and across."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.lake import Lake
from sync_pipeline.sales_insight.duplicates import SCOPES
from sync_pipeline.sales_insight.duplicates_report import report
from sync_pipeline.sales_insight.fuzzy import FuzzyError, Report
from sync_pipeline.sales_insight.fuzzy import report as fuzzy_report


@click.command()
@click.option("--full", is_flag=True, help="Look at all addresses, not only at those that a change may concern.")
@click.option("--fuzzy", is_flag=True, help="Pairs that may be one person besides: lake.actions.fuzzy_duplicates.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def duplicates(full: bool, fuzzy: bool, as_json: bool) -> None:
    """Bring lake.actions.duplicates up to date and count its groups."""
    given = settings()
    with open_lake(given) as lake, lake.only_pipeline():
        found = report(lake, given.crm, datetime.now(UTC), whole=full)
        alike = _alike(lake, given.crm) if fuzzy else None
    if as_json:
        click.echo(json.dumps({**vars(found), **({"alike": alike.pairs} if alike else {})}))
        return
    click.echo(f"{found.groups:,} groups of {found.records:,} records; {found.new:,} new, {found.ended:,} ended")
    for scope, said in SCOPES.items():
        click.echo(f"  {found.scopes[scope]:>8,}  {scope}: {said}")
    if alike:
        click.echo(f"  {alike.pairs:>8,}  pairs of {alike.records:,} records that may be one person")


def _alike(lake: Lake, crm: str) -> Report:
    try:
        return fuzzy_report(lake, crm, datetime.now(UTC))
    except FuzzyError as error:
        raise click.ClickException(str(error)) from None
