"""The functions of SOQL in DuckDB's terms."""

from __future__ import annotations

from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.store import text

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})
_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})

_COUNTS = {
    "COUNT": ("count({})", "int"),
    "COUNT_DISTINCT": ("count(distinct {})", "int"),
    "AVG": ("avg({})", "double"),
    "GROUPING": ("grouping({})", "int"),
}
_OF_DATES = {
    "CALENDAR_YEAR": ("year({})::int", "int"),
    "CALENDAR_QUARTER": ("quarter({})::int", "int"),
    "CALENDAR_MONTH": ("month({})::int", "int"),
    "FISCAL_YEAR": ("year({})::int", "int"),  # the sandbox's fiscal year begins in January
    "FISCAL_QUARTER": ("quarter({})::int", "int"),
    "FISCAL_MONTH": ("month({})::int", "int"),
    "DAY_IN_MONTH": ("day({})::int", "int"),
    "DAY_IN_WEEK": ("(dayofweek({}) + 1)::int", "int"),  # 1 is Sunday
    "DAY_IN_YEAR": ("dayofyear({})::int", "int"),
    "DAY_ONLY": ("({})::date", "date"),
    "HOUR_IN_DAY": ("hour({})::int", "int"),
    "WEEK_IN_MONTH": ("((day({0}) - 1) // 7 + 1)::int", "int"),
    "WEEK_IN_YEAR": ("((dayofyear({0}) - 1) // 7 + 1)::int", "int"),
}
_OF_DATETIMES = frozenset({"DAY_ONLY", "HOUR_IN_DAY"})
_OF_ARGUMENT_TYPE = {"MIN": "min({})", "MAX": "max({})", "SUM": "sum({})"}


def function_sql(name: str, arguments: list[tuple[str, Json]]) -> tuple[str, str] | None:
    """Return a function's SQL and its describe type, None for one that is not known; the name is in capitals."""
    if len(arguments) != 1:
        return ("count(*)", "int") if name == "COUNT" and not arguments else None
    sql, field = arguments[0]
    if name in _OF_ARGUMENT_TYPE:
        return _OF_ARGUMENT_TYPE[name].format(sql), field["type"]
    template, kind = {**_COUNTS, **_OF_DATES}.get(name, ("", ""))
    return (template.format(sql), kind) if template else None


def misuse(name: str, arguments: list[tuple[str, Json]]) -> str:
    """Return what is wrong with a function's argument, in Salesforce's words, empty if nothing is."""
    if len(arguments) != 1 or name == "GROUPING":
        return ""
    (_, field), *_ = arguments
    kind = field["type"]
    wants_number = name in ("SUM", "AVG") and kind not in _NUMBERS
    if name in AGGREGATES and (wants_number or not field.get("aggregatable", True)):
        return f"field {field['name']} does not support aggregate operator {name}"
    is_time = kind == "datetime" or (kind == "date" and name not in _OF_DATETIMES)
    if name in _OF_DATES and not is_time:
        return f"field {field['name']} does not support date function {name}"
    return ""


def label_sql(sql: str, field: Json) -> str:
    """Return a picklist's value as users see it; what the list does not have is shown as it is."""
    labels = [(v["value"], v["label"]) for v in field.get("picklistValues", ()) if v["value"] != v["label"]]
    whens = " ".join(f"when {text(value)} then {text(label)}" for value, label in labels)
    return f"case {sql} {whens} else {sql} end" if whens else sql


def localised_sql(sql: str, field: Json) -> str:
    """Return a value as text in the org's locale, en_US, and its currency, USD."""
    kind, digits = field["type"], field.get("scale") or 0
    if kind == "date":
        return f"strftime({sql}, '%-m/%-d/%Y')"
    if kind == "datetime":
        return f"strftime({sql}, '%-m/%-d/%Y, %-I:%M %p')"
    if kind == "currency":
        return f"replace(format('${{:,.2f}}', {sql}), '$-', '-$')"
    if kind == "percent":
        return f"format('{{:,.{digits}f}}', {sql}) || '%'"
    return f"format('{{:,.{digits}f}}', ({sql})::double)" if kind in _NUMBERS else f"({sql})::varchar"
