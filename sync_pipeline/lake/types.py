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

    A whole number is no double: it would lose its last digits from 2^53 on, and Salesforce's have up to 18.
    """
    return "BIGINT" if is_told_whole(field) and not field.fractional else COLUMN_TYPES.get(field.type, TEXT)


def is_told_whole(field: Field) -> bool:
    """Tell whether a decimal number is described to have no digits after its point.

    What a formula computes may have some whatever is told of it; so may, rarely, what programs wrote: see `fractional`.
    """
    is_decimal = COLUMN_TYPES.get(field.type) == "DOUBLE"
    return is_decimal and field.precision > 0 and field.scale == 0 and not field.calculated


def wider(kept: str, described: str) -> str:
    """Return the narrowest column type that holds the values of both types."""
    if kept == described or described in WIDER[kept]:
        return described
    return kept if kept in WIDER[described] else TEXT


# What DuckDB takes besides and no system means: {value} says less than {text} does, or later statements would raise.
FITS = {
    "BIGINT": "try_cast({text} as double) = {value}",  # '2.5' is no 3
    "DOUBLE": "isfinite({value})",
    "DATE": "{value} between date '0001-01-01' and date '9999-12-31' "
    "and (length({text}) <= 10 or {text}[11:19] = 'T00:00:00')",
    "TIME": "{text}[3] = ':'",  # and no date before it
    "TIMESTAMP WITH TIME ZONE": "{value} between timestamptz '0001-01-01 00:00:00+00' and "
    "timestamptz '9999-12-31 23:59:59.999999+00'",
}


def cast(name: str, to: str) -> str:
    """Return the SQL that turns a text column into values; text that does not fit becomes null (see `misfits`)."""
    text = quoted(name)
    if to == TEXT:
        return text
    # '13:45:00.000Z': a time of day has no zone in SQL
    value = f"try_cast(rtrim({text}, 'Z') as time)" if to == "TIME" else f"try_cast({text} as {to})"
    return f"case when {FITS[to].format(text=text, value=value)} then {value} end" if to in FITS else value


def readable(declared: Object, described: Describe) -> tuple[Field, ...]:
    """Return the fields of `described` that are read, in describe's order."""
    return tuple(f for f in described.fields if f.type not in UNREADABLE_TYPES and f.name not in declared.unread)
