"""What writing hands over: records in, and for each of them what the system said, in the same order.

The same on both sides, so that the outbox does not know to which system it writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sync_pipeline.connectors.errors import ConnectorError, RejectedError, UnknownOutcomeError
from sync_pipeline.model import Object
from sync_pipeline.redactor import clean

# What a field of a write holds: text, number, truth value, or nothing. Dates and times are ISO text.
Value = str | int | float | bool | None


class Operation(StrEnum):
    """What a write asks for. `UPSERT` finds the record by the value of a key field and makes it where there is none.

    `MERGE` makes a record part of another one of its kind, `CONVERT` a lead part of a contact.
    """

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    MERGE = "merge"
    CONVERT = "convert"


class Verdict(StrEnum):
    """What became of one write."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # it will never go through as it is (law 8: the others do)
    RETRY = "retry"  # a lock, a limit, a time-out: nothing of it was written, the same write may go through later


# The code of an accepted write of which nobody tells what became of it: a reading shows the record, or it was refused.
UNSEEN = "TAKEN_UNSEEN"


@dataclass(frozen=True)
class Record:
    """One record to be written.

    Attributes:
        id: the system's id of the record; None where it is created, or found by its key.
        values: by the system's own field names; None empties a field.
        into: of a merge or conversion, the record that stays; `values` go over to it before the merge, and this record
            is left without the numbers among them, so that a sum counts nothing twice however often the merge is tried.
        partition: of a new person, the name of Marketo's partition; all records of a call have the same.
        again: whether it was taken before without an id, and has not been seen since: only an answer will do now.
    """

    id: str | None
    values: Mapping[str, Value]
    into: str | None = None
    partition: str = ""
    again: bool = False

    @property
    def given_up(self) -> dict[str, Value]:
        """What a merge leaves of its values on the record that goes: what is counted is gone, a truth value stays."""
        return {name: None for name, value in self.values.items() if not isinstance(value, bool)}


@dataclass(frozen=True)
class Blame:
    """A field on which a system blames its refusal of a record, in its own words."""

    field: str
    code: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", clean(self.message))


@dataclass(frozen=True)
class Answer:
    """What the system said of one record.

    Attributes:
        id: the record's id, also of one just created; None if the system gave none.
        created: whether the record is new.
        code, message: the system's own words where it was not accepted (SF-LEAD-8).
        blames: the fields that the system blames.
    """

    verdict: Verdict
    id: str | None = None
    created: bool = False
    code: str = ""
    message: str = ""
    blames: tuple[Blame, ...] = ()

    def __post_init__(self) -> None:
        if self.message:  # it goes on record
            object.__setattr__(self, "message", clean(self.message))

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that the system blames, each once."""
        return tuple(dict.fromkeys(blame.field for blame in self.blames))


def blamed(fields: Iterable[str], code: str, message: str) -> tuple[Blame, ...]:
    """Return one refusal, blamed on each of these fields."""
    return tuple(Blame(name, code, message) for name in fields)


def left_out(names: Iterable[str], answer: Answer, needed: Container[str]) -> dict[str, Blame]:
    """Return the fields without which a refused record is worth another try, each with what is blamed on it.

    None, where the system blames nothing that was sent, or a field that is `needed`: without that the record would be
    another one, or none. The one place that decides it, for all writers, in a cycle and on demand.

    Args:
        names: the fields that were sent.
        needed: those of them without which the record is not to be written.
    """
    if answer.verdict is not Verdict.REJECTED:
        return {}
    sent = {name.lower(): name for name in names}  # a bulk result may spell a name in its own case
    found = {sent[blame.field.lower()]: blame for blame in reversed(answer.blames) if blame.field.lower() in sent}
    return {} if any(name in needed for name in found) else found


def tally(answers: Iterable[Answer]) -> Counter[Verdict]:
    """Return how many of the answers have each verdict."""
    return Counter(answer.verdict for answer in answers)


NOT_SENT = Answer(Verdict.RETRY, code="NOT_SENT", message="an earlier call failed, so this one was not made")


def one_by_one(records: Sequence[Record], write: Callable[[Record], Answer]) -> list[Answer]:
    """Return the answers of calls that take one record each; what comes after an outage is left for later.

    Raises:
        UnknownOutcomeError: the answer to one was lost; it holds those before it.
        ConnectorError: not even the first call went through.
    """
    found: list[Answer] = []
    for record in records:
        try:
            found.append(write(record))
        except RejectedError as error:
            found.append(Answer(Verdict.REJECTED, record.id, code=error.code, message=error.message))
        except UnknownOutcomeError as error:
            told = [*found, *[None] * (len(records) - len(found))]
            raise UnknownOutcomeError(error.code, error.message, told) from error
        except ConnectorError:
            if not found:
                raise
            return found + [NOT_SENT] * (len(records) - len(found))
    return found


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
