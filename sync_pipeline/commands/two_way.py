"""`sync-pipeline plan` and `explain`: what a cycle would write to either system, and the whole story of one record."""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

import click
import duckdb

from sync_pipeline.activity_log import diagnosis
from sync_pipeline.assembly import declarations, runs
from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.commands.shown import lines
from sync_pipeline.identifiers import IdentifierError, plain_text
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.settings import Settings
from sync_pipeline.sync.inspection.explain import Chapter
from sync_pipeline.sync.inspection.explain import explain as story_of
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.planning import preview

FEW_FIELDS = 4  # of a sample; `explain` shows them all


def line(synced: Synced) -> str:
    """Return one line about a pairing."""
    p = synced.planned
    if synced.error:
        return f"{synced.pairing.name:28} {synced.error}"
    numbers = {
        "to create in Marketo": p.creates,
        "to update in Marketo": p.to_marketo,
        "to update in the CRM": p.to_crm,
        "deleted in the CRM": p.gone,
        "to merge": p.merges,
        "conflicts": p.conflicts,
        "fields refused": synced.refused,
        "rejected": synced.rejected,
    }
    news = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number) or "nothing to write"
    return f"{synced.pairing.name:28} {p.touched:>10,} looked at  {news}"


def both_systems() -> Settings:
    """Return the settings, if they name two systems whose records are synced both ways."""
    given = settings()
    if not declarations.pairings(given):
        missing = "MARKETO_URL, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET, besides the login to Salesforce"
        raise click.UsageError(f"nothing is synced both ways with these settings; it needs {missing}")
    return given


@click.command()
@click.option("--samples", type=click.IntRange(min=0), default=1, show_default=True, help="Writes shown of each kind.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def plan(samples: int, as_json: bool) -> None:
    """Show what a cycle would write to Marketo and to the CRM, and write nothing.

    Decides on the mirrors as they are: run a sync first. The samples show values of records.
    """
    given, run_id = both_systems(), uuid.uuid4().hex
    with open_lake(given) as lake, lake.only_pipeline():
        status, done = runs.pass_over(given, lake, run_id=run_id)
        with lake.reading() as con:
            why, some = preview.reasons(con, run_id), preview.samples(con, run_id, samples)
            twice = preview.twins(con, [s.pairing for s in done], run_id)
    if as_json:
        objects = {s.pairing.name: vars(s.planned) | {"error": s.error} for s in done}
        told = {"status": status, "objects": objects, "reasons": why, "samples": some, "twins": twice}
        click.echo(json.dumps(told))
    else:
        for synced in done:
            click.echo(line(synced))
        for title, records in (("why", [brief(one) for one in why]), ("for example", some)):
            if records:
                click.echo("\n".join(["", title, *lines(records, FEW_FIELDS)]))
        if twice:
            click.echo(f"\n{of_twins(twice)}")
        if why or status == SUCCEEDED:
            click.echo(f"\n{_after(given, bool(why))}")
    if status != SUCCEEDED:
        sys.exit(NOT_DONE)


def of_twins(count: int) -> str:
    """Return the warning about new persons who will be in Marketo twice (CONN-15)."""
    return (
        f"warning: {count:,} of the people to create have the e-mail address of somebody whom Marketo has already; it "
        "matches nobody, so they will be there twice. `sync-pipeline duplicates` lists them"
    )


def brief(reason: dict[str, Any]) -> dict[str, Any]:
    fields: list[str] = reason["fields"]
    more = [f"and {len(fields) - FEW_FIELDS} more"] if len(fields) > FEW_FIELDS else []
    return {**reason, "fields": [*fields[:FEW_FIELDS], *more]}


def _after(given: Settings, is_any: bool) -> str:
    """Return what becomes of a plan."""
    if not is_any:
        return "nothing is to be written"
    if given.write_back == "apply":
        return "nothing was written; the next `sync-pipeline sync` writes it, as WRITE_BACK=apply says"
    return "nothing was written; `WRITE_BACK=apply sync-pipeline sync` writes it. All of it: lake.sync.outbox"


@click.command()
@click.argument("who", metavar="EMAIL|ID")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def explain(who: str, as_json: bool) -> None:
    """Tell the whole story of a person, company or owner, known by e-mail address or by id on either side.

    An id of Marketo's may be that of several objects' records: company/12 names one.

    Or of a sales activity, by its id: what became of it in both systems.
    """
    given = both_systems()
    try:
        who = plain_text(who)
    except IdentifierError as error:
        raise click.UsageError(str(error)) from None
    with open_lake(given, read_only=True) as lake, lake.reading() as con:
        story = diagnosis.of_sales_activity(con, who)
        if not story:
            story = _of_record(con, given, who)
    told = {chapter.title: [dict(zip(chapter.names, row, strict=True)) for row in chapter.rows] for chapter in story}
    if as_json:
        click.echo(json.dumps(told, default=str))
        return
    nothing = [title for title, records in told.items() if not records]
    for title, records in told.items():
        if records:
            click.echo("\n".join([title, *lines(records), ""]))
    if nothing:
        click.echo(f"none: {', '.join(nothing)}")


def _of_record(con: duckdb.DuckDBPyConnection, given: Settings, who: str) -> list[Chapter]:
    try:
        story = story_of(con, declarations.pairings(given), who)
    except IdentifierError as error:
        raise click.UsageError(str(error)) from None
    except LookupError as error:
        raise click.ClickException(str(error.args[0])) from None
    ids = [str(record_id) for system, name, record_id, _ in story[0].rows if system != "marketo" or name == "person"]
    return [*story, *diagnosis.of_persons(con, ids, runs.feed_options(given))]
