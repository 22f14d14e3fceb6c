"""`sync-pipeline jobs`: what every job read and wrote, chosen by date, object, operation and status (OPS-1, OPS-6)."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta

import click

from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.commands.shown import lines, records
from sync_pipeline.commands.sync import UtcTime

DAYS = timedelta(days=5)  # as many as the native sync shows; `lake.sync.job` has SYNC_KEEP_DAYS of them
NAMES = ("started_at", "ended_at", "object", "operation", "status", "read", "new", "updated", "deleted", "failed",
         "skipped", "calls", "message")  # fmt: skip
JOBS = """
    select started_at, ended_at, system || '/' || object as object, operation, status, read, inserted as new,
        updated + undeleted as updated, deleted + merged as deleted, failed, skipped, calls, message
    from lake.sync.job
    where started_at >= $1 and started_at < $2
        and (len($3::varchar[]) = 0 or list_has_any($3::varchar[], [lower(object), lower(system || '/' || object)]))
        and (len($4::varchar[]) = 0 or list_contains($4::varchar[], lower(operation)))
        and (len($5::varchar[]) = 0 or list_contains($5::varchar[], lower(status)))
    order by started_at desc, 3, operation
"""


@click.command()
@click.option("--since", type=UtcTime(), help="Jobs that began then (ISO, UTC) or later; five days ago if not given.")
@click.option("--until", type=UtcTime(), help="Jobs that began before.")
@click.option(
    "--object", "objects", multiple=True, help="Of this object: `contact`, `marketo/person`. Repeat for more."
)
@click.option("--operation", "operations", multiple=True, help="Of this kind: `Pull updates`. Repeat for more.")
@click.option("--status", "statuses", multiple=True, help="That ended so: `Failed`. Repeat for more.")
@click.option("--csv", "form", flag_value="csv", help="As CSV, to keep or send.")
@click.option("--json", "form", flag_value="json", help="One line of JSON for each job.")
def jobs(
    since: datetime | None,
    until: datetime | None,
    objects: tuple[str, ...],
    operations: tuple[str, ...],
    statuses: tuple[str, ...],
    form: str | None,
) -> None:
    """List jobs, the newest first: when, which object, what was done, how it ended, and how many records."""
    now = datetime.now(UTC)
    chosen = [[one.lower() for one in some] for some in (objects, operations, statuses)]
    with open_lake(settings(), read_only=True) as lake:
        found = records(lake, JOBS, [since or now - DAYS, until or now, *chosen])
    if form == "csv":
        out = csv.DictWriter(sys.stdout, NAMES, lineterminator="\n")
        out.writeheader()
        out.writerows(found)
    elif form == "json":
        for one in found:
            click.echo(json.dumps(one, default=str))
    else:
        click.echo("\n".join(lines(found)) if found else "no job")
