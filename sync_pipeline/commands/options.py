"""What several commands share: opening things from settings, and turning our errors into messages and exit codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from pydantic import ValidationError
from rich.console import Console

from sync_pipeline import catalog
from sync_pipeline.assembly import declarations, systems
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.model import Object
from sync_pipeline.settings import Settings

console = Console(highlight=False, soft_wrap=True)
NOT_DONE = 1


def settings(**overrides: object) -> Settings:
    """Return the settings; a bad one is a usage error that names the variable, and never shows a secret."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        # What is wrong with several of them together has no place, and names them itself.
        said = "; ".join(
            ": ".join([*(str(at).upper() for at in e["loc"][:1]), e["msg"].removeprefix("Value error, ")])
            for e in error.errors()
        )
        raise click.UsageError(f"bad settings: {said}") from None


def chosen(given: Settings, names: str | None) -> Sequence[Object]:
    """Return the objects named in `--objects a,b`, or all."""
    try:
        objects = declarations.objects(given)
        if not names:
            return objects
        found = [catalog.by_name(name.strip(), objects) for name in names.split(",") if name.strip()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not found:
        raise click.UsageError("--objects names none")
    return found


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the package's errors into one line on stderr and exit code 1."""
    try:
        yield
    except (ConnectorError, LakeError) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def open_lake(given: Settings, *, read_only: bool = False) -> Iterator[Lake]:
    with plain_errors(), systems.lake(given, read_only=read_only) as lake:
        yield lake
