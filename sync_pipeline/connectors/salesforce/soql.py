"""SOQL text from checked names and literals; the only place where it is put together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sync_pipeline.model import Window

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Ids per `Id in (…)`: with a wide field list the whole query still fits the 16,384 characters of a URL.
IDS_PER_QUERY = 200
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"})


def is_name(text: str) -> bool:
    """Tell whether a text is an API name, as all of Salesforce's are."""
    return _NAME.fullmatch(text) is not None


def name(text: str) -> str:
    """Return an API name unchanged.

    Raises:
        ValueError: it is none, so it must not become part of a query.
    """
    if not is_name(text):
        raise ValueError(f"{text!r} is not an API name")
    return text


def stamp(at: datetime) -> str:
    """Return a SOQL dateTime literal in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def literal(value: str | int | float | bool | None) -> str:
    """Return a value as SOQL writes it: a text in quotes and escaped, true, 1.5, null."""
    if isinstance(value, str):
        return f"'{value.translate(_ESCAPES)}'"
    return "null" if value is None else str(value).lower()


def in_window(field: str, window: Window) -> str:
    """Return the condition of a half-open window: records at its start belong to it, those at its end do not."""
    end = f"{name(field)} < {stamp(window.end)}"
    return f"{name(field)} >= {stamp(window.start)} and {end}" if window.start else end


def in_window_or_later(field: str, window: Window, later: datetime) -> str:
    """Return the condition of a window, to which records stamped `later` and after belong too.

    A record that a wrong clock stamped so would be in no window for long; and where it is the clock by which windows
    are cut that is wrong, all that it has not come to yet is read by this.
    """
    within = in_window(field, window)
    return f"({within}) or {name(field)} >= {stamp(later)}" if window.end <= later else within


def in_ids(field: str, ids: Iterable[str]) -> str:
    """Return the condition that a field is one of `ids`.

    Raises:
        ValueError: an id is not made of letters and digits.
    """
    texts = list(ids)
    for text in texts:
        if not re.fullmatch(r"[A-Za-z0-9]{15,18}", text):
            raise ValueError(f"{text!r} is not a record id")
    return in_texts(field, texts)


def in_texts(field: str, texts: Iterable[str]) -> str:
    """Return the condition that a field is one of these texts, as SOQL compares them: without letter case."""
    return f"{name(field)} in ({', '.join(map(literal, texts))})"


def select(fields: Sequence[str], source: str, condition: str = "") -> str:
    """Return a query. No ORDER BY and no LIMIT: they switch off the server's own chunking of large results."""
    where = f" where {condition}" if condition else ""
    return f"select {', '.join(name(f) for f in fields)} from {name(source)}{where}"
