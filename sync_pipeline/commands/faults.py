"""`sync-pipeline sandbox fault`: misbehaviour of the served sandbox, put in force, listed and taken back."""

from __future__ import annotations

import shlex
from typing import Any

import click

from sync_pipeline.commands.served import ask, url_option

ALWAYS = "always"


def _pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Return `--set name=value` as a mapping."""
    pairs = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{one!r} is not of the form name=value")
        pairs[name.strip()] = value
    return pairs


def _times(context: click.Context, parameter: click.Parameter, given: str) -> int | None:
    """Return the number of occasions, 0 for the fault's own, None for all."""
    if given == ALWAYS:
        return None
    if not given.isdigit():
        raise click.BadParameter(f"{given!r} is neither a number nor {ALWAYS}")
    return int(given)


@click.group()
def fault() -> None:
    """Let the served sandbox misbehave as networks, busy orgs and late indexes do."""


@fault.command()
@url_option
def kinds(url: str) -> None:
    """List the faults there are, with their settings."""
    for name, kind in ask("GET", f"{url}/sandbox/faults/kinds").items():
        click.echo(f"{name:12} {kind['does']}")
        for setting, default in kind["settings"].items():
            click.echo(f"{'':12} --set {setting}={shlex.quote(str(default)) if default != '' else '...'}")


@fault.command("list")
@url_option
def list_(url: str) -> None:
    """List the faults in force."""
    in_force = ask("GET", f"{url}/sandbox/faults")
    for one in in_force:
        click.echo(_line(one))
    if not in_force:
        click.echo("no faults are in force")


@fault.command()
@click.argument("kind")
@click.option("--times", default="0", callback=_times, help="How many occasions it meets, or 'always'.")
@click.option("--skip", type=click.IntRange(min=0), default=0, help="So many fitting occasions pass first.")
@click.option("--every", type=click.IntRange(min=1), default=1, help="Of the rest, every n-th.")
@click.option("--probability", type=float, default=1.0, help="Of these, by chance.")
@click.option("--object", "name", default="", help="Only what is about this object.")
@click.option("--path", default="*", help="Only requests whose path fits this shell pattern.")
@click.option("--set", "settings", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="A setting of the fault.")
@url_option
def add(
    url: str,
    kind: str,
    times: int | None,
    skip: int,
    every: int,
    probability: float,
    name: str,
    path: str,
    settings: dict[str, Any],
) -> None:
    """Put a fault in force, for example: add status --set status=429 --times 3 --path '*/query*'."""
    filters = {"times": times, "skip": skip, "every": every, "probability": probability, "object": name, "path": path}
    click.echo(_line(ask("POST", f"{url}/sandbox/faults", {**settings, **filters, "kind": kind})))


@fault.command()
@click.argument("number", type=int, required=False)
@url_option
def clear(url: str, number: int | None) -> None:
    """Take the fault with this number back, or all of them."""
    ask("DELETE", f"{url}/sandbox/faults" + ("" if number is None else f"/{number}"))


def _line(one: dict[str, Any]) -> str:
    """Return a fault in a line: its number, its kind, and what is not as usual."""
    usual = {"path": "*", "object": "", "skip": 0, "every": 1, "probability": 1.0}
    told = {k: v for k, v in one.items() if k not in ("id", "kind", "times") and usual.get(k, ...) != v}
    times = ALWAYS if one["times"] is None else one["times"]
    return " ".join([f"{one['id']:3}", f"{one['kind']:12}", f"times={times}", *(f"{k}={v}" for k, v in told.items())])
