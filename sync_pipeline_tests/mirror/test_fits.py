"""What arrives otherwise than it was described last: no value becomes another one in the mirror."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipeline.lake.types import FITS, cast
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.reconcile import refresh
from sync_pipeline.model import SUCCEEDED, Field
from sync_pipeline_tests.mirror.followed import Followed

SIZE = Field("Size__c", "double", precision=18)
WAYS: dict[str, Callable[[Followed], Any]] = {
    "a cycle": lambda followed: followed.cycle(),
    "the first cycle": lambda followed: followed.cycle(),
    "a full cycle": lambda followed: followed.cycle(full=True),
    "a comparison of ids": lambda followed: runs.compare_ids(followed.source, [followed.obj]),
    "a refresh": lambda followed: refresh(followed.source, followed.obj, "a run", ["Size__c"]),
}


def retype(followed: Followed, field: Field) -> None:
    """Let the org describe a field otherwise from now on; one that it does not have yet is new."""
    others = (f for f in followed.org.fields if f.name != field.name)
    followed.org.fields = (*others, field)


@pytest.mark.parametrize("way", WAYS)
def test_a_number_that_is_told_to_be_whole_keeps_its_fraction(followed: Followed, way: str) -> None:
    """Salesforce enforces the decimals of a field in its pages only: what a program writes stays as it is."""
    retype(followed, SIZE)
    large = followed.org.insert(Name="large", Size__c="123456789012345678")
    if way == "the first cycle":
        record = followed.org.insert(Name="half", Size__c="2.5")
    else:
        record = followed.org.insert(Name="half", Size__c="2")
        followed.cycle()
        assert followed.mirror("Size__c") == {large: 123456789012345678, record: 2}
        followed.org.update(record, Size__c="2.5")
    if way == "a refresh":  # as a field that is filled without a new stamp
        stamps = {one["Id"]: one["SystemModstamp"] for one in followed.org.visible()}
        followed.damage(f"SystemModstamp = timestamptz '{stamps[record]}'", record)
    followed.pass_seconds(1)
    WAYS[way](followed)
    assert followed.mirror("Size__c")[record] == 2.5
    told = [name for name, _ in followed.told("notice", "field, message") if name == "Size__c"]
    assert told == ["Size__c"]
    assert followed.told("error", "record_id") == []
    counted = len(followed.changes())
    for options in ({}, {"full": True}, {}):  # neither told nor changed again, nor rounded by a describe of later
        assert followed.cycle(seconds=4_000, **options).status == SUCCEEDED
    assert followed.mirror("Size__c")[record] == 2.5
    assert [name for name, _ in followed.told("notice", "field, message") if name == "Size__c"] == told
    assert len(followed.changes()) == counted


def test_a_fraction_of_a_whole_number_is_told_and_not_kept(followed: Followed) -> None:
    """An integer has none in the system itself, so that this is no value of the field."""
    [record] = followed.people("Ann")
    followed.org.update(record, NumberOfEmployees="2.5")
    followed.cycle()
    assert followed.mirror("NumberOfEmployees") == {record: None}
    assert followed.told("error", "record_id, field") == [(record, "NumberOfEmployees")]


@pytest.mark.parametrize(
    ("was", "now", "old", "new", "kept"),
    [
        ("date", "datetime", "2026-01-02", "2026-01-03T10:30:00.000Z", datetime(2026, 1, 3, 10, 30, tzinfo=UTC)),
        ("int", "double", "7", "7.25", 7.25),
        ("int", "string", "7", "seven", "seven"),
        ("boolean", "picklist", "true", "perhaps", "perhaps"),
        ("double", "string", "1.5", "a half more", "a half more"),
        ("time", "datetime", "10:30:00.000Z", "2026-01-03T10:30:00.000Z", "2026-01-03T10:30:00.000Z"),
    ],
)
def test_a_type_that_changed_within_the_hour_costs_no_value(
    followed: Followed, was: str, now: str, old: str, new: str, kept: object
) -> None:
    """FIELD-6: what does not fit the remembered fields is looked at again with those of now."""
    retype(followed, Field("Note__c", was))
    first = followed.org.insert(Name="first", Note__c=old)
    followed.cycle()
    retype(followed, Field("Note__c", now))
    second = followed.org.insert(Name="second", Note__c=new)
    assert followed.cycle().status == SUCCEEDED
    found = followed.mirror("Note__c")
    assert found[second] == kept
    assert found[first] is not None
    assert followed.told("error", "record_id") == []
    assert [kind for (kind,) in followed.told("notice", "kind")] == ["retyped_field"]


def test_a_value_that_fits_no_field_of_now_either_is_told_once(followed: Followed) -> None:
    [record] = followed.people("Ann")
    followed.cycle()
    calls = followed.cycle().counts().calls
    followed.org.update(record, NumberOfEmployees="many")
    done = followed.cycle()
    assert done.counts().calls == calls + 1  # it was asked how the fields are described now
    assert followed.told("error", "record_id, field") == [(record, "NumberOfEmployees")]


def test_a_field_that_got_a_scale_forgets_that_it_was_told_to_be_whole(followed: Followed) -> None:
    retype(followed, SIZE)
    record = followed.org.insert(Name="half", Size__c="2.5")
    followed.cycle()
    retype(followed, replace(SIZE, scale=2))
    followed.cycle(seconds=4_000)
    retype(followed, SIZE)
    followed.cycle(seconds=4_000)
    assert followed.mirror("Size__c") == {record: 2.5}


# What may be said of a value, put together: numbers, days, times, and what is near to one of them.
WORDS = (
    "00 2026 2026-01-02 T00:00:00 T10:30:00.000Z 10:30:00 .5 .0 true false NaN Infinity +00:00 (BC) 12345678901234567 "
    "0x1F E7 e-3"
)
PARTS = st.sampled_from([*"0123456789-+.eETZ: _/é", *WORDS.split(" ")])
SAID = st.lists(PARTS, max_size=5).map("".join)


def means(text: str, value: object) -> bool:
    """Tell whether a text says just this value, as the systems write values."""
    if isinstance(value, bool):
        return (
            text.strip().lower() in {True: ("true", "t", "1", "y", "yes"), False: ("false", "f", "0", "n", "no")}[value]
        )
    if isinstance(value, int | float):
        try:
            told = Decimal(text.strip())
        except InvalidOperation:
            return False
        return float(told) == float(value)
    if isinstance(value, datetime):
        return text.strip()[:4] == f"{value.year:04}" or "+" in text or "-" in text[10:]
    if isinstance(value, date):
        day, _, rest = text.strip().partition("T")
        return [int(part) for part in day.split("-")] == [*value.timetuple()[:3]] and rest[:8] in ("", "00:00:00")
    assert isinstance(value, time)
    return [int(float(part)) for part in text.strip().rstrip("Z").partition("+")[0].split(":")][:2] == [
        value.hour,
        value.minute,
    ]


@pytest.mark.parametrize("kind", FITS)
@given(text=SAID)
def test_a_text_becomes_the_value_that_it_says_or_none(kind: str, text: str) -> None:
    """Nothing is cut, rounded or guessed on the way into a column."""
    with duckdb.connect() as con:
        row = con.execute(f"select {cast('v', kind)} from (select ? as v)", [text]).fetchone()
    assert row
    assert row[0] is None or means(text, row[0])
