"""`sync-pipeline lake`: the lake's upkeep, for set-ups without Dagster's schedule."""

from __future__ import annotations

from datetime import timedelta

import click

from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.lake import maintenance


@click.group()
def lake() -> None:
    """Look after the lake's files."""


@lake.command()
def tidy() -> None:
    """Merge small files, drop old snapshots, remove files that nothing needs."""
    given = settings()
    with open_lake(given) as opened, opened.only_pipeline():
        done = maintenance.tidy(
            opened, timedelta(hours=given.lake_keep_hours), keep_record=timedelta(days=given.sync_keep_days)
        )
    click.echo(
        f"files {done.files_before} -> {done.files_after}, megabytes {done.bytes_before / 1e6:,.1f} -> "
        f"{done.bytes_after / 1e6:,.1f}, snapshots {done.snapshots_before} -> {done.snapshots_after}"
    )
    if done.strangers:
        click.echo(
            f"{done.strangers} Parquet files below {given.lake_data} are in no snapshot, and nothing shows that this "
            "lake made them: they stay"
        )
