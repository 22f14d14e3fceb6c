"""`sync-pipeline`: the command line. Exit codes: 0 all done, 1 something was not done, 2 usage."""

from __future__ import annotations

import os
from importlib import import_module

import click

from sync_pipeline import private, redactor

# A command's module is imported when the command is asked for: a sync every five minutes needs no sandbox.
COMMANDS = {
    "demo": "demo",
    "ui": "ui",
    "login": "login",
    "check": "sync",
    "sync": "sync",
    "pause": "pause",
    "resume": "pause",
    "plan": "two_way",
    "brakes": "brakes",
    "explain": "two_way",
    "flow": "flow",
    "serve": "flow",
    "status": "status",
    "jobs": "jobs",
    "errors": "errors",
    "drift": "drift",
    "fields": "fields",
    "sql": "sql",
    "feed": "feed",
    "duplicates": "duplicates",
    "activities": "activities",
    "unsubscribes": "unsubscribes",
    "reminders": "reminders",
    "lake": "lake",
    "sandbox": "sandbox",
}


class Commands(click.Group):
    """The commands of `commands/`, by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"sync_pipeline.commands.{COMMANDS[cmd_name]}"), cmd_name)
        return found if isinstance(found, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sync-pipeline")
def main() -> None:
    """Keep a queryable copy of a Salesforce org in DuckDB tables that follow it."""
    os.umask(private.OWNER_ONLY)
    redactor.install()


if __name__ == "__main__":
    main()
