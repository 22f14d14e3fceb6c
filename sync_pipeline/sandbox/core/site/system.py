"""What a system shows of itself so that pages can be made of it: objects, their fields, records, and how to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["text", "long", "number", "flag", "date", "datetime", "choice", "choices", "reference"]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A field as a form shows it. `choices` are all values it takes, or if `is_open` only the usual ones."""

    name: str
    label: str
    kind: Kind
    type: str  # in the system's own word
    can_create: bool = True
    can_update: bool = True
    is_required: bool = False
    length: int = 0
    choices: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it wants the whole width of a page."""
        return self.kind == "long" and not 0 < self.length <= 255


@dataclass(frozen=True)
class Object:
    """An object with its fields by name, in the order of its describe; `columns` are those a list shows."""

    name: str
    label: str
    plural: str
    fields: Mapping[str, Field]
    columns: tuple[str, ...]
    newest: str  # the column that lists are sorted by, last first, unless asked otherwise
    can_create: bool = True
    can_update: bool = True
    can_delete: bool = True
    has_bin: bool = True


@dataclass(frozen=True)
class Tally:
    """How many records of an object there are, and how many in the recycle bin."""

    name: str
    plural: str
    count: int
    binned: int


@dataclass(frozen=True)
class Asked:
    """Which records of an object: those whose texts contain `search`, a page of them."""

    search: str = ""
    order: str = ""
    descending: bool = True
    start: int = 0
    most: int = 50
    binned: bool = False
    where: Mapping[str, str] = field(default_factory=dict)  # values of fields, to the letter


@dataclass(frozen=True)
class Link:
    """Where a reference leads, and what the record there is called."""

    object: str
    text: str


@dataclass(frozen=True)
class Rows:
    """Records with their `Id`, how many there are in all, and what their references are called, by id."""

    records: Sequence[Record]
    total: int
    links: Mapping[str, Link] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """One record; its id and whether it is deleted are not among the values."""

    id: str
    title: str
    values: Record
    links: Mapping[str, Link]
    is_deleted: bool = False

    @property
    def empty(self) -> frozenset[str]:
        return frozenset(name for name, value in self.values.items() if value is None)


@dataclass(frozen=True)
class Related:
    """Children of a record: the object, the field by which they name it, and the newest of them."""

    object: Object
    field: str
    rows: Rows


class RefusedError(Exception):
    """A write that the system's rules refuse: what it says, each with the fields that it is about.

    `by_duplicates` tells that it would go through if duplicates were allowed.
    """

    def __init__(self, said: Sequence[tuple[str, Sequence[str]]], by_duplicates: bool = False) -> None:
        super().__init__("; ".join(text for text, _ in said))
        self.said = said
        self.by_duplicates = by_duplicates


class System(Protocol):
    """One system. `user` is the id of who looks or writes, one of `users`; objects and ids are as clients name them."""

    title: str

    def users(self) -> Sequence[tuple[str, str]]:
        """Return ids and names of those as whom one can act, first the one to begin with."""

    def facts(self) -> Sequence[tuple[str, str]]:
        """Return what else is worth knowing, each with its name: calls left, address of the API."""

    def tallies(self, user: str) -> Sequence[Tally]: ...

    def object(self, name: str, user: str) -> Object | None: ...

    def rows(self, obj: Object, asked: Asked, user: str) -> Rows: ...

    def record(self, obj: Object, record: str, user: str) -> Shown | None: ...

    def related(self, obj: Object, record: str, user: str) -> Sequence[Related]: ...

    def candidates(self, obj: Object, user: str) -> Mapping[str, Mapping[str, str]]:
        """Return by reference field the records (id: name) to choose from, where there are few enough."""

    def create(self, obj: Object, values: Mapping[str, str], user: str, allow_duplicates: bool) -> str:
        """Create a record from texts and return its id; this and the further writes raise RefusedError."""

    def update(
        self, obj: Object, record: str, values: Mapping[str, str], user: str, allow_duplicates: bool
    ) -> None: ...

    def delete(self, obj: Object, record: str, user: str) -> None: ...

    def undelete(self, obj: Object, record: str, user: str) -> None: ...

    def work(self, count: int, seed: int) -> Sequence[str]:
        """Let the staff make edits; return a line for each, without personal data.

        Raises:
            ValueError: a count or seed that cannot be.
        """
