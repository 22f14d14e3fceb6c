"""`sync-pipeline`: the command line. Exit codes: 0 all done, 1 something was not done, 2 usage."""

from __future__ import annotations

import click

from sync_pipeline.commands.demo import demo
from sync_pipeline.commands.lake import lake
from sync_pipeline.commands.sandbox import sandbox
from sync_pipeline.commands.sql import sql
from sync_pipeline.commands.status import status
from sync_pipeline.commands.sync import check, sync
from sync_pipeline.commands.ui import ui


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sync-pipeline")
def main() -> None:
    """Keep a queryable copy of a Salesforce org in DuckDB tables that follow it."""


for command in (demo, ui, check, sync, status, sql, lake, sandbox):
    main.add_command(command)

if __name__ == "__main__":
    main()
