from __future__ import annotations

from dataclasses import replace

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


def test_new_vanished_and_retyped_fields_are_told() -> None:
    """FIELD-3, FIELD-6, FIELD-8."""
    kept, before = (
        {"Id": TEXT, "Age": "BIGINT", "Old": TEXT},
        [Field("Id", "id"), Field("Age", "int"), Field("Old", "x")],
    )
    found = drift(kept, [Field("Id", "id"), Field("Age", "double"), Field("New", "picklist")], before)
    assert found.unread == {"New"}
    assert (found.added, found.widened) == ({"New": TEXT}, {"Age": "DOUBLE"})
    assert kinds(found) == [("new_field", "New"), ("retyped_field", "Age"), ("vanished_field", "Old")]
    assert found.notices[1].message == "Age was int and is now double; no value was lost"


def test_a_field_that_vanished_before_is_not_told_again() -> None:
    assert drift({"Id": TEXT, "Old": TEXT}, [Field("Id", "id")], [Field("Id", "id")]).notices == ()


def test_a_field_that_comes_back_goes_on_in_its_column_and_its_values_are_those_of_before() -> None:
    """FIELD-4: what it was while it could not be seen is not known."""
    found = drift({"Id": TEXT, "Old": TEXT}, [Field("Id", "id"), Field("Old", "string")], [Field("Id", "id")])
    assert found.unread == {"Old"}
    assert kinds(found) == [("new_field", "Old")]


def test_a_new_name_is_a_new_field_and_a_new_label_nothing() -> None:
    """FIELD-5, FIELD-7."""
    kept, before = {"Id": TEXT, "Region__c": TEXT}, [Field("Id", "id"), Field("Region__c", "string", "Region")]
    assert drift(kept, [Field("Id", "id", "ID"), Field("Region__c", "string", "Area")], before) == Drift({}, {}, ())
    renamed = drift(kept, [Field("Id", "id"), Field("Area__c", "string", "Region")], before)
    assert kinds(renamed) == [("new_field", "Area__c"), ("vanished_field", "Region__c")]


def test_new_values_of_a_picklist_are_told_and_those_that_are_gone_are_not() -> None:
    """FIELD-9, OPS-16."""
    before, now = (
        Field("Source", "picklist", picklist=values) for values in (("Web", "Fair"), ("Web", "Mail", "Call"))
    )
    found = drift({"Source": TEXT}, [now], [before])
    assert kinds(found) == [("new_picklist_value", "Source")]
    assert found.notices[0].message == "Source has new values: Mail, Call; Marketo's forms lack them"
    assert drift({"Source": TEXT}, [before], [now]).notices[0].message.startswith("Source has new values: Fair;")
    assert drift({"Source": TEXT}, [replace(now, picklist=("Web",))], [now]).notices == ()


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("string", "date", "what does not fit is empty from its record's next update on"),
        ("double", "int", "what does not fit is empty from its record's next update on"),
        ("string", "picklist", "no value was lost"),
        ("date", "datetime", "no value was lost"),
    ],
)
def test_a_changed_type_warns_of_what_becomes_of_the_values(was: str, now: str, said: str) -> None:
    """FIELD-6."""
    kept = {"Size": column_type(Field("Size", was))}
    found = drift(kept, [Field("Size", now)], [Field("Size", was)])
    assert [n.message for n in found.notices] == [f"Size was {was} and is now {now}; {said}"]
    assert found.unread == ({"Size"} if "empty" in said else set())


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
