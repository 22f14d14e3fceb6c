"""Records as text: aligned columns, nothing cut, since ids and messages are there to be copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync_pipeline.lake import Lake

Record = Mapping[str, Any]
# Two columns of values by field name that belong together, and how one of their entries is told.
_PAIRS = {("before", "after"): "{} -> {}", ("fields", "because"): "{}  ({})"}


def records(lake: Lake, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Return what a query of the lake finds, by column name."""
    with lake.reading() as con:
        found = con.execute(query, list(parameters))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def lines(records: Sequence[Record], most_fields: int = 1_000) -> Iterator[str]:
    """Yield a heading and the records; a column without any value is left out, values by field stand below their row.

    Args:
        most_fields: of more values by field, the others are only counted.
    """
    names = [n for n in records[0] if any(_is_cell(r[n]) for r in records)]
    rows = [[name.replace("_", " ") for name in names], *([_text(r[n]) for n in names] for r in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(names))]
    for row, record in zip(rows, ({}, *records), strict=True):
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        yield from _details(record, most_fields)


def _is_cell(value: object) -> bool:
    return value not in (None, "") and not isinstance(value, dict)


def _details(record: Record, most: int) -> Iterator[str]:
    for (first, second), form in _PAIRS.items():
        values, others = record.get(first), record.get(second)
        if not isinstance(values, dict) or not isinstance(others, dict):
            continue
        fields = dict.fromkeys((*values, *others))
        for name in list(fields)[:most]:
            yield f"      {name}: " + form.format(_told(values.get(name)), _told(others.get(name)))
        if len(fields) > most:
            yield f"      and {len(fields) - most} more fields"


def _told(value: object) -> str:
    return _text(value) or "(empty)"


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None or isinstance(value, dict) else " ".join(str(value).split())
