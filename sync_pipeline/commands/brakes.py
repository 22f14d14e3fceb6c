"""`sync-pipeline brakes`: what a limit has stopped, and letting it through once (law 7)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from sync_pipeline.commands.options import open_lake
from sync_pipeline.commands.shown import lines
from sync_pipeline.commands.two_way import both_systems
from sync_pipeline.sync.planning import brakes as stopped

ALL = "all"


@click.command()
@click.option("--release", multiple=True, metavar="OBJECT", help="Let through once what stands of it; `all` for all.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each limit that was exceeded.")
def brakes(release: tuple[str, ...], as_json: bool) -> None:
    """List what a limit has stopped, with the numbers; what is released is done by the next cycle that writes.

    Look at it with `sync-pipeline plan` first. About as much as is listed is let through, once; more stops again.
    """
    given = both_systems()
    with open_lake(given, read_only=not release) as lake:
        with lake.reading() as con:
            found = stopped.standing(con)
        if release:
            names = {one["pairing"] for one in found}
            asked = names if ALL in release else set(release)
            if unknown := sorted(asked - names):
                raise click.ClickException(
                    f"nothing of {', '.join(unknown)} is stopped; `sync-pipeline brakes` lists it"
                )
            with lake.only_pipeline(), lake.transaction() as con:
                stopped.release(con, sorted(asked), datetime.now(UTC))
            let = ", ".join(sorted(asked)) or "nothing"
            click.echo(f"{let}: let through once by the next `sync-pipeline sync` that writes")
            return
    if as_json:
        for one in found:
            click.echo(json.dumps(one, default=str))
    else:
        click.echo("\n".join(lines(found)) if found else "nothing is stopped")
