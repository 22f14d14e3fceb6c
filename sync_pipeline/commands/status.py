"""`sync-pipeline status`: how far each object is, what the last runs did, what is still wrong (CONN-16, OPS-1)."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table

from sync_pipeline.commands.options import console, open_lake, settings
from sync_pipeline.lake import Lake

OBJECTS = """
    with last as (
        select system, object, status, ended_at, read, seconds, message
        from lake.sync.job qualify row_number() over (partition by system, object order by ended_at desc) = 1
    )
    select w.system || '/' || w.object as object, w.watermark, last.status, last.ended_at, last.message
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
    console.print("a sync is in progress" if told["syncing"][0]["now"] else "no sync is in progress")
    for name in ("objects", "runs", "errors"):
        if told[name]:
            console.print(_table(name, told[name]))
        else:
            console.print(f"no {'open errors' if name == 'errors' else name}")


def _records(lake: Lake, query: str) -> list[dict[str, Any]]:
    with lake.reading() as con:
        found = con.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _table(title: str, records: list[dict[str, Any]]) -> Table:
    table = Table(*records[0], title=title, title_justify="left")
    for record in records:
        table.add_row(*(f"{v:%Y-%m-%d %H:%M:%S}" if hasattr(v, "strftime") else str(v or "") for v in record.values()))
    return table
