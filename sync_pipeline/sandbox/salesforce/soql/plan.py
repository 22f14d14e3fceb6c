"""What a compiled query is: one SQL statement and how its columns become an answer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Value:
    """A field of the answer: its name, its describe type, its place in the SQL row."""

    name: str
    type: str
    index: int


@dataclass(frozen=True)
class Compound:
    """An address or location: an object of its parts, or null when all are."""

    name: str
    parts: tuple[Value, ...]


@dataclass(frozen=True)
class Parent:
    """A parent record: an object with its own members, or null when there is none.

    `object` names its type; for a polymorphic reference the type is read from the row at `type_index`.
    """

    name: str
    id_index: int
    object: str = ""
    type_index: int | None = None
    members: list[Member] = field(default_factory=list)


@dataclass(frozen=True)
class Typed:
    """A polymorphic parent of which the object decides what is answered: `TYPEOF What WHEN Account THEN Phone`.

    `whens` has the members by object, `otherwise` those of all other objects (None: a null is answered).
    """

    name: str
    id_index: int
    type_index: int
    whens: dict[str, list[Member]]
    otherwise: list[Member] | None


@dataclass(frozen=True)
class Children:
    """A child subquery. The first column of its plan is the parent's id, which `key` names in conditions."""

    name: str
    plan: Plan
    key: str


Member = Value | Compound | Parent | Typed | Children


@dataclass(frozen=True)
class Plan:
    """A compiled query over `object`: SQL text around the place where a further condition goes, and the answer's shape.

    Of a plain query the first SQL column is the record's id, of a child subquery the second (`id_index`). `rows` names
    the record's row number in conditions, by which Bulk API cuts a result into parts; None where an order, a limit or
    an aggregate forbids cutting.
    """

    object: str
    columns: tuple[str, ...]
    source: str
    where: str
    after: str  # grouping, order, paging
    members: list[Member]
    aggregate: bool = False
    count_only: bool = False
    rows: str | None = None
    id_index: int = 0
    seen: tuple[str, ...] = ()  # fields that are stamped because the records are looked at

    def sql(self, condition: str = "true", columns: tuple[str, ...] | None = None) -> str:
        """Return the statement, with other columns if given."""
        listed = ", ".join(columns or self.columns)
        return f"select {listed} from {self.source} where {condition} and {self.where}{self.after}"
