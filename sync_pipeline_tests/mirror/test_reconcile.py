"""What windows cannot show: hard deletes, missed records, formula fields, and the limit on what may be gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from sync_pipeline.mirror import reconcile, runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.model import FAILED, SUCCEEDED, Counts
from sync_pipeline_tests.connectors.memory import FIELDS
from sync_pipeline_tests.mirror.followed import Followed

MANY = [f"n{i:02}" for i in range(30)]


@pytest.fixture
def loaded(followed: Followed) -> Followed:
    followed.people(*MANY)
    followed.cycle()
    followed.pass_seconds(3_600)
    return followed


def compare(followed: Followed) -> Cycle:
    return runs.compare_ids(followed.source, [followed.obj])


def test_a_hard_delete_is_marked_and_told_from_the_recycle_bin(loaded: Followed) -> None:
    """DEL-6."""
    gone, binned, *_ = loaded.mirror()
    loaded.org.hard_delete(gone)
    loaded.org.delete(binned)
    done = compare(loaded)
    assert (done.status, done.counts().deleted) == (SUCCEEDED, 2)
    assert loaded.alive() == loaded.truth()
    marked = loaded.mirror("IsDeleted", "_deleted_at")
    assert (marked[gone], marked[binned]) == ((False, loaded.org.at), (True, loaded.org.at))
    assert sorted(loaded.changes()[-2:]) == sorted([(gone, "delete"), (binned, "delete")])
    assert compare(loaded).counts().changed == 0


def test_a_record_that_can_be_seen_again_comes_back(loaded: Followed) -> None:
    first, *_ = loaded.mirror()
    versions = list(loaded.org.versions[first])
    loaded.org.hard_delete(first)
    compare(loaded)
    loaded.org.versions[first] = versions
    assert compare(loaded).counts().undeleted == 1
    assert loaded.alive() == loaded.truth()


def test_records_the_mirror_lost_or_has_in_an_older_state_are_repaired(loaded: Followed) -> None:
    lost, old, *_ = loaded.mirror()
    loaded.lose(lost)
    loaded.damage("Name = 'old', SystemModstamp = timestamptz '2001-01-01'", old)
    counts = compare(loaded).counts()
    assert (counts.inserted, counts.updated) == (1, 1)
    assert loaded.alive() == loaded.truth()


def test_above_the_limit_nothing_is_marked_and_the_message_names_object_number_and_limit(loaded: Followed) -> None:
    """DEL-10."""
    for gone in list(loaded.mirror())[:4]:
        loaded.org.hard_delete(gone)
    refused = compare(loaded)
    assert refused.status == FAILED
    assert f"4 of 30 {loaded.obj.name} records are no longer there, above the limit of 10%" in refused.message
    assert len(loaded.alive()) == 30
    assert loaded.told("error", "code, resolved_at") == [("TOO_MANY_DELETES", None)]
    loaded.source = replace(loaded.source, policy=replace(loaded.source.policy, most_deletes=0.2))
    assert compare(loaded).status == SUCCEEDED
    assert loaded.alive() == loaded.truth()


def test_more_differences_than_can_be_looked_up_are_read_again_as_a_whole(
    loaded: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "MOST_BY_ID", 2)
    for lost in list(loaded.mirror())[:5]:
        loaded.lose(lost)
    assert compare(loaded).counts().inserted == 5
    assert loaded.alive() == loaded.truth()


def test_an_object_that_was_never_read_is_not_compared(followed: Followed) -> None:
    followed.people("Ann")
    done = compare(followed)
    assert (done.status, done.counts().read) == (SUCCEEDED, 0)


def test_reading_a_month_again_repairs_it_and_finds_what_is_missing(loaded: Followed) -> None:
    wrong, gone, lost, *_ = loaded.mirror()
    loaded.damage("Name = 'wrong'", wrong)
    loaded.org.hard_delete(gone)
    loaded.lose(lost)
    month = date(2026, 1, 1)
    done = runs.backfill(loaded.source, [loaded.obj], month, month, from_beginning=False)
    assert done.status == SUCCEEDED
    assert (done.counts().updated, done.counts().deleted, done.counts().inserted) == (1, 1, 1)
    assert loaded.alive() == loaded.truth()


def test_a_record_that_moved_to_a_later_month_is_no_loss(loaded: Followed) -> None:
    moved, *_ = loaded.mirror()
    loaded.org.update(moved, Name="moved")
    month = date(2026, 1, 1)
    done = runs.backfill(loaded.source, [loaded.obj], month, month, from_beginning=False)
    assert (done.status, done.counts().updated, done.counts().deleted) == (SUCCEEDED, 1, 0)
    assert loaded.mirror()[moved] == "moved"


def test_a_backfill_of_months_before_the_first_load_leaves_no_watermark(followed: Followed) -> None:
    followed.people("Ann")
    followed.pass_seconds(60)
    month = date(2026, 1, 1)
    runs.backfill(followed.source, [followed.obj], month, month, from_beginning=False)
    assert (list(followed.mirror().values()), followed.watermark) == (["Ann"], None)
    runs.backfill(followed.source, [followed.obj], month, month, from_beginning=True)
    assert followed.watermark is not None


def test_formula_fields_are_refreshed_without_a_new_stamp(followed: Followed) -> None:
    score = replace(FIELDS[3], calculated=True)
    followed.org.fields = tuple(score if f.name == score.name else f for f in FIELDS)
    ann, bob = followed.people("Ann", "Bob")
    followed.cycle()
    for record_id, number in ((ann, "7"), (bob, None)):
        (_, last) = followed.org.versions[record_id][-1]
        assert last is not None
        last[score.name] = number
    followed.pass_seconds(600)
    done = runs.refresh_formulas(followed.source, [followed.obj])
    assert (done.status, done.kind) == (SUCCEEDED, "refresh")
    assert done.counts() == Counts(read=2, updated=1, skipped=1, calls=1, seconds=done.counts().seconds)
    assert followed.mirror("NumberOfEmployees") == {ann: 7, bob: None}
    assert followed.changes()[-1] == (ann, "update")


def test_an_object_without_formula_fields_costs_no_call_to_refresh(loaded: Followed) -> None:
    done = runs.refresh_formulas(loaded.source, [loaded.obj])
    assert (done.status, done.counts().read) == (SUCCEEDED, 0)


def test_fields_that_vanished_since_the_last_describe_do_not_stop_a_comparison(loaded: Followed) -> None:
    first, *_ = loaded.mirror()
    loaded.cycle()
    loaded.org.fields = tuple(f for f in FIELDS if f.name != "Description")
    loaded.org.delete(first)
    assert compare(loaded).message == ""
    assert loaded.alive() == loaded.truth()
