"""What every writer must do, as one class of tests; each writer's tests inherit it and bring a system."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from sync_pipeline.connectors.errors import AmbiguousError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.writes import Writer, left_out
from sync_pipeline.model import Object

TEXT = 'O\'Neill, "the 2nd"\nŻółć 日本 \\ #N/A?'


class Finder(Writer, Protocol):
    """A writer that can look for what it may have created."""

    def find(self, obj: Object, record: Record, by: Iterable[str], since: datetime) -> str | None: ...


class System(Protocol):
    """The system behind a writer, as a test needs it.

    `required`, `text`, `flag` are fields of `person`, `key` and `number` of `keyed`, by the system's own names.
    """

    writer: Finder
    person: Object
    keyed: Object
    required: str
    text: str
    flag: str
    key: str
    number: str

    def insert(self, obj: Object, values: Mapping[str, Value]) -> str: ...

    def read(self, obj: Object, record_id: str) -> Mapping[str, object] | None: ...

    def count(self, obj: Object) -> int: ...

    def forbid(self, field: str, value: str) -> None:
        """Let the system refuse persons that have this value, and blame it on the field."""

    def lock(self, tries: int) -> None:
        """Let so many tries at a record meet a lock, from now on."""

    def lose_answers(self) -> AbstractContextManager[None]: ...

    def pass_seconds(self, seconds: float) -> None: ...

    def now(self) -> datetime: ...


def verdicts(answers: Sequence[Answer]) -> list[Verdict]:
    return [answer.verdict for answer in answers]


class WriterContract(ABC):
    @pytest.fixture
    @abstractmethod
    def system(self) -> System: ...

    def create(self, system: System, *names: str | None) -> list[Answer]:
        records = [Record(None, {system.required: name}) for name in names]
        return system.writer.write(system.person, Operation.CREATE, records)

    def test_created_records_are_answered_in_order_with_their_ids(self, system: System) -> None:
        answers = self.create(system, "c", "a", TEXT)
        assert [(a.verdict, a.created, a.code) for a in answers] == [(Verdict.ACCEPTED, True, "")] * 3
        told = [system.read(system.person, a.id or "") for a in answers]
        assert [one and one[system.required] for one in told] == ["c", "a", TEXT]

    def test_one_refused_record_leaves_the_others_alone_and_is_told_in_the_systems_own_words(
        self, system: System
    ) -> None:
        """SF-LEAD-8, OPS-19."""
        answers = self.create(system, "first", None, "last")
        assert verdicts(answers) == [Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED]
        assert answers[1].code == "REQUIRED_FIELD_MISSING"
        assert (system.required in answers[1].message, answers[1].fields) == (True, (system.required,))
        assert (answers[1].id, answers[1].created, system.count(system.person)) == (None, False, 2)

    @pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE])
    def test_a_refusal_names_the_fields_it_is_about_and_without_them_the_record_is_taken(
        self, system: System, operation: Operation
    ) -> None:
        """SF-LEAD-8: of one that is refused nothing is written, and the other records are not concerned."""
        system.forbid(system.text, "bad")
        ids = [
            None if operation is Operation.CREATE else system.insert(system.person, {system.required: "old"})
            for _ in range(3)
        ]
        values: list[dict[str, Value]] = [
            {system.required: name, system.text: text, system.flag: True}
            for name, text in (("a", "good"), ("b", "bad"), ("c", "good"))
        ]
        records = [Record(one, given) for one, given in zip(ids, values, strict=True)]
        answers = system.writer.write(system.person, operation, records)
        assert verdicts(answers) == [Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED]
        assert left_out(values[1], answers[1], ()).keys() == {system.text}
        assert left_out(values[1], answers[1], (system.text,)) == {}
        assert left_out(values[0], answers[0], ()) == {}
        rest = {name: value for name, value in values[1].items() if name not in left_out(values[1], answers[1], ())}
        (again,) = system.writer.write(system.person, operation, [Record(ids[1], rest)])
        assert (again.verdict, again.fields, system.count(system.person)) == (Verdict.ACCEPTED, (), 3)
        told = system.read(system.person, again.id or "") or {}
        assert (told[system.required], told.get(system.text), told[system.flag]) == ("b", None, True)

    def test_nothing_to_write_is_nothing_to_answer(self, system: System) -> None:
        for operation in Operation:
            assert system.writer.write(system.person, operation, [], system.key) == []

    def test_an_update_changes_what_it_names_and_empties_what_it_names_as_none(self, system: System) -> None:
        values: dict[str, Value] = {system.required: "x", system.text: "old", system.flag: True}
        first, second = (system.insert(system.person, values) for _ in range(2))
        changes = [Record(first, {system.text: None}), Record(second, {system.flag: False, system.text: "new"})]
        answers = system.writer.write(system.person, Operation.UPDATE, changes)
        assert answers == [Answer(Verdict.ACCEPTED, first), Answer(Verdict.ACCEPTED, second)]
        told = [system.read(system.person, one) or {} for one in (first, second)]
        assert [(one[system.text], one[system.flag]) for one in told] == [(None, True), ("new", False)]

    def test_what_is_deleted_or_was_never_there_is_refused_each_in_its_place(self, system: System) -> None:
        gone, alive = (system.insert(system.person, {system.required: "x"}) for _ in range(2))
        delete = [Record(gone, {})]
        assert system.writer.write(system.person, Operation.DELETE, delete) == [Answer(Verdict.ACCEPTED, gone)]
        assert system.read(system.person, gone) is None
        nobody = alive[:3] + "9" * 12 + alive[15:]
        changes = [Record(one, {system.text: "new"}) for one in (gone, alive, nobody)]
        answers = system.writer.write(system.person, Operation.UPDATE, changes)
        assert verdicts(answers) == [Verdict.REJECTED, Verdict.ACCEPTED, Verdict.REJECTED]
        assert (answers[0].code, system.count(system.person)) == ("ENTITY_IS_DELETED", 1)
        (again,) = system.writer.write(system.person, Operation.DELETE, delete)
        assert (again.verdict, again.code) == (Verdict.REJECTED, "ENTITY_IS_DELETED")

    def test_an_upsert_finds_a_record_by_its_key_or_makes_it(self, system: System) -> None:
        here = system.insert(system.keyed, {system.key: "A-1", system.number: 1})
        records = [Record(None, {system.key: key, system.number: 2.5}) for key in ("B-2", "A-1")]
        new, old = system.writer.write(system.keyed, Operation.UPSERT, records, system.key)
        assert (new.verdict, new.created, old) == (Verdict.ACCEPTED, True, Answer(Verdict.ACCEPTED, here))
        told = [system.read(system.keyed, one or "") or {} for one in (new.id, here)]
        assert [(one[system.key], float(str(one[system.number]))) for one in told] == [("B-2", 2.5), ("A-1", 2.5)]
        assert system.count(system.keyed) == 2

    def test_a_passing_lock_is_waited_out(self, system: System) -> None:
        """OPS-20."""
        system.lock(tries=2)
        answers = self.create(system, "a", "b", "c")
        assert verdicts(answers) == [Verdict.ACCEPTED] * 3
        assert system.count(system.person) == 3

    def test_a_lasting_lock_is_left_for_later_and_nothing_is_written(self, system: System) -> None:
        here = system.insert(system.person, {system.required: "x", system.text: "old"})
        system.lock(tries=1_000)
        (answer,) = system.writer.write(system.person, Operation.UPDATE, [Record(here, {system.text: "new"})])
        assert (answer.verdict, answer.code) == (Verdict.RETRY, "UNABLE_TO_LOCK_ROW")
        assert (system.read(system.person, here) or {})[system.text] == "old"

    def test_a_create_whose_answer_is_lost_is_not_repeated_and_can_be_found(self, system: System) -> None:
        """GEN-16."""
        system.insert(system.person, {system.required: TEXT})
        system.pass_seconds(60)
        since = system.now()
        lost, never = (Record(None, {system.required: text, system.flag: True}) for text in (TEXT, "nobody"))
        with system.lose_answers(), pytest.raises(UnknownOutcomeError) as unknown:
            system.writer.write(system.person, Operation.CREATE, [lost])
        assert (list(unknown.value.answers), system.count(system.person)) == ([None], 2)
        by = (system.required, system.flag)
        found = system.writer.find(system.person, lost, by, since)
        assert found
        assert system.read(system.person, found)
        assert system.writer.find(system.person, never, by, since) is None
        # What the system's clock says is known to a second or two only.
        assert system.writer.find(system.person, lost, by, since + timedelta(seconds=2)) == found
        assert system.writer.find(system.person, lost, by, since + timedelta(seconds=60)) is None

    def test_two_records_that_fit_are_told_and_none_of_them_is_chosen(self, system: System) -> None:
        since = system.now()
        ids = [answer.id for answer in self.create(system, "same", "SAME")]
        with pytest.raises(AmbiguousError) as several:
            system.writer.find(system.person, Record(None, {system.required: "same"}), (system.required,), since)
        assert set(several.value.ids) == set(ids)
