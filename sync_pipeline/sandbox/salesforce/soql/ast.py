"""The parts of a SOQL query as the parser hands them on: frozen, with their place in the text where errors point."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal as OneOf


class Kind(StrEnum):
    """What sort of literal a text is."""

    STRING = "string"
    NUMBER = "number"
    CURRENCY = "currency"
    BOOLEAN = "boolean"
    NULL = "null"
    DATE = "date"
    DATETIME = "datetime"
    RELATIVE = "relative"  # TODAY, LAST_N_DAYS:3
    BIND = "bind"  # :variable, meaningful in Apex only


@dataclass(frozen=True)
class Path:
    """A field, through parents if dotted: `Account.Owner.Name`."""

    names: tuple[str, ...]
    at: int = 0

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True)
class Literal:
    """`value` is the text as written, without the quotes and escapes of a string."""

    kind: Kind
    value: str
    at: int = 0


@dataclass(frozen=True)
class Call:
    """A function: `COUNT(Id)`, `toLabel(Status)`, `DISTANCE(Location__c, GEOLOCATION(1, 2), 'mi')`, `FIELDS(ALL)`."""

    name: str
    arguments: tuple[Expression, ...]
    at: int = 0


Expression = Path | Call | Literal


@dataclass(frozen=True)
class Selected:
    expression: Expression
    alias: str | None = None


@dataclass(frozen=True)
class Typeof:
    """`TYPEOF What WHEN Account THEN Phone ELSE Name END`."""

    path: Path
    whens: tuple[tuple[str, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] = ()
    at: int = 0


@dataclass(frozen=True)
class Comparison:
    """`left operator right`; right is one literal, a list of them, or a query for IN and NOT IN."""

    left: Expression
    operator: str
    right: Literal | tuple[Literal, ...] | Query


@dataclass(frozen=True)
class Not:
    condition: Condition


@dataclass(frozen=True)
class Both:
    """Conditions joined by one word, `AND` or `OR`."""

    word: OneOf["AND", "OR"]
    conditions: tuple[Condition, ...]


Condition = Comparison | Not | Both


@dataclass(frozen=True)
class Order:
    expression: Expression
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Group:
    expressions: tuple[Expression, ...]
    kind: str | None = None  # ROLLUP or CUBE


@dataclass(frozen=True)
class Query:
    """A whole query, or a subquery. `source` is what FROM names: an object, or children (`Account.Contacts`)."""

    select: tuple[Selected | Typeof | Query, ...]
    source: Path
    alias: str | None = None
    joined: tuple[tuple[Path, str], ...] = ()  # FROM Contact c, c.Account a: a parent with a name of its own
    scope: str | None = None
    where: Condition | None = None
    with_: tuple[str, ...] = ()
    group: Group | None = None
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    all_rows: bool = False
    purpose: tuple[str, ...] = ()  # FOR VIEW, FOR REFERENCE, FOR UPDATE, UPDATE TRACKING, UPDATE VIEWSTAT
    text: str = field(default="", compare=False)
    at: int = 0
