"""`sync-pipeline drift`: where both systems differ although nothing is left to be decided, and its repair (OPS-18)."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import click

from sync_pipeline.assembly import runs
from sync_pipeline.commands.options import NOT_DONE, open_lake
from sync_pipeline.commands.shown import lines
from sync_pipeline.commands.two_way import both_systems
from sync_pipeline.sync.inspection import drift as drifts
from sync_pipeline.sync.sides import CRM, MARKETO


@click.command()
@click.option("--repair", type=click.Choice([CRM, MARKETO]), help="Let the next cycle write this side's values.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each field.")
def drift(repair: str | None, as_json: bool) -> None:
    """Compare all linked records field by field, as mirrored; `sync --reconcile` makes sure of the mirrors first.

    A repair is decided, limited and written by the next cycle: `plan` shows it.
    """
    given = both_systems()
    with open_lake(given, read_only=not repair) as lake:
        requests = list(runs.two_way(given, lake, "").requests())
        if repair:
            with lake.only_pipeline():
                for request in requests:
                    with lake.transaction() as con:
                        count = drifts.repair(con, request, repair, datetime.now(UTC))
                    click.echo(f"{request.pairing.name:28} {count:>10,} links are decided on by the next cycle")
            return
        with lake.reading() as con:
            found = [one for request in requests for one in drifts.drift(con, request)]
    if as_json:
        for one in found:
            click.echo(json.dumps(asdict(one)))
    else:
        told = [{**asdict(one), "crm_ids": ", ".join(one.crm_ids)} for one in found]
        click.echo("\n".join(lines(told)) if told else "no field differs")
    if found:
        sys.exit(NOT_DONE)
