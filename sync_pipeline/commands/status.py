"""`sync-pipeline status`: how far each object is, what the last runs did, what is still wrong (CONN-16, OPS-1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from sync_pipeline.assembly import declarations
from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.commands.shown import lines, records
from sync_pipeline.connectors.marketo.limits import next_reset
from sync_pipeline.lake import Lake, pause
from sync_pipeline.settings import Settings
from sync_pipeline.sync.inspection import backlog
from sync_pipeline.sync.planning import brakes

OBJECTS = """
    with last as (
        select system, object, status, ended_at, read, seconds, message from lake.sync.job
        where operation not like 'Push%'
        qualify row_number() over (partition by system, object order by ended_at desc) = 1
    )
    select w.system || '/' || w.object as object, w.watermark as read_up_to, last.status, last.ended_at, last.message
    from lake.sync.watermark w full join last using (system, object) order by 1
"""
# The newest job of each object and direction of the two-way sync.
WRITES = """
    select system || '/' || object as object, operation, status, ended_at, read as looked_at, inserted as new, updated,
        failed, skipped, calls
    from lake.sync.job where operation like 'Push%'
    qualify row_number() over (partition by system, object order by ended_at desc) = 1 order by ended_at desc, 1
"""
RUNS = "select kind, status, started_at, ended_at, message from lake.sync.run order by started_at desc limit 5"
ERRORS = """
    select noted_at, system || '/' || object as object, code, message, count(*) over () as open
    from lake.sync.error where resolved_at is null order by noted_at desc limit 10
"""
# What is wrong with a whole system, or new in a schema (OPS-15, OPS-16).
NOTICES = """
    select noted_at, system, object, kind, field, message from lake.sync.notice
    where noted_at > now() - interval 5 days order by noted_at desc limit 10
"""
CALLS = """
    select coalesce(sum(calls), 0)::bigint as calls, count(distinct run_id) as runs
    from lake.sync.job where system = ? and ended_at > ?
"""
DAY = timedelta(days=1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def status(as_json: bool) -> None:
    """Show how far each object is, what was written and what waits, the calls of today, last runs and open errors."""
    given, now = settings(), datetime.now(UTC)
    with open_lake(given, read_only=True) as lake:
        told = {"objects": records(lake, OBJECTS)}
        if pairings := declarations.pairings(given):
            told["writes"] = records(lake, WRITES)
            with lake.reading() as con:
                told["backlog"] = backlog.outlook(con, pairings, now)
                if stopped := brakes.standing(con):
                    told["brakes"] = stopped
            if said := backlog.advice(told["backlog"]):
                told["while a backlog grows"] = [{"try this": one} for one in said]
        told |= {"calls": _calls(given, lake, now), "runs": records(lake, RUNS), "errors": records(lake, ERRORS)}
        told["notices"] = records(lake, NOTICES)
        syncing = lake.in_use()
        with lake.reading() as con:
            paused = str(pause.current(con) or "")
    if as_json:
        click.echo(json.dumps({**told, "syncing": syncing, "paused": paused}, default=str))
        return
    if paused:
        click.echo(paused)
    click.echo("a sync is in progress" if syncing else "no sync is in progress")
    for name, some in told.items():
        if some:
            click.echo("\n".join([name, *lines(some)]))
        else:
            click.echo(f"no {'open errors' if name == 'errors' else name}")


def _calls(given: Settings, lake: Lake, now: datetime) -> list[dict[str, Any]]:
    """Return our calls to each system on its running day, a run's share, and what we allow ourselves (LIM-1, LIM-4)."""
    told = []
    for system in given.systems():
        is_marketo = system == "marketo"
        (used,) = records(lake, CALLS, [system, next_reset(now) - DAY if is_marketo else now - DAY])
        budget = (
            f"{given.marketo_calls_a_day:,}"
            if is_marketo
            else f"all but {given.salesforce_call_reserve:.0%} of the org's"
        )
        a_run = round(used["calls"] / used["runs"], 1) if used["runs"] else 0
        told.append({"system": system, "today": used["calls"], "a run": a_run, "budget a day": budget})
    return told
