"""`sync-pipeline pause` and `resume`: the switch of the background sync (GEN-8), and what is on record of it."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.lake import pause as pauses


@click.command()
@click.argument("because", required=False, default="")
@click.option(
    "--wait", type=click.FloatRange(min=0), default=600, show_default=True, help="Seconds to wait for a cycle."
)
def pause(because: str, wait: float) -> None:
    """Stop the background sync once the cycle at work is over, BECAUSE of something.

    Flow actions go on, and so do unsubscribes: nobody is mailed against their will because of a pause.

    For large changes of data, fields or custom objects: what happens meanwhile is synced after `resume`.
    """
    with open_lake(settings()) as lake:
        click.echo(pauses.begin(lake, datetime.now(UTC), because, wait))


@click.command()
def resume() -> None:
    """Let the background sync go on: it reads from where it stopped, so nothing of the pause is lost."""
    with open_lake(settings()) as lake:
        ended = pauses.end(lake, datetime.now(UTC))
    click.echo(
        f"the sync goes on; it was paused since {ended.since:%Y-%m-%d %H:%M} UTC" if ended else "it was not paused"
    )
