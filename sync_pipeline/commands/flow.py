"""`sync-pipeline flow`: the flow actions on demand, a command each, made from their declarations; and `serve`."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from sync_pipeline.assembly import declarations, runs, systems
from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.lake import Lake
from sync_pipeline.on_demand.actions import ACTIONS, Action, Option, Outcome, RequestError, Status, request
from sync_pipeline.on_demand.perform import Flow
from sync_pipeline.settings import Settings
from sync_pipeline.web import actions as sales
from sync_pipeline.web import flow as web
from sync_pipeline.web.server import Server

_ADDRESS = re.compile(r"(https?://\S+)?")


@contextmanager
def opened(given: Settings) -> Iterator[tuple[Lake, Flow]]:
    """Give the lake, and the flow actions of the systems in the settings."""
    if not declarations.pairings(given):
        raise click.ClickException("flow actions need a CRM and a Marketo subscription: set both up in .env")
    with open_lake(given) as lake:
        yield lake, runs.flow(given, lake, systems.Systems(given, lake))


def line(outcome: Outcome) -> str:
    """Return one line about what became of a request."""
    ids = {"Salesforce": outcome.crm_id, "made": outcome.record_id, "Marketo": outcome.marketo_id}
    who = ", ".join(f"{name} {found}" for name, found in ids.items() if found)
    why = ": ".join(part for part in (outcome.code, outcome.message) if part)
    again = "" if outcome.final else f"; ask again with --request-id {outcome.request_id}"
    return "; ".join(part for part in (f"{outcome.status}", who, why) if part) + again


@click.group()
def flow() -> None:
    """Flow actions in Salesforce for one person, at once, whether or not a cycle runs; docs/flow.md has the table."""


def _run(action: Action, person: str, request_id: str | None, as_json: bool, **options: object) -> None:
    try:
        asked = request(request_id or uuid.uuid4().hex, action, person, options)
    except RequestError as error:
        raise click.UsageError(str(error)) from None
    with opened(settings()) as (_, actions):
        outcome = actions.run(asked)
    click.echo(json.dumps(asdict(outcome)) if as_json else line(outcome))
    if outcome.status is Status.FAILED:
        sys.exit(NOT_DONE)


def _option(option: Option) -> click.Option:
    name = option.name.replace("_", "-")
    if isinstance(option.default, bool):
        return click.Option([f"--{name}/--no-{name}"], default=option.default, show_default=True, help=option.said)
    kind = int if isinstance(option.default, int) else str
    default = option.default or None
    return click.Option([f"--{name}"], type=kind, default=default, required=option.required, help=option.said)


for _action, _declared in ACTIONS.items():
    flow.add_command(
        click.Command(
            _action,
            callback=partial(_run, _action),
            params=[
                click.Argument(["person"], metavar="EMAIL|ID"),
                *map(_option, _declared.options),
                click.Option(["--request-id"], help="Your name of the request: the same again gets the same answer."),
                click.Option(["--json", "as_json"], is_flag=True, help="One line of JSON."),
            ],
            help=f"{_declared.label}. {_declared.said}",
        )
    )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8360, show_default=True, type=click.IntRange(0, 65_535), help="0 for a free one.")
@click.option("--url-file", type=click.Path(path_type=Path), help="File to write the address to, once it is served.")
def serve(host: str, port: int, url_file: Path | None) -> None:
    """Serve flow actions and what a sales tool tells and asks, by HTTP, to whoever has HTTP_TOKEN.

    Put a proxy with TLS before it for the internet.
    """
    given = settings()
    if given.http_token is None:
        raise click.UsageError("HTTP_TOKEN is not set: without a token everybody could write to Salesforce")
    if url_file and url_file.exists() and not _ADDRESS.fullmatch(url_file.read_text("utf-8", "replace").strip()):
        raise click.UsageError(f"{url_file} holds something else than an address: name another file with --url-file")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with opened(given) as (lake, actions):
        endpoints = [
            web.endpoint(actions),
            sales.intake(lake, lambda: runs.exchange_unsubscribes(given, lake, whole=False)),
            sales.check(runs.mail_check(given, lake)),
        ]
        try:
            serving = Server(endpoints, given.http_token.get_secret_value(), host, port)
        except OSError as error:
            raise click.ClickException(f"{host}:{port} cannot be listened at: {error.strerror}") from None
        with serving as server:
            click.echo(f"flow actions at {server.url}/flow/<action>")
            if url_file:
                url_file.write_text(server.url, encoding="utf-8")
            stop.wait()
