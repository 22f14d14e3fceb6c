"""`sync-pipeline errors`: what was not done and is still open, another try, letting it be (OPS-7, OPS-17, SIA-DIAG)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from sync_pipeline import assembly
from sync_pipeline.activities import diagnosis, send
from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.commands.shown import lines, records
from sync_pipeline.lake import Lake
from sync_pipeline.settings import Settings
from sync_pipeline.sync import retries

RECORDS = "select distinct record_id from lake.sync.error where resolved_at is null and record_id is not null"
SHOWN = 1_000
ALL = "all"


@click.command()
@click.option("--retry", multiple=True, metavar="ID", help="Let the next cycle try this record again; `all` for all.")
@click.option("--dismiss", multiple=True, metavar="ID", help="Close the errors of this record; `all` for all.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each error.")
def errors(retry: tuple[str, ...], dismiss: tuple[str, ...], as_json: bool) -> None:
    """List what is open: of writes to the CRM what they call for; what was refused can be tried again, or dismissed.

    By themselves writes are tried again when the record changes, on either side. ID is that of either system.
    """
    given = settings()
    if retry and dismiss:
        raise click.UsageError("--retry and --dismiss exclude one another")
    with open_lake(given, read_only=not (retry or dismiss)) as lake:
        if retry or dismiss:
            click.echo(_retried(given, lake, retry) if retry else _dismissed(lake, dismiss))
            return
        with lake.reading() as con:
            found = diagnosis.still_open(con, given.crm, SHOWN)
    if as_json:
        for one in found:
            click.echo(json.dumps(one, default=str))
    else:
        click.echo("\n".join(lines(found)) if found else "no open errors")
        if len(found) == SHOWN:
            click.echo(f"these are the newest {SHOWN:,}; all are in lake.sync.error and lake.sync.pending", err=True)


def _meant(given: Sequence[str], known: set[str]) -> list[str]:
    """Return the ids that are meant; one of which nothing is open is an error."""
    asked = known if ALL in given else set(given)
    if unknown := sorted(asked - known):
        raise click.ClickException(f"no open error of {', '.join(unknown)}; `sync-pipeline errors` lists the ids")
    return sorted(asked)


def _failed(lake: Lake) -> set[str]:
    return {one["record_id"] for one in records(lake, RECORDS)}


def _dismissed(lake: Lake, given: Sequence[str]) -> str:
    with lake.reading() as con:
        known = _failed(lake) | diagnosis.unplaced(con)
    asked, now = _meant(given, known), datetime.now(UTC)
    with lake.only_pipeline(), lake.transaction() as con:
        count = retries.dismiss(con, asked, now) + diagnosis.dismiss(con, asked, now)
    return f"{count:,} errors dismissed"


def _retried(given: Settings, lake: Lake, ids: Sequence[str]) -> str:
    asked, now = _meant(ids, _failed(lake)), datetime.now(UTC)
    with lake.only_pipeline(), lake.transaction() as con:
        count = retries.retry(con, assembly.pairings(given), asked, now)
        sent = send.send_again(con, asked, now)
    activities = f", {sent:,} activities are sent again" if sent else ""
    return f"{count:,} records are decided on again{activities} by the next `sync-pipeline sync`"
