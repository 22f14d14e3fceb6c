"""Deletions, merges and conversions on either side, all in one course of cycles over two systems in memory."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Answer, Operation, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.sync.identity.end_reasons import CONVERTED, DELETED, MARKETO_DELETED, MARKETO_MERGED, MERGED
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.policy import Limits
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.peopled import gone


@dataclass
class Course:
    """What was made, by name, as CRM ids and as people's ids, and what it had become at some points."""

    lives: Lives
    crm: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    seen: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    done: dict[str, Synced] = field(default_factory=dict)

    def look(self, name: str) -> None:
        self.seen[name] = deepcopy(self.lives.people.records)

    def person(self, name: str, when: str = "in the end") -> dict[str, Any]:
        return self.seen[when][self.people[name]]

    def ends(self, *names: str) -> list[str | None]:
        found = self.lives.ends()
        return [found[self.crm[name]] for name in names]

    @property
    def living(self) -> set[str]:
        return set(self.lives.people.living)


@pytest.fixture(scope="module")
def course(shared_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Course:
    lives = Lives(shared_lake, tmp_path_factory.mktemp("lives"))
    course = Course(lives)
    crm = course.crm
    for name in ("deleted", "unliked", "won", "lost", "other", "into", "under", "kept", "refused", "known"):
        crm[name] = lives.contact(Phone="1", **({"Title": "Dr"} if name == "lost" else {}))
    for name in ("one", "two", "three", "above", "below", "became", "joined", "first", "second"):
        crm[name] = lives.lead(Phone="1", **({"Title": "Dr"} if name in ("two", "joined") else {}))
    lives.cycle()
    course.people = {name: lives.person(one) for name, one in crm.items()}
    people = course.people
    for name in ("one", "two", "three"):
        lives.people.edit(people[name], leadScore=10, demoScore=5)
    lives.settled()

    stranger = lives.people.edit(lastName="Stranger")
    people["stranger"] = stranger
    lives.contacts.edit(crm["deleted"], Phone="2")
    lives.contacts.delete(crm["deleted"])
    lives.people.delete(people["unliked"])
    lives.people.merge(people["lost"], people["won"])
    lives.people.merge(people["other"], stranger)
    lives.people.merge(people["into"], people["above"])  # a contact's into a lead's, and the other way round
    lives.people.merge(people["below"], people["under"])
    lives.people.merge(people["refused"], people["kept"])
    lives.contacts.dead.add(crm["refused"])  # though no mirror knows it yet
    for name in ("two", "three"):
        lives.leads.delete(crm[name], crm["one"])
    lives.people.edit(people["became"], phone="2")
    crm["contact"] = lives.contact(Phone="3")
    lives.read("Contact")
    lives.sync()  # the contact is there, and nobody knows yet that it was a lead
    lives.convert(crm["became"], crm["contact"])
    lives.convert(crm["joined"], crm["known"])
    crm["third"], crm["last"] = lives.contact(), lives.contact()
    lives.leads.delete(crm["first"], crm["second"])
    lives.convert(crm["second"], crm["third"])
    lives.contacts.delete(crm["third"], crm["last"])
    lives.read()
    course.done = lives.sync(apply=False)
    course.look("after a plan")
    lives.sync()
    lives.settled()
    course.look("after a while")
    lives.contacts.undelete(crm["deleted"])
    lives.contacts.edit(crm["unliked"], Phone="2")
    lives.settled()
    course.look("in the end")
    return course


@pytest.mark.parametrize("back", [False, True])
def test_a_deletion_is_told_although_the_field_for_it_was_read_of_no_person_yet(
    shared_lake: Lake, tmp_path: Path, back: bool
) -> None:
    """DEL-1, DEL-7: MARKETO_DELETED_FIELD became visible after the people were mirrored (FIELD-4)."""
    lives = Lives(shared_lake, tmp_path / "landing")
    ada = lives.contact()
    lives.settled()
    person, described = lives.person(ada), lives.described["marketo", "lead"]

    def seen_from_now_on() -> None:
        lives.minute += 1
        fields = tuple(replace(f, since=lives.now()) if f.name == lives.flag else f for f in described.fields)
        lives.described["marketo", "lead"] = replace(described, fields=fields)

    seen_from_now_on()
    lives.contacts.delete(ada)
    lives.cycle()
    assert lives.people.records[person][lives.flag] is True
    if back:  # and the field was hidden for a while
        lives.cycle()
        seen_from_now_on()
        lives.contacts.undelete(ada)
        lives.cycle()
        assert lives.people.records[person][lives.flag] is False


def test_a_record_deleted_in_the_crm_is_flagged_in_marketo_and_goes_on_when_it_comes_back(course: Course) -> None:
    """DEL-1, DEL-7: nothing but the deletion is told, and the same link goes on after the undeletion."""
    assert course.done[course.lives.of_contacts.name].planned.gone == 1
    told = [(course.person("deleted", when)["inCrmDeleted"], course.person("deleted", when)["phone"])
            for when in ("after a plan", "after a while", "in the end")]  # fmt: skip
    assert told == [(False, "1"), (True, "1"), (False, "2")]
    assert course.ends("deleted") == [None]
    assert course.lives.person(course.crm["deleted"]) == course.people["deleted"]


def test_a_person_deleted_in_marketo_comes_back_with_the_next_change_in_the_crm(course: Course) -> None:
    """DEL-4."""
    contact = course.crm["unliked"]
    assert contact in course.lives.contacts.living
    assert not any(one["externalPersonId"] == contact and not one.get("isDeleted")
                   for one in course.seen["after a while"].values())  # fmt: skip
    assert course.lives.people.records[course.lives.person(contact)]["phone"] == "2"


def test_records_merged_in_the_crm_are_merged_in_marketo_with_the_sum_of_their_scores(course: Course) -> None:
    """MERGE-1, MERGE-4, MERGE-7, MERGE-8, MERGE-18, and SPEC 31 decision 4; other scores are the winner's (MERGE-6)."""
    people, winner = course.people, course.person("one")
    assert course.living.isdisjoint({people["two"], people["three"]})
    assert (winner["leadScore"], winner["demoScore"], winner["phone"], winner["title"]) == (30, 5, "1", "Dr")
    kept = course.lives.leads.records[course.crm["one"]]
    assert (kept["Title"], kept["Score__c"]) == ("Dr", 30.0)
    assert course.ends("one", "two", "three") == [None, MERGED, MERGED]


def test_a_merge_is_not_undone_a_loser_that_is_restored_is_another_person(shared_lake: Lake, tmp_path: Path) -> None:
    """MERGE-11: the one chosen first wins, in Marketo for good."""
    lives = Lives(shared_lake, tmp_path / "landing")
    winner, loser = lives.contact(Phone="1"), lives.contact(Phone="2")
    lives.settled()
    merged = {contact: lives.person(contact) for contact in (winner, loser)}
    lives.people.merge(merged[loser], merged[winner])
    lives.settled()
    assert (lives.person(winner), lives.contacts.records[loser]["MasterRecordId"]) == (merged[winner], winner)
    lives.contacts.undelete(loser)
    lives.contacts.edit(loser, MasterRecordId=None, Phone="3")
    lives.settled()
    assert merged[loser] in lives.people.dead
    assert lives.person(loser) not in merged.values()
    assert lives.people.records[merged[winner]]["phone"] == "1"


def test_people_merged_in_marketo_are_merged_in_the_crm(course: Course) -> None:
    """MERGE-2, MERGE-13: a person that is in the CRM beats one that is not, whoever won in Marketo."""
    crm, contacts = course.crm, course.lives.contacts.records
    assert contacts[crm["lost"]]["MasterRecordId"] == crm["won"]
    assert contacts[crm["won"]]["Title"] == "Dr"
    assert course.person("stranger")["externalPersonId"] == crm["other"]
    assert course.ends("won", "lost", "other") == [None, MARKETO_MERGED, None]
    # One was merged, one refused; nothing that the CRM itself had merged is merged there again.
    assert course.lives.asked("crm", Operation.MERGE) == [Operation.MERGE] * 2


def test_a_lead_merged_with_a_contact_in_marketo_is_converted_into_it(course: Course) -> None:
    """MERGE-3, MERGE-13: a contact beats a lead, also where the lead's person won."""
    crm, leads = course.crm, course.lives.leads.records
    assert (leads[crm["above"]]["ConvertedContactId"], leads[crm["below"]]["ConvertedContactId"]) == (
        crm["into"],
        crm["under"],
    )
    assert course.lives.person(crm["into"]) == course.people["above"]
    assert course.lives.person(crm["under"]) == course.people["under"]
    assert course.ends("into", "above", "under", "below")[::2] == [None, None]
    assert {crm["into"], crm["under"]} <= set(course.lives.contacts.living)


def test_a_merge_that_the_crm_refuses_is_on_record_and_the_people_stay_merged(course: Course) -> None:
    """MERGE-14, MERGE-15: in the CRM's own words."""
    lives = course.lives
    codes = lives.lake.rows(
        f"select record_id, code from lake.sync.error where object = '{lives.of_contacts.crm.name}'"
    )
    assert codes == [(course.crm["refused"], "ENTITY_IS_DELETED")]
    assert course.people["refused"] not in course.living


def test_a_converted_lead_s_person_goes_on_as_the_contact_s(course: Course) -> None:
    """CONV-1, CONV-2, CONV-10, SF-LEAD-12: same person, also if the contact is read first; from now on the CRM wins."""
    assert course.lives.person(course.crm["contact"]) == course.people["became"]
    assert course.person("became")["phone"] == "3"
    assert course.lives.contacts.records[course.crm["contact"]]["Phone"] == "3"
    assert course.ends("became", "contact") == [CONVERTED, None]


def test_a_lead_converted_into_a_contact_that_is_a_person_already_is_merged_into_it(course: Course) -> None:
    """CONV-3, MERGE-3."""
    assert course.people["joined"] not in course.living
    assert course.lives.person(course.crm["known"]) == course.people["known"]
    assert course.lives.contacts.records[course.crm["known"]]["Title"] == "Dr"


@pytest.mark.parametrize("converted", [False, True])
def test_a_merge_is_done_also_where_the_record_that_goes_on_was_deleted_before_it_was_read_of(
    shared_lake: Lake, tmp_path: Path, converted: bool
) -> None:
    """MERGE-1, CONV-2, DEL-1, DEL-7: it ends as if a cycle had come in between, so nobody is left behind or doubled."""
    lives = Lives(shared_lake, tmp_path)
    winner = lives.contact()
    loser = lives.lead() if converted else lives.contact()
    lives.cycle()
    one, other = lives.person(winner), lives.person(loser)
    lives.minute += 1
    lives.convert(loser, winner) if converted else lives.contacts.delete(loser, winner)
    lives.contacts.delete(winner)
    lives.settled()
    assert set(lives.people.living) == {one}
    assert lives.people.records[one]["inCrmDeleted"] is True
    assert lives.ends() == {winner: DELETED, loser: CONVERTED if converted else MERGED}
    lives.minute += 1
    lives.contacts.undelete(winner)
    lives.settled()
    assert (lives.person(winner), lives.people.records[one]["inCrmDeleted"]) == (one, False)
    assert other in lives.people.dead


def test_chains_of_merges_and_conversions_end_with_the_last_one(course: Course) -> None:
    """MERGE-17, CONV-2: a lead merged into another, which is converted into a contact, which is merged into another."""
    ends = course.ends("first", "second", "third", "last")
    assert ends == [MERGED, CONVERTED, MERGED, None]
    last = course.lives.person(course.crm["last"])
    assert last in {course.people["first"], course.people["second"]}
    assert len({course.people["first"], course.people["second"]} & course.living) == 1


def test_what_an_operator_may_choose_and_when_a_cycle_stops(shared_lake: Lake, tmp_path: Path) -> None:
    """DEL-5, DEL-8, DEL-10, MERGE-5, and SPEC 31 decisions 4 and 13: deletions carried out, within a limit."""
    lives = Lives(shared_lake, tmp_path / "landing", deletes=True)
    one, two, unliked = lives.contact(), lives.contact(), lives.contact()
    winner, loser = lives.lead(), lives.lead()
    lives.cycle()
    for lead, score in ((winner, 10), (loser, 20)):
        lives.people.edit(lives.person(lead), leadScore=score)
    lives.settled()
    lives.people.delete(lives.person(unliked))
    for contact in (one, two):
        lives.contacts.delete(contact)
    lives.leads.delete(loser, winner)
    done = lives.pass_with(limits=Limits(gone=0.4, few_gone=1), score="winner")
    name = lives.of_contacts.name
    said = "3 of 3 links would end (1 deleted in Marketo, 2 deleted in the CRM; for instance "
    assert done[name].error.startswith(f"{name}: {said}")
    assert f"more than the limit of 40%; nothing is done about {name}" in done[name].error
    assert [lives.ends()[one] for one in (one, two, unliked)] == [None] * 3
    assert lives.asked("marketo", Operation.DELETE) == []
    lives.pass_with(score="winner")
    lives.contacts.undelete(one)
    lives.contacts.edit(unliked, Phone="2")
    for _ in range(2):
        lives.pass_with(recreates=False)
    assert lives.asked("marketo", Operation.DELETE) == [Operation.DELETE] * 2
    living = lives.people.living.values()
    assert sorted((p["externalPersonId"], p.get("leadScore")) for p in living) == [(one, None), (winner, 10)]
    assert lives.ends()[unliked] == MARKETO_DELETED
    assert lives.ends()[two] == DELETED


def test_a_merge_hands_over_the_scores_of_the_moment_it_is_sent_and_counts_none_twice(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-4: whatever was planned before, whether or not the CRM has a field for the score, and tried twice."""
    lives = Lives(shared_lake, tmp_path / "landing")
    unmapped = [tuple(m for m in p.mappings if m.marketo != "leadScore") for p in lives.pairings]
    lives.pairings = tuple(replace(p, mappings=m) for p, m in zip(lives.pairings, unmapped, strict=True))
    winner, loser, lead = lives.contact(), lives.contact(), lives.lead()
    lives.cycle()
    people = {one: lives.person(one) for one in (winner, loser, lead)}
    for person in people.values():
        lives.people.edit(person, leadScore=10)
    lives.settled()
    lives.contacts.delete(loser, winner)
    lives.convert(lead, winner)
    lives.read()
    lives.sync(apply=False)
    lives.people.edit(people[winner], leadScore=50)

    def interrupt() -> None:
        raise RetryableError("CONNECTION", "gone")

    lives.people.halfway = interrupt
    assert "gone" in lives.cycle()[lives.of_contacts.name].error
    lives.people.halfway = lambda: None
    lives.settled()
    assert [one["leadScore"] for one in lives.people.living.values()] == [70]


def test_a_record_whose_merge_the_crm_refuses_becomes_a_person_of_its_own_at_once(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-2, MERGE-3: nobody in the CRM is left without a person, and the refusal stays on record."""
    lives = Lives(shared_lake, tmp_path / "landing")
    kept, merged, contact, lead = lives.contact(), lives.contact(), lives.contact(), lives.lead()
    lives.settled()
    lives.people.merge(lives.person(merged), lives.person(kept))
    lives.people.merge(lives.person(lead), lives.person(contact))
    refused = Answer(Verdict.REJECTED, code="INSUFFICIENT_ACCESS", message="not yours")
    for system in (lives.contacts, lives.leads):
        system.refuse = lambda record: refused if record.into else None
    lives.settled()
    assert {str(one["externalPersonId"]) for one in lives.people.living.values()} == {kept, merged, contact, lead}
    lives.contacts.edit(merged, Phone="2")
    lives.settled()
    assert lives.asked("crm", Operation.MERGE, Operation.CONVERT) == [Operation.MERGE, Operation.CONVERT]
    names = f"'{lives.of_contacts.crm.name}', '{lives.of_leads.crm.name}'"
    errors = f"select record_id, operation from lake.sync.error where object in ({names}) and resolved_at is null"
    assert sorted(lives.lake.rows(errors)) == [(merged, "Push merges"), (lead, "Push merges")]


def test_what_a_limit_held_back_is_done_as_it_then_stands_when_the_limit_is_raised(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """DEL-10, law 7: above the limit nothing is done, however often; then the deletes that still hold, no others."""
    lives = Lives(shared_lake, tmp_path / "landing", deletes=True)
    gone, back, also, kept, merged = (lives.contact() for _ in range(5))
    lives.settled()
    people = {one: lives.person(one) for one in (gone, back, also, kept, merged)}
    lives.marketo.order.clear()
    for one in (gone, back, also):
        lives.contacts.delete(one)
    lives.contacts.delete(merged, kept)
    lives.contacts.edit(kept, Phone="2")
    for _ in range(2):
        done = lives.pass_with(limits=Limits(gone=0.4, few_gone=1))
        assert "more than the limit of 40%" in done[lives.of_contacts.name].error
    lives.sync(apply=False)
    lives.contacts.undelete(back)
    lives.pass_with(limits=Limits(gone=0.4, few_gone=1))
    assert (lives.marketo.order, set(lives.people.living)) == ([], set(people.values()))
    lives.settled()
    assert set(lives.people.living) == {people[back], people[kept]}
    assert lives.asked("marketo", Operation.DELETE, Operation.MERGE) == [Operation.DELETE] * 2 + [Operation.MERGE]
    assert lives.people.records[people[kept]]["phone"] == "2"
    assert len(lives.links("crm_id")) == 5


@pytest.mark.parametrize("became", [DELETED, MERGED, CONVERTED])
def test_a_person_whose_making_was_not_answered_follows_its_record_that_is_gone_since(
    shared_lake: Lake, tmp_path: Path, became: str
) -> None:
    """GEN-16, DEL-1, MERGE-1, CONV-2: whom we made is known by the id it carries, so nobody is left behind."""
    lives = Lives(shared_lake, tmp_path)
    other = lives.contact()
    lives.cycle()
    lost = lives.lead() if became == CONVERTED else lives.contact()
    lives.people.after = gone
    lives.cycle()
    lives.people.after = lambda: None
    assert (lives.person(lost), lives.ends()) == ("2", {other: None})
    lives.minute += 1
    if became == CONVERTED:
        lives.convert(lost, other)
    else:
        lives.contacts.delete(lost, other if became == MERGED else None)
    lives.cycle()
    lives.settled()
    assert lives.ends() == {other: None, lost: became}
    assert lives.people.dead == (set() if became == DELETED else {"2"})
    assert lives.people.records["2"]["inCrmDeleted"] is (became == DELETED)


def test_where_the_person_of_the_record_that_goes_on_was_deleted_the_other_one_goes_on_with_it(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """MERGE-3, DEL-4: both came to light at once; of two people one is left, so it is the record's."""
    lives = Lives(shared_lake, tmp_path)
    loser, winner = lives.contact(Phone="1"), lives.contact(Phone="2")
    lives.cycle()
    one = lives.person(loser)
    lives.people.delete(lives.person(winner))
    lives.contacts.delete(loser, winner)
    lives.settled()
    assert (lives.person(winner), set(lives.people.living)) == (one, {one})
    assert lives.people.records[one]["phone"] == "2"


def test_a_conversion_that_is_read_before_the_lead_s_person_makes_no_second_one(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """CONV-2, GEN-16: Marketo may be out of reach while the CRM is read."""
    lives = Lives(shared_lake, tmp_path)
    lead = lives.lead()
    lives.cycle()
    person, contact = lives.person(lead), lives.contact()
    lives.convert(lead, contact)
    lives.read("Lead", "Contact")
    lives.sync()
    lives.settled()
    assert (lives.person(contact), set(lives.people.records)) == (person, {person})
