"""What writing hands over: records in, and for each of them what the system said, in the same order.

The same on both sides, so that the outbox does not know to which system it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Protocol

from sync_pipeline.connectors.errors import ConnectorError, RejectedError, UnknownOutcomeError
from sync_pipeline.connectors.records import NOT_SENT, Answer, Blame, Operation, Record, Verdict
from sync_pipeline.model import Object

# The code of an accepted write of which nobody tells what became of it: a reading shows the record, or it was refused.
UNSEEN = "TAKEN_UNSEEN"


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
