"""How commands reach a sandbox that is being served: at `--url`, or where the settings of `serve
--env-file` point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import requests

from sync_pipeline.commands.options import settings
from sync_pipeline.connectors.http import is_loopback

_MARKETO = f"{__name__}.marketo"


def _address(context: click.Context, parameter: click.Parameter, given: str | None) -> str:
    """Return where the sandbox is: on this machine, or the command is not for it."""
    found, named = (given, "--url") if given else _of_settings(context)
    if not is_loopback(found):
        raise click.UsageError(
            (f"{found} is no sandbox" if found else "no sandbox is known")
            + f": give --url, or set {named}, as `sandbox serve --env-file .env` does"
        )
    return found.rstrip("/")


def _of_settings(context: click.Context) -> tuple[str, str]:
    """Return the address that the settings tell, and which one does; Marketo's where it is asked for, or alone."""
    known = settings()
    if context.meta.get(_MARKETO) or known.systems() == ("marketo",):
        return known.marketo_url, "MARKETO_URL"
    return known.salesforce_login_url, "SALESFORCE_LOGIN_URL"


def _note(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    context.meta[_MARKETO] = given


def url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told where its sandbox is; its argument `url` is the address."""
    for option in (
        click.option("--url", callback=_address, help="Address of the sandbox, if not that of the settings "
                     "(.env, as serve writes it)."),
        click.option("--marketo", is_flag=True, is_eager=True, expose_value=False, callback=_note,
                     help="Of the settings' two sandboxes the Marketo one."),
    ):  # fmt: skip
        command = option(command)
    return command


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
