"""The rule of the survivor and of the unions, row by row, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipeline.sync.identity.clusters import Link, Person, Reach, Record, current, left_of
from sync_pipeline.sync.identity.end_reasons import CONVERTED, DELETED, MARKETO_DELETED, MARKETO_MERGED, MERGED
from sync_pipeline.sync.identity.survivors import End, Succession, Surroundings, successions
from sync_pipeline.sync.identity.unions import merge_candidates

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
L1, L2, L3, C1, C2 = (Record("lead", "L1"), Record("lead", "L2"), Record("lead", "L3"), Record("contact", "C1"),
                      Record("contact", "C2"))  # fmt: skip
ALIVE, GONE = Person(is_alive=True), Person(is_alive=False)


def at(minute: int) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def link(record: Record, person: str, **more: Any) -> Link:
    return Link(record, person, **{"linked_at": at(0), **more})


def ended(record: Record, person: str, because: str, successor: Record | None = None, minute: int = 5) -> Link:
    return link(record, person, ended_at=at(minute), because=because, successor=successor)


def one(end: End, **around: Any) -> Succession:
    (found,) = successions([end], Surroundings(**around))
    return found


MERGED_INTO_L2 = End(link(L1, "1"), MERGED, into=L2)
CONVERTED_TO_C1 = End(link(L1, "1"), CONVERTED, into=C1)
# What the CRM made one: the ends, what is known around, and whether the person moves to the survivor.
IN_CRM: dict[str, tuple[End, dict[str, Any], bool]] = {
    "it has a living person": (MERGED_INTO_L2, {"links": [link(L2, "2")], "people": {"2": ALIVE}}, False),
    "it has a person that was made just now": (MERGED_INTO_L2, {"links": [link(L2, "2")]}, False),
    "its person was merged in Marketo": (
        MERGED_INTO_L2, {"links": [link(L2, "2")], "people": {"2": Person(False, into="3"), "3": ALIVE}}, False),
    "... into one that has not been read": (
        MERGED_INTO_L2, {"links": [link(L2, "2")], "people": {"2": Person(False, into="3")}}, False),
    "... into one that was deleted": (
        MERGED_INTO_L2, {"links": [link(L2, "2")], "people": {"2": Person(False, into="3"), "3": GONE}}, True),
    "it was deleted, and its person merged": (
        MERGED_INTO_L2,
        {"links": [ended(L2, "2", DELETED)], "people": {"2": Person(False, into="3"), "3": ALIVE}}, False),
    "its link comes back when it is undeleted": (
        MERGED_INTO_L2, {"links": [ended(L2, "2", DELETED)], "people": {"2": ALIVE}}, False),
    "Marketo merged it away itself": (MERGED_INTO_L2, {"links": [ended(L2, "2", MARKETO_MERGED, C1)]}, False),
    "the CRM refused to merge that": (
        MERGED_INTO_L2, {"links": [ended(L2, "2", MARKETO_MERGED, C1)], "refused": {"L2"}}, True),
    "a person without a link names it": (MERGED_INTO_L2, {"named": [L2]}, False),
    "it was never linked": (MERGED_INTO_L2, {}, True),
    "its person is gone": (MERGED_INTO_L2, {"links": [link(L2, "2")], "people": {"2": GONE}}, True),
    "its person was deleted in Marketo": (
        MERGED_INTO_L2, {"links": [ended(L2, "2", MARKETO_DELETED)], "people": {"2": GONE}}, True),
    "it was itself merged into this one": (
        MERGED_INTO_L2, {"links": [link(L2, "2")], "became": [("L2", "L3"), ("L3", "L1")]}, True),
    "nobody is left here either": (replace(MERGED_INTO_L2, person_is_alive=False), {}, False),
    "Marketo left another person of its own": (
        replace(MERGED_INTO_L2, person_is_alive=False, winner="3", winner_is_alive=True), {}, True),
    "a converted lead's contact is new": (CONVERTED_TO_C1, {}, True),
    "a converted lead's contact is a person": (CONVERTED_TO_C1, {"links": [link(C1, "2")]}, False),
}  # fmt: skip


@pytest.mark.parametrize(("end", "around", "moves"), IN_CRM.values(), ids=IN_CRM)
def test_of_what_the_crm_made_one_the_other_record_survives(end: End, around: dict[str, Any], moves: bool) -> None:
    """MERGE-1, MERGE-3: it gets the person where it has none; where it has one, both people are to be merged."""
    found = one(end, **around)
    assert (found.successor, found.sharer) == (end.into, None)
    assert found.moves_to == ((end.into, "1") if moves else None)


@pytest.mark.parametrize("has_person", [False, True])
def test_if_marketo_has_merged_the_person_too_both_unions_are_done(has_person: bool) -> None:
    end = replace(MERGED_INTO_L2, winner="3", winner_is_alive=True)
    assert one(end, links=[link(L2, "2")] if has_person else []).unites == has_person


WON = End(link(C1, "1"), MARKETO_MERGED, winner="2", winner_is_alive=True)
# What Marketo made one: the links of the winner, the survivor (None: the record itself), and whose link is looked at.
IN_MARKETO: dict[str, tuple[End, list[Link], Record | None, Record | None]] = {
    "nobody has the winner": (WON, [], None, None),
    "nobody has it any more": (WON, [ended(C2, "2", DELETED)], None, None),
    "another contact has it": (WON, [link(C2, "2")], C2, None),
    "the open link counts before the ended one": (
        WON, [ended(Record("contact", "C3"), "2", MERGED, L1), link(C2, "2")], C2, None),
    "the last one counts of those that were handed on": (
        WON, [ended(Record("contact", "C3"), "2", MERGED, L1, 6), ended(C2, "2", MERGED, L1, 7)], C2, None),
    "a lead has it": (WON, [link(L1, "2")], None, L1),
    "a lead had it that was converted": (WON, [ended(L1, "2", CONVERTED, C2)], None, None),
    "a contact counts before a lead": (WON, [link(L1, "2"), link(C2, "2")], C2, None),
    "the CRM knows the record as another one": (replace(WON, into=C2), [link(Record("contact", "C3"), "2")], C2, None),
}  # fmt: skip


@pytest.mark.parametrize(("end", "links", "survivor", "sharer"), IN_MARKETO.values(), ids=IN_MARKETO)
def test_of_what_marketo_made_one_the_winners_record_survives(
    end: End, links: list[Link], survivor: Record | None, sharer: Record | None
) -> None:
    """MERGE-2, MERGE-13: a record that goes on itself gets the winner; a contact goes on before a lead."""
    found = one(end, links=links, earlier=["lead"])
    assert (found.successor, found.sharer) == (survivor, sharer)
    assert found.moves_to == (None if survivor else (C1, "2"))


DELETED_AND_WON = replace(WON, because=DELETED)
# The CRM deleted the record, too: the links of the winner, which record became which, and whether the winner is told.
DELETED_BESIDES: dict[str, tuple[list[Link], list[tuple[str, str]], bool]] = {
    "nobody has the winner": ([], [], True),
    "its record was merged into this one": ([ended(C2, "2", MERGED, C1)], [("C2", "C1")], True),
    "another record has it": ([link(C2, "2")], [], False),
    "a lead has it": ([link(L1, "2")], [], False),
    "another record had it that may come back": ([ended(C2, "2", DELETED)], [], False),
}


@pytest.mark.parametrize(("links", "became", "told"), DELETED_BESIDES.values(), ids=DELETED_BESIDES)
def test_that_a_record_was_deleted_is_told_to_the_person_that_marketo_left(
    links: list[Link], became: list[tuple[str, str]], told: bool
) -> None:
    """DEL-1: as long as that is not another record's."""
    found = one(DELETED_AND_WON, links=links, became=became, earlier=["lead"])
    expected = (MARKETO_MERGED, (C1, "2")) if told else (DELETED, None)
    assert (found.because, found.moves_to, found.successor) == (*expected, None)


def test_a_record_that_is_gone_takes_no_person_that_is_due_to_another() -> None:
    other = replace(WON, link=link(C2, "3"))
    assert [found.end.id for found in successions([DELETED_AND_WON, other], Surroundings())] == ["C2"]


def test_a_deletion_that_was_noted_before_is_not_noted_again() -> None:
    before = replace(DELETED_AND_WON, link=ended(C1, "1", DELETED))
    assert successions([before], Surroundings(links=[link(C2, "2")])) == []


def test_a_lead_whose_person_is_a_contacts_too_ends_for_it() -> None:
    assert one(End(link(L1, "1"), MARKETO_MERGED, twin=C1)).successor == C1


def test_of_several_records_that_lost_their_people_to_one_the_first_gets_it_and_the_others_wait() -> None:
    others = [replace(WON, link=link(Record("contact", f"C{n}"), str(n))) for n in (5, 4)]
    assert [found.end.id for found in successions([*others, WON], Surroundings())] == ["C1"]


def test_a_chain_is_followed_to_its_end_and_a_circle_has_none() -> None:
    """MERGE-17."""
    people = {"1": Person(False, "2"), "2": Person(False, "3"), "4": Person(False, "5"), "5": Person(False, "4")}
    assert [left_of(person, people) for person in "12345"] == ["3", "3", "3", "4", "5"]
    loser = ended(L1, "1", MERGED, L2)
    found = merge_candidates([loser], [(L2, L3), (L3, C1), (C1, L2)], [loser, link(C1, "7")], people)
    assert {(c.person, c.survivor, c.survivor_person, c.is_last) for c in found} == {
        ("3", L2, None, True), ("3", L3, None, True), ("3", C1, "7", True)}  # fmt: skip


def test_a_survivor_that_was_deleted_is_who_marketo_made_its_person() -> None:
    """Whom either system made one is one: the CRM the records, Marketo the people."""
    loser, survivor = ended(L1, "1", MERGED, L2), ended(L2, "2", DELETED)
    (found,) = merge_candidates([loser], [], [loser, survivor], {"2": Person(False, into="3")})
    assert (found.person, found.survivor_person) == ("1", "3")


LOSER = ended(L1, "1", MERGED, L2)
# What is known of the loser's person besides, and whether this link may still have it merged.
OWNERS: dict[str, tuple[list[Link], bool]] = {
    "nobody had it since": ([], True),
    "somebody has it now": ([link(L3, "1", linked_at=at(6))], False),
    "somebody had it later": ([replace(ended(L3, "1", MERGED, C1, 8), linked_at=at(6))], False),
    "somebody had it before": ([ended(L3, "1", MERGED, L1, 4)], True),
    "the one that went on for it has it": ([ended(L3, "1", MERGED, C1, 4), link(C1, "1", linked_at=at(1))], True),
    "it went on by a union in Marketo": (
        [replace(ended(L3, "8", MARKETO_MERGED, C1, 6)), link(L3, "1", linked_at=at(6))],
        True,
    ),
}


@pytest.mark.parametrize(("others", "is_last"), OWNERS.values(), ids=OWNERS)
def test_of_several_that_had_a_person_only_the_last_has_it_merged(others: list[Link], is_last: bool) -> None:
    (found,) = merge_candidates([LOSER], [], [LOSER, *others], {})
    assert found.is_last == is_last


def test_a_survivor_whose_link_has_ended_for_good_has_nobody_to_be_merged_with() -> None:
    assert merge_candidates([LOSER], [], [LOSER, ended(L2, "2", MARKETO_DELETED)], {}) == []


LINKS = st.builds(
    link, st.sampled_from([L1, L2, C1]), st.sampled_from("123"), linked_at=st.integers(0, 9).map(at),
    ended_at=st.none() | st.integers(0, 9).map(at), because=st.sampled_from([MERGED, DELETED, MARKETO_DELETED]),
)  # fmt: skip


@given(st.lists(LINKS))
def test_a_record_s_current_link_is_its_open_one_or_the_last_that_may_come_back(links: list[Link]) -> None:
    for record, found in current(links).items():
        lasting = [each for each in links if each.record == record and each.lasts]
        assert found.recency == max(each.recency for each in lasting)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"))), st.sampled_from("abcd"))
def test_what_is_reached_is_reached_by_one_edge_or_more(edges: list[tuple[str, str]], start: str) -> None:
    reached, more = set[str](), {end for begin, end in edges if begin == start}
    while more - reached:
        reached |= more
        more = {end for begin, end in edges if begin in reached}
    assert {end for end in "abcd" if Reach(edges).reaches(start, end)} == reached
