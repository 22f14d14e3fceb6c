"""Reading what its system neither lists nor tells changes of: by keys that other tables of the lake name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sync_pipeline.connectors.extract import Extract, Page
from sync_pipeline.lake import table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import KnownBy, Object, Window


def extract_known(source: Source, obj: Object, fields: Sequence[str], window: Window) -> Extract:
    """Return the records whose keys stand in rows that were written to the lake since the window's start (`known_by`).

    A record named by two keys comes twice; the merge takes it once. Where no row was written nothing is asked.
    """
    return Extract(lambda: _named_pages(source, obj, fields, window, obj.known_by), -1)


def with_known(source: Source, obj: Object, fields: Sequence[str], window: Window, told: Extract) -> Extract:
    """Return what a system told, and besides, the records of whose change it does not tell (`again_by`)."""
    if not obj.again_by or window.start is None:  # then all of them are told
        return told

    def pages() -> Iterator[Page]:
        yield from told.pages()
        for page in _named_pages(source, obj, fields, window, obj.again_by):
            yield replace(page, name=f"again-{page.name}")

    return Extract(pages, told.expected, told.token)


def _named_pages(
    source: Source, obj: Object, fields: Sequence[str], window: Window, known: Sequence[KnownBy]
) -> Iterator[Page]:
    with source.lake.reading() as con:
        keys = {by: _keys(con, known, by, window.start) for by in dict.fromkeys(one.by for one in known)}
    for by, named in keys.items():
        if named:
            yield from source.connector.extract_ids(obj, fields, named, by).pages()


def _keys(con: Connection, known: Sequence[KnownBy], by: str, since: datetime | None) -> list[str]:
    there = [one for one in known if one.by == by and table.columns(con, *one.table)]
    if not there:
        return []
    each = " union ".join(_named(one, since) for one in there)
    return [key for (key,) in con.execute(f"select key from ({each}) where key is not null order by key").fetchall()]


def _named(known: KnownBy, since: datetime | None) -> str:
    recent = f"{quoted(known.at)} >= {literal(since)}" if since else "true"
    only = [f"{quoted(name)} in ({commas(map(literal, values))})" for name, values in known.only.items()]
    return (
        f"select {quoted(known.column)}::varchar as key from {table.full_name(*known.table)} "
        f"where {' and '.join([recent, *only])}"
    )
