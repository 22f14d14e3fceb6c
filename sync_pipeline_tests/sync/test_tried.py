"""A cycle dies after its writes were done and before their answers were put on record; somebody edits meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import Lake, ledger
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.peopled import Peopled
from sync_pipeline_tests.sync.world import World

pytestmark = pytest.mark.matrix


def cut_off(lives: Lives, side: str, how: str) -> None:
    """Have a cycle write to a side without being told what became of it."""
    lives.read()
    lives.spoil(side, how)
    lives.happen(Peopled.sync)
    lives.mend()


@pytest.mark.parametrize("how", ["after killed", "after gone"])
def test_a_later_edit_in_the_crm_is_not_undone_by_our_own_value_of_before(
    shared_lake: Lake, tmp_path: Path, how: str
) -> None:
    """GEN-16, SF-LEAD-2: where both sides changed a lead, Marketo wins; but it did not change it."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead = lives.lead(Phone="1")
    lives.settled()
    for phone in ("2", "3"):
        lives.leads.edit(lead, Phone=phone)
        cut_off(lives, "marketo", how)
    assert lives.people.records[lives.person(lead)]["phone"] == "3"
    lives.leads.edit(lead, Phone="4")
    lives.settled()
    assert lives.leads.records[lead]["Phone"] == lives.people.records[lives.person(lead)]["phone"] == "4"
    assert lives.lake.rows(f"from {ledger.table('conflict')} where pairing = '{lives.of_leads.name}'") == []


def test_so_it_is_where_the_person_was_made_by_that_write(shared_lake: Lake, tmp_path: Path) -> None:
    """GEN-16, SF-LEAD-2: an emptied field included."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead = lives.lead(Phone="1", LeadSource="Web")
    cut_off(lives, "marketo", "after killed")
    lives.leads.edit(lead, Phone="2", LeadSource=None)
    lives.settled()
    found = lives.leads.records[lead], lives.people.records[lives.person(lead)]
    assert (found[0]["Phone"], found[1]["phone"]) == ("2", "2")
    assert (found[0]["LeadSource"], found[1]["leadSource"]) == (None, None)


def test_a_later_edit_in_marketo_is_not_undone_by_our_own_value_in_the_crm(shared_lake: Lake, tmp_path: Path) -> None:
    """GEN-16, SF-CONTACT-3: likewise of a contact, whose record in the CRM wins."""
    lives = Lives(shared_lake, tmp_path / "landing")
    contact = lives.contact(Phone="1")
    lives.settled()
    person = lives.person(contact)
    lives.people.edit(person, phone="2")
    cut_off(lives, "crm", "after killed")
    lives.people.edit(person, phone="3")
    lives.settled()
    assert (lives.contacts.records[contact]["Phone"], lives.people.records[person]["phone"]) == ("3", "3")


def test_an_edit_of_the_other_side_is_still_one_though_our_write_never_arrived(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """SF-LEAD-2: a marketer's value is not ours, and what was tried is forgotten in time."""
    lives = Lives(shared_lake, tmp_path / "landing")
    lead = lives.lead(Phone="1")
    lives.settled()
    person = lives.person(lead)
    lives.leads.edit(lead, Phone="2")
    cut_off(lives, "marketo", "before killed")
    lives.people.edit(person, phone="3")
    lives.settled()
    assert (lives.leads.records[lead]["Phone"], lives.people.records[person]["phone"]) == ("3", "3")
    lives.leads.edit(lead, Phone="4")
    lives.settled()
    lives.people.edit(person, phone="2")
    lives.settled()
    assert (lives.leads.records[lead]["Phone"], lives.people.records[person]["phone"]) == ("2", "2")
    assert lives.lake.rows(f"from {ledger.table('tried')} where pairing = '{lives.of_leads.name}'") == []


def test_what_was_refused_for_now_may_have_arrived_too(shared_lake: Lake, tmp_path: Path) -> None:
    lives = Lives(shared_lake, tmp_path / "landing")
    lead = lives.lead(Phone="1")
    lives.settled()
    lives.leads.edit(lead, Phone="2")
    cut_off(lives, "marketo", Verdict.RETRY)
    kept = f"select side, fields['phone'] from {ledger.table('tried')} where pairing = '{lives.of_leads.name}'"
    assert lives.lake.rows(kept) == [("marketo", "2")]


def test_a_write_of_one_field_leaves_what_was_agreed_on_of_the_others(world: World) -> None:
    """Law 6: an edit in Marketo of another field, read together with our write, is an edit and no first meeting."""
    crm_id, person = world.linked(Phone="1", Title="Dr")
    world.crm.edit(crm_id, Phone="2")
    world.cycle()
    assert world.marketo.records[person]["phone"] == "2"
    world.marketo.edit(person, title="Prof")
    world.cycle()
    assert world.crm.records[crm_id]["Title"] == "Prof"
