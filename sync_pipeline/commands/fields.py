"""`sync-pipeline fields`: the mapping in force, trying another one out, filling a field backwards: docs/fields.md."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click

from sync_pipeline.assembly import runs as assembly
from sync_pipeline.assembly import systems
from sync_pipeline.catalog.chosen import FORM
from sync_pipeline.catalog.marketo import PERSON
from sync_pipeline.catalog.pairings import plain
from sync_pipeline.commands.options import NOT_DONE, open_lake, plain_errors, settings
from sync_pipeline.commands.shown import lines
from sync_pipeline.commands.two_way import both_systems
from sync_pipeline.connectors.marketo.fields import type_of
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.model import SUCCEEDED, Field
from sync_pipeline.settings import Settings
from sync_pipeline.sync.inspection.backfill import FieldError, backfill, field_of, tried
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO
from sync_pipeline.sync.sync_pass import Pass

FOR_GOOD = (
    "What is created in Marketo stays there for good: no field can be deleted. Hide from the sync user what is not "
    "wanted in Marketo, run a sync, and look again before you create."
)
WINNER = click.option(
    "--from", "winner", type=click.Choice([CRM, MARKETO]), help="Whose values count; else the field's rule says."
)


@click.group()
def fields() -> None:
    """Which fields are synced, and what another mapping would come to: docs/fields.md."""


@fields.command()
@click.argument("name", metavar="[OBJECT]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each field.")
def show(name: str | None, as_json: bool) -> None:
    """Show the mapping in force, of all objects or of one (contact, account, ...): live, as the next cycle uses it."""
    given = both_systems()
    with open_lake(given, read_only=True) as lake:
        found = [
            one.as_dict() for one in assembly.two_way(given, lake, "").fitting.in_force() if name in (None, one.object)
        ]
    if not found:
        raise click.ClickException(f"nothing is mapped{f' of {name}' if name else ''} yet: run a sync first")
    click.echo("\n".join(map(json.dumps, found) if as_json else lines(found)))


@fields.command("try")
@click.argument("mapping", metavar="OBJECT.FIELD[=MARKETO[:RULE]]")
@WINNER
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def try_out(mapping: str, winner: str | None, as_json: bool) -> None:
    """Tell what a field would come to over all linked records, as it is mapped or with another MAPPING.

    Nothing is written or kept. To keep a mapping put it into SYNC_FIELDS; a backfill then brings over what is there.
    """
    name, _, rest = mapping.partition(".")
    crm_field = rest.partition("=")[0]
    given = _with(both_systems(), mapping) if "=" in mapping else both_systems()
    with open_lake(given, read_only=True) as lake:
        request, field = _named(assembly.two_way(given, lake, ""), name, crm_field, winner)
        with lake.reading() as con:
            counts = [one.as_dict() for one in tried(con, request, field, winner)]
    if as_json:
        click.echo(json.dumps({"marketo": field.name, "rule": field.rule, "counts": counts}))
        return
    click.echo(f"{name}.{crm_field} and Marketo's {field.name}, {field.rule}")
    click.echo("\n".join(lines(counts)) if counts else "no record is linked")


@fields.command("backfill")
@click.argument("which", metavar="OBJECT.FIELD")
@WINNER
def fill(which: str, winner: str | None) -> None:
    """Bring what is there of a field to the other side, which by itself only gets what changes (FIELD-4).

    Values that have not been read since the field became visible are read first. The next cycle decides, limits and
    writes: `plan` shows it.
    """
    given = both_systems()
    name, _, crm_field = which.partition(".")
    with open_lake(given) as lake, lake.only_pipeline():
        request, field = _named(assembly.two_way(given, lake, ""), name, crm_field, winner)
        if _read_late(given, lake, request, field):
            request, field = _named(assembly.two_way(given, lake, ""), name, crm_field, winner)
        count = backfill(lake, request, field, winner, datetime.now(UTC))
    click.echo(f"{count:,} links are decided on by the next cycle; `sync-pipeline plan` shows what it would write")


@fields.command()
@click.option("--create", is_flag=True, help="Create those that a call can create, after a question.")
@click.option("--yes", is_flag=True, help="Without the question.")
def setup(create: bool, yes: bool) -> None:
    """Tell which custom fields that the sync user sees Marketo lacks, and create those of people."""
    given = both_systems()
    with open_lake(given) as lake, plain_errors():
        over = assembly.two_way(given, lake, "")
        wanted: dict[str, Field] = {}  # a lead's and a contact's field of one name are one (FIELD-17)
        for pairing, some in over.fitting.lacking():
            for field in some:
                can = pairing.merges and type_of(field)
                by_hand = "" if can else ", and no call can make one (FIELD-22)"
                click.echo(f"{pairing.name}.{field.name} ({field.type}) has no field in Marketo{by_hand}")
                if can:
                    wanted.setdefault(plain(field.name), field)
        if not wanted:
            click.echo("there is no field of people to be created")
            return
        click.echo(f"\n{FOR_GOOD}", err=True)
        if not create or not (yes or click.confirm(f"Create {len(wanted):,} fields?", err=True)):
            return
        taken = [field.label for field in over.described[PERSON.system, PERSON.source].fields]
        made = systems.Systems(given, lake).marketo.make_person_fields(list(wanted.values()), taken)
        click.echo(f"{len(made):,} fields are created; they are synced once both systems have been asked for theirs")


def _with(given: Settings, mapping: str) -> Settings:
    """Return the settings with a mapping in place of those of either field."""
    new = FORM.fullmatch(mapping)

    def stays(part: str) -> bool:
        old = FORM.fullmatch(part)
        if not old or not new or old["pairing"] != new["pairing"]:
            return True
        return old["crm"] != new["crm"] and (not new["marketo"] or old["marketo"] != new["marketo"])

    return settings(sync_fields=(*filter(stays, given.sync_fields), mapping))


def _named(over: Pass, name: str, crm_field: str, winner: str | None) -> tuple[DecisionRequest, Compared]:
    request = next((one for one in over.requests() if one.pairing.name == name), None)
    if request is None:
        raise click.ClickException(f"nothing called {name} is synced and mirrored: see `sync-pipeline fields show`")
    try:
        return request, field_of(request, crm_field, winner)
    except FieldError as error:
        raise click.ClickException(str(error)) from None


def _read_late(given: Settings, lake: Lake, request: DecisionRequest, field: Compared) -> bool:
    """Read what the mirrors do not have of a field; return whether there was any."""
    late = [
        (obj, names)
        for obj, some in ((request.pairing.crm, field.sources), (request.pairing.marketo, (field.marketo,)))
        if (names := [one.name for one in some if one.since])
    ]
    for obj, names in late:
        click.echo(f"reading {', '.join(names)} of all records of {obj.title}")
        with plain_errors():
            done = runs.read_fields(systems.source(given, lake, obj.system), obj, names)
        if done.status != SUCCEEDED:
            click.echo(done.message, err=True)
            sys.exit(NOT_DONE)
    return bool(late)
