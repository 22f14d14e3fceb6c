"""A condition as data: what it means in SQL, and of which objects it can be told. Pure; see `filters`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.types import TEXT, column_type
from sync_pipeline.model import Describe, id18

Column = Callable[[str], str]
_SHORT_ID = re.compile(r"[A-Za-z0-9]{15}")  # SOQL takes it for the long one, which is what a mirror keeps
_TIMES = ("DATE", "TIMESTAMP WITH TIME ZONE")
# What a value is called, the type in which it is compared, and the columns whose fields it fits.
_KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "text": ("text", TEXT, (TEXT,)),
    "number": ("a number", "DOUBLE", ("BIGINT", "DOUBLE")),
    "truth": ("true or false", "BOOLEAN", ("BOOLEAN",)),
    "date": ("a date", "DATE", _TIMES),
    "time": ("a time", "TIMESTAMP WITH TIME ZONE", _TIMES),
}


@dataclass(frozen=True)
class Value:
    """A value as written, unescaped; its `kind` is text, number, truth, date, time or null."""

    kind: str
    said: str


@dataclass(frozen=True)
class Condition:
    """A test of a `name`d field by a sign against values, or, without a name, parts joined by `and`, `or`, `not`."""

    word: str
    parts: tuple[Condition, ...] = ()
    name: str = ""
    values: tuple[Value, ...] = field(default=())

    def sql(self, column: Column = quoted) -> str:
        """Return SQL that is true or false, never null.

        Args:
            column: gives the SQL for the value of a field.
        """
        if self.name:
            tests = [_compared(self.word, column(self.name), value) for value in self.values]
            return f"({' or '.join(tests)})"
        if self.word == "not":
            return f"(not {self.parts[0].sql(column)})"
        return f"({f' {self.word} '.join(part.sql(column) for part in self.parts)})"

    def tests(self) -> Iterator[Condition]:
        """Yield the tests of fields."""
        if self.name:
            yield self
        for part in self.parts:
            yield from part.tests()

    def misfit(self, described: Describe) -> str:
        """Return why it cannot be told of the records of an object; empty if it can."""
        fields = {known.name.lower(): known for known in described.fields}
        for test in self.tests():
            known = fields.get(test.name.lower())
            if known is None:
                return f"{described.source} has no field {test.name} that this user can see"
            for value in test.values:
                if value.kind != "null" and column_type(known) not in _KINDS[value.kind][2]:
                    return f"{described.source}.{test.name} cannot be compared with {_KINDS[value.kind][0]}"
                if known.type in ("id", "reference") and _SHORT_ID.fullmatch(value.said):
                    return f"{described.source}.{test.name} holds ids of 18 characters: say {id18(value.said)!r}"
        return ""


def _compared(sign: str, column: str, value: Value) -> str:
    if value.kind == "null":
        return f"{column} is {'' if sign == '=' else 'not '}null"
    kind = _KINDS[value.kind][1]
    left, right = (f"try_cast({one} as {kind})" for one in (column, literal(value.said)))
    if value.kind == "text":
        left, right = f"lower({left})", literal(value.said.lower())
    if sign in ("!=", "<>"):
        return f"{left} is distinct from {right}"
    return f"coalesce({left} {sign} {right}, false)"
