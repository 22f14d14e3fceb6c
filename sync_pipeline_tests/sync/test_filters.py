"""Filters and partitions: which records of the CRM take part, and where in Marketo they become persons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from sync_pipeline import catalog
from sync_pipeline.assembly import declarations
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.settings import Settings
from sync_pipeline.sync.identity.end_reasons import FILTERED
from sync_pipeline.sync.inspection.explain import explain
from sync_pipeline.sync.scope.filters import by_object, cascaded, condition, filtered
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.many import Many
from sync_pipeline_tests.sync.world import World

pytestmark = pytest.mark.matrix

RECORDS = """(values
    (1, 'Germany', 10.0, true, date '2026-01-31', timestamptz '2026-01-31 12:00:00Z'),
    (2, 'AUSTRIA', 20.0, false, date '2026-02-28', timestamptz '2026-02-28 12:00:00Z'),
    (3, 'O''Hara''s "isle"', null, null, null, null),
    (4, null, -1.5, true, null, null)
) r("Id", "Country", "Amount__c", "Sync__c", "Due__c", "SystemModstamp")"""


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Sync__c", [1, 4]),
        ("not Sync__c", [2, 3]),
        ("Sync__c = false", [2]),
        ("Country = 'germany'", [1]),
        ("country != 'Germany'", [2, 3, 4]),
        ("Country IN ('germany', 'Austria')", [1, 2]),
        ("Country not in ('Germany', null)", [2, 3]),
        ("Country like '%A%' and Amount__c >= 10", [1, 2]),
        ("Country = 'O\\'Hara\\'s \"isle\"'", [3]),
        ("Country = '\"; drop table x; --'", []),
        ("Amount__c = null or Amount__c < 0", [3, 4]),
        ("Amount__c <> 10", [2, 3, 4]),
        ("Due__c > 2026-01-31", [2]),
        ("SystemModstamp <= 2026-01-31T13:00:00+01:00", [1]),
        ("Sync__c and (Country = 'Germany' or Amount__c < 0) and not Due__c = null", [1]),
        ("Sync__c or Country = 'Austria' and Amount__c = 1", [1, 4]),
    ],
)
def test_a_condition_means_what_it_means_in_soql(said: str, meant: list[int]) -> None:
    """FILT-3."""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        sql = condition(said).sql()
        found = con.execute(f'select "Id", ({sql}) is null from {RECORDS} where {sql} order by 1').fetchall()
    assert found == [(number, False) for number in meant]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("lead Sync__c", "a colon should come before 'Sync__c'"),
        ("lead: Country = ", "a value should come before ''"),
        ("lead: Country = 'DE' Sync__c", "a semicolon should come before 'Sync__c'"),
        ("lead: Country in 'DE'", "an opening parenthesis should come before"),
        ("lead: Country < null", "Country < null means nothing"),
        ('lead: Country = "DE"', "cannot be read from here: '\"DE\"'"),
        ("lead: Sync__c; lead: Country = 'DE'", "lead has two conditions"),
        ("ticket: Sync__c", "ticket cannot have a filter; user, account, contact,"),
        ("task: IsClosed", "task cannot have a filter"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_place(said: str, message: str) -> None:
    """FILT-3."""
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, sync_filters=said)
    assert message in str(refused.value)


def test_filters_are_settings_by_object_and_all_pairings_of_an_object_have_them() -> None:
    """FILT-3."""
    said = "lead: Country in ('DE', 'AT; CH') ; Account: Type = 'Customer'"
    assert by_object(said) == {"lead": "Country in ('DE', 'AT; CH')", "account": "Type = 'Customer'"}
    login = {"salesforce_client_id": "app", "salesforce_client_secret": "secret", "marketo_url": "http://127.0.0.1:1"}
    settings = Settings(_env_file=None, sync_filters=said, **login)  # type: ignore[arg-type]
    assert set(catalog.CAN_BE_FILTERED["salesforce"]) == {pairing.crm.name for pairing in catalog.pairings()}
    alive = {pairing.name: pairing.alive for pairing in declarations.pairings(settings) if pairing.filter}
    assert set(alive) == {"account", "lead"}
    assert alive["lead"].startswith('(not coalesce("IsConverted", false)) and ')


def only(world: World, text: str) -> None:
    """Let a filter be in force from now on."""
    (world.pairing,) = filtered([replace(world.pairing, filter="", alive=PLAIN)], {world.pairing.crm.name: text})


PLAIN = '"LastName" is not null'


def test_a_record_that_leaves_the_filter_stays_and_one_that_enters_is_loaded_whole(world: World) -> None:
    """FILT-5, and SPEC 31 decision 18: neither side hears of the other's edits meanwhile."""
    only(world, "Title = 'VIP'")
    crm_id, person = world.linked(Title="VIP", Phone="1")
    stranger = world.crm.edit(LastName="Bea", HasOptedOutOfEmail=False, Phone="5")
    world.crm.edit(crm_id, Title="none", Phone="2")
    for _ in range(2):
        assert world.cycle().planned.gone == 0
    world.marketo.edit(person, phone="3")
    world.cycle()
    kept = world.marketo.records[person]
    assert (kept["title"], kept["phone"], world.crm.records[crm_id]["Phone"]) == ("VIP", "3", "2")
    assert (list(world.marketo.living), world.marketo.writes, world.crm.writes) == ([person], [], [])
    assert world.rows("link", "crm_id, ended_because") == [(crm_id, FILTERED)]
    with world.lake.reading() as con:
        story = explain(con, [world.pairing], crm_id)[0]
    assert "those count where Title = 'VIP'" in str(story.rows[0])

    for record in (crm_id, stranger):
        world.crm.edit(record, Title="VIP")
    for _ in range(2):
        world.cycle()
    assert world.rows("link", "crm_id, ended_because") == [(crm_id, None), (stranger, None)]
    assert world.marketo.records[person]["phone"] == "2"  # both had changed, and here the CRM wins
    (new,) = set(world.marketo.records) - {person}
    assert [world.marketo.records[new][name] for name in ("lastName", "phone", "title")] == ["Bea", "5", "VIP"]


def test_another_filter_looks_at_all_records_though_nobody_touched_them(world: World) -> None:
    """FILT-5: no full load is needed, what somebody deleted in Marketo stays deleted, and the next pass is quiet."""
    one, first = world.linked(Title="VIP")
    two, _ = world.linked(Title="none")
    unliked, third = world.linked(Title="none")
    world.marketo.delete(third)
    world.read()
    with world.lake.transaction() as con:
        con.execute(f"update lake.sync.link set ended_at = now(), ended_because = 'deleted in Marketo' "
                    f"where pairing = '{world.pairing.name}' and crm_id = '{unliked}'")  # fmt: skip
    people = len(world.marketo.records)
    for text, open_ones in (("Title = 'VIP'", [one]), ("Title = 'VIP' or Title = 'none'", [one, two])):
        only(world, text)
        world.cycle(apply=False)
        world.cycle()
        found = world.rows("link", "crm_id, ended_at is null")
        assert sorted(crm_id for crm_id, is_open in found if is_open) == open_ones
        assert world.cycle().planned.touched == 0
    assert len(world.marketo.records) == people
    assert first in world.marketo.living


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sync__c", "Contact has no field Sync__c that this user can see"),
        ("Title = 5", "Contact.Title cannot be compared with a number"),
        ("Id != '003000000000001'", "Contact.Id holds ids of 18 characters: say '003000000000001AAA'"),
    ],
)
def test_a_filter_on_what_the_user_cannot_see_stops_its_object_and_says_so(
    world: World, text: str, message: str
) -> None:
    """FILT-3: nothing is let in or out by a field that is not there, or not any more."""
    world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
    only(world, text)
    assert world.cycle().error == f"its filter cannot be told: {message}"
    assert world.marketo.records == {}


def test_a_parent_that_its_filter_leaves_out_is_nobody_and_one_that_leaves_is_still_there(
    lake: Lake, tmp_path: Path
) -> None:
    """FILT-6: the child is synced without it; Marketo cannot take a person from its company, so nobody tries."""
    declared = [pairing for pairing in catalog.pairings() if pairing.name in ("account", "contact")]
    many = Many(lake, tmp_path / "landing", filtered(declared, {"account": "Type = 'Customer'"}))
    inside, outside = (many.crm["Account"].edit(Name=kind, Type=kind) for kind in ("Customer", "Press"))
    ada, bea = (many.crm["Contact"].edit(LastName="X", AccountId=account) for account in (inside, outside))
    done = many.settled()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    companies = [(ada, inside), (bea, None)]
    assert many.marketo_values("lead", "externalPersonId", "externalCompanyId") == companies
    many.crm["Account"].edit(inside, Type="Press", Name="Renamed")
    many.crm["Contact"].edit(ada, Phone="2")
    many.settled()
    assert many.marketo_values("lead", "externalPersonId", "externalCompanyId") == companies
    assert many.marketo_values("lead", "phone") == [("2",), (None,)]
    assert many.marketo_values("company", "externalCompanyId", "company") == [(inside, "Customer")]


RULES = "leadSource = 'web' and title != 'none' -> 'Online'; phone like '+49%' -> 'O\\'Brien'; 'Rest'"


def test_new_people_are_put_into_partitions_by_the_first_rule_that_holds_and_nobody_is_moved_later(
    world: World,
) -> None:
    """FILT-7, FILT-9."""
    world.pairing = replace(world.pairing, merges=True)
    people = [("Web", "VIP", "+49 1"), ("Web", "none", "+49 2"), ("Fair", None, "1"), (None, None, None)]
    for source, title, phone in people:
        world.crm.edit(LastName=str(phone), LeadSource=source, Title=title, Phone=phone, HasOptedOutOfEmail=False)
    world.read()
    world.sync(partitions=RULES, apply=False)
    planned = world.rows("outbox", "fields['lastName'], partition")
    world.sync(partitions=RULES)
    homes = {"+49 1": "Online", "+49 2": "O'Brien", "1": "Rest", "None": "Rest"}
    found = {one["lastName"]: world.marketo.partitions[i] for i, one in world.marketo.records.items()}
    assert found == homes == dict(planned)
    world.cycle(partitions=RULES)
    for crm_id in world.crm.records:
        world.crm.edit(crm_id, Phone="+49 9")
    assert world.cycle(partitions=RULES).sent["marketo"].accepted == 4
    moved = "select distinct partition from lake.sync.outbox where operation = 'update' and pairing = ?"
    assert world.lake.rows(moved, [world.pairing.name]) == [(None,)]


def test_rules_on_what_no_new_person_gets_from_the_crm_create_nobody(world: World) -> None:
    """FILT-7."""
    world.pairing = replace(world.pairing, merges=True)
    world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
    said = f"its partition cannot be told: a new person, a {world.pairing.name} of the CRM, has no field country"
    assert world.cycle(partitions="country = 'DE' -> 'Europe'").error.startswith(said)
    assert world.marketo.records == {}
    for text in ("'Rest'; country = 'DE' -> 'Europe'", "country = 'DE' 'Europe'", "country = 'DE' -> Europe"):
        with pytest.raises(ValidationError):
            Settings(_env_file=None, marketo_partitions=text)


def test_contacts_that_take_part_bring_their_accounts_and_these_their_opportunities(lake: Lake, tmp_path: Path) -> None:
    """FILT-4: also when a contact comes in, goes out, or changes to another account later."""
    kinds = ("account", "contact", "opportunity")
    filters = {"contact": "Title = 'VIP'"}
    declared = [pairing for pairing in catalog.pairings() if pairing.name in kinds]
    many = Many(lake, tmp_path / "landing", cascaded(filtered(declared, filters)))
    accounts, contacts = many.crm["Account"], many.crm["Contact"]
    one, two, alone = (accounts.edit(Name=name) for name in ("One", "Two", "Alone"))
    ada = contacts.edit(LastName="Ada", AccountId=one, Title="VIP")
    bea = contacts.edit(LastName="Bea", AccountId=two, Title="none")
    for account in (one, two, alone):
        many.crm["Opportunity"].edit(Name=f"of {account}", AccountId=account, StageName="New", CloseDate="2026-01-31")

    def taking_part() -> tuple[set[str], set[str]]:
        many.settled()
        links = many.lake.rows(f"select pairing, crm_id from {ledger.table('link')} where ended_at is null")
        deals = many.crm["Opportunity"].records
        return (
            {str(crm_id) for pairing, crm_id in links if pairing == "account"},
            {str(deals[crm_id]["AccountId"]) for pairing, crm_id in links if pairing == "opportunity"},
        )

    assert taking_part() == ({one}, {one})
    contacts.edit(bea, Title="VIP")
    assert taking_part() == ({one, two}, {one, two})
    contacts.edit(ada, AccountId=alone)
    assert taking_part() == ({two, alone}, {two, alone})
    contacts.edit(bea, Title="none")
    assert taking_part() == ({alone}, {alone})


def test_a_filter_of_ones_own_comes_first_and_without_a_leader_nothing_cascades() -> None:
    """FILT-4."""
    declared = catalog.pairings()
    assert cascaded(declared) == declared
    own = {"contact": "Sync__c", "account": "Type = 'Customer'"}
    followers = {p.name: p.scope_of for p in cascaded(filtered(declared, own)) if p.scope_of}
    assert followers == {"opportunity": "account"}


@pytest.mark.parametrize(("winner", "loser"), [("VIP", "none"), ("none", "VIP")])
def test_of_two_that_are_merged_the_one_that_stays_decides(
    shared_lake: Lake, tmp_path: Path, winner: str, loser: str
) -> None:
    """FILT-4: its value says whether the person that is left is synced on."""
    lives = Lives(shared_lake, tmp_path / "landing")
    kept, merged = lives.contact(Title="VIP"), lives.contact(Title="VIP")
    lives.settled()
    filters = {lives.of_contacts.crm.name: "Title = 'VIP'"}
    lives.pairings = (*filtered((lives.of_contacts,), filters), lives.of_leads)
    lives.contacts.edit(kept, Title=winner)
    lives.contacts.edit(merged, Title=loser)
    lives.settled()
    lives.contacts.delete(merged, kept)
    lives.settled()
    assert {one for one, because in lives.ends().items() if because is None} == ({kept} if winner == "VIP" else set())
    lives.contacts.edit(kept, Phone="7")
    lives.settled()
    assert ("7" in {p.get("phone") for p in lives.people.living.values()}) == (winner == "VIP")
