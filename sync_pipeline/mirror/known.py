"""Reading what its system neither lists nor tells changes of: by keys that other mirrors name (`Object.known_by`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sync_pipeline.connectors.extract import Extract, Page
from sync_pipeline.lake import table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import KnownBy, Object, Window


def extract_known(source: Source, obj: Object, fields: Sequence[str], window: Window) -> Extract:
    """Return the records whose keys stand in rows that were written to the lake since the window's start.

    A record named by two keys comes twice; the merge takes it once. Where no row was written nothing is asked.
    """
    with source.lake.reading() as con:
        keys = {by: _keys(con, obj, by, window.start) for by in dict.fromkeys(known.by for known in obj.known_by)}

    def pages() -> Iterator[Page]:
        for by, named in keys.items():
            yield from source.connector.extract_ids(obj, fields, named, by).pages()

    return Extract(pages, -1)


def _keys(con: Connection, obj: Object, by: str, since: datetime | None) -> list[str]:
    there = [known for known in obj.known_by if known.by == by and table.columns(con, *known.table)]
    if not there:
        return []
    each = " union ".join(_named(known, since) for known in there)
    return [key for (key,) in con.execute(f"select key from ({each}) where key is not null order by key").fetchall()]


def _named(known: KnownBy, since: datetime | None) -> str:
    recent = f"{quoted(known.at)} >= {literal(since)}" if since else "true"
    only = [f"{quoted(name)} in ({commas(map(literal, values))})" for name, values in known.only.items()]
    return (
        f"select {quoted(known.column)}::varchar as key from {table.full_name(*known.table)} "
        f"where {' and '.join([recent, *only])}"
    )
