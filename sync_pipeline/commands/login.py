"""`sync-pipeline login`: allow the app access in a browser, once, and get the refresh token that logs in ever after."""

from __future__ import annotations

import sys
import webbrowser

import click

from sync_pipeline import redactor
from sync_pipeline.assembly import systems
from sync_pipeline.commands.options import plain_errors, settings
from sync_pipeline.connectors.salesforce.authorize import CALLBACK, allow


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=1717,
    show_default=True,
    help=f"The app's callback URL is http://localhost:PORT{CALLBACK}.",
)
@click.option("--browser/--no-browser", default=True, help="Open the address in a browser here, or only show it.")
def login(port: int, browser: bool) -> None:
    """Print a line for `.env` with a refresh token, as in `sync-pipeline login >> .env`; it is a secret.

    Log in as the sync user: who allows access is who reads and writes from then on.
    """

    def show(url: str) -> None:
        click.echo(f"open this and log in as the sync user:\n{url}", err=True)
        if browser:
            webbrowser.open(url)

    with plain_errors():
        token = allow(systems.credentials(settings()), port, show)
    # What it is for; everything else that is printed is without secrets.
    click.echo(f"SALESFORCE_REFRESH_TOKEN={token}", file=redactor.revealed(sys.stdout))
