"""`sync-pipeline plan` and `explain`: what a cycle would write to either system, and the whole story of one record."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime

import click
from rich.table import Table

from sync_pipeline import assembly
from sync_pipeline.commands.options import NOT_DONE, console, open_lake, settings
from sync_pipeline.lake import ledger
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sync.cycle import Synced
from sync_pipeline.sync.explain import Chapter
from sync_pipeline.sync.explain import explain as story_of

SAMPLES = 5


def line(synced: Synced) -> str:
    """Return one line about a pairing."""
    p = synced.planned
    if synced.error:
        return f"{synced.pairing.name:28} {synced.error}"
    numbers = {
        "to create in Marketo": p.creates,
        "to update in Marketo": p.to_marketo,
        "to update in the CRM": p.to_crm,
        "conflicts": p.conflicts,
        "fields refused": p.refused,
        "rejected": synced.rejected,
    }
    news = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number) or "nothing to write"
    return f"{synced.pairing.name:28} {p.touched:>10,} looked at  {news}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def plan(as_json: bool) -> None:
    """Show what a cycle would write to Marketo and to the CRM, and write nothing.

    Decides on the mirrors as they are: run a sync first.
    """
    given = settings()
    if not assembly.pairings(given):
        raise click.ClickException("nothing is synced both ways: set MARKETO_URL and its credentials too")
    with open_lake(given) as lake, lake.only_pipeline():
        status, done = assembly.pass_over(given, lake)
        samples = lake.rows(
            f"select pairing, side, operation, crm_id, marketo_id, fields, because from {ledger.table('outbox')} o "
            f"where not exists (from {ledger.table('write_result')} w where w.write_id = o.write_id) "
            f"qualify row_number() over (partition by pairing, side, operation order by crm_id) <= {SAMPLES}"
        )
    if as_json:
        click.echo(json.dumps({"status": status, "objects": {s.pairing.name: vars(s.planned) for s in done}}))
    else:
        for synced in done:
            click.echo(line(synced))
        _show(Chapter("some of the writes", ("object", "to", "how", "CRM id", "Marketo id", "fields", "because"),
                      tuple(samples)))  # fmt: skip
    if status != SUCCEEDED:
        sys.exit(NOT_DONE)


@click.command()
@click.argument("who", metavar="EMAIL|ID")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def explain(who: str, as_json: bool) -> None:
    """Tell the whole story of one person, company or owner, known by e-mail address or by id on either side."""
    given = settings()
    with open_lake(given, read_only=True) as lake, lake.reading() as con:
        try:
            story = story_of(con, assembly.pairings(given), who)
        except LookupError as error:
            raise click.ClickException(str(error.args[0])) from None
    if as_json:
        told = {c.title: [dict(zip(c.names, row, strict=True)) for row in c.rows] for c in story}
        click.echo(json.dumps(told, default=str))
        return
    for chapter in story:
        _show(chapter)


def _show(chapter: Chapter) -> None:
    if not chapter.rows:
        console.print(f"{chapter.title}: none")
        return
    table = Table(*chapter.names, title=chapter.title, title_justify="left")
    for row in chapter.rows:
        table.add_row(*(_text(value) for value in row))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else "" if value is None else str(value)
