"""`sync-pipeline errors`: what was not done and is still open, another try, letting it be (OPS-7, OPS-17, SIA-DIAG)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from sync_pipeline.activity_log import diagnosis, send
from sync_pipeline.assembly import declarations
from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.commands.shown import lines, records
from sync_pipeline.identifiers import CrmId, IdentifierError
from sync_pipeline.lake import Lake
from sync_pipeline.model import Pairing
from sync_pipeline.settings import Settings
from sync_pipeline.sync.delivery import retries

RECORDS = "select distinct object, record_id from lake.sync.error where resolved_at is null and record_id is not null"
SHOWN = 1_000
ALL = "all"


@click.command()
@click.option("--retry", multiple=True, metavar="ID", help="Let the next cycle try this record again; `all` for all.")
@click.option("--dismiss", multiple=True, metavar="ID", help="Close the errors of this record; `all` for all.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each error.")
def errors(retry: tuple[str, ...], dismiss: tuple[str, ...], as_json: bool) -> None:
    """List what is open: of writes to the CRM what they call for; what was refused can be tried again, or dismissed.

    By themselves writes are tried again when the record changes, on either side. ID is that of either system. Where
    records of several objects have it, company/12 names one.
    """
    given = settings()
    if retry and dismiss:
        raise click.UsageError("--retry and --dismiss exclude one another")
    with open_lake(given, read_only=not (retry or dismiss)) as lake:
        if retry or dismiss:
            click.echo(_retried(given, lake, retry) if retry else _dismissed(given, lake, dismiss))
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


Open = dict[str, set[str]]  # ids by object; by "" the keys of activities that found no place


def _meant(given: Sequence[str], known: Open, pairings: Sequence[Pairing]) -> Open:
    """Return the records that are meant.

    Raises:
        ClickException: nothing is open of one, or an id is that of different records.
    """
    if ALL in given:
        return known
    meant: Open = {}
    for one in given:
        name, _, of_one = one.partition("/")
        found = {name: {of_one}} if of_one in known.get(name, ()) else _with_id(one, known)
        if not found:
            raise click.ClickException(f"no open error of {one}; `sync-pipeline errors` lists the ids")
        if len({_kind(name, pairings) for name in found}) > 1:
            named = ", ".join(f"{name}/{one}" for name in sorted(found))
            raise click.ClickException(f"records of several objects have the id {one}; name one of them: {named}")
        for name, ids in found.items():
            meant.setdefault(name, set()).update(ids)
    return meant


def _with_id(one: str, known: Open) -> Open:
    """Return who has this id, which may be the short form of one of the CRM's."""
    try:
        forms = {one, str(CrmId(one))}
    except IdentifierError:
        forms = {one}
    return {name: forms & ids for name, ids in known.items() if forms & ids}


def _kind(name: str, pairings: Sequence[Pairing]) -> str:
    """Return Marketo's object of an object of either side: what is not made yet has the other side's id."""
    return next((p.marketo.name for p in pairings if name in (p.crm.name, p.marketo.name)), name)


def _failed(lake: Lake) -> Open:
    failed: Open = {}
    for one in records(lake, RECORDS):
        failed.setdefault(one["object"], set()).add(one["record_id"])
    return failed


def _dismissed(given: Settings, lake: Lake, ids: Sequence[str]) -> str:
    with lake.reading() as con:
        known = {**_failed(lake), "": diagnosis.unplaced(con)}
    meant, now = _meant(ids, known, declarations.pairings(given)), datetime.now(UTC)
    unplaced = meant.pop("", ())
    with lake.only_pipeline(), lake.transaction() as con:
        count = retries.dismiss(con, meant, now) + diagnosis.dismiss(con, unplaced, now)
    return f"{count:,} errors dismissed"


def _retried(given: Settings, lake: Lake, ids: Sequence[str]) -> str:
    pairings, now = declarations.pairings(given), datetime.now(UTC)
    meant = _meant(ids, _failed(lake), pairings)
    count = sent = 0
    with lake.only_pipeline(), lake.transaction() as con:
        for name in {_kind(name, pairings) for name in meant}:
            some = sorted({one for other, ids in meant.items() if _kind(other, pairings) == name for one in ids})
            count += retries.retry(con, [p for p in pairings if p.marketo.name == name], some, now)
        sent = send.send_again(con, {one for some in meant.values() for one in some}, now)
    activities = f", {sent:,} activities are sent again" if sent else ""
    return f"{count:,} records are decided on again{activities} by the next `sync-pipeline sync`"
