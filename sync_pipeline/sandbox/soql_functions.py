"""The functions of SOQL in DuckDB's terms."""

from __future__ import annotations

from sync_pipeline.sandbox.describe import Json

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})
# These change how a value is shown (language, currency, time zone); the sandbox has one of each.
TRANSPARENT = frozenset({"TOLABEL", "CONVERTCURRENCY", "CONVERTTIMEZONE", "FORMAT"})

_SIMPLE = {
    "COUNT": ("count({})", "int"),
    "COUNT_DISTINCT": ("count(distinct {})", "int"),
    "AVG": ("avg({})", "double"),
    "GROUPING": ("grouping({})", "int"),
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
_OF_ARGUMENT_TYPE = {"MIN": "min({})", "MAX": "max({})", "SUM": "sum({})"}


def function_sql(name: str, arguments: list[tuple[str, Json]]) -> tuple[str, str] | None:
    """Return a function's SQL and its describe type, None for one that is not known; the name is in capitals."""
    if len(arguments) != 1:
        return ("count(*)", "int") if name == "COUNT" and not arguments else None
    sql, field = arguments[0]
    if name in _OF_ARGUMENT_TYPE:
        return _OF_ARGUMENT_TYPE[name].format(sql), field["type"]
    if name in _SIMPLE:
        template, kind = _SIMPLE[name]
        return template.format(sql), kind
    return None
