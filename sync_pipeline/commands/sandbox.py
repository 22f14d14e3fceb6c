"""`sync-pipeline sandbox`: a Salesforce or Veeva org on this machine, to serve, fill, edit and watch."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import click
import duckdb

from sync_pipeline import private
from sync_pipeline.commands.faults import fault
from sync_pipeline.commands.sandbox_marketo import begin, marketo, open_subscription, subscription_option
from sync_pipeline.commands.served import ask, url_option
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.core.database import OtherFileError
from sync_pipeline.sandbox.core.serve import run
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline.sandbox.salesforce.population.load import load
from sync_pipeline.sandbox.salesforce.population.populate import populate as fill

ORG_FILES = {"salesforce": Path("data/sandbox/org.duckdb"), "veeva": Path("data/sandbox/veeva.duckdb")}
PEOPLE = 1_000
SEED = 1
CUSTOM_OBJECTS = {"salesforce": "Invoice__c,Product_Interest__c", "veeva": "Address_vod__c,Call2_Detail_vod__c"}

org_option = click.option(
    "--org", "file", type=click.Path(path_type=Path, dir_okay=False),
    help=f"File that holds the org; without it {ORG_FILES['salesforce']}, or {ORG_FILES['veeva']}.",
)  # fmt: skip
crm_option = click.option(
    "--crm", type=click.Choice(tuple(ORG_FILES)), default="salesforce", envvar="CRM", show_default=True,
    help="Whose org it is.",
)  # fmt: skip
seed_option = click.option("--seed", type=int, default=SEED, show_default=True, help="The same seed, the same org.")
people_type = click.IntRange(min=20)
persons_option = click.option(
    "--person-accounts", "persons", type=click.FloatRange(0, 1), metavar="SHARE",
    help="Start a new org with person accounts; so many of its contacts (0 to 1) are such.",
)  # fmt: skip


def open_org(crm: str, file: Path | None = None, persons: float | None = None) -> Org:
    """Open or make the org in a file, with person accounts where a share is given; only one process can hold it."""
    if crm == "veeva" and persons is not None:
        raise click.UsageError("--person-accounts is for Salesforce orgs: in a Veeva org the people are such accounts")
    file = file or ORG_FILES[crm]
    private.make_parents(file)
    schema = Schema.veeva() if crm == "veeva" else Schema.standard(person_accounts=persons is not None)
    try:
        org = Org.open(file, schema)
    except duckdb.Error as error:
        raise click.ClickException(f"{file} cannot be opened; is a sandbox already serving it? ({error})") from None
    except OtherFileError as error:
        raise click.UsageError(f"{error} with --org") from None
    held = f"a {org.schema.crm.title()} org" if org.schema.crm != crm else ""
    if persons is not None and not org.has_persons:
        held = "an org without person accounts"
    if held:
        org.close()
        raise click.UsageError(f"{file} holds {held}; name another file with --org")
    return org


def is_new(org: Org) -> bool:
    """Tell whether nobody has put people into the org yet."""
    with org.cursor() as cursor:
        return all(cursor.execute(f'select count(*) from "{name}"').fetchone() == (0,) for name in ("Lead", "Contact"))


@click.group()
def sandbox() -> None:
    """A Salesforce or Veeva org, and a Marketo subscription, on this machine that behave like real ones."""


sandbox.add_command(fault)
sandbox.add_command(marketo)


@sandbox.command()
@click.option("--load", "directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Start a new org with the CSV files or JSON trees of this folder.")  # fmt: skip
@click.option("--people", type=people_type, help="Start a new org with so many leads and contacts, or person accounts.")
@crm_option
@persons_option
@seed_option
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings to this file.")
@click.option("--marketo", "with_marketo", is_flag=True, help="Serve a Marketo subscription as well.")
@subscription_option
@org_option
def serve(
    directory: Path | None,
    people: int | None,
    crm: str,
    persons: float | None,
    seed: int,
    port: int,
    env_file: Path | None,
    with_marketo: bool,
    subscription_file: Path | None,
    file: Path | None,
) -> None:
    """Serve the org until Ctrl-C; print its address."""
    if directory and people:
        raise click.UsageError("--load and --people exclude one another")
    with ExitStack() as opened:
        org = opened.enter_context(open_org(crm, file, persons))
        if (directory or people) and not is_new(org):
            raise click.UsageError(
                f"{file or ORG_FILES[crm]} already holds an org: serve it as it is, or name another file with --org"
            )
        if directory:
            _say(_loaded(org, directory))
        elif is_new(org):
            _say(fill(org, people or PEOPLE, seed, persons=persons or 0))
        services: list[Service] = [Sandbox(org, port)]
        if with_marketo:
            subscription = opened.enter_context(open_subscription(subscription_file, crm=crm))
            begin(subscription, people, seed)
            services.append(MarketoSandbox(subscription))
        try:
            run(services, env_file)
        except OtherFileError as error:
            raise click.UsageError(str(error)) from None


def _loaded(org: Org, directory: Path) -> dict[str, int]:
    try:
        return load(org, directory)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@sandbox.command()
@click.option(
    "--people", type=people_type, default=PEOPLE, show_default=True, help="Leads and contacts, or person accounts."
)
@crm_option
@persons_option
@seed_option
@org_option
def populate(people: int, crm: str, persons: float | None, seed: int, file: Path | None) -> None:
    """Fill a new org with companies, people, owners and all that hangs on them."""
    with open_org(crm, file, persons) as org:
        if not is_new(org):
            raise click.UsageError(f"{file or ORG_FILES[crm]} already holds an org; name another file with --org")
        _say(fill(org, people, seed, persons=persons or 0))


@sandbox.command()
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="How many edits.")
@seed_option
@url_option
def edit(url: str, count: int, seed: int) -> None:
    """Make random edits in the org that is being served."""
    for line in _edits(url, count, seed):
        click.echo(line)


@sandbox.command()
@click.option("--rate", type=click.FloatRange(min=0.01), default=1.0, show_default=True, help="Edits a second.")
@seed_option
@url_option
def live(url: str, rate: float, seed: int) -> None:
    """Let a seeded staff edit, create, delete and merge in the served org while you watch, until Ctrl-C."""
    began, made = time.monotonic(), 0
    while True:
        time.sleep(max(1 / rate, 0.5))
        due = int((time.monotonic() - began) * rate) - made
        for line in _edits(url, due, seed + made) if due else ():
            click.echo(line)
        made += due


def _edits(url: str, count: int, seed: int) -> list[str]:
    lines: list[str] = ask("POST", f"{url}/sandbox/edits", {"count": count, "seed": seed})
    return lines


def _say(made: dict[str, int]) -> None:
    click.echo("the org has " + ", ".join(f"{count:,} {name}" for name, count in made.items() if count))
