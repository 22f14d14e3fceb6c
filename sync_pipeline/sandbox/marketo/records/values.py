"""Values on their way in and out: JSON as clients send it, typed as a field stores it, JSON as Marketo answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from sync_pipeline.sandbox.marketo.errors import RecordError
from sync_pipeline.sandbox.marketo.records.fields import LONG, Field

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
LARGEST = 2**31 - 1  # of an integer field


def parse(field: Field, value: Any, strict: bool = True) -> Any:
    """Return a value as its column takes it; null and the empty string are null (false for a boolean).

    `strict` refuses what is no e-mail address, which imports only warn of.

    Raises:
        RecordError: 1001 a value of another type, 1003 one that is too long or no e-mail address.
    """
    if value is None or value == "":
        return False if field.type == "boolean" else None
    if isinstance(value, dict | list):
        raise _mistyped(field, value)
    if field.column == "varchar":
        return _text(field, value, strict)
    try:
        return _READ[field.column](value)
    except (ValueError, OverflowError):
        raise _mistyped(field, value) from None


def shown(value: Any) -> Any:
    """Return a stored value as JSON answers write it: times in UTC to the second, dates plain."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def stamp(at: datetime) -> str:
    """Return a UTC time as Marketo writes it: 2016-05-17T22:11:45Z."""
    return (at.astimezone(UTC) if at.tzinfo else at).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(value: str) -> datetime:
    """Return an ISO 8601 time as a UTC time without zone, as the tables keep it; a bare date is its midnight.

    Raises:
        ValueError: it is none.
    """
    spelled = value.strip().replace("Z+0000", "Z")  # as the asset calls write times
    if "T" in spelled:
        spelled = spelled.replace(" ", "+")  # the sign of an offset that a client did not encode
    at = datetime.fromisoformat(spelled)
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return at.replace(microsecond=0)


def is_email(value: str) -> bool:
    return value.isascii() and bool(_EMAIL.fullmatch(value))


def written(value: Any) -> str | None:
    """Return a stored value as a change activity names it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(shown(value))


def _text(field: Field, value: Any, strict: bool) -> str:
    spelled = value if isinstance(value, str) else written(value) or ""
    if field.type == "email":
        spelled = spelled.strip()
    if field.most and len(spelled.encode() if field.type in LONG else spelled) > field.most:
        raise RecordError(1003, f"Value for field '{field.name}' exceeds the maximum length of {field.most}")
    if strict and field.type == "email" and not is_email(spelled):
        raise RecordError(1003, f"Invalid email address for field '{field.name}'")
    return spelled


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    number = int(value) if not isinstance(value, float) else int(value) if value.is_integer() else None
    if number is None or abs(number) > LARGEST:
        raise ValueError(value)
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return number


def _boolean(value: Any) -> bool:
    spelled = str(value).strip().lower()
    if spelled not in (*_TRUE, *_FALSE):
        raise ValueError(value)
    return spelled in _TRUE


def _date(value: Any) -> date:
    return moment(str(value)).date()


_READ: dict[str, Callable[[Any], Any]] = {
    "bigint": _integer,
    "double": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp": lambda value: moment(str(value)),
}


def _mistyped(field: Field, value: Any) -> RecordError:
    kind = "integer" if field.type in ("score", "percent") else field.type
    return RecordError(1001, f"Invalid value '{value}'. Required of type '{kind}'")
