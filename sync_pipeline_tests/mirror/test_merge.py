"""What becomes of landed records: inserts, edits, touches, deletes, undeletes and merges, in the lake itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.model import Counts
from sync_pipeline_tests.mirror.copies import PERSON, TYPES, Copy, at, gone, record

ANN = record("1", 0, Name="Ann", Age="40")
BOB = record("2", 0, Name="Bob")


def errors_of(copy: Copy) -> list[tuple[str, datetime | None]]:
    query = "select record_id, resolved_at from lake.sync.error where object = ? order by 1, field"
    return copy.lake.rows(query, [copy.obj.name])


def test_new_records_are_inserted_and_need_no_copy_of_their_values_in_the_changes(copy: Copy) -> None:
    counts, errors = copy.take([ANN, BOB])
    assert (counts, errors) == (Counts(read=2, inserted=2), [])
    counts, _ = copy.take([record("3", 1, Name="Cy")], minute=61)
    assert counts == Counts(read=1, inserted=1)
    assert copy.kept("Name") == {"1": "Ann", "2": "Bob", "3": "Cy"}
    told = copy.changes("Id", "_change", "_changed_at", "_detected_at", "_run_id", "_fields")
    assert told == [
        ("1", "insert", at(0), at(60), "run60", None),
        ("2", "insert", at(0), at(60), "run60", None),
        ("3", "insert", at(1), at(61), "run61", None),
    ]


def test_an_edit_is_a_change_with_the_fields_that_differ_before_and_after(copy: Copy) -> None:
    copy.take([ANN, BOB])
    counts, _ = copy.take([record("1", 5, Name="Anna", Age="40", Amount="1.5"), BOB], minute=61)
    assert counts == Counts(read=2, updated=1, skipped=1)
    (told,) = copy.changes("_change", "_changed_at", "_fields", "_before", "_after")[2:]
    assert told == (
        "update",
        at(5),
        ["Name", "Amount"],
        {"Name": "Ann", "Amount": None},
        {"Name": "Anna", "Amount": "1.5"},
    )
    assert copy.kept("Name", "Amount", "SystemModstamp", "_synced_at")["1"] == ("Anna", 1.5, at(5), at(61))


def test_a_touch_moves_the_stamp_and_is_no_change(copy: Copy) -> None:
    """GEN-13, OPS-3."""
    copy.take([ANN])
    counts, _ = copy.take([record("1", 5, Name="Ann", Age="40")], minute=61)
    assert counts == Counts(read=1, skipped=1)
    assert copy.kept("SystemModstamp", "LastModifiedDate", "_synced_at")["1"] == (at(5), at(5), at(61))
    assert copy.changes() == [("1", "insert")]


def test_a_touch_in_the_second_in_which_the_record_was_read_is_kept(copy: Copy) -> None:
    """A deletion moves the one stamp, an edit of a deleted record in the same second the other, too."""
    copy.take([ANN])
    touched = {**ANN, "LastModifiedDate": record("1", 5)["LastModifiedDate"]}
    for minute in (61, 62):
        counts, _ = copy.take([touched], minute=minute)
        assert counts == Counts(read=1, skipped=1)
    assert copy.kept("SystemModstamp", "LastModifiedDate", "_synced_at")["1"] == (at(0), at(5), at(61))
    assert copy.changes() == [("1", "insert")]


def test_a_touch_may_move_a_record_into_the_next_month(copy: Copy) -> None:
    copy.take([ANN, BOB])
    copy.take([record("1", 15, Name="Ann", Age="40")], minute=61)
    assert copy.kept("SystemModstamp") == {"1": at(15), "2": at(0)}


def test_a_deleted_record_stays_with_its_values_and_the_time_of_its_deletion(copy: Copy) -> None:
    copy.take([ANN])
    counts, _ = copy.take([gone("1", 5, Name="Ann", Age="40")], minute=61)
    assert counts == Counts(read=1, deleted=1)
    assert copy.kept("Name", "IsDeleted", "_deleted_at")["1"] == ("Ann", True, at(5))
    assert copy.changes() == [("1", "insert"), ("1", "delete")]


def test_the_time_of_a_deletion_does_not_move_when_the_recycle_bin_is_touched(copy: Copy) -> None:
    copy.take([ANN])
    copy.take([gone("1", 5, Name="Ann", Age="40")], minute=61)
    counts, _ = copy.take([gone("1", 9, Name="Ann", Age="40")], minute=62)
    assert counts == Counts(read=1, skipped=1)
    assert copy.kept("SystemModstamp", "_deleted_at")["1"] == (at(9), at(5))


def test_an_undelete_brings_the_record_back_and_a_second_delete_has_its_own_time(copy: Copy) -> None:
    copy.take([ANN])
    copy.take([gone("1", 5, Name="Ann", Age="40")], minute=61)
    counts, _ = copy.take([record("1", 6, Name="Anna", Age="40")], minute=62)
    assert counts == Counts(read=1, undeleted=1)
    assert copy.kept("Name", "_deleted_at")["1"] == ("Anna", None)
    copy.take([gone("1", 7, Name="Anna", Age="40")], minute=63)
    assert copy.kept("_deleted_at")["1"] == at(7)
    assert [kind for _, kind in copy.changes()] == ["insert", "delete", "undelete", "delete"]


def test_the_loser_of_a_merge_is_merged_not_deleted(copy: Copy) -> None:
    """MERGE-18."""
    copy.take([ANN, BOB])
    loser = gone("2", 5, Name="Bob", MasterRecordId="1")
    counts, _ = copy.take([loser, record("1", 5, Name="Ann", Age="40")], minute=61)
    assert counts == Counts(read=2, merged=1, skipped=1)
    (told,) = copy.changes("Id", "_change", "_fields", "_after")[2:]
    assert told == (
        "2",
        "merge",
        ["IsDeleted", "MasterRecordId"],
        {"IsDeleted": "true", "MasterRecordId": "1"},
    )


def test_a_merge_is_not_forgotten_where_a_later_tombstone_does_not_tell_of_it(lake: Lake, tmp_path: Path) -> None:
    """MERGE-18: a list of deletions names the loser too, and not into whom it was merged."""
    copy = Copy(lake, tmp_path, obj=replace(PERSON, tombstones=True))
    copy.take([ANN, BOB])
    copy.take([gone("2", 5, MasterRecordId="1")], minute=61)
    copy.take([gone("2", 6)], minute=62)
    assert copy.kept("Name", "MasterRecordId", "_deleted_at")["2"] == ("Bob", "1", at(5))
    assert [change for key, change in copy.changes() if key == "2"] == ["insert", "merge"]


@pytest.mark.parametrize("load", [True, False], ids=["in the first load", "later"])
def test_records_first_seen_as_deleted(copy: Copy, load: bool) -> None:
    if not load:
        copy.take([record("0", 0)])
    counts, _ = copy.take([gone("1", 5), gone("2", 5, MasterRecordId="3"), record("3", 5)], minute=61)
    assert counts == Counts(read=3, inserted=1, deleted=1, merged=1)
    assert copy.kept("_deleted_at")["1"] == at(5)
    assert copy.changes()[-3:] == [("1", "delete"), ("2", "merge"), ("3", "insert")]


def test_with_equal_stamps_the_record_read_last_stays(copy: Copy) -> None:
    copy.take([ANN])
    counts, _ = copy.take([record("1", 0, Name="Anna", Age="40")], minute=61)
    assert counts == Counts(read=1, updated=1)
    assert copy.kept("Name")["1"] == "Anna"


def test_a_record_that_is_read_again_as_it_is_is_not_written_again(copy: Copy) -> None:
    """Law 1: an overlap is read in each cycle, and costs nothing where nothing is new."""
    copy.take([ANN, BOB])
    assert copy.take([ANN, {**BOB, "SystemModstamp": record("2", 1)["SystemModstamp"]}], minute=61)[0].skipped == 2
    assert copy.kept("_synced_at") == {"1": at(60), "2": at(61)}


def test_a_delete_in_the_same_second_as_the_last_edit_is_seen(copy: Copy) -> None:
    copy.take([ANN])
    assert copy.take([{**ANN, "IsDeleted": "true"}], minute=61)[0].deleted == 1
    assert copy.take([ANN], minute=62)[0].undeleted == 1


def test_a_record_that_comes_late_with_an_earlier_stamp_changes_nothing_newer(copy: Copy) -> None:
    copy.take([record("1", 9, Name="new")])
    counts, _ = copy.take([record("1", 3, Name="old"), gone("1", 4)], minute=61)
    assert counts == Counts(read=2, skipped=2)
    assert copy.kept("Name", "_deleted_at")["1"] == ("new", None)


@pytest.mark.parametrize("load", [True, False], ids=["first load", "increment"])
def test_of_a_record_that_lands_more_than_once_the_newest_version_is_taken(copy: Copy, load: bool) -> None:
    if not load:
        copy.take([record("0", 0)])
    versions = [record("1", minute, Name=f"v{minute}") for minute in (2, 12, 1)]
    counts, _ = copy.take([versions[0], *versions[1:]], [versions[0]], minute=61)
    assert (counts.read, counts.inserted, counts.skipped) == (4, 1, 3)
    assert copy.kept("Name")["1"] == "v12"


def test_texts_keep_their_meaning(copy: Copy) -> None:
    texts = {
        "a": "NA", "b": "null", "c": 'He said "no"\nand, \r\nleft\t', "d": "Żółć 日本 👩🏽‍💻", "e": "long\n" * 6_000,
        "f": " ", "g": "0012", "h": "true", "i": "'; drop table x; --", "j": None,
    }  # fmt: skip
    copy.take([record(key, 0, Name=value) for key, value in texts.items()])
    assert copy.kept("Name") == texts
    counts, _ = copy.take([record(key, 0, Name=value) for key, value in texts.items()], minute=61)
    assert counts == Counts(read=10, skipped=10)


def test_numbers_and_dates_are_what_describe_says(copy: Copy) -> None:
    copy.take(
        [
            record("old", 0, Born="1700-01-01", Age="0.0", Amount="1.0E7"),
            record("far", 0, Born="4000-12-31", Age="-3", Amount="-0.01"),
        ]
    )
    assert copy.kept("Born", "Age", "Amount") == {
        "old": (date(1700, 1, 1), 0, 1e7),
        "far": (date(4000, 12, 31), -3, -0.01),
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1700-01-01T00:00:00.000+0000", datetime(1700, 1, 1, tzinfo=UTC)),
        ("4000-12-31T23:59:59.000Z", datetime(4000, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-29T01:30:00.000+0000", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_stamps_of_rest_and_bulk_are_utc(copy: Copy, text: str, value: datetime) -> None:
    copy.take([{**ANN, "SystemModstamp": text}])
    assert copy.kept("SystemModstamp")["1"] == value


@pytest.mark.parametrize("load", [True, False], ids=["first load", "increment"])
def test_a_value_that_does_not_fit_becomes_null_and_is_told_once(copy: Copy, load: bool) -> None:
    if not load:
        copy.take([record("0", 0)])
    bad = record("1", 0, Name="Ann", Age="forty", Born="2026-02-30")
    for minute in (61, 62):
        counts, errors = copy.take([bad, BOB], minute=minute)
        assert counts.failed == 2
        assert {(e.record_id, e.field, e.code) for e in errors} == {
            ("1", "Age", "VALUE_DOES_NOT_FIT"),
            ("1", "Born", "VALUE_DOES_NOT_FIT"),
        }
        assert "Person__c.Age should be BIGINT but is 'forty'" in errors[0].message
    assert copy.kept("Name", "Age", "Born") == {**copy.kept("Name", "Age", "Born"), "1": ("Ann", None, None)}
    assert len(errors_of(copy)) == 2


@pytest.mark.parametrize("gone_first", [False, True])
def test_a_record_whose_stamp_did_not_fit_is_followed_all_the_same(copy: Copy, gone_first: bool) -> None:
    """A stamp that is none is older than any, and a deletion without one counts from when it was read."""
    first = {**record("001", 1, Name="Ada"), "SystemModstamp": "soon"}
    copy.take([record("002", 1), {**first, "IsDeleted": "true"} if gone_first else first])
    assert copy.kept("Name", "_deleted_at")["001"] == ("Ada", at(60) if gone_first else None)
    copy.take([record("001", 2, Name="Bea")])
    assert copy.kept("Name", "_deleted_at")["001"] == ("Bea", None)
    copy.take([{**gone("001", 3, Name="Bea"), "SystemModstamp": "later"}])
    assert copy.kept("_deleted_at")["001"] is None  # it may be older than what is known


def test_a_value_that_fits_again_closes_its_error(copy: Copy) -> None:
    copy.take([record("1", 0, Age="forty"), record("2", 0, Age="many")])
    copy.take([record("1", 1, Age="40")], minute=61)
    assert errors_of(copy) == [("1", at(61)), ("2", None)]


def test_a_formula_refresh_changes_records_whose_stamp_has_not_moved(copy: Copy) -> None:
    copy.take([ANN, BOB])
    told = [{"Id": "1", "SystemModstamp": ANN["SystemModstamp"], "Age": "41"}]
    counts, _ = copy.take(told, minute=61, refresh=True)
    assert counts == Counts(read=1, updated=1)
    assert copy.kept("Name", "Age", "_synced_at")["1"] == ("Ann", 41, at(61))
    assert copy.changes("_change", "_fields", "_after")[-1] == ("update", ["Age"], {"Age": "41"})


def test_a_formula_refresh_leaves_records_that_moved_are_unknown_or_deleted_to_the_next_cycle(copy: Copy) -> None:
    copy.take([ANN, gone("2", 0, Name="Bob")])
    moved = {"Id": "1", "SystemModstamp": record("1", 5)["SystemModstamp"], "Age": "41"}
    unknown = {"Id": "3", "SystemModstamp": ANN["SystemModstamp"], "Age": "41"}
    back = {"Id": "2", "SystemModstamp": BOB["SystemModstamp"], "Age": "41"}
    counts, _ = copy.take([moved, unknown, back], minute=61, refresh=True)
    assert counts == Counts(read=3, skipped=3)
    assert copy.kept("Age") == {"1": 40, "2": None}
    assert len(copy.changes()) == 2


def test_objects_without_a_recycle_bin_are_merged_too(copy: Copy) -> None:
    plain = {name: kind for name, kind in TYPES.items() if name not in ("IsDeleted", "MasterRecordId")}
    users = Copy(copy.lake, copy.folder, plain)
    users.take([ANN, BOB])
    counts, _ = users.take([record("1", 1, Name="Anna", Age="40")], minute=61)
    assert counts == Counts(read=1, updated=1)
    assert users.kept("Name", "_deleted_at") == {"1": ("Anna", None), "2": ("Bob", None)}


def test_nothing_landed_is_nothing_done(copy: Copy) -> None:
    assert copy.take([]) == (Counts(), [])
    assert copy.take() == (Counts(), [])
