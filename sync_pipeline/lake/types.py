"""How a described field is kept: its column type, and the cast from the text a connector brings.

Types come from describe and are never inferred from values (DESIGN 5): "NA" is text, `0.0` is an integer where
describe says int. Connectors hand over text, so this is the one place where text becomes values.
"""

from __future__ import annotations

from sync_pipeline.lake.sql import quoted
from sync_pipeline.model import Describe, Field, Object

# Compound fields repeat what their parts hold, and the Bulk API refuses them; base64 is not served by queries
# of more than one record.
UNREADABLE_TYPES = frozenset({"address", "location", "base64", "complexvalue"})

COLUMN_TYPES = {
    "boolean": "BOOLEAN",
    "int": "BIGINT",
    "integer": "BIGINT",
    "long": "BIGINT",
    "score": "BIGINT",
    "double": "DOUBLE",
    "float": "DOUBLE",
    "currency": "DOUBLE",
    "percent": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
}
TEXT = "VARCHAR"
STAMP = "TIMESTAMP WITH TIME ZONE"

# A column may be widened to any type right of its own without losing a value.
WIDER = {
    "BOOLEAN": (TEXT,),
    "BIGINT": ("DOUBLE", TEXT),
    "DOUBLE": (TEXT,),
    "DATE": ("TIMESTAMP WITH TIME ZONE", TEXT),
    "TIMESTAMP WITH TIME ZONE": (TEXT,),
    "TIME": (TEXT,),
    TEXT: (),
}


def column_type(field: Field) -> str:
    """Return the DuckDB type of the column that keeps `field`; every type without a better one is text.

    A number that is told to have no digits after its point is whole: as a double it would lose its last digits from
    2^53 on, and Salesforce's have up to 18. What a formula computes may have a fraction whatever is told of it.
    """
    kept = COLUMN_TYPES.get(field.type, TEXT)
    return "BIGINT" if kept == "DOUBLE" and field.precision and not (field.scale or field.calculated) else kept


def wider(kept: str, described: str) -> str:
    """Return the narrowest column type that holds the values of both types."""
    if kept == described or described in WIDER[kept]:
        return described
    return kept if kept in WIDER[described] else TEXT


# What DuckDB takes besides and neither system has; statements of later would raise over it.
FITS = {
    "DOUBLE": "isfinite({0})",
    "DATE": "{0} between date '0001-01-01' and date '9999-12-31'",
    "TIMESTAMP WITH TIME ZONE": "{0} between timestamptz '0001-01-01 00:00:00+00' and "
    "timestamptz '9999-12-31 23:59:59.999999+00'",
}


def cast(name: str, to: str) -> str:
    """Return the SQL that turns a text column into values; text that does not fit becomes null (see `misfits`)."""
    text = quoted(name)
    if to == TEXT:
        return text
    if to == "TIME":  # '13:45:00.000Z': a time of day has no zone in SQL
        text = f"rtrim({text}, 'Z')"
    value = f"try_cast({text} as {to})"
    return f"case when {FITS[to].format(value)} then {value} end" if to in FITS else value


def readable(declared: Object, described: Describe) -> tuple[Field, ...]:
    """Return the fields of `described` that are read, in describe's order."""
    return tuple(f for f in described.fields if f.type not in UNREADABLE_TYPES and f.name not in declared.unread)
