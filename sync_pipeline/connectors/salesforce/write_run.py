"""One write of many records while it is under way: calls, halves, rounds, and what has been answered so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sync_pipeline.connectors.errors import (
    ConnectorError,
    OverdueError,
    RejectedError,
    RetryableError,
    UnknownOutcomeError,
)
from sync_pipeline.connectors.records import NOT_SENT, Answer, Operation, Record, Verdict
from sync_pipeline.connectors.salesforce import answers, collections, duplicates, ingest_files
from sync_pipeline.connectors.salesforce.collections import Task
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.ingest import Sleep, ingest

# Calls of 200 records, then what met a lock in calls of 100, 50, 25: in the last a record has few neighbours.
ROUNDS = 4
NAMED_DUPLICATES = 200  # of more refused records of one write the duplicates are not asked for: a call for each 25
GONE = "ENTITY_IS_DELETED"


class Run:
    """The records of one write, known by their places in the caller's order, as are `answers`."""

    def __init__(self, org: Salesforce, records: Sequence[Record], first_wait: float, sleep: Sleep) -> None:
        self.answers = [replace(NOT_SENT, id=record.id) for record in records]
        self._unsure: set[int] = set()
        self._org = org
        self._records = records
        self._first_wait = first_wait
        self._sleep = sleep

    def write(self, task: Task, places: Sequence[int], *, by_bulk: bool) -> None:
        """Write the records at `places`, all at first, then what is left in smaller calls.

        Raises:
            UnknownOutcomeError: with the answers so far.
            FatalError: nothing more can be written.
        """
        if by_bulk:
            self._ingest(task, places)
        size, wait = collections.MOST, self._first_wait
        for number in range(ROUNDS):
            left = self._left(places)
            if left and number:
                self._sleep(wait)
                wait *= 2
            outage = self._round(task, left, size)
            if outage is None:
                size //= 2
            elif isinstance(outage, OverdueError) or outage.wait_seconds > self._org.patience.bounds.request:
                break  # what is left waits for the next cycle
            else:
                wait = max(wait, outage.wait_seconds)
        if task.operation in (Operation.CREATE, Operation.UPDATE):
            self._name_duplicates(task, places)

    def stop(self, error: ConnectorError) -> None:
        """Leave what is not written for later.

        Raises:
            ConnectorError: nothing at all has been answered, so that it is the answer to all.
        """
        left = self._left(range(len(self.answers)))
        if len(left) == len(self.answers):
            raise error
        self._put_off(left, error)

    def _left(self, places: Iterable[int]) -> list[int]:
        return [place for place in places if self.answers[place].verdict is Verdict.RETRY]

    def _put_off(self, places: Iterable[int], error: ConnectorError) -> None:
        for place in places:
            self._note([place], [Answer(Verdict.RETRY, code=error.code, message=error.message)])
            if isinstance(error, RetryableError) and error.may_be_done:
                self._unsure.add(place)

    def _note(self, places: Iterable[int], told: Iterable[Answer]) -> None:
        """Keep answers. Where an earlier answer to a delete was lost, that the record is gone already is success."""
        for place, answer in zip(places, told, strict=True):
            known = self._records[place].id or answer.id
            gone = answer.code == GONE and place in self._unsure
            self.answers[place] = Answer(Verdict.ACCEPTED, known) if gone else replace(answer, id=known)

    def _unclear(self, error: UnknownOutcomeError, places: Iterable[int]) -> UnknownOutcomeError:
        unknown = frozenset(places)
        told = [None if place in unknown else answer for place, answer in enumerate(self.answers)]
        return UnknownOutcomeError(error.code, error.message, told)

    def _of(self, places: Iterable[int]) -> list[Record]:
        return [self._records[place] for place in places]

    # --- by sObject Collections

    def _round(self, task: Task, places: Sequence[int], size: int) -> RetryableError | None:
        """Write in calls of `size`; an outage ends the round, as the next call would meet it too, and is returned."""
        for some in _parts(places, size):
            try:
                self._call(task, some)
            except RetryableError as error:
                self._put_off(self._left(some), error)
                if error.code not in answers.TOO_MUCH:
                    return error
        return None

    def _call(self, task: Task, places: Sequence[int]) -> None:
        try:
            self._note(places, collections.write(self._org, task, self._of(places)))
        except UnknownOutcomeError as error:
            raise self._unclear(error, places) from error
        except RejectedError as error:
            self._narrow(task, places, error)

    def _narrow(self, task: Task, places: Sequence[int], error: RejectedError) -> None:
        """Find the record over which a call as a whole was refused, by halves (law 8).

        A value of a wrong kind (JSON_PARSER_ERROR) is one record's own fault, and so is a field that the others do
        not have; records that have the same fields are refused for what they share.
        """
        alike = len({frozenset(record.values) for record in self._of(places)}) == 1
        if len(places) == 1 or (alike and error.code != answers.MISREAD):
            said = [(error.code, error.message, ())]
            self._note(places, [collections.refused(task, None, said, record.values) for record in self._of(places)])
            return
        for half in _parts(places, (len(places) + 1) // 2):
            self._call(task, half)

    def _name_duplicates(self, task: Task, places: Iterable[int]) -> None:
        found = [place for place in places if self.answers[place].code == duplicates.CODE]
        for some in _parts(found[:NAMED_DUPLICATES], duplicates.MOST):
            try:
                told = duplicates.write_singly(self._org, task, self._of(some))
            except UnknownOutcomeError as error:
                raise self._unclear(error, some) from error
            except (RetryableError, RejectedError):
                return  # the refusal stands, only without names
            self._note(some, told)

    # --- by Bulk API 2.0

    def _ingest(self, task: Task, places: Sequence[int]) -> None:
        """Write what a bulk job can; the rest is left to calls, which tell of each record what is wrong with it."""
        table = ingest_files.table(task, self._of(places))
        if table is None:
            return
        for start, part in ingest_files.parts(table):
            some = places[start : start + part.num_rows]
            try:
                told = ingest(self._org, task, part, self._sleep)
            except UnknownOutcomeError as error:
                raise self._unclear(error, some) from error
            except (RejectedError, RetryableError) as error:
                self._put_off(self._left(places), error)
                return
            self._note(some, (answer or NOT_SENT for answer in told))
            untold = [place for place, answer in zip(some, told, strict=True) if answer is None]
            if untold and task.operation is Operation.CREATE:
                missing = UnknownOutcomeError("RESULT_MISSING", f"a bulk job tells nothing of {len(untold)} records")
                raise self._unclear(missing, untold)


def _parts(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (places[start : start + size] for start in range(0, len(places), size))
