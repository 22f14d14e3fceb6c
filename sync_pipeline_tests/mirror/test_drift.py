from __future__ import annotations

import pytest

from sync_pipeline.lake.types import WIDER, column_type, wider
from sync_pipeline.mirror.drift import Drift, drift
from sync_pipeline.model import Field

TEXT, STAMP = "VARCHAR", "TIMESTAMP WITH TIME ZONE"


def kinds(found: Drift) -> list[tuple[str, str]]:
    return [(n.kind, n.field) for n in found.notices]


def test_a_mirror_that_is_not_made_yet_gets_all_fields_without_a_word() -> None:
    found = drift({}, [Field("Id", "id"), Field("Age", "int")])
    assert found == Drift({"Id": TEXT, "Age": "BIGINT"}, {}, ())


def test_new_vanished_and_widened_fields_are_told() -> None:
    kept = {"Id": TEXT, "Age": "BIGINT", "Old": TEXT}
    found = drift(kept, [Field("Id", "id"), Field("Age", "double"), Field("New", "picklist")])
    assert (found.added, found.widened) == ({"New": TEXT}, {"Age": "DOUBLE"})
    assert kinds(found) == [("new_field", "New"), ("widened_field", "Age"), ("vanished_field", "Old")]
    assert found.notices[1].message == "Age was BIGINT and is now DOUBLE; no value was lost"


def test_a_field_that_vanished_before_is_not_told_again() -> None:
    assert drift({"Id": TEXT, "Old": TEXT}, [Field("Id", "id")], frozenset({"Old"})).notices == ()


def test_a_field_that_comes_back_goes_on_in_its_column() -> None:
    assert drift({"Id": TEXT, "Old": TEXT}, [Field("Id", "id"), Field("Old", "string")]) == Drift({}, {}, ())


def test_a_narrower_type_changes_nothing() -> None:
    assert drift({"Age": "DOUBLE", "Note": TEXT}, [Field("Age", "int"), Field("Note", "date")]) == Drift({}, {}, ())


def test_a_difference_in_case_is_none() -> None:
    assert drift({"Age__c": "BIGINT"}, [Field("AGE__C", "int")]) == Drift({}, {}, ())
    assert drift({"Age__c": "BIGINT"}, [Field("AGE__C", "double")]).widened == {"Age__c": "DOUBLE"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("BIGINT", "DOUBLE", "DOUBLE"),
        ("DATE", STAMP, STAMP),
        ("BOOLEAN", "BIGINT", TEXT),
        ("TIME", "DATE", TEXT),
        (STAMP, "DOUBLE", TEXT),
    ],
)
def test_the_wider_of_two_types(one: str, other: str, both: str) -> None:
    assert wider(one, other) == wider(other, one) == both


@pytest.mark.parametrize("one", WIDER)
@pytest.mark.parametrize("other", WIDER)
def test_a_wider_type_holds_both_and_is_stable(one: str, other: str) -> None:
    both = wider(one, other)
    assert both == wider(other, one)
    assert wider(both, one) == wider(both, other) == both


def test_an_unknown_type_is_text() -> None:
    assert column_type(Field("X", "something_new")) == TEXT
