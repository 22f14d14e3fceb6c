"""Records of the CRM, people of Marketo and the links between them, and what follows from them. Pure: no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from sync_pipeline.sync.identity.end_reasons import RETURNING

T = TypeVar("T")
BEGINNING = datetime.min.replace(tzinfo=UTC)  # before any time of a link


class Record(NamedTuple):
    """A record of the CRM: the pairing that links it, and its id."""

    pairing: str
    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a record with a person of Marketo, open or ended; `successor` is the record that it ended for."""

    record: Record
    person: str
    linked_at: datetime
    ended_at: datetime | None = None
    because: str | None = None
    successor: Record | None = None

    @property
    def lasts(self) -> bool:
        """Whether it is open, or opens again should its record come back."""
        return self.ended_at is None or self.because in RETURNING

    @property
    def recency(self) -> tuple[bool, datetime, datetime]:
        """The order of a record's or a person's links in time; the greatest is the current one."""
        return self.ended_at is None, self.ended_at or BEGINNING, self.linked_at


@dataclass(frozen=True, slots=True)
class Person:
    """What the mirror tells of a person of Marketo; `into` is the one that it was merged into."""

    is_alive: bool
    into: str | None = None


def current(links: Iterable[Link]) -> dict[Record, Link]:
    """Return the link that each record has, or will have again should it come back."""
    lasting = sorted((link for link in links if link.lasts), key=lambda link: link.person, reverse=True)
    return {link.record: link for link in sorted(lasting, key=lambda link: link.recency)}


def left_of(person: str, people: Mapping[str, Person]) -> str:
    """Return the person at the end of the merges of one; itself if it was not merged, or if they go in a circle."""
    at, seen = person, {person}
    while (known := people.get(at)) and known.into:
        at = known.into
        if at in seen:
            return person
        seen.add(at)
    return at


class Reach:
    """Which node of a graph is reached from which, by one edge or more."""

    def __init__(self, edges: Iterable[tuple[str, str]]) -> None:
        self._next: dict[str, list[str]] = defaultdict(list)
        for start, end in edges:
            self._next[start].append(end)
        self._from: dict[str, set[str]] = {}

    def reaches(self, start: str, end: str) -> bool:
        """Tell whether one is reached from another."""
        if start not in self._from:
            self._from[start] = set(closure([start], self._next))
        return end in self._from[start]


def closure(starts: Iterable[T], following: Mapping[T, Iterable[T]]) -> Iterator[T]:
    """Yield all that follows the starts, each once; a start only if something leads to it."""
    seen: set[T] = set()
    waiting = list(starts)
    while waiting:
        for one in following.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
                yield one
