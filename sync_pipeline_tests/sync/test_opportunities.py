"""Opportunities and contact roles: copied to Marketo once what they belong to is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipeline import catalog
from sync_pipeline.catalog.views import VIEWS
from sync_pipeline.connectors.records import Answer, Operation, Value, Verdict
from sync_pipeline.lake import Lake, table, views
from sync_pipeline.lake.types import column_type
from sync_pipeline_tests.sync.many import Many

ROLE = ("externalOpportunityId", "leadId", "role", "isPrimary")


@pytest.fixture
def many(lake: Lake, tmp_path: Path) -> Many:
    return Many(lake, tmp_path / "landing", catalog.pairings())


def deal(many: Many, role: Value, primary: bool = False) -> tuple[str, str, str]:
    """Make an opportunity of an account with one contact in it; return the ids of the three."""
    account = many.crm["Account"].edit(Name="Acme")
    contact = many.crm["Contact"].edit(LastName="Ada", AccountId=account)
    opportunity = many.crm["Opportunity"].edit(Name="Deal", AccountId=account, StageName="Open", Amount=10.0)
    many.crm["OpportunityContactRole"].edit(OpportunityId=opportunity, ContactId=contact, Role=role, IsPrimary=primary)
    return account, contact, opportunity


def test_an_opportunity_comes_with_its_company_and_belongs_to_people_by_its_roles_alone(many: Many) -> None:
    """SF-OPP-1, SF-OPP-3 to 5, SF-OPP-10: one pass writes parents first; nothing ever comes back."""
    account, contact, opportunity = deal(many, "Buyer", primary=True)
    alone = many.crm["Opportunity"].edit(Name="Alone", StageName="Open")
    done = many.settled()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")
    (person,) = many.marketo_values("lead", "id", "externalPersonId")
    assert person[1] == contact
    assert many.marketo_values("opportunity", "externalOpportunityId", "externalCompanyId", "name", "amount") == [
        (opportunity, account, "Deal", 10.0),
        (alone, None, "Alone", None),
    ]
    assert many.marketo_values("opportunityRole", *ROLE) == [(opportunity, int(str(person[0])), "Buyer", True)]
    many.marketo["opportunity"].edit("1", name="Edited in Marketo")
    many.cycle()
    assert many.crm.order == []


def test_a_role_without_a_name_is_a_role_all_the_same(many: Many) -> None:
    """SF-OPP-3: Marketo's key needs a name, Salesforce does not."""
    deal(many, None)
    many.settled()
    assert [role for _, _, role, _ in many.marketo_values("opportunityRole", *ROLE)] == ["None"]


def test_a_role_is_parked_until_its_person_is_there(many: Many) -> None:
    """SF-OPP-12."""
    deal(many, "Buyer")
    many.marketo["lead"].refuse = lambda _: Answer(Verdict.RETRY, code="1016", message="later")
    done = many.cycle()
    assert done["opportunity"].sent["marketo"].accepted == 1
    assert many.marketo_values("opportunityRole", *ROLE) == []
    parked = many.lake.rows("select because from lake.sync.pending where pairing = 'opportunity_contact_role'")
    assert parked == [("waits for leadId",)]
    many.marketo["lead"].refuse = lambda _: None
    many.settled()
    assert len(many.marketo_values("opportunityRole", *ROLE)) == 1


def test_while_an_object_is_not_read_whole_what_refers_to_it_waits_and_the_others_go_on(many: Many) -> None:
    """MK-REST-2, OPS-19: first there is no mirror of it, then one that a first load has not filled yet."""
    objects, told = many.objects, many.described.copy()
    (opportunity,) = (obj for obj in objects if obj.source == "Opportunity")
    many.objects = [obj for obj in objects if obj is not opportunity]
    del many.described["salesforce", "Opportunity"]
    with many.lake.transaction() as con:
        con.execute("drop table lake.salesforce.opportunity")
        con.execute("drop table lake.salesforce.opportunity_changes")
    deal(many, "Buyer")
    waiting = "not mirrored yet: salesforce/opportunity; run a sync first"
    assert {name: done.error for name, done in many.cycle().items() if done.error} == {"opportunity": waiting}
    assert len(many.marketo["lead"].records) == 1
    many.described = told
    with many.lake.transaction() as con:
        table.create_mirror(
            con, opportunity, {f.name: column_type(f) for f in told["salesforce", "Opportunity"].fields}
        )
    assert (many.cycle()["opportunity"].error, len(many.marketo["opportunityRole"].records)) == (waiting, 0)
    many.objects = objects
    many.settled()
    assert (len(many.marketo["opportunity"].records), len(many.marketo["opportunityRole"].records)) == (1, 1)


def test_a_role_whose_making_was_interrupted_is_found_again(many: Many) -> None:
    """GEN-16, SF-OPP-10, MK-REST-13: no field of a role carries the CRM's id, so its key of three tells whose it is."""
    deal(many, "Buyer")
    many.settled()
    with many.lake.transaction() as con:
        con.execute("delete from lake.sync.link where pairing = 'opportunity_contact_role'")
    (role,) = many.marketo["opportunityRole"].records
    many.marketo["opportunityRole"].edit(role, isPrimary=True)
    many.cycle()
    links = many.lake.rows("select marketo_id from lake.sync.link where pairing = 'opportunity_contact_role'")
    assert (links, len(many.marketo["opportunityRole"].records)) == ([(role,)], 1)
    assert many.marketo.order.count(("opportunityRole", Operation.UPSERT)) == 1


def test_another_role_name_is_another_role_in_marketo_and_the_old_one_goes_first(many: Many) -> None:
    """SF-OPP-11: where the old one cannot be deleted yet, the new one waits; a role has no two names at any time."""
    deal(many, "Buyer", primary=True)
    many.settled()
    (role,) = many.crm["OpportunityContactRole"].records
    many.crm["OpportunityContactRole"].edit(role, Role="Evaluator")
    many.marketo["opportunityRole"].refuse = lambda _: Answer(Verdict.RETRY, code="1016", message="later")
    many.cycle()
    assert [values[2] for values in many.marketo_values("opportunityRole", *ROLE)] == ["Buyer"]
    many.marketo["opportunityRole"].refuse = lambda _: None
    before = len(many.marketo.order)
    many.settled()
    ((_, _, name, primary),) = many.marketo_values("opportunityRole", *ROLE)
    assert (name, primary) == ("Evaluator", True)
    assert many.marketo.order[before:] == [("opportunityRole", o) for o in (Operation.DELETE, Operation.UPSERT)]
    links = many.lake.rows("select ended_at is null from lake.sync.link where pairing = 'opportunity_contact_role'")
    assert sorted(links) == [(False,), (True,)]


def test_a_renamed_role_waits_for_the_old_one_alone_though_marketo_would_take_it(many: Many) -> None:
    """SF-OPP-11: only the deletion is refused for now."""
    deal(many, "Buyer")
    many.settled()
    (role,) = many.crm["OpportunityContactRole"].records
    many.crm["OpportunityContactRole"].edit(role, Role="Evaluator")
    later = Answer(Verdict.RETRY, code="1016", message="later")
    many.marketo["opportunityRole"].refuse = lambda record: None if record.values else later
    many.cycle()
    assert [values[2] for values in many.marketo_values("opportunityRole", *ROLE)] == ["Buyer"]
    many.marketo["opportunityRole"].refuse = lambda _: None
    many.settled()
    assert [values[2] for values in many.marketo_values("opportunityRole", *ROLE)] == ["Evaluator"]


def test_what_goes_in_the_crm_goes_in_marketo_and_those_it_belongs_to_stay(many: Many) -> None:
    """SF-OPP-9."""
    _, _, opportunity = deal(many, "Buyer")
    many.settled()
    (role,) = many.crm["OpportunityContactRole"].records
    many.crm["OpportunityContactRole"].edit(role, IsDeleted=True)
    many.settled()
    assert (len(many.marketo_values("opportunityRole")), len(many.marketo_values("opportunity"))) == (0, 1)
    many.crm["Opportunity"].edit(opportunity, IsDeleted=True)
    many.settled()
    left = {source: len(many.marketo_values(source)) for source in ("opportunity", "lead", "company")}
    assert left == {"opportunity": 0, "lead": 1, "company": 1}


def test_a_plan_shows_the_whole_family_before_any_of_it_exists(many: Many) -> None:
    """What depends on records that the same plan would create is in it too."""
    _, contact, opportunity = deal(many, "Buyer")
    many.read()
    assert {name: s.planned.creates for name, s in many.sync(apply=False).items()} == {
        "user": 0, "account": 1, "contact": 1, "lead": 0, "opportunity": 1, "opportunity_contact_role": 1,
    }  # fmt: skip
    ((fields,),) = many.lake.rows("select fields from lake.sync.outbox where pairing = 'opportunity_contact_role'")
    assert fields.items() >= {"externalOpportunityId": opportunity, "leadId": contact, "role": "Buyer"}.items()
    assert many.marketo.order == []


def test_analysts_ask_who_is_in_which_opportunity_how_much_and_since_when(many: Many) -> None:
    """SF-OPP-4 to 8 and 11: views over the mirrors; another role name is no removal, an empty period is one."""
    early, later = "2026-01-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"
    ada, bea = (many.crm["Contact"].edit(LastName=name) for name in ("Ada", "Bea"))
    deal, _alone = (many.crm["Opportunity"].edit(Name=n, Amount=10.0, ExpectedRevenue=5.0) for n in ("Deal", "Alone"))
    of_deal = many.crm["OpportunityContactRole"]
    adas = [of_deal.edit(OpportunityId=deal, ContactId=ada, Role=r, CreatedDate=early) for r in ("Buyer", "User")]
    beas = of_deal.edit(OpportunityId=deal, ContactId=bea, Role="User", CreatedDate=early)
    many.read()
    with many.lake.transaction() as con:
        assert views.refresh(con, VIEWS) == [
            "people.opportunity",
            "people.opportunity_total",
            "people.opportunity_event",
            "people.owner",
            "people.possible_duplicate",
            "people.crm_type",
        ]  # the others' tables are not there
        assert views.refresh(con, VIEWS) == []
        hidden = replace(VIEWS[0], name="hidden", sql='select "Hidden__c" from lake.salesforce.opportunity')
        assert views.refresh(con, [hidden]) == []
    of_deal.edit(adas[0], Role="Evaluator")
    of_deal.edit(adas[1], IsDeleted=True)
    of_deal.edit(beas, IsDeleted=True)
    many.crm["Opportunity"].edit(deal, Amount=20.0)
    many.read()
    of_deal.edit(OpportunityId=deal, ContactId=bea, Role="User", CreatedDate=later)
    many.read()
    part = many.lake.rows("select contact_id, opportunity_id, roles from lake.people.opportunity order by contact_id")
    assert part == [(ada, deal, ["Evaluator"]), (bea, deal, ["User"])]
    total = many.lake.rows(
        "select contact_id, opportunities, amount, expected_revenue from lake.people.opportunity_total"
    )
    assert sorted(total) == [(ada, 1, 20.0, 5.0), (bea, 1, 20.0, 5.0)]
    events = "select contact_id, event, fields from lake.people.opportunity_event"
    told = many.lake.rows(f"{events} order by contact_id, happened_at")
    assert told == [
        (ada, "Added to Opportunity", None),
        (ada, "Opportunity is Updated", ["Amount"]),
        (bea, "Added to Opportunity", None),
        (bea, "Removed from Opportunity", None),
        (bea, "Added to Opportunity", None),
    ]
