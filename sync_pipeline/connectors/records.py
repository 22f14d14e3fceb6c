"""What is written to a system and what becomes of it: records, answers and their verdicts, as all connectors say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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


def tally(answers: Iterable[Answer]) -> Counter[Verdict]:
    """Return how many of the answers have each verdict."""
    return Counter(answer.verdict for answer in answers)


NOT_SENT = Answer(Verdict.RETRY, code="NOT_SENT", message="an earlier call failed, so this one was not made")
