"""What a sales tool tells: each activity is checked and kept once, whatever way it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.sales_insight.inputs import ACTIVITY, ATTRIBUTES, INPUTS, KINDS, UNSUBSCRIBE
from sync_pipeline.sales_insight.intake import InputError, Refused, take, take_file
from sync_pipeline_tests.sales_insight.org import Mirrored

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CALL: dict[str, object] = {
    "activity_id": "call-1",
    "kind": "call",
    "happened_at": "2026-02-28T10:00:00Z",
    "marketo_id": 7,
    "call_status": "completed",
    "duration_seconds": 61,
    "call_outcome": "Grüße, bis Montag",
}
SHOWN = "activity_id, kind, happened_at, marketo_id, call_status, duration_seconds, call_outcome, link, _received_at"
KEPT = (
    "call-1", "call", datetime(2026, 2, 28, 10, tzinfo=UTC), 7, "completed", 61, "Grüße, bis Montag", None, NOW,
)  # fmt: skip


def rows(lake: Lake, columns: str = SHOWN) -> list[tuple[Any, ...]]:
    return lake.rows(f"select {columns} from lake.actions.sales_activity order by activity_id")


def test_a_sales_tool_tells_of_activities_unsubscribes_and_tasks_and_never_makes_people() -> None:
    """SIA-FEED-1, SIA-FEED-11: people come from Marketo alone."""
    assert INPUTS.keys() == {"sales_activity", "unsubscribe", "reminder_task"}


def test_the_eight_kinds_have_the_attributes_of_the_glossary() -> None:
    """SIA-ACT-2, SIA-ACT-7: no custom type may have more than twenty."""
    labels = {value.name: value.label for value in ATTRIBUTES}
    assert len(KINDS) == 8
    assert all(len(kind.attributes) <= 20 and set(kind.attributes) <= labels.keys() for kind in KINDS)
    assert {name for kind in KINDS for name in kind.attributes} == labels.keys()
    assert {kind.label: kind.type_id for kind in KINDS if kind.type_id} == {
        "Send Sales Email": 39, "Open Sales Email": 40, "Click Sales Email": 41, "Sales Email Bounced": 48,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["python", "csv", "parquet", "jsonl"])
def test_an_activity_is_kept_as_it_was_told_whatever_way_it_comes(lake: Lake, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"told.{form}"
    if form == "jsonl":
        path.write_text(json.dumps(CALL) + "\n", "utf-8")
    elif form != "python":
        line = ", ".join(f"? as {name}" for name in CALL)
        duckdb.execute(f"copy (select {line}) to '{path}'", list(CALL.values()))
    done = take(lake, ACTIVITY, [CALL], NOW) if form == "python" else take_file(lake, ACTIVITY, path, NOW)
    assert (done.new, done.known, done.refused) == (1, 0, ())
    assert rows(lake) == [KEPT]


def test_the_same_activity_again_is_known_and_with_other_values_refused(lake: Lake) -> None:
    """SIA-ACT-8."""
    take(lake, ACTIVITY, [CALL], NOW)
    again = take(lake, ACTIVITY, [CALL, CALL], NOW)
    assert (again.new, again.known, again.refused) == (0, 1, ())
    other = take(lake, ACTIVITY, [{**CALL, "duration_seconds": 62}], NOW)
    assert other.refused == (Refused("call-1", "activity_id", "was taken before with other values"),)
    assert rows(lake) == [KEPT]


@pytest.mark.parametrize(
    ("wrong", "value", "message"),
    [
        ({"kind": None}, "kind", "is missing"),
        ({"kind": "fax"}, "kind", "is none of send_email"),
        ({"happened_at": "yesterday"}, "happened_at", "is no ISO time"),
        ({"marketo_id": "7x"}, "marketo_id", "cannot be read: an id of Marketo is a whole number"),
        ({"marketo_id": " "}, "marketo_id", "no person"),
        ({"duration_seconds": "1.5"}, "duration_seconds", "is no whole number"),
        ({"duration_seconds": -1}, "duration_seconds", "is no whole number"),
        ({"call_status": "busy"}, "call_status", "is none of completed, no answer, cancelled, failed"),
        ({"activity_id": ""}, "activity_id", "is missing"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_bad_record_is_refused_with_its_reason_and_the_others_are_taken(
    lake: Lake, wrong: dict[str, object], value: str, message: str
) -> None:
    """Law 8."""
    bad: dict[str, object] = {**CALL, "activity_id": "bad", **wrong}
    done = take(lake, ACTIVITY, [CALL, bad], NOW)
    assert done.new == 1
    (refused,) = done.refused
    assert (refused.key, refused.value) == (bad["activity_id"] or None, value)
    assert message in refused.message
    assert rows(lake) == [KEPT]


def test_one_id_for_two_activities_of_a_file_refuses_both(lake: Lake) -> None:
    done = take(lake, ACTIVITY, [CALL, {**CALL, "marketo_id": 8}], NOW)
    assert (done.new, [r.message for r in done.refused]) == (0, ["is given twice with different values"])


def test_a_value_that_is_not_declared_refuses_the_whole_and_says_what_there_is(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sales_activity has no colour; its values are activity_id, "):
        take(lake, ACTIVITY, [{**CALL, "colour": "red"}], NOW)
    path = tmp_path / "told.xlsx"
    with pytest.raises(InputError, match=r"told.xlsx is none of .csv"):
        take_file(lake, ACTIVITY, path, NOW)
    with pytest.raises(InputError, match=r"told.csv cannot be read"):
        take_file(lake, ACTIVITY, tmp_path / "told.csv", NOW)


def test_an_unsubscribe_is_kept_by_id_or_address(lake: Lake) -> None:
    told = {"unsubscribe_id": "u1", "happened_at": NOW, "email": "ada@example.com"}
    done = take(lake, UNSUBSCRIBE, [told, {"unsubscribe_id": "u2", "happened_at": NOW}], NOW)
    assert (done.new, [r.key for r in done.refused]) == (1, ["u2"])
    assert lake.rows("select unsubscribe_id, email, happened_at from lake.actions.unsubscribe") == [
        ("u1", "ada@example.com", NOW)
    ]


def test_after_a_merge_activities_are_the_last_winner_s(lake: Lake) -> None:
    """SIA-FEED-18, SIA-ACT-9: a chain of merges is followed to its end."""
    mirrored = Mirrored(lake)
    for person in (7, 8, 9):
        mirrored.linked(person)
    mirrored.start()
    take(lake, ACTIVITY, [CALL, {**CALL, "activity_id": "call-2", "marketo_id": 9}], NOW)
    mirrored.person(7, mergedInto=8, **{DELETED_AT: mirrored.now})
    mirrored.person(8, mergedInto=9, **{DELETED_AT: mirrored.now})
    mirrored.increment()
    take(lake, ACTIVITY, [{**CALL, "activity_id": "call-3"}], NOW)
    told = rows(lake, "activity_id, marketo_id, _person_id")
    assert told == [("call-1", 7, 9), ("call-2", 9, 9), ("call-3", 7, 9)]
    assert take(lake, ACTIVITY, [CALL], NOW).known == 1
