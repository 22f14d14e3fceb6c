"""How commands reach a sandbox that is being served: at `--url`, or where the settings of `serve --env-file` point."""

from __future__ import annotations

from typing import Any

import click
import requests

from sync_pipeline.commands.options import settings
from sync_pipeline.connectors.http import is_loopback


def _address(context: click.Context, parameter: click.Parameter, given: str | None) -> str:
    """Return where the sandbox is: on this machine, or the command is not for it."""
    url = (given or settings().salesforce_login_url).rstrip("/")
    if not is_loopback(url):
        raise click.UsageError(
            f"{url} is no sandbox: give --url, or set SALESFORCE_LOGIN_URL, as `sandbox serve --env-file .env` does"
        )
    return url


url_option = click.option(
    "--url", callback=_address, help="Address of the sandbox, if not that of the settings (.env, as serve writes it)."
)


def ask(method: str, address: str, body: dict[str, Any] | None = None) -> Any:
    """Return what the sandbox answers; its refusals and its absence become messages of the command."""
    try:
        answer = requests.request(method, address, json=body, timeout=60)
    except requests.RequestException as error:
        raise click.ClickException(f"no sandbox answers at {address}: {type(error).__name__}") from None
    if answer.status_code >= 300:
        raise click.ClickException(_said(answer))
    return answer.json() if answer.content else None


def _said(answer: requests.Response) -> str:
    try:
        return str(answer.json()[0]["message"])
    except (ValueError, LookupError, TypeError):
        return f"what answers at {answer.url} is no sandbox: status {answer.status_code}"
