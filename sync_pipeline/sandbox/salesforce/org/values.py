"""Values that clients send, as a field's column takes them, or the refusal that Salesforce words. Pure.

A converter is made once per field and called for every record, so it holds all it needs. `json` values are typed by
their syntax and a wrong type spoils the request's parsing; in `csv` everything is text and it spoils the record only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.ids import id18
from sync_pipeline.sandbox.salesforce.org.json_places import place

Wire = Literal["json", "csv"]
Convert = Callable[[Any], Any]

BLANK = "".join(map(chr, range(33)))  # what Salesforce, as Java's trim does, takes off both ends of any text
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_EMAIL = re.compile(rf"{_LOCAL}+(\.{_LOCAL}+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{{2,}}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_RECORD_ID = re.compile(r"[A-Za-z0-9]{15}([A-Z0-5]{3})?")
_SMALL_INT = 2**31
_YEARS = (1700, 4000)
Day = TypeVar("Day", bound=date)


def converter(field: Json, wire: Wire) -> Convert:
    """Return the function from a value as sent to the value as stored; it raises ApiError for what does not fit."""
    make: Callable[[Json, Wire], Convert] = _MAKERS.get(field["type"], _text)
    return make(field, wire)


def record_id(given: object) -> str | None:
    """Return the 18-character form of a well-formed id, else None; a wrong case suffix is not well-formed."""
    if not isinstance(given, str) or not _RECORD_ID.fullmatch(given) or id18(given[:15])[: len(given)] != given:
        return None
    return id18(given)


def _misfit(field: Json, wire: Wire, value: object) -> ApiError:
    if wire == "csv":
        message = f"{field['label']}: value not of required type: {'' if value is None else value}"
        return ApiError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, fields=[field["name"]])
    return MisreadError(field, value)


class MisreadError(ApiError):
    """A JSON value of a wrong type. Where it stands is told once the request's text is at hand."""

    def __init__(self, field: Json, value: object, text: str = "") -> None:
        line, column = place(text, field["name"], value)
        told = f"Cannot deserialize instance of {field['type']} from {_token(value)}"
        if not isinstance(value, list):  # of lists the recorded text is shorter
            told += " or request may be missing a required field at"
        super().__init__("JSON_PARSER_ERROR", f"{told} [line:{line}, column:{column}]")
        self._field, self._value = field, value

    def within(self, text: str) -> MisreadError:
        """Return the error with its place in the request's text."""
        return MisreadError(self._field, self._value, text)


def _token(value: object) -> str:
    if isinstance(value, dict | list):
        return "START_OBJECT value {" if isinstance(value, dict) else "START_ARRAY value"
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()} value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"VALUE_NUMBER_{'INT' if isinstance(value, int) else 'FLOAT'} value {value}"
    return f"VALUE_STRING value {value}"


def _text(field: Json, wire: Wire) -> Convert:
    name, label, length = field["name"], field["label"], field["length"]

    def convert(value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise _misfit(field, wire, value)
        kept = value.strip(BLANK)
        if length and len(kept) > length:
            message = f"{label}: data value too large: {kept} (max length={length})"
            raise ApiError("STRING_TOO_LONG", message, fields=[name])
        return kept or None

    return convert


def _email(field: Json, wire: Wire) -> Convert:
    text = _text(field, wire)

    def convert(value: Any) -> str | None:
        kept: str | None = text(value)
        if kept is not None and not _EMAIL.fullmatch(kept):
            message = f"{field['label']}: invalid email address: {kept}"
            raise ApiError("INVALID_EMAIL_ADDRESS", message, fields=[field["name"]])
        return kept and kept.lower()  # as it is saved, whatever was sent

    return convert


def _picklist(field: Json, wire: Wire) -> Convert:
    text = _text(field, wire)
    if not field["restrictedPicklist"]:
        return text
    active = {entry["value"].lower(): entry["value"] for entry in field["picklistValues"] if entry["active"]}
    separator = ";" if field["type"] == "multipicklist" else None

    def convert(value: Any) -> str | None:
        kept: str | None = text(value)
        if kept is None:
            return None
        parts = kept.split(separator) if separator else [kept]
        if any(part.lower() not in active for part in parts):
            message = f"{field['label']}: bad value for restricted picklist field: {kept}"
            raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=[field["name"]])
        return (separator or "").join(active[part.lower()] for part in parts)

    return convert


def _boolean(field: Json, wire: Wire) -> Convert:
    words = {"true": True, "1": True, "false": False, "0": False}

    def convert(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value is None:  # a checkbox knows no third state; both wires word it alike
            raise _misfit(field, "csv", value)
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        raise _misfit(field, wire, value)

    return convert


def _number(field: Json, wire: Wire) -> Convert:
    whole = field["type"] in ("int", "long")
    most = 10.0 ** (field["digits"] or field["precision"] - field["scale"] or 18)

    def convert(value: Any) -> float | int | None:
        if value is None or value == "":
            return None
        try:
            number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not math.isfinite(number) or (whole and not number.is_integer()):
            raise _misfit(field, wire, value)
        if field["type"] == "int" and abs(number) >= _SMALL_INT:
            raise _misfit(field, wire, value)
        if abs(number) >= most:
            message = f"{field['label']}: value outside of valid range on numeric field: {value}"
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", message, fields=[field["name"]])
        return int(number) if whole else number

    return convert


def _date(field: Json, wire: Wire) -> Convert:
    def convert(value: Any) -> date | None:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str) and _DATE.fullmatch(value):
                return _kept(field, date.fromisoformat(value))
        except ValueError:
            pass
        raise _misfit(field, wire, value)

    return convert


def _datetime(field: Json, wire: Wire) -> Convert:
    def convert(value: Any) -> datetime | None:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str) and _DATETIME.fullmatch(value):
                at = datetime.fromisoformat(_microseconds(value))
                at = at.astimezone(UTC) if at.tzinfo else at  # without a zone it is the user's, here UTC
                return _kept(field, at.replace(microsecond=0, tzinfo=None))
        except (ValueError, OverflowError):
            pass
        raise _misfit(field, wire, value)

    return convert


def _kept(field: Json, day: Day) -> Day:
    """Return a day or time, if Salesforce keeps it: "only dates within a certain range are valid" (SOQL, date formats).

    Which code and words a record is refused with is not documented; clients report FIELD_INTEGRITY_EXCEPTION.
    """
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        message = f"{field['label']}: invalid date: {day:%a %b %d} 00:00:00 GMT {day.year}"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=[field["name"]])
    return day


def _microseconds(value: str) -> str:
    """Python reads at most six digits of a second, .NET clients send seven."""
    return re.sub(r"(\.\d{6})\d+", r"\1", value)


def _reference(field: Json, wire: Wire) -> Convert:
    def convert(value: Any) -> str | None:
        if value is None or value == "":
            return None
        found = record_id(value)
        if found is None:
            message = f"{field['label']}: id value of incorrect type: {value}"
            raise ApiError("MALFORMED_ID", message, fields=[field["name"]])
        return found

    return convert


_MAKERS: dict[str, Callable[[Json, Wire], Convert]] = {
    "email": _email,
    **dict.fromkeys(("picklist", "multipicklist"), _picklist),
    "boolean": _boolean,
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), _number),
    "date": _date,
    "datetime": _datetime,
    **dict.fromkeys(("reference", "id"), _reference),
}
