"""What a system makes of our own write is agreed on, noted once, and not sent back; a user's edit still is one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline.catalog.consent import is_consent
from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Value
from sync_pipeline.model import Field, Mapping, Rule
from sync_pipeline_tests.plain import PlainLake
from sync_pipeline_tests.sync.peopled import FAULTS, Died
from sync_pipeline_tests.sync.world import CRM_FIELDS, MAPPINGS, MARKETO_FIELDS, World

pytestmark = pytest.mark.matrix

# How a system keeps what it is sent, and a value that it makes something else of.
FORMS: dict[str, tuple[Callable[[str], Value], str]] = {
    "cut": (lambda text: text[:5], "Ada Lovelace"),
    "lower case": (str.lower, "Ada@Example.org"),
    "in order": (lambda text: ";".join(sorted(text.split(";"))), "Wine;Beer;Ale"),
    "without blanks": (lambda text: text.replace(" ", ""), "1 2 3"),
    "digits": (lambda text: "+" + "".join(c for c in text if c.isdigit()), "(030) 123-45"),
    "something else": (lambda text: "n/a", "1"),
}
# Fields of consent as a catalog declares them, and as a setting names them.
SAYS_NO: dict[str, tuple[dict[str, str], Field, Field]] = {
    "e-mail": ({"crm": "HasOptedOutOfEmail", "marketo": "unsubscribed"}, Field("", "boolean"), Field("", "boolean")),
    "phone": ({"crm": "DoNotCall", "marketo": "doNotCall"}, Field("", "boolean"), Field("", "boolean")),
    "named, as a text": ({"crm": "Sms__c", "marketo": "sms"}, Field("", "string", length=9), Field("", "string")),
}
PHONE = {"crm": "Phone", "marketo": "phone"}


def other(side: str) -> str:
    return "marketo" if side == "crm" else "crm"


def values(world: World, crm_id: str, marketo_id: str) -> dict[str, Value]:
    return {
        "crm": world.crm.records[crm_id].get("Phone"),
        "marketo": world.marketo.records[marketo_id].get("phone"),
    }


def writes(world: World) -> int:
    return len(world.crm.writes) + len(world.marketo.writes)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """Return systems of which the one that is written to wins each conflict: a form taken for an edit would show."""
    side = getattr(request.node, "callspec").params.get("side", "marketo")  # noqa: B009
    rule = {"crm": Rule.CRM_WINS, "marketo": Rule.MARKETO_WINS}[side]
    return World(PlainLake(tmp_path), tmp_path / "landing", rule)


@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("how", FORMS)
def test_the_other_sides_form_of_our_write_is_not_sent_back(world: World, side: str, how: str) -> None:
    """Law 3: whatever else moves on the records, the original stays, and the loss is on record once."""
    form, value = FORMS[how]
    crm_id, marketo_id = world.linked(Phone="0")
    ids, system = {"crm": crm_id, "marketo": marketo_id}, getattr(world, side)
    system.normalise = {PHONE[side]: form}
    source = getattr(world, other(side))
    source.edit(ids[other(side)], **{PHONE[other(side)]: value})
    world.cycle()
    assert writes(world) == 1
    for _ in range(3):
        world.cycle()
    source.edit(ids[other(side)])  # a touch, and an edit of something else on both sides
    world.crm.edit(crm_id, LastName="Bea")
    world.cycle()
    world.marketo.edit(marketo_id, leadScore=7)
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {other(side): value, side: form(value)}
    assert writes(world) == 3
    assert world.rows("conflict", "field, winner, crm_value, marketo_value") == [
        ("phone", "neither", values(world, crm_id, marketo_id)["crm"], values(world, crm_id, marketo_id)["marketo"])
    ]


@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("when", ["at once", "later", "after it was noted"])
def test_what_a_user_writes_over_it_is_an_edit(world: World, side: str, when: str) -> None:
    crm_id, marketo_id = world.linked(Phone="0")
    ids, system, source = {"crm": crm_id, "marketo": marketo_id}, getattr(world, side), getattr(world, other(side))
    system.normalise = {PHONE[side]: str.lower}
    source.edit(ids[other(side)], **{PHONE[other(side)]: "ABC"})
    world.cycle()
    if when == "later":
        world.tick()
    if when == "after it was noted":
        world.cycle()
    system.edit(ids[side], **{PHONE[side]: "abcd"})
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": "abcd", "marketo": "abcd"}
    system.edit(ids[side], **{PHONE[side]: "abc"})  # what was our form before is now what the user wants
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": "abc", "marketo": "abc"}


@pytest.mark.parametrize(("value", "is_edit"), [("Bea", True), ("ada", False)])
def test_in_the_seconds_after_our_write_only_a_plain_form_of_it_is_no_edit(
    world: World, value: str, is_edit: bool
) -> None:
    """Marketo tells no author, and of its clock we know the second: a marketer may be as quick as that."""
    crm_id, marketo_id = world.linked(Phone="0")
    world.crm.edit(crm_id, Phone="Ada")
    world.cycle()
    ((written_at,),) = world.rows("link", "marketo_written_at")
    world.marketo.edit(marketo_id, phone=value)
    at = written_at + timedelta(seconds=1)
    world.marketo.records[marketo_id]["updatedAt"] = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for _ in range(3):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": value if is_edit else "Ada", "marketo": value}


@pytest.mark.parametrize("side", ["crm", "marketo"])
def test_an_edit_of_the_original_meets_no_conflict_with_the_form(world: World, side: str) -> None:
    crm_id, marketo_id = world.linked(Phone="0")
    ids, system, source = {"crm": crm_id, "marketo": marketo_id}, getattr(world, side), getattr(world, other(side))
    system.normalise = {PHONE[side]: lambda text: text[:2]}
    source.edit(ids[other(side)], **{PHONE[other(side)]: "12345"})
    world.cycle()
    source.edit(ids[other(side)], **{PHONE[other(side)]: "98765"})
    for _ in range(3):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {other(side): "98765", side: "98"}
    assert writes(world) == 2


@pytest.mark.parametrize("tells_ids", [True, False], ids=["by REST", "by import"])
@pytest.mark.parametrize("how", ["cut", "lower case", "something else"])
def test_a_new_person_too_keeps_its_form_to_itself(world: World, tells_ids: bool, how: str) -> None:
    """MK-REST-19: an import tells no ids, so that the link is made when the person is first read."""
    form, value = FORMS[how]
    world.marketo.tells_ids, world.marketo.normalise = tells_ids, {"phone": form}
    crm_id = world.crm.edit(None, LastName="Ada", HasOptedOutOfEmail=False, Phone=value)
    for _ in range(3):
        world.cycle()
    (marketo_id,) = world.marketo.records
    assert values(world, crm_id, marketo_id) == {"crm": value, "marketo": form(value)}
    assert (len(world.marketo.writes), world.crm.writes) == (1, [])
    world.marketo.edit(marketo_id, phone="5")
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": "5", "marketo": "5"}


def test_the_crm_names_who_changed_a_record_in_the_moment_of_our_write(tmp_path: Path) -> None:
    """A bulk job takes minutes: what another user writes meanwhile has a stamp before its answer, and is an edit."""
    user, somebody = "005000000000001AAA", "005000000000002AAA"
    author = (Field("LastModifiedById", "reference", updateable=False),)
    world = World(PlainLake(tmp_path), tmp_path / "landing", crm=author)
    world.crm.author = lambda: user  # type: ignore[method-assign]
    crm_id, marketo_id = world.linked(Phone="0")
    for last, sent, phone in ((user, "ABC", "ABC"), (somebody, "DEF", "def")):
        world.marketo.edit(marketo_id, phone=sent)
        world.cycle()
        world.crm.edit(crm_id, Phone=sent.lower(), LastModifiedById=last)
        world.crm.records[crm_id]["SystemModstamp"] = world.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
        for _ in range(2):
            world.cycle()
        assert values(world, crm_id, marketo_id) == {"crm": sent.lower(), "marketo": phone}


@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("rule", [Rule.CRM_WINS, Rule.MARKETO_WINS])
@pytest.mark.parametrize("which", SAYS_NO)
def test_an_opt_out_in_answer_to_our_write_is_never_a_mere_form_of_it(
    tmp_path: Path, side: str, rule: Rule, which: str
) -> None:
    """Law 13: Marketo's durable unsubscribe makes "true" of the "false" that it is sent, and both sides hear of it."""
    names, ours, theirs = SAYS_NO[which]
    mapping = Mapping(names["crm"], names["marketo"], which, rule=rule)
    assert is_consent("contact", mapping, ["contact.Sms__c"])
    others = tuple(one for one in MAPPINGS if one.crm != names["crm"])
    has = {field.name for field in (*CRM_FIELDS, *MARKETO_FIELDS)}
    world = World(
        PlainLake(tmp_path),
        tmp_path / "landing",
        rule,
        (*others, replace(mapping, consent=True)),
        crm=() if names["crm"] in has else (replace(ours, name=names["crm"]),),
        marketo=() if names["marketo"] in has else (replace(theirs, name=names["marketo"]),),
    )
    crm_id, marketo_id = world.linked(**{names["crm"]: True})
    ids, source = {"crm": crm_id, "marketo": marketo_id}, getattr(world, other(side))
    getattr(world, side).normalise = {names[side]: lambda _: True}
    source.edit(ids[other(side)], **{names[other(side)]: False})
    for _ in range(4):
        world.cycle()
    found = world.crm.records[crm_id][names["crm"]], world.marketo.records[marketo_id][names["marketo"]]
    assert [str(value).lower() for value in found] == ["true", "true"]
    assert world.rows("conflict", "winner") == []


# What a plain rule makes of a value: a list's order and a number's places included.
PLAIN: dict[str, tuple[Callable[[str], Value], str, str]] = {
    "cut": (lambda text: text[:5], "Ada Lovelace", "Eve"),
    "lower case": (str.lower, "Ada@Example.org", "Eve@Example.org"),
    "trimmed": (lambda text: text.replace(" ", ""), "a b c", "d e f"),
    "in order": (lambda text: ";".join(sorted(text.split(";"))), "Wine;Beer;Ale", "Tea;Milk"),
    "rounded": (lambda text: str(round(float(text), 1)), "12.347", "15.999"),
    "phone": (lambda text: "".join(c for c in text if c.isdigit()), "(030) 123-45", "(030) 543-21"),
}


def lose(world: World, side: str, how: str) -> None:
    """Have a cycle write to a side, and lose the answer or die before it is noted."""
    system = getattr(world, side)
    world.read()
    system.after = FAULTS[how]
    with suppress(Died, RetryableError):
        world.sync()
    system.after = lambda: None


@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("how", PLAIN)
def test_the_form_of_a_write_whose_answer_was_lost_does_not_overwrite_the_original(
    world: World, side: str, fault: str, how: str
) -> None:
    """Law 3 and GEN-16: though it cannot be known what became of the write, a plain form of it is no edit."""
    form, value, later = PLAIN[how]
    crm_id, marketo_id = world.linked(Phone="0")
    ids, system, source = {"crm": crm_id, "marketo": marketo_id}, getattr(world, side), getattr(world, other(side))
    system.normalise = {PHONE[side]: form}
    source.edit(ids[other(side)], **{PHONE[other(side)]: value})
    lose(world, side, fault)
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {other(side): value, side: form(value)}
    assert (writes(world), world.rows("conflict", "winner")) == (1, [("neither",)])
    source.edit(ids[other(side)], **{PHONE[other(side)]: later})
    lose(world, side, fault)
    source.edit(ids[other(side)], **{PHONE[other(side)]: value})  # before it was known what became of the write
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {other(side): value, side: form(value)}
    system.edit(ids[side], **{PHONE[side]: "7"})
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": "7", "marketo": "7"}


@pytest.mark.parametrize("side", ["crm", "marketo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_no_plain_rule_makes_of_it_is_an_edit_though_an_answer_was_lost(
    world: World, side: str, fault: str
) -> None:
    crm_id, marketo_id = world.linked(Phone="0")
    ids, system, source = {"crm": crm_id, "marketo": marketo_id}, getattr(world, side), getattr(world, other(side))
    source.edit(ids[other(side)], **{PHONE[other(side)]: "Ada"})
    lose(world, side, fault)
    system.edit(ids[side], **{PHONE[side]: "Bea"})
    for _ in range(2):
        world.cycle()
    assert values(world, crm_id, marketo_id) == {"crm": "Bea", "marketo": "Bea"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("us", [True, False], ids=["us", "somebody"])
def test_the_crm_names_the_author_after_an_answer_was_lost(tmp_path: Path, fault: str, us: bool) -> None:
    """Any value of a record that names us is its form of our write; of one that names another user it is an edit."""
    user, somebody = "005000000000001AAA", "005000000000002AAA"
    author = (Field("LastModifiedById", "reference", updateable=False),)
    world = World(PlainLake(tmp_path), tmp_path / "landing", Rule.CRM_WINS, crm=author)
    world.crm.author = lambda: user  # type: ignore[method-assign]
    crm_id, marketo_id = world.linked(Phone="0")
    world.marketo.edit(marketo_id, phone="ABC")
    lose(world, "crm", fault)
    world.crm.edit(crm_id, Phone="none" if us else "abc", LastModifiedById=user if us else somebody)
    for _ in range(2):
        world.cycle()
    kept = {"crm": "none", "marketo": "ABC"} if us else {"crm": "abc", "marketo": "abc"}
    assert values(world, crm_id, marketo_id) == kept
