"""Both systems merge and convert the same people at the same time: whoever either of them united is one in the end."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from sync_pipeline.connectors.records import Operation
from sync_pipeline.lake import Lake
from sync_pipeline_tests.sync.lives import Lives

pytestmark = pytest.mark.matrix


def turn(lives: Lives, lead: str, how: str, other: str) -> None:
    """Merge a lead into the other one, or convert it into the other contact or a new one."""
    if "merged" in how:
        lives.leads.delete(lead, other)
    else:
        lives.convert(lead, other if "another" in how else lives.contact())


def test_a_person_is_merged_for_the_last_record_that_it_was_and_not_once_more_for_each_before(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-1, CONV-2: a lead's person went on as a contact's, which is merged while the lead changes once more."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, winner = lives.lead(), lives.contact()
    lives.settled()
    contact = lives.contact()
    lives.convert(lead, contact)
    lives.settled()
    lives.contacts.delete(contact, winner)
    lives.leads.edit(lead, Phone="1")
    lives.settled()
    assert lives.asked("marketo", Operation.MERGE) == [Operation.MERGE]
    assert len(lives.people.living) == 1


def test_people_merged_in_marketo_are_merged_in_the_crm_though_one_was_joined_by_a_lead_meanwhile(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-2, CONV-3: the lead's person goes where that of its contact went, and does not take the contact's place."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, contact, winner = lives.lead(), lives.contact(), lives.contact()
    lives.settled()
    person = lives.person(winner)
    lives.convert(lead, contact)
    lives.people.merge(lives.person(contact), person)
    lives.settled()
    assert set(lives.people.living) == {person}
    assert (set(lives.contacts.living), lives.person(winner)) == ({winner}, person)


def test_a_person_merged_in_marketo_into_one_whose_record_the_crm_merged_meanwhile_follows_it(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-2, MERGE-3, MERGE-17: all three are one in the end; nobody gets the values of a stranger."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, contact, winner = lives.lead(LastName="Lee"), lives.contact(LastName="Con"), lives.contact(LastName="Win")
    lives.settled()
    person = lives.person(winner)
    lives.people.merge(lives.person(lead), lives.person(contact))
    lives.contacts.delete(contact, winner)
    lives.settled()
    assert set(lives.people.living) == {person}
    assert lives.leads.records[lead]["ConvertedContactId"] == winner
    assert (lives.leads.records[lead]["LastName"], lives.people.records[person]["lastName"]) == ("Lee", "Win")


@pytest.mark.parametrize("how", ["into a new contact", "into another contact", "merged into another lead"])
def test_a_contact_whose_person_was_merged_into_a_lead_s_goes_where_the_lead_goes_meanwhile(
    shared_lake: Lake, tmp_path: Path, how: str
) -> None:
    """MERGE-3, CONV-2, CONV-3: it takes the lead's person, which is then merged for what became of the lead."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, contact, other = lives.lead(), lives.contact(), lives.lead() if "lead" in how else lives.contact()
    lives.settled()
    lives.people.merge(lives.person(contact), lives.person(lead))
    if "merged" in how:
        lives.leads.delete(lead, other)
        left = contact  # a contact beats a lead
    else:
        left = lives.contact() if "new" in how else other
        lives.convert(lead, left)
    lives.settled()
    of_all = {left, other} if "new" in how else {left}
    assert {person["externalPersonId"] for person in lives.people.living.values()} == of_all
    assert set(lives.contacts.living) == of_all
    if "merged" in how:
        assert lives.leads.records[other]["ConvertedContactId"] == left


@pytest.mark.parametrize("how", ["into a new contact", "into another contact", "merged into another lead"])
@pytest.mark.parametrize("by", ["contact", "lead"])
def test_a_lead_whose_person_was_merged_into_somebody_s_joins_them_to_what_it_becomes_meanwhile(
    shared_lake: Lake, tmp_path: Path, how: str, by: str
) -> None:
    """MERGE-1 to 3, CONV-2, CONV-3: the CRM unites the lead with one, Marketo with another: all three are one."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, somebody, other = (
        lives.lead(), getattr(lives, by)(), lives.lead() if "lead" in how else lives.contact()
    )  # fmt: skip
    lives.settled()
    lives.people.merge(lives.person(lead), lives.person(somebody))
    turn(lives, lead, how, other)
    lives.settled()
    strangers = {other} if "new" in how else set()
    people = [person["externalPersonId"] for person in lives.people.living.values()]
    assert (len(set(people) - strangers), len(people)) == (1, 1 + len(strangers))
    assert set(lives.alive()) == set(people)


@pytest.mark.matrix
@pytest.mark.parametrize("first", ["", "Contact", "lead"], ids=["at once", "the CRM first", "Marketo first"])
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_people_whom_each_system_merged_the_other_way_round_are_one_in_each(
    shared_lake: Lake, tmp_path: Path, steps: int, first: str
) -> None:
    """MERGE-1 to 3: the record that is left gets the person that is left, whichever merge comes to light first."""
    lives = Lives(shared_lake, tmp_path / "landing")
    records = [lives.contact(Phone=str(number)) for number in range(steps + 1)]
    lives.settled()
    lives.people.merge(lives.person(records[-1]), lives.person(records[0]))
    for loser, winner in pairwise(records):
        lives.contacts.delete(loser, winner)
    if first:
        lives.read(first)
        lives.sync()
    lives.settled()
    (person,) = lives.people.living
    assert (set(lives.contacts.living), lives.person(records[-1])) == ({records[-1]}, person)
    assert lives.contacts.records[records[-1]]["Phone"] == lives.people.records[person]["phone"]


@pytest.mark.matrix
@pytest.mark.parametrize("first", ["", "lead", "Contact"])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_that_the_record_which_is_left_was_deleted_is_told_to_the_person_which_is_left(
    shared_lake: Lake, tmp_path: Path, steps: int, back: bool, first: str
) -> None:
    """DEL-1, DEL-7: each system merged the other way round, the CRM deleted what it had left, and may bring it back."""
    lives = Lives(shared_lake, tmp_path / "landing")
    records = [lives.contact(Phone=str(number)) for number in range(steps + 1)]
    lives.settled()
    winner = lives.person(records[0]) if steps else lives.people.edit(lastName="Without a record")
    lives.people.merge(lives.person(records[-1]), winner)
    for loser, winner in pairwise(records):
        lives.contacts.delete(loser, winner)
    lives.contacts.delete(records[-1])
    if first:
        lives.read(first)
        lives.sync()
    lives.settled()
    (left,) = lives.people.living
    assert lives.people.records[left][lives.flag] is True
    if back:
        lives.contacts.undelete(records[-1])
        lives.settled()
        assert lives.people.records[left][lives.flag] is False
        assert lives.person(records[-1]) == left


@pytest.mark.matrix
@pytest.mark.parametrize("first", ["", "lead", "Contact"])
@pytest.mark.parametrize("gone", ["", "record", "person"])
def test_a_record_joins_whom_marketo_joined_the_person_of_its_winner_to(
    shared_lake: Lake, tmp_path: Path, gone: str, first: str
) -> None:
    """MERGE-1, MERGE-17, DEL-1: also where the winner is deleted; where nobody is left there, its person goes on."""
    lives = Lives(shared_lake, tmp_path / "landing")
    loser, winner, other = lives.contact(), lives.contact(), lives.contact()
    lives.settled()
    lives.people.merge(lives.person(winner), joined := lives.person(other))
    lives.contacts.delete(loser, winner)
    if gone == "record":
        lives.contacts.delete(winner)
    if gone == "person":
        lives.people.delete(joined)
    if first:
        lives.read(first)
        lives.sync()
    lives.settled()
    lives.move("last")
    lives.settled()
    people = [str(one[lives.key]) for one in lives.people.living.values() if not one[lives.flag]]
    assert sorted(people) == sorted(lives.contacts.living)


@pytest.mark.parametrize("how", ["into a new contact", "into another contact", "merged into another lead"])
@pytest.mark.parametrize(
    ("of", "first"), [("contact", ()), ("lead", ()), ("contact", ("Contact", "Lead"))], ids=["", "leads", "CRM first"]
)
def test_three_unions_of_the_same_people_make_all_of_them_one(
    shared_lake: Lake, tmp_path: Path, of: str, first: tuple[str, ...], how: str
) -> None:
    """MERGE-1 to 3, CONV-2: of one, the CRM merges the record and Marketo the person, with a lead that goes on too."""
    lives = Lives(shared_lake, tmp_path / "landing")
    make = getattr(lives, of)
    loser, winner, lead, other = make(), make(), lives.lead(), lives.lead() if "lead" in how else lives.contact()
    lives.settled()
    lives.people.merge(lives.person(loser), lives.person(lead))
    lives.system(of.title()).delete(loser, winner)
    turn(lives, lead, how, other)
    if first:
        lives.read(*first)
        lives.sync()
    lives.settled()
    people = [str(person["externalPersonId"]) for person in lives.people.living.values()]
    strangers = {other} if "new" in how else set()
    assert sorted(people) == sorted(lives.alive())
    assert (len(set(people) - strangers), len(people)) == (1, 1 + len(strangers))


def test_a_loser_is_merged_once_its_winner_s_person_which_was_just_made_has_been_read(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-1, CONV-2: a lead merged into one that becomes a new contact, whose own person a contact has taken."""
    lives = Lives(shared_lake, tmp_path / "landing")
    contact, loser, lead = lives.contact(), lives.lead(), lives.lead()
    lives.settled()
    lives.people.merge(lives.person(contact), lives.person(lead))
    lives.leads.delete(loser, lead)
    lives.convert(lead, lives.contact())
    lives.settled()
    (person,) = lives.people.living.values()
    assert list(lives.alive()) == [person["externalPersonId"]]


def test_a_person_that_marketo_merged_before_it_could_be_told_of_a_conversion_takes_its_winner_along(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-1, MERGE-2, CONV-2: whoever the person is one with by now is one with the contact, in both systems."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead, contact, other = lives.lead(), lives.contact(), lives.contact()
    lives.settled()
    lives.spoil("marketo", "before gone")
    lives.convert(lead, contact)
    lives.cycle()
    lives.people.merge(lives.person(lead), lives.person(other))
    lives.mend()
    lives.settled()
    (person,) = lives.people.living.values()
    assert list(lives.contacts.living) == [person["externalPersonId"]]


@pytest.mark.parametrize("how", ["merged into another lead", "into another contact"])
def test_who_goes_on_keeps_the_person_whose_making_was_not_answered(
    shared_lake: Lake, tmp_path: Path, how: str
) -> None:
    """MERGE-1, CONV-2, GEN-16: the loser's person is merged into it; taken in its place, there would be two."""
    lives = Lives(shared_lake, tmp_path / "landing")
    loser = lives.lead()
    lives.settled()
    winner = lives.lead() if "merged" in how else lives.contact()
    lives.spoil("marketo", "after killed")
    lives.happen(Lives.cycle)
    (made,) = [i for i, person in lives.people.living.items() if person["externalPersonId"] == winner]
    turn(lives, loser, how, winner)
    lives.settled()
    assert (set(lives.people.living), lives.person(winner)) == ({made}, made)


@pytest.mark.parametrize("first", [(), ("Contact", "lead"), ("Lead", "lead")], ids=["", "contacts", "leads"])
@pytest.mark.parametrize("late", [False, True])
def test_who_was_never_a_person_leads_on_to_whom_the_crm_merged_it_into(
    shared_lake: Lake, tmp_path: Path, late: bool, first: tuple[str, ...]
) -> None:
    """MERGE-17, CONV-2: a lead whose person somebody shares became a contact that was gone before it was a person."""
    lives = Lives(shared_lake, tmp_path / "landing")
    somebody, lead, winner = lives.contact(), lives.lead(), lives.contact()
    lives.settled()
    lives.people.merge(lives.person(somebody), lives.person(lead))
    chain = [lives.contact(), lives.contact()]
    lives.convert(lead, chain[0])
    if late:  # nothing can be written yet of what is read
        lives.spoil("crm", "retry")
        lives.spoil("marketo", "retry")
        lives.happen(Lives.cycle)
        lives.mend()
    for one, next_ in pairwise([*chain, winner]):
        lives.contacts.delete(one, next_)
    if first:
        lives.read(*first)
        lives.sync()
    lives.settled()
    (person,) = lives.people.living.values()
    assert list(lives.alive()) == [person["externalPersonId"]]


def test_whom_the_crm_merges_into_another_one_than_marketo_did_unites_all_three(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-1, MERGE-3: the merge that Marketo asked of the CRM was not done yet."""
    lives = Lives(shared_lake, tmp_path / "landing")
    loser, winner, other = lives.contact(), lives.contact(), lives.contact()
    lives.settled()
    lives.people.merge(lives.person(loser), lives.person(winner))
    lives.spoil("crm", "retry")
    lives.happen(Lives.cycle)
    lives.contacts.delete(loser, other)
    lives.mend()
    lives.settled()
    (person,) = lives.people.living.values()
    assert list(lives.alive()) == [person["externalPersonId"]]
