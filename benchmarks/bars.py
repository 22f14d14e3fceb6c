"""A bar: what was promised, what was measured, whether it holds; and the table of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One promise. `holds` is None for a figure that is only stated."""

    name: str
    measured: str
    limit: str = ""
    holds: bool | None = None


def at_most(name: str, value: float, limit: float, unit: str = "", note: str = "") -> Bar:
    return Bar(name, _figure(value, unit) + note, f"<= {_figure(limit, unit)}", value <= limit)


def at_least(name: str, value: float, limit: float, unit: str = "", note: str = "") -> Bar:
    return Bar(name, _figure(value, unit) + note, f">= {_figure(limit, unit)}", value >= limit)


def exactly(name: str, value: int, wanted: int, note: str = "") -> Bar:
    return Bar(name, f"{value:,}{note}", f"{wanted:,}", value == wanted)


def stated(name: str, measured: str) -> Bar:
    return Bar(name, measured)


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 1000 or value == int(value) else f"{value:,.2f}{unit}"


def as_markdown(bars: Sequence[Bar]) -> str:
    """Return the table of the bars, padded so that it reads well in a terminal too."""
    said = {True: "yes", False: "NO", None: ""}
    rows = [("bar", "measured", "limit", "holds")] + [(b.name, b.measured, b.limit, said[b.holds]) for b in bars]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
