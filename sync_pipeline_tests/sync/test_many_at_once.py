"""Every transition of a link, of one record and of many at once: how many there are makes no difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.mirror.reconcile import mark_gone
from sync_pipeline.sandbox.marketo.population.veeva import CALL
from sync_pipeline.sync.identity.end_reasons import (
    CONVERTED,
    DELETED,
    EXPIRED,
    FILTERED,
    MARKETO_DELETED,
    MARKETO_MERGED,
    MERGED,
    REMOVED,
    UNSEEN,
)
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.practice import TODAY, Practice

pytestmark = pytest.mark.matrix

NUMBERS = (1, 11, 1001)


class Crowd(Lives):
    """Contacts and leads, as many of each as there are, all known to Marketo; every third person has unsubscribed."""

    def __init__(self, lake: Lake, folder: Path, number: int) -> None:
        super().__init__(lake, folder)
        self.of = {name: [self.hire(name) for _ in range(number)] for name in ("Contact", "Lead")}
        self.spare = [self.contact() for _ in range(number)]
        self.known = {
            crm_id: self.people.edit(externalPersonId=crm_id, lastName="Ada", unsubscribed=place % 3 == 0)
            for place, crm_id in enumerate((*self.of["Contact"], *self.of["Lead"], *self.spare))
        }
        for crm_id, person in self.known.items():
            if self.people.records[person]["unsubscribed"]:
                self.crm["Lead" if crm_id in self.leads.records else "Contact"].edit(crm_id, HasOptedOutOfEmail=True)
        for _ in range(2):
            self.cycle()

    def filter(self, condition: str) -> None:
        of = replace(self.of_contacts, alive=condition)
        self.pairings = (of, self.of_leads)

    def hide(self) -> None:  # type: ignore[override]
        """Let the CRM show the contacts no more, which the next comparison of ids finds."""
        with self.lake.transaction() as con:
            mark_gone(con, self.of_contacts.crm, self.of["Contact"], f"read{self.minute}", self.now())


@dataclass(frozen=True)
class Transition:
    """What happens to all contacts, or all leads, and why their links then end, None for the open ones."""

    happens: Callable[[Crowd], object]
    ends: str | None
    after: Transition | None = None
    of: str = "Contact"
    united: bool = False  # whether the persons become one with those of the spare contacts

    def __call__(self, crowd: Crowd) -> None:
        if self.after:
            self.after(crowd)
            for _ in range(2):
                crowd.cycle()
        crowd.minute += 1
        self.happens(crowd)


def each(happens: Callable[[Crowd, str, str], object], of: str = "Contact") -> Callable[[Crowd], None]:
    """Return what happens to each record, given one of the spare contacts."""

    def all_of_them(crowd: Crowd) -> None:
        for crm_id, spare in zip(crowd.of[of], crowd.spare, strict=True):
            happens(crowd, crm_id, spare)

    return all_of_them


def convert_into_new(crowd: Crowd, lead: str, _: str) -> None:
    crowd.convert(lead, crowd.contact(HasOptedOutOfEmail=crowd.leads.records[lead]["HasOptedOutOfEmail"]))


deleted = Transition(each(lambda crowd, contact, _: crowd.contacts.delete(contact)), DELETED)
filtered = Transition(lambda crowd: crowd.filter("\"LastName\" = 'Bea'"), FILTERED)
hidden = Transition(lambda crowd: crowd.hide(), UNSEEN)
TRANSITIONS = {
    "deleted": deleted,
    "undeleted": Transition(each(lambda crowd, contact, _: crowd.contacts.undelete(contact)), None, deleted),
    "filtered out": filtered,
    "filtered in": Transition(lambda crowd: crowd.filter("true"), None, filtered),
    "hidden": hidden,
    "seen again": Transition(each(lambda crowd, contact, _: crowd.contacts.edit(contact)), None, hidden),
    "deleted for good": Transition(
        each(lambda crowd, contact, _: crowd.contacts.records.pop(contact)), DELETED, deleted
    ),
    "deleted in Marketo": Transition(
        each(lambda crowd, contact, _: crowd.people.delete(crowd.known[contact])), MARKETO_DELETED
    ),
    "merged": Transition(
        each(lambda crowd, contact, spare: crowd.merge("Contact", contact, spare)), MERGED, united=True
    ),
    "merged in Marketo": Transition(
        each(lambda crowd, contact, spare: crowd.people.merge(crowd.known[contact], crowd.known[spare])),
        MARKETO_MERGED,
        united=True,
    ),
    "converted": Transition(
        each(lambda crowd, lead, spare: crowd.convert(lead, spare), "Lead"), CONVERTED, of="Lead", united=True
    ),
    "converted into a new contact": Transition(each(convert_into_new, "Lead"), CONVERTED, of="Lead"),
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_however_many_links_change_at_once_all_do_in_one_pass(
    lake: Lake, tmp_path: Path, name: str, number: int
) -> None:
    """DEL-1, DEL-4, DEL-7, FILT-5, MERGE-1, CONV-2: nobody is created a second time, and no consent changes."""
    crowd, transition = Crowd(lake, tmp_path / "landing", number), TRANSITIONS[name]
    transition(crowd)
    consents = {person: one["unsubscribed"] for person, one in crowd.people.records.items()}
    crowd.read()
    crowd.settle()
    ends = crowd.ends()
    assert {ends[crm_id] for crm_id in crowd.of[transition.of]} == {transition.ends}
    for synced in crowd.sync().values():
        assert (synced.error, synced.planned.creates) == ("", 0)
    crowd.cycle()
    done = crowd.cycle()
    ends = crowd.ends()
    assert {ends[crm_id] for crm_id in crowd.of[transition.of]} == {transition.ends}
    assert len(crowd.people.records) == 3 * number
    living = 2 * number if transition.united or transition.ends == MARKETO_DELETED else 3 * number
    assert len(crowd.people.living) == living
    if not transition.united:
        assert consents == {person: one["unsubscribed"] for person, one in crowd.people.records.items()}
    for synced in done.values():
        assert (synced.planned.creates, synced.planned.to_marketo, synced.planned.to_crm) == (0, 0, 0)


@pytest.mark.parametrize("number", NUMBERS)
def test_however_many_records_grow_old_at_once_all_are_removed(lake: Lake, tmp_path: Path, number: int) -> None:
    """VV-CALL-3."""
    practice = Practice(lake, tmp_path / "landing")
    account = practice.account()
    for _ in range(number):
        practice.call(account)
    practice.settled()
    assert len(practice.marketo[CALL].living) == number
    practice.age(TODAY + timedelta(days=200))
    practice.read()
    practice.settle()
    ends = "select ended_because, count(*) from lake.sync.link where pairing = 'call' group by all"
    assert practice.lake.rows(ends) == [(EXPIRED, number)]
    practice.settled()
    assert practice.lake.rows(ends) == [(REMOVED, number)]
    assert practice.marketo[CALL].living == {}


def test_a_chain_of_any_length_is_followed_to_its_end_in_one_pass(lake: Lake, tmp_path: Path) -> None:
    """MERGE-17: of 16 records, each merged into a newer one, that nobody had read between."""
    lives = Lives(lake, tmp_path / "landing")
    records = [lives.contact()]
    for _ in range(2):
        lives.cycle()
    for _ in range(15):
        lives.minute += 1
        records.append(lives.contact())
        lives.merge("Contact", *records[-2:])
    lives.read()
    lives.settle()
    ends = dict.fromkeys(records, MERGED) | {records[-1]: None}
    assert lives.ends() == ends
    assert lives.sync()[lives.of_contacts.name].planned.creates == 0
    lives.settled()
    assert (lives.ends(), len(lives.people.records)) == (ends, 1)
