"""Whole queries made of the oracle's parts: how they are written, and what they must answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from statistics import fmean
from typing import Any

from sync_pipeline_tests.sandbox.oracle import Condition, Data, Field, Order, Record, in_order, selected


def tail(order: tuple[Order, ...], limit: int | None, offset: int | None) -> str:
    said = f" ORDER BY {', '.join(o.soql for o in order)}" if order else ""
    return said + (f" LIMIT {limit}" if limit is not None else "") + (f" OFFSET {offset}" if offset else "")


@dataclass(frozen=True)
class Listing:
    """A query of records, maybe with those of one child relationship."""

    object: str
    fields: tuple[Field, ...]
    where: Condition | None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    deleted: bool = False
    child: tuple[str, str, Listing] | None = None  # relationship, the child's reference, what is asked of it

    @property
    def soql(self) -> str:
        return self.text(self.object)

    def text(self, source: str) -> str:
        listed = [f.soql for f in self.fields]
        if self.child:
            relationship, _, listing = self.child
            listed.append(f"({listing.text(relationship)})")
        where = f" WHERE {self.where.soql}" if self.where else ""
        return f"SELECT {', '.join(listed)} FROM {source}{where}{tail(self.order, self.limit, self.offset)}"

    def expected(self, data: Data, among: Callable[[Record], bool] = lambda _: True) -> list[tuple[Any, ...]]:
        rows = [row for row in selected(data, self.object, self.where) if among(row)]
        rows = in_order(data, rows, self.order)[self.offset or 0 :][: self.limit]
        return [(*(f.of(data, row) for f in self.fields), *self._of_child(data, row)) for row in rows]

    def _of_child(self, data: Data, parent: Record) -> tuple[Any, ...]:
        if not self.child:
            return ()
        _, reference, listing = self.child
        return (listing.expected(data, lambda row: row[reference] == parent["Id"]),)


AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: fmean(values) if values else None,
}
PARTS: dict[str, Callable[[date], int]] = {
    "CALENDAR_YEAR": lambda d: d.year,
    "FISCAL_QUARTER": lambda d: (d.month + 2) // 3,
    "CALENDAR_MONTH": lambda d: d.month,
    "DAY_IN_WEEK": lambda d: d.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda d: (d - date(d.year, 1, 1)).days + 1,
    "WEEK_IN_MONTH": lambda d: (d.day + 6) // 7,
}


@dataclass(frozen=True)
class Key:
    """What is grouped by: a field, or a part of a date."""

    field: Field
    part: str | None = None

    @property
    def soql(self) -> str:
        return f"{self.part}({self.field.soql})" if self.part else self.field.soql

    def of(self, data: Data, record: Record) -> Any:
        found = self.field.of(data, record)
        if self.part is None or found is None:
            return found
        return PARTS[self.part](found.date() if isinstance(found, datetime) else found)


@dataclass(frozen=True)
class Grouping:
    """A query of groups; without keys, of one group that may be empty."""

    object: str
    keys: tuple[Key, ...]
    aggregates: tuple[tuple[str, Field], ...]
    where: Condition | None
    having: int | None
    deleted: bool = False

    @property
    def soql(self) -> str:
        listed = [*(key.soql for key in self.keys), *(f"{name}({f.soql}) a{i}" for i, (name, f) in self._numbered())]
        where = f" WHERE {self.where.soql}" if self.where else ""
        group = f" GROUP BY {', '.join(key.soql for key in self.keys)}" if self.keys else ""
        having = f" HAVING COUNT(SystemModstamp) > {self.having}" if self.having is not None and self.keys else ""
        return f"SELECT {', '.join(listed)} FROM {self.object}{where}{group}{having}"

    def _numbered(self) -> list[tuple[int, tuple[str, Field]]]:
        return list(enumerate(self.aggregates))

    def expected(self, data: Data) -> list[tuple[Any, ...]]:
        groups: dict[tuple[Any, ...], list[Record]] = {} if self.keys else {(): []}
        for row in selected(data, self.object, self.where):
            groups.setdefault(tuple(key.of(data, row) for key in self.keys), []).append(row)
        kept = groups.items() if self.having is None or not self.keys else self._having(groups)
        return [(*key, *(self._aggregate(data, rows, *one) for one in self.aggregates)) for key, rows in kept]

    def _having(self, groups: dict[tuple[Any, ...], list[Record]]) -> list[tuple[tuple[Any, ...], list[Record]]]:
        return [(key, rows) for key, rows in groups.items() if len(rows) > (self.having or 0)]

    @staticmethod
    def _aggregate(data: Data, rows: list[Record], name: str, field: Field) -> Any:
        values = (field.of(data, row) for row in rows)
        return AGGREGATES[name]([value for value in values if value is not None])
