"""`sync-pipeline sandbox marketo`: a Marketo subscription on this machine, to serve and fill."""

from __future__ import annotations

from pathlib import Path

import click
import duckdb

from sync_pipeline import private
from sync_pipeline.sandbox.core.database import OtherFileError
from sync_pipeline.sandbox.core.serve import run
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.load import load
from sync_pipeline.sandbox.marketo.population.populate import populate as fill
from sync_pipeline.sandbox.marketo.population.veeva import set_up

# One subscription belongs to one org (VV-GEN-8).
FILES = {
    "salesforce": Path("data/sandbox/subscription.duckdb"),
    "veeva": Path("data/sandbox/veeva_subscription.duckdb"),
}
PEOPLE = 1_000
SEED = 1

subscription_option = click.option(
    "--subscription", "subscription_file", type=click.Path(path_type=Path, dir_okay=False),
    help=f"File that holds the subscription; without it {FILES['salesforce']}, or beside a Veeva org {FILES['veeva']}.",
)  # fmt: skip
_seed_option = click.option(
    "--seed", type=int, default=SEED, show_default=True, help="The same seed, the same subscription."
)
_people_type = click.IntRange(min=20)


def open_subscription(file: Path | None = None, native: bool = False, crm: str = "salesforce") -> Subscription:
    """Open or make the subscription in a file; only one process at a time can hold it.

    Beside a Veeva org it is set up for person accounts and calls.
    """
    file = file or FILES[crm]
    private.make_parents(file)
    try:
        subscription = Subscription.open(file, native=native)
    except duckdb.Error as error:
        raise click.ClickException(f"{file} cannot be opened; is a sandbox already serving it? ({error})") from None
    except OtherFileError as error:
        raise click.UsageError(f"{error} with --subscription") from None
    if crm == "veeva":
        set_up(subscription)
    return subscription


def begin(subscription: Subscription, people: int | None, seed: int, directory: Path | None = None) -> None:
    """Fill a new subscription with the files of a folder, or with so many persons; one that is not new stays as it is.

    Raises:
        UsageError: it is not new, though it was told what to begin with.
    """
    is_new = not subscription.rows("select id from lead limit 1")
    if not is_new:
        if directory or people:
            raise click.UsageError("the file already holds a subscription; name another one with --subscription")
        return
    try:
        made = load(subscription, directory) if directory else fill(subscription, people or PEOPLE, seed)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo("the subscription has " + ", ".join(f"{count:,} {name}" for name, count in made.items() if count))


@click.group()
def marketo() -> None:
    """A Marketo subscription on this machine that behaves like a real one."""


@marketo.command()
@click.option("--load", "directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Start a new subscription with the CSV files of this folder.")  # fmt: skip
@click.option("--people", type=_people_type, help="Start a new subscription with so many persons.")
@click.option("--native", is_flag=True, help="Of a new one: as if Marketo's own Salesforce sync were on.")
@click.option("--query-tokens", is_flag=True, help="Take the token as a parameter too, for clients from before 2026.")
@click.option("--performance-tier", is_flag=True, help="With the Data Ingestion API, which this package brings.")
@_seed_option
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.")
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings to this file.")
@subscription_option
def serve(
    directory: Path | None,
    people: int | None,
    native: bool,
    query_tokens: bool,
    performance_tier: bool,
    seed: int,
    port: int,
    env_file: Path | None,
    subscription_file: Path | None,
) -> None:
    """Serve the subscription until Ctrl-C; print its address."""
    if directory and people:
        raise click.UsageError("--load and --people exclude one another")
    with open_subscription(subscription_file, native) as subscription:
        begin(subscription, people, seed, directory)
        try:
            run([MarketoSandbox(subscription, port, query_tokens, performance_tier)], env_file)
        except OtherFileError as error:
            raise click.UsageError(str(error)) from None


@marketo.command()
@click.option("--people", type=_people_type, default=PEOPLE, show_default=True, help="Persons.")
@_seed_option
@subscription_option
def populate(people: int, seed: int, subscription_file: Path | None) -> None:
    """Fill a new subscription with persons, companies, opportunities, programs, members and activities."""
    with open_subscription(subscription_file) as subscription:
        begin(subscription, people, seed)
