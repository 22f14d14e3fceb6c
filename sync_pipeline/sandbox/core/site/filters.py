"""What templates ask of values: addresses, and texts for the eye."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from sync_pipeline.sandbox.core.site.forms import EDITED
from sync_pipeline.sandbox.core.site.system import Asked


def address(name: str, record: str = "") -> str:
    """Return the address of an object's list, or of one record."""
    return f"/objects/{quote(name, safe='')}" + (f"/{quote(str(record), safe='')}" if record else "")


def query(asked: Asked, **changed: Any) -> str:
    """Return a list's query string with some of it changed."""
    given = {**vars(asked), **changed}
    where = {EDITED + name: value for name, value in asked.where.items()}
    down = {"down": "1" if given["descending"] else "0"}
    shown = {"search": given["search"], "bin": "1" if given["binned"] else "", "start": given["start"] or ""}
    parts = {**where, **shown, "order": given["order"], **down}
    return "?" + urlencode({name: value for name, value in parts.items() if value != ""})


def when(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def plain(value: Any) -> str:
    """Return a value for the eye: whole numbers without a point, times without a T."""
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{int(value):,}" if float(value).is_integer() else f"{value:,}"
    return value.isoformat() if isinstance(value, date) else str(value)


FILTERS: dict[str, Callable[..., str]] = {"address": address, "query": query, "when": when, "plain": plain}
