"""What reading hands over: pages of text, each of which can be asked for again.

Text, because what a value means is told by describe and decided in one place, the lake's types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa

from sync_pipeline.connectors.clock import Clock
from sync_pipeline.model import Describe, Object, Window

Batches = Iterator[pa.RecordBatch]
# A system's clock is known to the second and some: what it stamps may seem so much earlier than what led to it.
CLOCK_JITTER = timedelta(seconds=10)


@dataclass(frozen=True)
class Page:
    """A part of a result. `read` may be called again after a failure and then starts over.

    `begin` is called for each page that will be read, in order, before threads take them up in an order of their own.
    """

    name: str
    read: Callable[[], Batches]
    begin: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Extract:
    """A result being read.

    Attributes:
        pages: gives the pages in any order; pages may be read in parallel.
        expected: the number of records the system says there are.
        token: with it a later process can go on reading the same result; "" where it must start over.
    """

    pages: Callable[[], Iterator[Page]]
    expected: int
    token: str = ""


@dataclass(frozen=True)
class Usage:
    """Calls made and bytes received (as decoded) so far, by this connector."""

    calls: int
    bytes: int


class Connector(Protocol):
    """The code that talks to one system. All methods may be called from several threads."""

    system: str
    clock: Clock

    def begin(self) -> None:
        """Be told that a run begins: nothing that was read for an earlier one is used again."""

    def organization_id(self) -> str:
        """Log in if need be and return what tells the organization from every other (GEN-18)."""

    def names(self) -> frozenset[str]:
        """Return the API names of all objects the sync user can see."""

    def describe(self, source: str) -> Describe:
        """Return what the system says of an object, for the sync user."""

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        """Read the records modified in `window`, deleted ones included."""

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        """Read the records with these ids, or values of another field `by`, deleted ones included."""

    def extract_alive(self, obj: Object, fields: Sequence[str]) -> Extract:
        """Read the given fields of every record that is not deleted."""

    def resume(self, obj: Object, fields: Sequence[str], token: str) -> Extract | None:
        """Go on with a result begun earlier; None if the system has forgotten it."""

    def count(self, obj: Object, before: datetime | None = None) -> int:
        """Return how many records the sync user can see, without deleted ones; only those last modified `before`.

        Raises:
            RejectedError: the system does not count them (`Object.counted`).
        """

    def metered(self) -> Connector:
        """Return a view of this connector, with the same login, that counts its own calls and bytes."""

    def usage(self) -> Usage:
        """Return what this view sent and received so far."""

    def quota(self) -> tuple[int, int]:
        """Return the calls used and allowed in the running day, as last told by the system."""

    def remarks(self) -> Sequence[str]:
        """Return what an operator should know before the first sync, besides what describes tell."""

    def now(self) -> datetime:
        """Return the system's own time, aware UTC."""
