"""People recognised by e-mail address, where the settings ask for it, and those whom a merge may be good for."""

from __future__ import annotations

from pathlib import Path

from sync_pipeline import catalog
from sync_pipeline.catalog.views import VIEWS
from sync_pipeline.lake import Lake, views
from sync_pipeline.sync.identity.email_match import ADDRESS, known_addresses
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.many import Many


def test_a_new_contact_is_the_only_person_with_its_address(shared_lake: Lake, tmp_path: Path) -> None:
    """DEDUP-8: it gets what it lacks and loses nothing; a plan that tries it leaves no link behind."""
    lives = Lives(shared_lake, tmp_path / "landing")
    known = lives.people.edit(None, email="ADA@x.example", phone="5", lastName="Ada")
    ada = lives.contact(Email=" ada@x.example", Title="Dr")
    lives.read()
    lives.sync(apply=False, rules=SyncPolicy(match="strict"))
    assert lives.links("crm_id") == []
    lives.sync(rules=SyncPolicy(match="strict"))
    lives.settled()
    assert lives.links("crm_id", "marketo_id", "ended_at") == [(ada, known, None)]
    person, contact = lives.people.records[known], lives.contacts.records[ada]
    assert (person["externalPersonId"], person["title"], contact["Phone"]) == (ada, "Dr", "5")


def test_where_somebody_else_may_be_meant_the_settings_say_whether_anybody_is_created(
    shared_lake: Lake, tmp_path: Path
) -> None:
    """DEDUP-8: two records or two people with one address, or a person who is somebody already."""
    lives = Lives(shared_lake, tmp_path / "landing")
    for email in ("twins@x.example", "double@x.example", "double@x.example"):
        lives.people.edit(None, email=email, lastName="Known")
    taken = lives.contact(Email="taken@x.example")
    lives.cycle()
    twins = lives.contact(Email="twins@x.example"), lives.lead(Email="twins@x.example")
    double, other = lives.contact(Email="double@x.example"), lives.lead(Email="taken@x.example")
    done = lives.pass_with(match="strict")
    assert [crm_id for (crm_id,) in lives.links("crm_id")] == [taken]
    names = f"'{lives.of_contacts.name}', '{lives.of_leads.name}'"
    errors = f"select record_id, field, code from lake.sync.error where object in ({names}) and resolved_at is null"
    refused = sorted((*twins, double, other))
    assert sorted(lives.lake.rows(errors)) == [(one, "Email", "AMBIGUOUS_EMAIL") for one in refused]
    assert [done[p.name].planned.refused for p in (lives.of_contacts, lives.of_leads)] == [2, 2]

    lives.contacts.edit(twins[0], Email="own@x.example")
    lives.pass_with(match="strict")
    found = dict(lives.lake.rows(errors.replace("field, code", "code")))
    assert sorted(found) == sorted((double, other))
    assert lives.person(twins[1]) in lives.people.records  # now the only one with the address
    lives.pass_with(match="unique")
    assert lives.lake.rows(errors) == []
    carried = [str(one) for (one,) in lives.marketo_values("lead", "externalPersonId") if one]
    assert sorted(carried) == sorted((taken, *twins, double, other))


def test_people_who_share_an_address_or_a_name_can_be_found_for_merging(lake: Lake, tmp_path: Path) -> None:
    """MERGE-12, DEDUP-3: two records with one address are two people; addresses alone are compared without case."""
    many = Many(lake, tmp_path / "landing", [p for p in catalog.pairings() if p.name in ("account", "contact")])
    crm = many.crm["Contact"]
    mails = ("ada@x.example", "ADA@x.example")
    ada, twin = (crm.edit(LastName="Lee", FirstName="Ada", Email=mail) for mail in mails)
    many.settled()
    many.marketo["lead"].edit(lastName="lee", firstName="Bea")
    many.read()
    with lake.transaction() as con:
        views.refresh(con, VIEWS)
    found = lake.rows("select field, value, crm_id from lake.people.possible_duplicate order by all")
    both = sorted((ada, twin))
    assert [row for row in found if row[0] != "updated at"] == [
        *(("email", "ada@x.example", one) for one in both),
        *(("full name", "Ada Lee", one) for one in both),
        *(("last name", "Lee", one) for one in both),
    ]
    assert {crm_id for field, _, crm_id in found if field == "updated at"} <= {ada, twin}


def test_the_addresses_of_a_field_that_is_hidden_are_none_and_no_error(shared_lake: Lake, tmp_path: Path) -> None:
    """CONN-15: what stops doubles, and what warns of them, must not fail where a system hides the address."""
    person = Lives(shared_lake, tmp_path / "landing")
    person.people.edit(None, email=" Ada@x.example", lastName="Ada")
    person.read()
    obj = person.of_contacts.marketo
    with shared_lake.reading() as con:
        found = {name: con.execute(known_addresses(con, [(obj, name)])).fetchall() for name in (ADDRESS, "hidden", "")}
    assert found == {ADDRESS: [("ada@x.example",)], "hidden": [], "": []}
