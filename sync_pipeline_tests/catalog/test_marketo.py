"""The declared objects of Marketo, against the sandbox's describes and the declarations of the CRM."""

from __future__ import annotations

import pytest

from sync_pipeline.catalog import by_name, objects
from sync_pipeline.connectors.marketo import feed, kinds
from sync_pipeline.lake import ledger
from sync_pipeline.sandbox.marketo.records import activity_types, standard

MARKETO, CRM = objects("marketo", ["car_c"]), objects("salesforce")
TABLES = {obj.table: obj for obj in (*MARKETO, *CRM)}
DESCRIBED = {found.name: set(found.fields) for found in standard.objects()}


def test_keys_that_others_name_stand_in_mirrors_that_are_read_before() -> None:
    for number, obj in enumerate(MARKETO):
        for known in (*obj.known_by, *obj.again_by):
            if known.table == ("sync", "link"):
                assert {known.column, known.at, *known.only} <= ledger.TABLES["link"].keys()
                continue
            named = TABLES[known.table]
            assert named.system == "salesforce" or MARKETO.index(named) < number, f"{obj.name} before {named.name}"
            assert known.by in DESCRIBED[obj.source]
            if named.source in DESCRIBED:
                assert known.column in DESCRIBED[named.source]


def test_what_has_no_keys_from_elsewhere_has_a_feed_or_an_export() -> None:
    for obj in MARKETO:
        kind = kinds.kind_of(obj.source)
        assert bool(obj.known_by) is not (bool(kind.export) or obj.source == kinds.PROGRAM), obj.name


def test_declared_fields_are_there() -> None:
    for obj in MARKETO:
        if obj.source in DESCRIBED:
            own = {field.name for field in (*kinds.FATE, kinds.MEMBERSHIP)}
            named = {obj.key, obj.stamp, *obj.required, *obj.updateable}
            assert named - own <= DESCRIBED[obj.source], obj.name


def test_activity_types_mean_what_marketo_says() -> None:
    """SPEC 28.3."""
    assert {number: activity_types.TYPES[number].name for number in feed.NEEDED} == feed.NAMES
    (opportunities,) = {
        values for known in by_name("opportunity_role", MARKETO).known_by for values in known.only.values()
    }
    assert set(opportunities) == {feed.ADD_TO_OPPORTUNITY, feed.REMOVE_FROM_OPPORTUNITY, feed.UPDATE_OPPORTUNITY}
    assert len(feed.NEEDED) <= feed.TYPES_A_CALL, "so that they are one call"


def test_a_name_alone_means_the_crms_object() -> None:
    everything = (*CRM, *MARKETO)
    assert by_name("opportunity", everything).system == "salesforce"
    assert by_name("marketo/opportunity", everything).system == "marketo"
    assert by_name("person", everything).source == "lead"
    assert by_name("car_c", everything).key == "marketoGUID"


@pytest.mark.parametrize("source", ["car", "_c", 'x"; drop table lead; --_c', "1car_c"])
def test_what_cannot_be_a_custom_object_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="ends in _c"):
        objects("marketo", [source])
