"""When two values are the same: both sides are brought to one text form before they are compared. Pure SQL text.

The form is that of the poorer of the two types: a date against a time is compared by day, a percentage against an
integer as an integer. So what one side cannot hold is no difference, and nothing is written back and forth. A text
against a number, a date or a checkbox is compared as one of these where it says one beyond doubt ("4712", "4712.0" and
"04712" are one number); any other text stays the text that it is, which no number equals.

No value makes the SQL raise, and none but an empty one becomes null.
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
NUMBERS = (INTEGER, DOUBLE)
LONGEST_CHARACTER = 4  # bytes of UTF-8
FAR = 10**19  # more than any number of a CRM, and with as many places as count still a decimal
MOST_PLACES = 18  # digits after the point that count where no describe says how many
_POORER = {frozenset({INTEGER, DOUBLE}): INTEGER, frozenset({DATE, STAMP}): DATE}

# The text forms, by type: what does not match cannot be written to a field of the type.
FORMS = {
    BOOLEAN: "true|false",
    INTEGER: r"-?\d+",
    DOUBLE: r"-?\d+(\.\d+)?([eE]\d+)?",  # 1e400 is one, and too large for every field
    DATE: r"\d{4}-\d\d-\d\d",
    TIME: r"\d\d:\d\d:\d\d(\.\d+)?",
    STAMP: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
}

# What a person may type for such a value and nothing else can be meant. No separator of thousands: 4,712 is another
# number in Europe. A time needs its zone, as nobody can tell which one was meant.
_NUMBER = r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?"
_WHOLE = r"[+-]?(\d+(\.0*)?|\d(\.\d+)?[eE]\+?(1[6-9]|[2-9]\d|\d{3}))"  # also as older versions wrote large ones
_SHORTEST = r"-?([1-9]\d{0,17}(\.\d{0,17}[1-9])?|0(\.\d{0,17}[1-9]))|0"
_DAY = r"\d{4}-\d\d-\d\d"
_MOMENT = rf"{_DAY}[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)"
_CLOCK = r"\d\d:\d\d(:\d\d(\.\d+)?)?Z?"
_TRUE, _FALSE = "('true', 'yes', '1')", "('false', 'no', '0')"


def common(one: str, other: str) -> str:
    """Return the column type in which values of both column types are compared."""
    one, other = (INTEGER if kind in ("INTEGER", "BIGINT") else kind for kind in (one, other))
    if TEXT in (one, other):
        return other if one == TEXT else one
    return one if one == other else _POORER.get(frozenset({one, other}), TEXT)


def canonical(column: str, kind: str, among: str, length: int = 0, octets: int = 0, places: int | None = None) -> str:
    """Return the SQL that brings a column of type `kind` to the text form of the common type `among`.

    A column may be wider, where the field was of another type before: what is no value of `kind` is none (FIELD-6).
    Empty text is nothing; blanks around a text do not count, as Salesforce drops them; a truth value that is not set
    is false; times count to the second; fractions are rounded half up, -2.5 to -2 (SPEC 31, decision 38).

    Args:
        length: two texts are compared up to so many characters, the most that both sides can hold; 0 for all.
        octets: likewise, up to so many bytes of UTF-8.
        places: so many digits follow the point of a number; None for as many as it has.
    """
    if kind == TEXT:
        return _read(column, among, places) if among != TEXT else _text(column, length, octets)
    value = f"try(try_cast({column} as {kind}))"  # from a date out of a time's range DuckDB's try_cast raises
    return f"coalesce({value}, false)::varchar" if among == BOOLEAN else _form(value, kind, among, places)


def _form(value: str, kind: str, among: str, places: int | None) -> str:
    """Return the SQL for the text form of a typed value."""
    if kind == DOUBLE:
        if among == INTEGER:  # without the way through text where that is not needed
            return f"if(abs({value}) < 1e15, floor({value} + 0.5)::bigint::varchar, {_number(f'{value}::varchar', 0)})"
        return _number(f"{value}::varchar", places)
    if kind == INTEGER and among == DOUBLE and places:
        return _number(f"{value}::varchar", places)
    if kind == STAMP:
        at = f"({value} at time zone 'UTC')"
        said = f"{at}::date::varchar" if among == DATE else f"strftime({at}, '%Y-%m-%dT%H:%M:%SZ')"
        return f"if({value} is null, null, coalesce(try({said}), 'before all times'))"  # 290,309 BC has no local time
    return f"{value}::varchar"


def _read(column: str, among: str, places: int | None) -> str:
    """Return the SQL for a text's form as a value of another type; the text itself where it says none."""
    text = _text(column)
    if among == BOOLEAN:
        yes, no = (f"lower({text}) in {words}" for words in (_TRUE, _FALSE))
        return f"case when {text} is null or {no} then 'false' when {yes} then 'true' else {text} end"
    if among in NUMBERS:
        form, digits = (_WHOLE, 0) if among == INTEGER else (_NUMBER, places)
        return f"if(regexp_full_match({text}, '{form}'), {_number(text, digits)}, {text})"
    if among == TIME:
        clock = f"try_cast(rtrim({text}, 'Z') as time)::varchar"
        return f"coalesce(if(regexp_full_match({text}, '{_CLOCK}'), {clock}, null), {text})"
    moment = (
        f"if(regexp_full_match({text}, '{_MOMENT}'), {_form(f'try_cast({text} as {STAMP})', STAMP, among, None)}, null)"
    )
    day = [f"if(regexp_full_match({text}, '{_DAY}'), try_cast({text} as date)::varchar, null)"] if among == DATE else []
    return f"coalesce({commas([*day, moment, text])})"


def _number(spelled: str, places: int | None) -> str:
    """Return the SQL for a number, given as text, in digits; what is none (nan) as it is spelled.

    Decimals hold 38 digits; a larger number is told in all the digits of its nearest double. Ties are rounded up by
    way of the positive numbers, as DuckDB rounds them away from zero. Decimals of more than 18 digits cost fifty times
    as much, so most numbers go another way first.
    """
    if places is None:
        bare = f"if(ends_with({spelled}, '.0'), left({spelled}, -2), {spelled})"
        most = f"if(regexp_full_match({bare}, '{_SHORTEST}'), {bare}, null)"
    else:
        most = f"if(starts_with({spelled}, '-'), null, try_cast({spelled} as decimal(18, {places}))::varchar)"
    exact, kept = f"decimal(38, {MOST_PLACES})", f"decimal(38, {MOST_PLACES if places is None else places})"
    positive = f"(try_cast({spelled} as {exact}) + {FAR}::{exact})::{kept}"
    small = f"try(({positive} - {FAR}::{kept})::varchar)"
    if places is None:
        small = f"rtrim(rtrim({small}, '0'), '.')"
    zeros = f" || '.{'0' * places}'" if places else ""
    whole = f"try_cast({spelled} as decimal(38, 0))::varchar{zeros}"
    double = f"try_cast({spelled} as double)"
    huge = f"if(isfinite({double}), format('{{:.0f}}', {double}){zeros}, null)"
    return f"coalesce({most}, {small}, {whole}, {huge}, {spelled})"


def _text(text: str, length: int = 0, octets: int = 0) -> str:
    text = rf"replace({text}, e'\r\n', e'\n')"
    if length:
        text = f"left({_trimmed(text)}, {length})"
    if octets:
        text = _up_to(octets, _trimmed(text))
    return f"nullif({_trimmed(text)}, '')"


def _trimmed(text: str) -> str:
    # Other blanks stay, as the one that does not break: DuckDB's own trim drops it, which a cut text may end with.
    return rf"trim({text}, e' \t\n')"


def _up_to(octets: int, text: str) -> str:
    """Return the SQL for as much of a text as fits; of what is cut, no character is left in part.

    A text that fits stays whole, so that what was cut for the other side is equal to what it then holds.
    """
    cut = commas(f"try(decode(encode({text})[1:{octets - less}]))" for less in range(LONGEST_CHARACTER))
    return f"if(strlen({text}) <= {octets}, {text}, coalesce({cut}))"
