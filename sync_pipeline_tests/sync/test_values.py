"""A field of one type against one of another, through whole cycles: what arrives, what is refused, what is equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipeline.catalog import pairings
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.records import Value
from sync_pipeline.connectors.salesforce.answers import field
from sync_pipeline.lake import ledger
from sync_pipeline.model import Chosen, Describe, Field, Mapping
from sync_pipeline.sync.mapping.effective import Choice, lacking, mapped
from sync_pipeline_tests.plain import PlainLake
from sync_pipeline_tests.sync.world import MAPPINGS, World

pytestmark = pytest.mark.matrix

CRM = (
    Field("Number__c", "double", precision=18, scale=0),
    Field("Amount__c", "currency", precision=18, scale=2),
    Field("Day__c", "date"),
    Field("At__c", "datetime"),
    Field("Ticked__c", "boolean", nillable=False),
    Field("Whole__c", "int", precision=0),
    Field("Text__c", "string", length=80),
)
MARKETO = (
    *(Field(name, "string", length=255) for name in ("number", "amount", "day", "at", "ticked", "whole")),
    Field("float", "float"),
)
PAIRS = {
    "Number__c": "number", "Amount__c": "amount", "Day__c": "day", "At__c": "at", "Ticked__c": "ticked",
    "Whole__c": "whole", "Text__c": "float",
}  # fmt: skip


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[[], World]:
    mappings = (*MAPPINGS, *(Mapping(crm, marketo, crm) for crm, marketo in PAIRS.items()))
    return lambda: World(PlainLake(tmp_path), tmp_path / "landing", mappings=mappings, crm=CRM, marketo=MARKETO)


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


@pytest.mark.parametrize(
    ("crm", "value", "said"),
    [
        ("Number__c", 4711, "4711"),
        ("Number__c", "4711.0", "4711"),
        ("Number__c", 12345678901234567, "12345678901234567"),
        ("Number__c", "1.2E7", "12000000"),
        ("Number__c", 999999999999999999, "999999999999999999"),
        ("Number__c", -5, "-5"),
        ("Number__c", 0, "0"),
        ("Amount__c", 4711.5, "4711.50"),
        ("Amount__c", "1.23456789012E9", "1234567890.12"),
        ("Amount__c", 0.1, "0.10"),
        ("Day__c", "2026-03-01", "2026-03-01"),
        ("At__c", "2026-03-01T08:30:00.000+0000", "2026-03-01T08:30:00Z"),
        ("Ticked__c", True, "true"),
        ("Whole__c", 7, "7"),
    ],
)
def test_every_type_has_a_plain_text_in_marketo(world: World, crm: str, value: Value, said: str) -> None:
    """SPEC 11.2: with the scale of describe, all digits, and never an exponent."""
    crm_id, marketo_id = world.linked(**{crm: value})
    assert world.marketo.records[marketo_id][PAIRS[crm]] == said
    world.cycle()
    assert world.crm.writes == world.marketo.writes == []
    assert world.crm.records[crm_id][crm] == value


@pytest.mark.parametrize(
    ("crm", "before", "typed", "after"),
    [
        ("Number__c", 4711, "4712", 4712),
        ("Number__c", 4711, " 4712.0", 4712),
        ("Number__c", 1, "12345678901234567", 12345678901234567),
        ("Amount__c", 1, "4711.5", 4711.5),
        ("Day__c", "2026-03-01", "2026-03-02", "2026-03-02"),
        ("Ticked__c", True, "No", False),
        ("Ticked__c", False, "yes", True),
    ],
)
def test_what_a_marketer_types_arrives_as_the_value_that_it_is_and_stays_as_it_was_typed(
    world: World, crm: str, before: Value, typed: str, after: Value
) -> None:
    crm_id, marketo_id = world.linked(**{crm: before})
    world.marketo.edit(marketo_id, **{PAIRS[crm]: typed})
    for _ in range(3):
        world.cycle()
    assert world.crm.records[crm_id][crm] == after
    assert world.marketo.records[marketo_id][PAIRS[crm]] == typed
    assert (len(world.crm.writes), world.marketo.writes) == (1, [])


@pytest.mark.parametrize(
    ("crm", "before", "typed"),
    [
        ("Number__c", 4711, "4,712"),
        ("Number__c", 4711, "n/a"),
        ("Amount__c", 1, "12,50"),
        ("Day__c", "2026-03-01", "01/03/2026"),
        ("At__c", "2026-03-01T08:30:00.000Z", "tomorrow"),
        ("Ticked__c", True, "maybe"),
        ("Whole__c", 7, "seven"),
    ],
)
def test_a_text_that_is_no_value_of_the_type_costs_that_field_alone(
    world: World, crm: str, before: Value, typed: str
) -> None:
    """Law 8: what was changed with it arrives."""
    crm_id, marketo_id = world.linked(**{crm: before, "Phone": "1"})
    world.marketo.edit(marketo_id, **{PAIRS[crm]: typed, "phone": "2"})
    assert world.cycle().error == ""
    assert (world.crm.records[crm_id][crm], world.crm.records[crm_id]["Phone"]) == (before, "2")
    assert world.open_errors() == ["WRONG_TYPE"]
    world.cycle()
    assert world.marketo.records[marketo_id][PAIRS[crm]] == typed


def test_a_float_of_marketo_that_no_integer_of_the_crm_holds_costs_that_field_alone(
    tmp_path: Path,
) -> None:
    """Law 8: other people's values arrive in the same pass, and so do the other values of this one."""
    mappings = (*MAPPINGS, Mapping("Whole__c", "float", "Whole"))
    world = World(PlainLake(tmp_path), tmp_path / "landing", mappings=mappings, crm=CRM, marketo=MARKETO)
    (one, person), (other, second) = world.linked(Whole__c=1), world.linked(Whole__c=1)
    world.crm.refuse = lambda record: None
    world.marketo.edit(person, float=1e20, phone="2")
    world.marketo.edit(second, float=3, phone="3")
    assert world.cycle().error == ""
    assert (world.crm.records[other]["Whole__c"], world.crm.records[other]["Phone"]) == (3, "3")
    assert world.crm.records[one]["Phone"] == "2"


@pytest.mark.parametrize(("marketo", "before", "after"), [("number", "2.5", "4.25"), ("float", 2.5, 4.25)])
def test_a_number_that_is_told_to_be_whole_and_is_not_goes_both_ways_with_its_fraction(
    tmp_path: Path, marketo: str, before: Value, after: Value
) -> None:
    number, *others = CRM
    mappings = (*MAPPINGS, Mapping("Number__c", marketo, "Number"))
    crm = (replace(number, fractional=True), *others)
    world = World(PlainLake(tmp_path), tmp_path / "landing", mappings=mappings, crm=crm, marketo=MARKETO)
    crm_id, marketo_id = world.linked(Number__c="2.5")
    assert world.marketo.records[marketo_id][marketo] == before
    world.marketo.edit(marketo_id, **{marketo: after})
    world.cycle()
    world.cycle()
    assert (world.crm.records[crm_id]["Number__c"], world.marketo.records[marketo_id][marketo]) == (4.25, after)
    assert world.open_errors() == []


@pytest.mark.parametrize(("side", "name", "bad"), [("crm", "Number__c", "1e99"), ("marketo", "float", "nan")])
def test_a_value_that_the_mirror_cannot_hold_is_not_taken_for_an_emptied_field(
    world: World, side: str, name: str, bad: str
) -> None:
    """Law 6: it is null in the mirror and on record, and the other side keeps what it has until it is mended."""
    crm_id, marketo_id = world.linked(Number__c=5, Text__c="7")
    assert (world.marketo.records[marketo_id]["number"], world.marketo.records[marketo_id]["float"]) == ("5", 7)
    record = {"crm": crm_id, "marketo": marketo_id}[side]
    getattr(world, side).edit(record, **{name: bad, ("Phone" if side == "crm" else "phone"): "2"})
    for _ in range(2):
        world.cycle()
    assert "VALUE_DOES_NOT_FIT" in world.open_errors()
    assert world.marketo.records[marketo_id]["number"] == "5" or side == "marketo"
    assert world.crm.records[crm_id]["Text__c"] == "7"
    assert world.crm.records[crm_id]["Phone"] == world.marketo.records[marketo_id]["phone"] == "2"
    getattr(world, side).edit(record, **{name: 9})
    world.cycle()
    other = world.crm.records[crm_id]["Text__c"] if side == "marketo" else world.marketo.records[marketo_id]["number"]
    assert other == "9"
    assert world.open_errors() == []


def test_the_form_that_an_older_version_agreed_on_is_no_edit(world: World) -> None:
    """The base of before this version says 4711.0: an edit on one side alone is still one."""
    crm_id, marketo_id = world.linked(Number__c=4711)
    with world.lake.transaction() as con:
        con.execute(f"update {ledger.table('link')} set agreed = map_concat(agreed, map {{'number': '4711.0'}})")
    world.marketo.edit(marketo_id, number="4712")
    world.cycle()
    assert world.crm.records[crm_id]["Number__c"] == 4712
    assert world.rows("conflict", "field") == []


@pytest.mark.parametrize("mask", ["XXXX-4321", "*****4321", "XXX-XX-4321", "********"])
def test_a_mask_is_no_value_and_nothing_is_written_over_it(tmp_path: Path, mask: str) -> None:
    """A user without the permission View Encrypted Data reads a mask; with it, the value, which is synced."""
    fields = (Field("Card__c", "encryptedstring", length=80, by_reader=True),)
    mappings = (*MAPPINGS, Mapping("Card__c", "number", "Card"))
    world = World(PlainLake(tmp_path), tmp_path / "landing", mappings=mappings, crm=fields, marketo=MARKETO)
    crm_id, marketo_id = world.linked(Card__c=mask)
    assert world.marketo.records[marketo_id].get("number") is None
    world.marketo.edit(marketo_id, number="1111-2222", phone="2")
    world.cycle()
    world.crm.edit(crm_id, Card__c=mask.replace("4", "5"))
    world.cycle()
    assert (world.crm.records[crm_id]["Card__c"], world.crm.records[crm_id]["Phone"]) == (mask.replace("4", "5"), "2")
    assert world.marketo.records[marketo_id]["number"] == "1111-2222"
    _, person = world.linked(Card__c="5555-4321")
    assert world.marketo.records[person]["number"] == "5555-4321"


def test_what_depends_on_who_reads_it_is_left_out_unless_it_is_chosen() -> None:
    """Encrypted texts, and formulas over $User and its like: they are neither mapped by name nor offered."""
    told = {"label": "x", "custom": True}
    described = [
        field(Document({"name": "Card__c", "type": "encryptedstring", **told})),
        field(Document({"name": "Mine__c", "type": "string", "calculatedFormula": "$User.Id = OwnerId", **told})),
        field(Document({"name": "Plain__c", "type": "string", "calculatedFormula": "Name & '$Users'", **told})),
    ]
    lead = next(pairing for pairing in pairings() if pairing.name == "lead")
    crm = Describe("Lead", tuple(described))
    marketo = Describe(lead.marketo.source, tuple(Field(f.name, "string") for f in described))
    systems = {(lead.crm.system, lead.crm.source): crm, (lead.marketo.system, lead.marketo.source): marketo}
    named = {m.crm for m in mapped(lead, systems).mappings}
    assert {"Card__c", "Mine__c", "Plain__c"} & named == {"Plain__c"}
    assert lacking(lead, crm) == [described[2]]
    chosen = mapped(lead, systems, Choice({"lead": [Chosen("Card__c", "Card__c")]}))
    assert "Card__c" in {m.crm for m in chosen.mappings}
