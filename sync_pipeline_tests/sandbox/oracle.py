"""What SOQL means, written a second time: over plain Python records, knowing nothing of the sandbox's SQL.

A part of a query (a field, a condition, an order) says both how it is written in SOQL and what it comes to for one
record. Texts compare without regard to case, a null differs from every value and is what an empty text means, NOT turns
an answer round, a date literal is a run of whole days, weeks, months, quarters or years.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cmp_to_key
from typing import Any, Protocol

Record = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """All records of an org by object and id; with `deleted`, a query and its subqueries see the recycle bin."""

    records: dict[str, dict[str, Record]] = field(repr=False)
    today: date
    deleted: bool = False

    def parent(self, record: Record | None, object_: str, reference: str) -> Record | None:
        key = record and record[reference]
        return self.records[object_].get(key) if key else None


@dataclass(frozen=True)
class Field:
    """A field, maybe through parents: `steps` are (relationship, reference, object of the parent)."""

    name: str
    kind: str  # text, number, flag, date, time, id, set
    steps: tuple[tuple[str, str, str], ...] = ()
    groupable: bool = False

    @property
    def soql(self) -> str:
        return ".".join([*(relationship for relationship, _, _ in self.steps), self.name])

    def of(self, data: Data, record: Record) -> Any:
        at: Record | None = record
        for _, reference, object_ in self.steps:
            at = data.parent(at, object_, reference)
        return None if at is None else at[self.name]


class Condition(Protocol):
    @property
    def soql(self) -> str: ...

    def holds(self, data: Data, record: Record) -> bool: ...


def written(value: Any) -> str:
    """Return a value as a SOQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        return f"'{escaped}'"
    return repr(value)


def folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Compare:
    """`Name != 'x'`; with IN and NOT IN `value` is a tuple."""

    field: Field
    operator: str
    value: Any

    @property
    def soql(self) -> str:
        right = f"({', '.join(map(written, self.value))})" if isinstance(self.value, tuple) else written(self.value)
        return f"{self.field.soql} {self.operator} {right}"

    def holds(self, data: Data, record: Record) -> bool:
        found, values = self.field.of(data, record), [None if value == "" else value for value in self._values()]
        if self.field.kind != "id":
            found, values = folded(found), list(map(folded, values))
        same = [found == value for value in values]
        if self.operator in ("=", "IN"):
            return any(same)
        if self.operator in ("!=", "NOT IN"):
            return not any(same)
        return found is not None and ORDERINGS[self.operator](found, folded(self.value))

    def _values(self) -> tuple[Any, ...]:
        return self.value if isinstance(self.value, tuple) else (self.value,)


@dataclass(frozen=True)
class Like:
    """`Name LIKE 'a%_'`: `parts` are letters to be met, or the wildcards themselves."""

    field: Field
    parts: tuple[tuple[str, bool], ...]  # (text, is a wildcard)

    @property
    def soql(self) -> str:
        pattern = "".join(text if wild else re.sub("([%_])", r"\\\1", written(text)[1:-1]) for text, wild in self.parts)
        return f"{self.field.soql} LIKE '{pattern}'"

    def holds(self, data: Data, record: Record) -> bool:
        found = self.field.of(data, record)
        wild = {"%": ".*", "_": "."}
        pattern = "".join(wild[text] if is_wild else re.escape(text.lower()) for text, is_wild in self.parts)
        return found is not None and re.fullmatch(pattern, found.lower(), re.DOTALL) is not None


@dataclass(frozen=True)
class Includes:
    """`Topics__c INCLUDES ('a;b', 'c')`: one of these sets is part of what is chosen."""

    field: Field
    sets: tuple[tuple[str, ...], ...]
    negated: bool

    @property
    def soql(self) -> str:
        word = "EXCLUDES" if self.negated else "INCLUDES"
        return f"{self.field.soql} {word} ({', '.join(written(';'.join(one)) for one in self.sets)})"

    def holds(self, data: Data, record: Record) -> bool:
        chosen = set((self.field.of(data, record) or "").split(";"))
        return any(set(one) <= chosen for one in self.sets) != self.negated


# Each unit numbers its days, weeks, ... so that the next one has the next number; weeks begin on Sunday.
UNITS: dict[str, Callable[[date], int]] = {
    "DAY": lambda d: d.toordinal(),
    "WEEK": lambda d: d.toordinal() // 7,
    "MONTH": lambda d: d.year * 12 + d.month,
    "QUARTER": lambda d: d.year * 4 + (d.month - 1) // 3,
    "FISCAL_QUARTER": lambda d: d.year * 4 + (d.month - 1) // 3,
    "YEAR": lambda d: d.year,
    "FISCAL_YEAR": lambda d: d.year,
}


@dataclass(frozen=True)
class During:
    """`CreatedDate < LAST_N_WEEKS:3`: the literal stands for the units `first` to `last` away from today's."""

    field: Field
    operator: str
    literal: str
    unit: str
    first: int
    last: int

    @property
    def soql(self) -> str:
        return f"{self.field.soql} {self.operator} {self.literal}"

    def holds(self, data: Data, record: Record) -> bool:
        found = self.field.of(data, record)
        if found is None:
            return self.operator == "!="
        number = UNITS[self.unit]
        away = number(found.date() if isinstance(found, datetime) else found) - number(data.today)
        inside = self.first <= away <= self.last
        return {
            "=": inside,
            "!=": not inside,
            "<": away < self.first,
            "<=": away <= self.last,
            ">": away > self.last,
            ">=": away >= self.first,
        }[self.operator]


@dataclass(frozen=True)
class Not:
    condition: Condition

    @property
    def soql(self) -> str:
        return f"NOT ({self.condition.soql})"

    def holds(self, data: Data, record: Record) -> bool:
        return not self.condition.holds(data, record)


@dataclass(frozen=True)
class Both:
    word: str
    conditions: tuple[Condition, ...]

    @property
    def soql(self) -> str:
        return f" {self.word} ".join(f"({condition.soql})" for condition in self.conditions)

    def holds(self, data: Data, record: Record) -> bool:
        each = (condition.holds(data, record) for condition in self.conditions)
        return all(each) if self.word == "AND" else any(each)


@dataclass(frozen=True)
class SemiJoin:
    """`AccountId IN (SELECT Id FROM Account WHERE …)`; a null is neither in nor not in."""

    field: Field
    operator: str
    inner: Field
    object: str
    where: Condition | None

    @property
    def soql(self) -> str:
        where = f" WHERE {self.where.soql}" if self.where else ""
        return f"{self.field.soql} {self.operator} (SELECT {self.inner.soql} FROM {self.object}{where})"

    def holds(self, data: Data, record: Record) -> bool:
        rows = selected(data, self.object, self.where)
        found, inner = self.field.of(data, record), {self.inner.of(data, row) for row in rows}
        return found is not None and (found in inner) == (self.operator == "IN")


@dataclass(frozen=True)
class Order:
    field: Field
    descending: bool
    nulls_last: bool

    @property
    def soql(self) -> str:
        return (
            f"{self.field.soql} {'DESC' if self.descending else 'ASC'} NULLS {'LAST' if self.nulls_last else 'FIRST'}"
        )

    def compare(self, one: Any, other: Any) -> int:
        if one is None or other is None:
            nulls = (one is None) - (other is None)
            return nulls if self.nulls_last else -nulls
        if self.field.kind == "text":
            one, other = folded(one), folded(other)
        less = -1 if one < other else int(one > other)
        return -less if self.descending else less


def selected(data: Data, object_: str, where: Condition | None) -> list[Record]:
    rows = (row for row in data.records[object_].values() if data.deleted or not row.get("IsDeleted"))
    return [row for row in rows if where is None or where.holds(data, row)]


def in_order(data: Data, rows: Iterable[Record], orders: Sequence[Order]) -> list[Record]:
    def compare(one: Record, other: Record) -> int:
        for order in orders:
            found = order.compare(order.field.of(data, one), order.field.of(data, other))
            if found:
                return found
        return 0

    return sorted(rows, key=cmp_to_key(compare))
