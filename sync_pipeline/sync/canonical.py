"""When two values are the same: both sides are brought to one text form before they are compared. Pure SQL text.

The form is that of the poorer of the two types: a date against a time is compared by day, a percentage against an
integer as an integer. So what one side cannot hold is no difference, and nothing is written back and forth.
"""

from __future__ import annotations

from sync_pipeline.lake.sql import commas
from sync_pipeline.lake.types import TEXT

BOOLEAN, INTEGER, DOUBLE, DATE, TIME, STAMP = (
    "BOOLEAN",
    "BIGINT",
    "DOUBLE",
    "DATE",
    "TIME",
    "TIMESTAMP WITH TIME ZONE",
)
LONGEST_CHARACTER = 4  # bytes of UTF-8
_POORER = {frozenset({INTEGER, DOUBLE}): INTEGER, frozenset({DATE, STAMP}): DATE}


def common(one: str, other: str) -> str:
    """Return the column type in which values of both column types are compared."""
    one, other = (INTEGER if kind in ("INTEGER", "BIGINT") else kind for kind in (one, other))
    return one if one == other else _POORER.get(frozenset({one, other}), TEXT)


def canonical(column: str, kind: str, among: str, length: int = 0, octets: int = 0) -> str:
    """Return the SQL that brings a column of type `kind` to the text form of the common type `among`.

    A column may be wider, where the field was of another type before: what is no value of `kind` is none (FIELD-6).
    Empty text is nothing; blanks around a text do not count, as Salesforce drops them; a truth value that is not set
    is false; times count to the second; fractions are rounded half up (SPEC 31, decision 38).

    Args:
        length: texts are compared up to so many characters, the most that both sides can hold; 0 for all.
        octets: likewise, up to so many bytes of UTF-8.
    """
    column = column if kind == TEXT else f"try_cast({column} as {kind})"
    if among == BOOLEAN:
        return f"coalesce({column}, false)::varchar"
    if among == INTEGER:
        return f"floor({column} + 0.5)::bigint::varchar"
    if among == DOUBLE:
        return f"{column}::double::varchar"
    if among == DATE:
        day = f"({column} at time zone 'UTC')" if kind == STAMP else column
        return f"{day}::date::varchar"
    if among == STAMP:
        return f"strftime({column} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    if kind == STAMP:
        return canonical(column, kind, STAMP)
    text = column if kind == TEXT else f"{column}::varchar"
    text = f"replace({text}, chr(13) || chr(10), chr(10))"
    if length:
        text = f"left({_trimmed(text)}, {length})"
    if octets:
        text = _up_to(octets, _trimmed(text))
    return f"nullif({_trimmed(text)}, '')"


def _trimmed(text: str) -> str:
    # Other blanks stay, as the one that does not break: DuckDB's own trim drops it, which a cut text may end with.
    return f"trim({text}, ' ' || chr(9) || chr(10))"


def _up_to(octets: int, text: str) -> str:
    """Return the SQL for as much of a text as fits; of what is cut, no character is left in part.

    A text that fits stays whole, so that what was cut for the other side is equal to what it then holds.
    """
    cut = commas(f"try(decode(encode({text})[1:{octets - less}]))" for less in range(LONGEST_CHARACTER))
    return f"if(strlen({text}) <= {octets}, {text}, coalesce({cut}))"
