"""`sync-pipeline status`: how far each object is, what the last runs did, what is still wrong (CONN-16, OPS-1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from sync_pipeline.commands.options import open_lake, settings
from sync_pipeline.lake import Lake

OBJECTS = """
    with last as (
        select system, object, status, ended_at, read, seconds, message
        from lake.sync.job qualify row_number() over (partition by system, object order by ended_at desc) = 1
    )
    select w.system || '/' || w.object as object, w.watermark as read_up_to, last.status, last.ended_at, last.message
    from lake.sync.watermark w full join last using (system, object) order by 1
"""
RUNS = "select kind, status, started_at, ended_at, message from lake.sync.run order by started_at desc limit 5"
ERRORS = """
    select noted_at, system || '/' || object as object, code, message, count(*) over () as open
    from lake.sync.error where resolved_at is null order by noted_at desc limit 10
"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def status(as_json: bool) -> None:
    """Show how far each object is, the last runs and the open errors."""
    with open_lake(settings(), read_only=True) as lake:
        told = {
            name: _records(lake, query) for name, query in (("objects", OBJECTS), ("runs", RUNS), ("errors", ERRORS))
        }
        told["syncing"] = [{"now": lake.in_use()}]
    if as_json:
        click.echo(json.dumps({**told, "syncing": told["syncing"][0]["now"]}, default=str))
        return
    click.echo("a sync is in progress" if told["syncing"][0]["now"] else "no sync is in progress")
    for name in ("objects", "runs", "errors"):
        if told[name]:
            click.echo("\n".join([name, *_lines(told[name])]))
        else:
            click.echo(f"no {'open errors' if name == 'errors' else name}")


def _records(lake: Lake, query: str) -> list[dict[str, Any]]:
    with lake.reading() as con:
        found = con.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _lines(records: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the records as aligned columns, nothing cut: names and messages are there to be copied."""
    rows = [list(records[0]), *([_text(value) for value in record.values()] for record in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str("" if value is None else value)
