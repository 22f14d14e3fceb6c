"""Whole runs over an org in memory: windows, late records, faults, and the laws for any course of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipeline.commands.sync import line
from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import FAILED, INCOMPLETE, SUCCEEDED, Field, Object, Window
from sync_pipeline_tests.connectors.memory import FIELDS, Memory
from sync_pipeline_tests.mirror.followed import Followed


class Blind(Memory):
    """A connector whose queries give nothing, though the system counts."""

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        return self._extract([], fields)

    def metered(self) -> Blind:
        return Blind(self.org)


def failing(
    *times: int, error: Callable[[], Exception] = lambda: RetryableError("BUSY", "try later")
) -> Callable[[], None]:
    """Return what raises when it is called for these times, counted from 0."""
    calls = iter(range(1_000_000))

    def fail() -> None:
        if next(calls) in times:
            raise error()

    return fail


def test_a_first_cycle_reads_everything_and_a_quiet_one_costs_one_call_and_writes_no_change(followed: Followed) -> None:
    """GEN-2, GEN-3."""
    followed.people("Ann", "Bob", "Cy")
    first = followed.cycle()
    assert (first.status, first.counts().inserted) == (SUCCEEDED, 3)
    followed.cycle(seconds=600)
    again = followed.cycle(seconds=600)
    assert (again.counts().read, again.counts().calls) == (0, 1)
    assert again.done[0].window is not None
    assert followed.watermark == again.done[0].window.end
    assert len(followed.changes()) == 3


def test_an_object_that_reads_as_empty_though_records_are_counted_is_an_error(followed: Followed) -> None:
    """Law 7: taken for empty, each of its records would be new to the other side."""
    followed.people("Ann", "Bob")
    inner = followed.source.connector
    followed.source = replace(followed.source, connector=Blind(followed.org))
    for options in ({}, {"full": True}):
        blind = followed.cycle(**options)
        assert (blind.status, blind.done[0].code, followed.watermark) == (FAILED, "EMPTY_READ", None)
        assert "reads as empty, but the system counts 2 records" in blind.done[0].error
    followed.source = replace(followed.source, connector=inner)
    assert followed.cycle().counts().inserted == 2


def test_an_object_whose_records_are_all_younger_than_the_window_is_no_error(followed: Followed) -> None:
    followed.source = replace(followed.source, policy=replace(followed.source.policy, lag=timedelta(seconds=30)))
    followed.people("Ann")
    assert followed.cycle().status == SUCCEEDED
    assert followed.cycle(seconds=60).counts().inserted == 1


def test_a_record_shown_late_with_an_earlier_stamp_is_read_by_the_overlap(followed: Followed) -> None:
    """GEN-17."""
    followed.people("Ann")
    followed.cycle()
    late = followed.org.insert(late=120, Name="late")
    followed.cycle(seconds=60)
    assert late not in followed.mirror()
    followed.cycle(seconds=90)
    assert followed.mirror()[late] == "late"


def test_a_record_stamped_at_the_very_end_of_a_window_is_read_by_the_next(followed: Followed) -> None:
    source = replace(followed.source, policy=replace(followed.source.policy, overlap=timedelta(0)))
    runs.sync(source, [followed.obj])
    followed.people("at the end")
    assert runs.sync(source, [followed.obj]).counts().read == 0
    followed.pass_seconds(1)
    assert runs.sync(source, [followed.obj]).counts().inserted == 1


def test_a_page_that_breaks_off_is_read_again(followed: Followed) -> None:
    followed.people(*"abcdefg")
    followed.org.before_page = failing(0, 2, 3)
    assert followed.cycle().status == SUCCEEDED
    assert followed.alive() == followed.truth()


def test_pages_that_do_not_come_fail_the_object_and_leave_mirror_and_watermark_as_they_were(followed: Followed) -> None:
    followed.people("Ann")
    followed.cycle()
    before = followed.watermark
    followed.people("Bob")
    followed.org.before_page = failing(*range(100))
    failed = followed.cycle()
    assert (failed.status, failed.message) == (FAILED, f"{followed.obj.name}: BUSY: try later")
    assert (followed.watermark, list(followed.mirror().values())) == (before, ["Ann"])
    assert followed.told("error", "code, record_id, resolved_at") == [("BUSY", None, None)]
    assert followed.told("job", "status")[-1] == (FAILED,)
    followed.org.before_page = failing()
    assert followed.cycle().status == SUCCEEDED
    assert followed.alive() == followed.truth()
    assert followed.told("error", "resolved_at is not null") == [(True,)]


def test_a_value_that_does_not_fit_leaves_the_rest_in_and_the_run_not_green(followed: Followed) -> None:
    followed.org.insert(Name="Ann", NumberOfEmployees="lots")
    done = followed.cycle()
    assert (done.status, done.message) == (INCOMPLETE, f"{followed.obj.name}: 1 values did not fit")
    assert list(followed.mirror("Name", "NumberOfEmployees").values()) == [("Ann", None)]


def test_since_reaches_back_and_never_shortens_a_window(followed: Followed) -> None:
    (ann,) = followed.people("Ann")
    began = followed.org.at
    followed.cycle(seconds=3_600)
    followed.damage("Name = 'wrong'", ann)
    followed.cycle(since=began)
    assert followed.mirror()[ann] == "Ann"
    followed.people("Bob")
    followed.cycle(since=followed.org.at + timedelta(hours=1))
    assert followed.alive() == followed.truth()


def test_full_reads_all_again_and_marks_what_is_gone(followed: Followed) -> None:
    ann, bob, *_ = followed.people("Ann", "Bob", *"0123456789")
    followed.cycle()
    followed.org.hard_delete(ann)
    followed.damage("Name = 'wrong'", bob)
    done = followed.cycle(seconds=600, full=True)
    assert (done.status, done.counts().deleted, done.counts().updated) == (SUCCEEDED, 1, 1)
    assert followed.alive() == followed.truth()
    assert followed.mirror("IsDeleted")[ann] is False


def test_a_new_field_a_vanished_one_and_a_wider_type_keep_every_row_and_are_told_once(followed: Followed) -> None:
    """FIELD-3, FIELD-8, OPS-16."""
    (ann,) = followed.people("Ann")
    followed.org.update(ann, Description="old", NumberOfEmployees="7")
    followed.cycle()
    kept = [f for f in FIELDS if f.name not in ("Description", "NumberOfEmployees")]
    followed.org.fields = (*kept, Field("NumberOfEmployees", "double"), Field("Rating__c", "picklist", custom=True))
    followed.pass_seconds(7_200)
    bob = followed.org.insert(Name="Bob", Rating__c="Hot", NumberOfEmployees="2.5")
    for _ in range(3):
        assert followed.cycle(seconds=7_200, full=True).status == SUCCEEDED
    assert followed.mirror("Description", "NumberOfEmployees", "Rating__c") == {
        ann: ("old", 7.0, None),
        bob: (None, 2.5, "Hot"),
    }
    assert sorted(followed.told("notice", "kind, field")) == [
        ("new_field", "Rating__c"),
        ("retyped_field", "NumberOfEmployees"),
        ("vanished_field", "Description"),
    ]


def test_a_field_of_another_type_and_new_picklist_values_are_told_once_and_a_label_never(followed: Followed) -> None:
    """FIELD-4 to 7, FIELD-9, OPS-16: each is a row of the notices."""
    (ann,) = followed.people("Ann")
    followed.org.update(ann, Description="soon")
    fields = (*FIELDS, Field("Source__c", "picklist", custom=True, picklist=("Web",)))
    followed.org.fields = fields
    followed.cycle()
    changed = {
        "Description": Field("Description", "date"),
        "Source__c": Field("Source__c", "picklist", "Where from", picklist=("Web", "Fair")),
        "NumberOfEmployees": Field("Head_Count__c", "int"),
        "Name": Field("Name", "string", "Called"),
    }
    followed.org.fields = tuple(changed.get(f.name, f) for f in fields)
    for _ in range(2):
        assert followed.cycle(seconds=7_200).status == SUCCEEDED
    assert sorted(followed.told("notice", "kind, field")) == [
        ("new_field", "Head_Count__c"),
        ("new_picklist_value", "Source__c"),
        ("retyped_field", "Description"),
        ("vanished_field", "NumberOfEmployees"),
    ]
    assert late(followed) == {"Head_Count__c", "Description"}
    runs.read_fields(followed.source, followed.obj, ["Head_Count__c"])
    assert late(followed) == {"Description"}
    followed.cycle(full=True)
    assert late(followed) == set()


def late(followed: Followed) -> set[str]:
    """Return the fields of which the mirror does not have the values of all records."""
    with followed.lake.reading() as con:
        [(told, _)] = ledger.remembered_describes(con, "salesforce", followed.obj.source).values()
    return {field.name for field in told.fields if field.since}


def test_a_new_field_is_read_with_the_next_update_of_each_record_or_of_all_on_demand(followed: Followed) -> None:
    """FIELD-4, FIELD-19: reading a field backwards is a command of its own, and finds what no stamp tells."""
    ann, bob = followed.people("Ann", "Bob")
    for _ in range(2):
        followed.cycle(seconds=600)  # beyond the overlap
    followed.org.fields = (*FIELDS, Field("Tier__c", "string", custom=True))
    for one in (ann, bob):
        hidden(followed, one, Tier__c="A")
    followed.org.update(ann, Name="Anna")
    followed.cycle(seconds=7_200)
    assert followed.mirror("Tier__c") == {ann: "A", bob: None}
    done = runs.read_fields(followed.source, followed.obj, ["Tier__c"])
    assert (done.status, done.counts().updated) == (SUCCEEDED, 1)
    assert followed.mirror("Tier__c") == {ann: "A", bob: "A"}


def test_a_new_result_of_a_formula_comes_with_the_next_stamp(followed: Followed) -> None:
    """FIELD-12."""
    followed.org.fields = (*FIELDS, Field("Size__c", "double", calculated=True, updateable=False))
    (ann,) = followed.people("Ann")
    hidden(followed, ann, Size__c="1")
    for _ in range(2):
        followed.cycle(seconds=600)  # beyond the overlap
    hidden(followed, ann, Size__c="2")
    followed.cycle(seconds=600)
    assert followed.mirror("Size__c") == {ann: 1.0}
    followed.org.update(ann)
    followed.cycle()
    assert followed.mirror("Size__c") == {ann: 2.0}


def hidden(followed: Followed, record_id: str, **values: str) -> None:
    """Change a record without a new stamp."""
    _, record = followed.org.versions[record_id][-1]
    assert record is not None
    record.update(values)


def test_a_field_that_vanishes_between_describe_and_query_is_noticed_at_once(followed: Followed) -> None:
    (ann,) = followed.people("Ann")
    followed.org.update(ann, Description="old")
    followed.cycle()
    followed.org.fields = tuple(f for f in FIELDS if f.name != "Description")
    followed.org.update(ann, Name="Anna")
    assert followed.cycle().status == SUCCEEDED
    assert followed.mirror("Name", "Description") == {ann: ("Anna", "old")}
    assert followed.told("notice", "kind, field") == [("vanished_field", "Description")]


def test_a_field_renamed_in_case_only_goes_on_in_its_column(followed: Followed) -> None:
    (ann,) = followed.people("Ann")
    followed.org.update(ann, Description="old")
    followed.cycle()
    renamed = {"Description": "DESCRIPTION"}
    followed.org.fields = tuple(replace(f, name=renamed.get(f.name, f.name)) for f in FIELDS)
    followed.org.update(ann, DESCRIPTION="new")
    assert followed.cycle(seconds=7_200).message == ""
    assert followed.mirror("Description") == {ann: "new"}


EDITS = st.tuples(
    st.sampled_from(["insert", "update", "touch", "delete", "undelete", "hard_delete", "wait"]),
    st.integers(0, 5),
    st.sampled_from([0, 0, 0, 30, 200]),
)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(st.lists(EDITS, max_size=5), st.sets(st.integers(0, 8), max_size=3)), min_size=1, max_size=4))
def test_whatever_happens_the_mirror_ends_equal_to_the_org(
    shared_lake: Lake, course: list[tuple[list[tuple[str, int, int]], set[int]]]
) -> None:
    with TemporaryDirectory() as folder:
        followed = Followed(shared_lake, Path(folder))
        for edits, failures in course:
            for kind, which, seconds in edits:
                edit(followed, kind, which, seconds)
            followed.org.before_page = failing(*failures)
            marks = followed.watermark
            if followed.cycle().status != SUCCEEDED:
                assert followed.watermark == marks
        followed.org.before_page = failing()
        followed.cycle(seconds=250)
        runs.compare_ids(without_limit(followed), [followed.obj])
        assert followed.alive() == followed.truth()
        before = followed.changes()
        assert followed.cycle().counts().changed == 0
        assert followed.changes() == before


def edit(followed: Followed, kind: str, which: int, seconds: int) -> None:
    """Make one edit; one of a record that is not there only lets time pass. `seconds`: how late it shows."""
    org = followed.org
    known = [key for key, versions in org.versions.items() if versions[-1][1] is not None]
    followed.pass_seconds(1 if kind != "wait" else 400)
    if kind == "insert":
        org.insert(late=seconds, Name=f"n{which}")
    elif known and kind == "update":
        org.update(known[which % len(known)], late=seconds, Name=f"u{which}")
    elif known and kind in ("touch", "delete", "undelete"):
        flags: dict[str, dict[str, Any]] = {
            "touch": {},
            "delete": {"IsDeleted": "true"},
            "undelete": {"IsDeleted": "false"},
        }
        org.update(known[which % len(known)], **flags[kind])
    elif known and kind == "hard_delete":
        org.hard_delete(known[which % len(known)])


def without_limit(followed: Followed) -> Source:
    return replace(followed.source, policy=replace(followed.source.policy, most_deletes=1.0))


def test_the_run_and_its_job_are_on_record(followed: Followed) -> None:
    followed.people("Ann", "Bob")
    done = followed.cycle()
    query = f"select kind, status, message from {ledger.table('run')} where run_id = ?"
    assert followed.lake.rows(query, [done.run_id]) == [("cycle", SUCCEEDED, "")]
    assert followed.told("job", "status, operation, read, inserted, calls, message") == [
        (SUCCEEDED, "Pull updates", 2, 2, 2, "")
    ]


@pytest.mark.parametrize("young", [0, 1, 3])
def test_a_first_load_says_how_many_records_are_too_young_for_it(followed: Followed, young: int) -> None:
    """They are green and not there, which looks like a loss; the next cycle brings them."""
    followed.source = replace(followed.source, policy=replace(followed.source.policy, lag=timedelta(seconds=5)))
    followed.people("Ann", "Bob")
    followed.pass_seconds(10)
    followed.people(*map(str, range(young)))
    (done,) = followed.cycle().done
    said = f"{young} younger than the window's end come with the next cycle" if young else ""
    assert (done.counts.inserted, done.waiting, done.said) == (2, young, said)
    assert (said in line(done), followed.told("job", "message")) == (True, [(said,)])
    (later,) = followed.cycle(seconds=10).done
    assert (later.counts.inserted, later.waiting, later.said) == (young, 0, "")
