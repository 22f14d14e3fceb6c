"""SOQL conditions to SQL: what each comparison means for each type of field.

Texts compare without regard to case, a null differs from every value and is the same as an empty text, date literals
are periods. Values enter the SQL as escaped literals of the field's own type, never as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from sync_pipeline.sandbox.salesforce.errors import ApiError, pointed
from sync_pipeline.sandbox.salesforce.org.ids import id18
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.soql.ast import Kind, Literal
from sync_pipeline.sandbox.salesforce.soql.dates import period

IDS = ("id", "reference")
NUMBERS = ("int", "long", "double", "currency", "percent")
TIMES = ("date", "datetime")


def compare(
    sql: str, kind: str, name: str, operator: str, literals: tuple[Literal, ...], soql: str, today: date
) -> str:
    """Return the SQL of `field operator literals`, true or false for every record; a null is an ordinary value here.

    `sql` is the field's expression, `kind` its describe type, `name` what messages call it.

    Raises:
        ApiError: the literal does not fit the field, worded as Salesforce does.
    """
    if operator in ("INCLUDES", "EXCLUDES"):
        return _multiple(sql, kind, name, operator, literals, soql)
    if operator in ("IN", "NOT IN"):
        any_of = " or ".join(_one(sql, kind, name, "=", literal, soql, today) for literal in literals)
        return f"({any_of})" if operator == "IN" else f"(not coalesce(({any_of}), false))"
    return _one(sql, kind, name, operator, literals[0], soql, today)


def _one(sql: str, kind: str, name: str, operator: str, literal: Literal, soql: str, today: date) -> str:
    if literal.kind is Kind.BIND:
        raise pointed(soql, literal.at, "Bind variables only allowed in Apex code", "MALFORMED_QUERY")
    is_empty = literal.kind is Kind.STRING and not literal.value and kind not in (*NUMBERS, *TIMES, "boolean")
    if literal.kind is Kind.NULL or (is_empty and operator in ("=", "!=")):
        if operator not in ("=", "!="):
            raise _misfit(name, kind, literal, soql)
        return f"({sql} is {'' if operator == '=' else 'not '}null)"
    if operator == "LIKE":
        return _like(sql, kind, name, literal, soql)
    if literal.kind is Kind.RELATIVE:
        return _during(sql, kind, name, operator, literal, soql, today)
    value = _FOR_TYPE.get(kind, _of_text)(kind, name, literal, soql)
    left = f"lower({sql})" if kind not in (*IDS, *NUMBERS, *TIMES, "boolean", "time") else sql
    if operator == "!=":
        return f"({left} is distinct from {value})"
    return f"({left} {operator} {value})"


def _like(sql: str, kind: str, name: str, literal: Literal, soql: str) -> str:
    if kind in (*IDS, *NUMBERS, *TIMES, "boolean") or literal.kind is not Kind.STRING:
        raise pointed(soql, literal.at, f"invalid operator on {kind} field: {name}", "INVALID_QUERY_FILTER_OPERATOR")
    pattern = re.sub(r"\\(?![%_])", r"\\\\", literal.value)  # a backslash before no wildcard is one
    return f"({sql} ilike {text(pattern)} escape '\\')"


def _during(sql: str, kind: str, name: str, operator: str, literal: Literal, soql: str, today: date) -> str:
    if kind not in TIMES:
        raise _misfit(name, kind, literal, soql)
    try:
        first, after = period(literal.value, today)
    except (ValueError, OverflowError):
        raise pointed(soql, literal.at, f"unexpected token: '{literal.value}'", "MALFORMED_QUERY") from None
    start, end = f"date {text(first.isoformat())}", f"date {text(after.isoformat())}"
    return {
        "=": f"({sql} >= {start} and {sql} < {end})",
        "!=": f"({sql} < {start} or {sql} >= {end} or {sql} is null)",
        "<": f"({sql} < {start})",
        "<=": f"({sql} < {end})",
        ">": f"({sql} >= {end})",
        ">=": f"({sql} >= {start})",
    }[operator]


def _multiple(sql: str, kind: str, name: str, operator: str, literals: tuple[Literal, ...], soql: str) -> str:
    """`INCLUDES ('a;b', 'c')`: both a and b, or c."""
    if kind != "multipicklist":
        raise pointed(
            soql, literals[0].at, f"invalid operator on {kind} field: {name}", "INVALID_QUERY_FILTER_OPERATOR"
        )
    for literal in literals:
        if literal.kind is not Kind.STRING:
            raise _misfit(name, "string", literal, soql)
    chosen = f"string_split({sql}, ';')"
    sets = (", ".join(text(part) for part in literal.value.split(";")) for literal in literals)
    any_of = " or ".join(f"list_has_all({chosen}, [{members}])" for members in sets)
    return f"({any_of})" if operator == "INCLUDES" else f"(not coalesce(({any_of}), false))"


def _misfit(name: str, kind: str, literal: Literal, soql: str) -> ApiError:
    wanted = {"datetime": "dateTime", "reference": "ID", "id": "ID"}.get(kind, kind)
    quoted = literal.kind is Kind.STRING
    message = f"value of filter criterion for field '{name}' must be of type {wanted}" + (
        " and should not be enclosed in quotes" if quoted else ""
    )
    return pointed(soql, literal.at, message, "INVALID_FIELD")


def _of_text(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind is not Kind.STRING:
        raise _misfit(name, "string", literal, soql)
    return f"lower({text(literal.value.replace(chr(92) + '%', '%').replace(chr(92) + '_', '_'))})"


def _of_id(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind is not Kind.STRING:
        raise _misfit(name, kind, literal, soql)
    try:
        return text(id18(literal.value))
    except ValueError:
        raise pointed(soql, literal.at, f"invalid ID field: {literal.value}", "INVALID_QUERY_FILTER_OPERATOR") from None


def _of_number(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind not in (Kind.NUMBER, Kind.CURRENCY):
        raise _misfit(name, kind, literal, soql)
    digits = literal.value[3:] if literal.kind is Kind.CURRENCY else literal.value
    return f"{text(repr(float(digits)))}::double"


def _of_boolean(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind is not Kind.BOOLEAN:
        raise _misfit(name, kind, literal, soql)
    return literal.value.lower()


def _of_date(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind is not Kind.DATE:
        raise _misfit(name, kind, literal, soql)
    return f"date {text(_checked(literal, soql, lambda v: date.fromisoformat(v).isoformat()))}"


def _of_datetime(kind: str, name: str, literal: Literal, soql: str) -> str:
    if literal.kind is not Kind.DATETIME:
        raise _misfit(name, kind, literal, soql)
    return f"timestamp {text(_checked(literal, soql, _utc))}"


def _checked(literal: Literal, soql: str, convert: Callable[[str], str]) -> str:
    try:
        return convert(literal.value)
    except (ValueError, OverflowError):
        raise pointed(soql, literal.at, f"Invalid datetime: {literal.value}", "INVALID_QUERY_FILTER_OPERATOR") from None


def _utc(value: str) -> str:
    """Return a zoned time as UTC; fractions longer than Python takes are cut to microseconds."""
    head, dot, tail = value.partition(".")
    if dot:
        digits = "".join(c for c in tail if c.isdigit() or c in "+-").split("+")[0].split("-")[0]
        zone = tail[len(digits) :]
        value = f"{head}.{digits[:6].ljust(6, '0')}{zone}"
    at = datetime.fromisoformat(value)
    return (at.replace(tzinfo=None) - (at.utcoffset() or timedelta())).isoformat(sep=" ")


_FOR_TYPE: dict[str, Callable[[str, str, Literal, str], str]] = {
    **dict.fromkeys(IDS, _of_id),
    **dict.fromkeys(NUMBERS, _of_number),
    "boolean": _of_boolean,
    "date": _of_date,
    "datetime": _of_datetime,
}
