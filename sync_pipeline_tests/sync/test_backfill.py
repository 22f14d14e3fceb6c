"""Fields whose values a mirror does not have yet, and bringing one field over all links to the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_pipeline.model import Chosen
from sync_pipeline.sync.inspection.backfill import Count, FieldError, backfill, field_of, tried
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.policy import Limits
from sync_pipeline_tests.sync.world import World


def trial(world: World, crm_field: str, winner: str | None = None) -> dict[tuple[str, str, str], int]:
    """Return how many links would be written, or not: by side, how and why."""
    (question,) = world.next_pass(apply=False).requests()
    with world.lake.reading() as con:
        found = tried(con, question, field_of(question, crm_field, winner), winner)
    assert all(isinstance(one, Count) for one in found)
    return {(one.to, one.how, one.because): one.links for one in found}


def fill(world: World, crm_field: str, winner: str | None = None) -> int:
    (question,) = world.next_pass(apply=False).requests()
    return backfill(world.lake, question, field_of(question, crm_field, winner), winner, world.now())


def titles(world: World, *ids: tuple[str, str]) -> list[tuple[object, object]]:
    return [(world.crm.records[c].get("Title"), world.marketo.records[m].get("title")) for c, m in ids]


def test_a_value_that_was_never_read_is_neither_overwritten_nor_taken_for_none(world: World) -> None:
    """FIELD-4: it reaches the other side with the next update of its record."""
    ada, her = world.linked()
    world.crm.records[ada]["Title"] = "Dr"  # as it was all the time, when the sync user could not see it
    world.tick()
    world.describe("crm", "Title", since=world.now())
    world.marketo.edit(her, title="Prof")
    for _ in range(2):
        world.cycle()
    assert titles(world, (ada, her)) == [("Dr", "Prof")]
    assert world.crm.writes == []
    world.crm.edit(ada)
    world.cycle()
    assert titles(world, (ada, her)) == [("Dr", "Dr")]


def test_what_does_not_fit_a_new_type_is_removed_with_the_next_update_of_its_record(world: World) -> None:
    """FIELD-6: the CRM made what it could of the value; what is still in the mirror from before does no harm."""
    (ada, her), (bob, his) = (world.linked(Title=title) for title in ("soon", "2026-01-31"))
    world.tick()
    world.describe("crm", "Title", type="date", since=world.now())
    for person in (her, his):
        world.marketo.edit(person, phone="7")
    assert world.cycle().error == ""
    assert titles(world, (ada, her)) == [("soon", "soon")]
    for contact, title in ((ada, None), (bob, "2026-01-31")):
        world.crm.edit(contact, Title=title)
    world.cycle()
    assert titles(world, (ada, her), (bob, his)) == [(None, None), ("2026-01-31", "2026-01-31")]


@pytest.fixture
def people(world: World) -> list[tuple[str, str]]:
    """Give four linked people with titles that were not mapped to one another so far, and are from now on."""
    declared = world.rules
    world.rules = replace(declared, mapping=Choice({world.pairing.name: (Chosen("Title", ""),)}))
    linked = []
    for crm, marketo in (("Dr", None), (None, "Prof"), ("A", "B"), ("C", "C")):
        contact, person = world.linked(Title=crm)
        world.marketo.edit(person, title=marketo)
        linked.append((contact, person))
    world.cycle()
    world.rules = declared
    assert world.cycle().planned.touched == 0  # nothing is pushed by a new mapping
    return linked


FIRST = "first meeting, "
AGREE = {("", "keep", "both sides agree"): 1}
TRIED: dict[str | None, dict[tuple[str, str, str], int]] = {
    None: {
        ("marketo", "fill", FIRST + "Marketo is empty"): 1,
        ("crm", "fill", FIRST + "the CRM is empty"): 1,
        ("marketo", "replace", FIRST + "the values differ"): 1,
    },
    "crm": {
        ("marketo", "fill", "the field flows to Marketo only"): 1,
        ("marketo", "replace", "the field flows to Marketo only"): 1,
        ("", "keep", "nothing to bring"): 1,
    },
    "marketo": {
        ("crm", "fill", "the field flows to the CRM only"): 1,
        ("crm", "replace", "the field flows to the CRM only"): 1,
        ("", "keep", "nothing to bring"): 1,
    },
}
DONE: dict[str | None, list[tuple[object, object]]] = {
    None: [("Dr", "Dr"), ("Prof", "Prof"), ("A", "A")],
    "crm": [("Dr", "Dr"), (None, "Prof"), ("A", "A")],
    "marketo": [("Dr", None), ("Prof", "Prof"), ("B", "B")],
}


@pytest.mark.parametrize("winner", [None, "crm", "marketo"])
def test_a_backfill_is_tried_out_first_planned_limited_and_written_like_any_edit(
    world: World, people: list[tuple[str, str]], winner: str | None
) -> None:
    """FIELD-19, SPEC 31 decision 14: in either direction or as the rule says; an empty value is never brought over."""
    expected = TRIED[winner]
    assert trial(world, "Title", winner) == {**expected, **AGREE}
    assert world.cycle().planned.touched == 0  # nothing came of the trial

    count = sum(number for (to, _, _), number in expected.items() if to)
    assert fill(world, "Title", winner) == count
    planned = world.cycle(apply=False).planned
    refused = world.cycle(limits=Limits(writes=1))
    assert "more than the limit of 1" in refused.error
    written = world.cycle().planned
    assert (written.to_marketo, written.to_crm) == (planned.to_marketo, planned.to_crm)
    assert planned.to_marketo + planned.to_crm == count
    assert titles(world, *people) == [*DONE[winner], ("C", "C")]
    world.cycle()
    assert world.cycle().planned.touched == 0
    assert sum(number for (to, _, _), number in trial(world, "Title", winner).items() if to) == 0


def test_of_what_was_not_read_yet_a_trial_says_so(world: World) -> None:
    """FIELD-4."""
    world.linked(Title="Dr")
    world.tick()
    world.describe("marketo", "title", since=world.now())
    assert trial(world, "Title") == {("", "keep", "its value has not been read since it became visible (FIELD-4)"): 1}
    assert fill(world, "Title") == 0


def test_a_field_goes_only_where_its_mapping_leads(world: World) -> None:
    world.cycle()
    with pytest.raises(FieldError, match="Score__c flows to crm only"):
        trial(world, "Score__c", "crm")
    with pytest.raises(FieldError, match="Shoe__c is not synced"):
        trial(world, "Shoe__c")
