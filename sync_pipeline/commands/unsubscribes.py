"""`sync-pipeline unsubscribes`: unsubscribes between sales tool and Salesforce, and the check before a send."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click

from sync_pipeline.assembly import runs
from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.sales_insight.unsubscribes import Done, clear


def told(done: Done, write_back: str) -> str:
    """Return one line about a run."""
    sent = f"{done.accepted:,} set" if write_back == "apply" else f"none set, as WRITE_BACK={write_back}"
    numbers = [f"{done.due:,} opt-outs due in Salesforce: {sent}", f"{done.found:,} found there"]
    if done.nowhere:
        numbers.append(f"{done.nowhere:,} unsubscribes are of nobody there")
    return "; ".join([*numbers, *([done.said] if done.said else [])])


@click.group()
def unsubscribes() -> None:
    """Unsubscribes of a sales tool, which `activities import --unsubscribes` takes in: lake.actions.unsubscribe."""


@unsubscribes.command("sync")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def exchange(as_json: bool) -> None:
    """Bring the sales tool and Salesforce to the same unsubscribes, as the nightly run does."""
    given = settings()
    with open_lake(given) as lake:
        done = runs.exchange_unsubscribes(given, lake, whole=True)
    click.echo(json.dumps(vars(done)) if as_json else told(done, given.write_back))
    if done.said:
        sys.exit(NOT_DONE)


@unsubscribes.command("clear")
@click.argument("ids", nargs=-1, required=True)
def clear_some(ids: tuple[str, ...]) -> None:
    """Take unsubscribes back by their IDS, on the sales tool's side only; untick Email Opt Out in Salesforce too."""
    with open_lake(settings()) as lake:
        click.echo(f"{clear(lake, ids, datetime.now(UTC)):,} of {len(set(ids)):,} taken back")


@unsubscribes.command("check")
@click.argument("email")
@click.option("--transactional", is_flag=True, help="The template is marked as transactional.")
def check(email: str, transactional: bool) -> None:
    """Tell whether a sales e-mail may be sent to EMAIL; exit code 1 if not."""
    given = settings()
    with open_lake(given, read_only=True) as lake:
        found = runs.mail_check(given, lake)(email, transactional=transactional)
    click.echo(f"{'yes' if found.allowed else 'no'}: {found.because}")
    if not found.allowed:
        sys.exit(NOT_DONE)
