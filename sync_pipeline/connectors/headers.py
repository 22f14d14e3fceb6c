"""What an answer's headers tell, read totally: what is no value of a header is no hint. Pure.

A header comes from whatever stands between us and the system, so none is trusted further than its bounds here.
`Content-Type` decides which of our readers is tried and nothing else; a charset is not looked at.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

Headers = Mapping[str, str]

# No answer is older than the interfaces that we speak: an earlier `Date` is a clock that was never set.
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LONGEST_WAIT = 3_600.0  # seconds: who is told to come back later than that is told so by the next answer, too
_DIGITS = re.compile(r"\s*([0-9]{1,15})\s*")
_USAGE = re.compile(
    r"(?:^|[;,\s])(?P<kind>(?:per-app-)?api-usage)=(?P<used>[0-9]{1,12})/(?P<limit>[0-9]{1,12})(?![0-9])"
    r"(?:\(appName=(?P<app>[^)]{0,200})\))?"
)


@dataclass(frozen=True)
class Usage:
    """Calls made and allowed in the running 24 hours, by all of an org or, with a name, by one connected app."""

    used: int
    limit: int
    app: str = ""


def date(headers: Headers) -> datetime | None:
    """Return the time that an answer tells, aware UTC; None where it tells none that can be."""
    found = _http_date(headers.get("Date"))
    return found if found and found >= EARLIEST else None


def retry_after(headers: Headers, now: datetime) -> float:
    """Return the seconds after which a call may be made again, at most `LONGEST_WAIT`; 0 where that is not told.

    Args:
        now: our time, from which a date is counted.
    """
    told = headers.get("Retry-After") or ""
    if told.strip().isascii() and told.strip().isdigit():
        wait = float(told) if len(told) < 16 else LONGEST_WAIT
    else:
        at = _http_date(told)
        wait = (at - now).total_seconds() if at else 0.0
    return min(max(wait, 0.0), LONGEST_WAIT)


def limit_usage(headers: Headers) -> tuple[Usage, ...]:
    """Return what `Sforce-Limit-Info` tells: the org's usage first, then that of the connected app, if it has a limit.

    Both come in one header (`api-usage=18/5000; per-app-api-usage=17/250(appName=x)`), in any order.
    """
    told = headers.get("Sforce-Limit-Info") or ""
    found = [
        Usage(int(one["used"]), int(one["limit"]), (one["app"] or "without a name") if "app" in one["kind"] else "")
        for one in _USAGE.finditer(told)
    ]
    return tuple(sorted((one for one in found if one.limit), key=lambda one: bool(one.app)))


def count(headers: Headers, name: str) -> int | None:
    """Return a header that is a number of things, None where it is none."""
    found = _DIGITS.fullmatch(headers.get(name) or "")
    return int(found[1]) if found else None


def locator(headers: Headers) -> str:
    """Return the mark of the next page of a bulk result, "" on the last one, which says null."""
    found = (headers.get("Sforce-Locator") or "").strip()
    return "" if found == "null" or len(found) > 1_000 else found


def media_type(headers: Headers) -> str:
    """Return the type of a body without its parameters, in lower case; "" where it is not told."""
    return (headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def target(headers: Headers) -> str:
    """Return the host that a redirection leads to, "" where it names none."""
    try:
        return (urlsplit(headers.get("Location") or "").hostname or "")[:200]
    except ValueError:
        return ""


def _http_date(text: str | None) -> datetime | None:
    """Return a date as HTTP and e-mail write it; -0000, which says that the zone is not known, is taken as UTC."""
    try:
        found = email.utils.parsedate_to_datetime(text or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
