"""What writing hands over: records in, and for each of them what the system said, in the same order.

The same on both sides, so that the outbox does not know to which system it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sync_pipeline.model import Object

# What a field of a write holds: text, number, truth value, or nothing. Dates and times are ISO text.
Value = str | int | float | bool | None


class Operation(StrEnum):
    """What a write asks for. `UPSERT` finds the record by the value of a key field and makes it where there is none."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class Verdict(StrEnum):
    """What became of one write."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # it will never go through as it is (law 8: the others do)
    RETRY = "retry"  # a lock, a limit, a time-out: nothing of it was written, the same write may go through later


@dataclass(frozen=True)
class Record:
    """One record to be written.

    Attributes:
        id: the system's id of the record; None where it is created, or found by its key.
        values: by the system's own field names; None empties a field.
    """

    id: str | None
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Answer:
    """What the system said of one record.

    Attributes:
        id: the record's id, also of one just created; None if the system gave none.
        created: whether the record is new.
        code, message: the system's own words where it was not accepted (SF-LEAD-8).
        fields: the fields that the system blames.
    """

    verdict: Verdict
    id: str | None = None
    created: bool = False
    code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()


NOT_SENT = Answer(Verdict.RETRY, code="NOT_SENT", message="an earlier call failed, so this one was not made")


class Writer(Protocol):
    """The writing half of a connector."""

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        """Write the records and return an answer to each, in their order; one record's failure stays its own.

        Args:
            key: for an upsert, the field by whose value a record is found.

        Raises:
            UnknownOutcomeError: the system may or may not have done it: look before writing again.
            ConnectorError: nothing was written, and nothing of this batch can be.
        """
