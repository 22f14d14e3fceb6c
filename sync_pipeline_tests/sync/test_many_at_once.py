"""Every transition of a link, of one record and of many at once: how many there are makes no difference."""

from __future__ import annotations

from pathlib import Path

from sync_pipeline.lake import Lake
from sync_pipeline_tests.sync.lives import Lives


def test_many_contacts_that_are_undeleted_are_the_people_they_were(lake: Lake, tmp_path: Path) -> None:
    """DEL-7: each link opens again, no second person is made, and who unsubscribed stays so."""
    lives = Lives(lake, tmp_path / "landing")
    contacts = [lives.contact() for _ in range(15)]
    lives.settled()
    people = {contact: lives.person(contact) for contact in contacts}
    for contact in contacts:
        lives.contacts.delete(contact)
    lives.people.edit(people[contacts[-1]], unsubscribed=True)
    lives.settled()
    for contact in contacts:
        lives.contacts.undelete(contact)
    lives.read()
    done = lives.sync()[lives.of_contacts.name]
    assert done.planned.creates == 0
    assert lives.ends() == dict.fromkeys(contacts)
    lives.settled()
    assert {contact: lives.person(contact) for contact in contacts} == people
    assert lives.people.records[people[contacts[-1]]]["unsubscribed"] is True
