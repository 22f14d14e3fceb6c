"""The date literals of SOQL as half-open periods of days. Weeks begin on Sunday, fiscal years in January."""

from __future__ import annotations

import re
from datetime import date, timedelta

_UNITS = "{days}WEEK{s}|MONTH{s}|(FISCAL_)?(QUARTER{s}|YEAR{s})"
_COUNTED_UNITS = _UNITS.format(days="DAYS|", s="S")
# All there are: those without a number, and those with one.
NAMED = re.compile(f"YESTERDAY|TODAY|TOMORROW|(LAST|NEXT)_90_DAYS|(LAST|THIS|NEXT)_({_UNITS.format(days='', s='')})")
COUNTED = re.compile(rf"((LAST|NEXT)_N_({_COUNTED_UNITS})|N_({_COUNTED_UNITS})_AGO):\d+")

_DAY = timedelta(days=1)


def period(literal: str, today: date) -> tuple[date, date]:
    """Return first day and day after the last of `TODAY`, `LAST_N_DAYS:3`, `NEXT_FISCAL_QUARTER` and their like.

    Raises:
        ValueError: no such literal.
    """
    if not (NAMED.fullmatch(literal.upper()) or COUNTED.fullmatch(literal.upper())):
        raise ValueError(f"no date literal {literal!r}")
    name, _, digits = literal.upper().replace("_FISCAL", "").partition(":")
    count = int(digits) if digits else 1
    if name in ("TODAY", "YESTERDAY", "TOMORROW"):
        first = today + _DAY * ("YESTERDAY", "TODAY", "TOMORROW").index(name) - _DAY
        return first, first + _DAY
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, count = name.replace("90", "N"), 90
    which, _, rest = name.partition("_")
    unit = rest.removeprefix("N_").removesuffix("_AGO").removesuffix("S")
    if which == "N":  # N_DAYS_AGO:3 is one unit, three back
        return _start(today, unit, -count), _start(today, unit, 1 - count)
    if which == "THIS":
        return _start(today, unit, 0), _start(today, unit, 1)
    if which == "NEXT":
        return _start(today, unit, 1), _start(today, unit, 1 + count)
    # LAST: LAST_N_DAYS reaches into today, unlike all other units.
    end = today + _DAY if unit == "DAY" else _start(today, unit, 0)
    return _start(today, unit, -count), end


def _start(today: date, unit: str, away: int) -> date:
    """Return the first day of the unit that lies `away` units from today's."""
    if unit == "DAY":
        return today + _DAY * away
    if unit == "WEEK":
        return today - _DAY * ((today.weekday() + 1) % 7) + _DAY * 7 * away
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    month = today.year * 12 + today.month - 1
    month = (month // months + away) * months
    return date(month // 12, month % 12 + 1, 1)
