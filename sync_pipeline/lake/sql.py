"""Safe SQL text: identifiers are quoted, values become literals or bound parameters. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime


def quoted(*parts: str) -> str:
    """Return a quoted, dotted identifier: `quoted("lake", "salesforce", "contact")`.

    Raises:
        ValueError: a part is empty or holds a NUL, which no identifier can.
    """
    if not parts or any(not part or "\0" in part for part in parts):
        raise ValueError(f"not an identifier: {parts!r}")
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(value: str | int | float | bool | datetime | None) -> str:
    """Return `value` as a SQL literal, for statements that cannot take bound parameters (attach, set)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"


def map_sql(values: Mapping[str, str]) -> str:
    """Return a map of texts as SQL."""
    entries = commas(f"{literal(name)}: {literal(value)}" for name, value in values.items())
    return f"map {{{entries}}}::map(varchar, varchar)"


def without(entries: str, keys: Iterable[str]) -> str:
    """Return SQL for a map less the entries with these keys, whose letter case does not count."""
    named = commas(literal(key.lower()) for key in keys) or "null"
    stays = f"coalesce(lower(e.key) not in ({named}), true)"
    return f"map_from_entries(list_filter(map_entries({entries}), lambda e: {stays}))"


def commas(parts: Iterable[str]) -> str:
    return ", ".join(parts)
