"""Companies, owners and person accounts in one course of events: who belongs to what, and what follows a move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.catalog.views import OWNER
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import Lake, views
from sync_pipeline.model import Describe, Field
from sync_pipeline.sandbox import Schema
from sync_pipeline.sync.inspection.explain import explain
from sync_pipeline_tests.sync.conftest import lake_in
from sync_pipeline_tests.sync.many import MARKETO, Many, marketo_fields

OWN = (Field("inCrmDeleted", "boolean"), Field("isPersonAccount", "boolean"))
TOLD = ("externalCompanyId", "phone", "inCrmDeleted", "isPersonAccount", "email")


@dataclass
class Course:
    """What was made in the CRM, by name; `people`, `companies` and `owners` are Marketo's after one more cycle."""

    many: Many
    crm: dict[str, str] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def look(self) -> None:
        by_key = {
            source: {str(one[key]): dict(one) for one in self.many.marketo[source].living.values() if one.get(key)}
            for source, key in (("lead", "externalPersonId"), ("company", "externalCompanyId"))
        }
        self.people, self.companies = (
            {name: found[one] for name, one in self.crm.items() if one in found} for found in by_key.values()
        )

    def errors(self) -> list[tuple[Any, ...]]:
        return self.many.lake.rows("select record_id, field, code from lake.sync.error where resolved_at is null")

    def owner(self, name: str) -> tuple[Any, ...]:
        """Return the view's values of somebody's owner and of the account's."""
        (found,) = self.many.lake.rows(
            "select sales_owner_first_name, sales_owner_last_name, sales_owner_title, sales_owner_phone, "
            "sales_owner_email, account_owner_first_name, account_owner_last_name, account_owner_email "
            "from lake.people.owner where crm_id = ?",
            [self.crm[name]],
        )
        return found


@pytest.fixture(scope="module")
def own_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with lake_in(tmp_path_factory.mktemp("companies")) as lake:
        yield lake


@pytest.fixture(scope="module")
def course(own_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Course:
    pairings = catalog.pairings(deleted_field="inCrmDeleted")
    more = {name: Describe(name, (*marketo_fields(MARKETO[name]), *OWN)) for name in ("lead", "company")}
    schema = Schema.standard(person_accounts=True)
    many = Many(own_lake, tmp_path_factory.mktemp("landing"), pairings, more, schema=schema)
    course = Course(many)
    crm, (user, account, contact, deal, role) = (
        course.crm,
        (many.crm[name] for name in ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole")),
    )
    person = {"Title": "Rep", "Phone": "1"}
    crm["seller"] = user.edit(FirstName="Sal", LastName="Seller", Email="sal@crm.example", **person)
    crm["boss"] = user.edit(FirstName="Bo", LastName="Boss", Email="bo@crm.example", **person)
    for name in ("acme", "other", "loser", "gone", "ada account", "eve account"):
        crm[name] = account.edit(Name=name, OwnerId=crm["boss"], IsPersonAccount=name.endswith(" account"))
    for name, its in (
        ("mover", "acme"), ("leaver", "acme"), ("merged", "loser"), ("deleted", "gone"),
        ("ada", "ada account"), ("eve", "eve account"),
    ):  # fmt: skip
        crm[name] = contact.edit(
            LastName=name,
            AccountId=crm[its],
            OwnerId=crm["seller"],
            Email=f"{name}@x.example",
            IsPersonAccount=its.endswith(" account"),
        )
    crm["queued"] = many.crm["Lead"].edit(
        LastName="Quinn", Company="Q", IsConverted=False, OwnerId="00G000000000001AAA"
    )
    crm["alone"], crm["with role"] = (
        deal.edit(Name=name, AccountId=crm["ada account"], StageName="Open") for name in ("alone", "with role")
    )
    role.edit(OpportunityId=crm["with role"], ContactId=crm["ada"], Role="Buyer")
    many.settled()
    many.marketo["company"].edit(company="Known to Marketo alone", externalCompanyId="of nobody")
    with many.lake.transaction() as con:
        assert views.refresh(con, [OWNER]) == ["people.owner"]

    contact.edit(crm["mover"], AccountId=crm["other"])
    contact.edit(crm["leaver"], AccountId=None, Phone="2")
    account.delete(crm["gone"])
    contact.delete(crm["deleted"])  # as Salesforce does with the contacts of an account
    account.delete(crm["loser"], crm["acme"])
    contact.edit(crm["merged"], AccountId=crm["acme"])
    user.edit(crm["seller"], LastName="Sailor", Email="sailor@crm.example", Title="Boss", Phone="2")
    many.crm.order.clear()
    many.marketo.order.clear()
    many.cycle()
    course.look()
    return course


def test_a_contact_is_in_one_company_and_moves_with_its_account(course: Course) -> None:
    """SF-CONTACT-10, SF-ACCOUNT-5: in the next cycle; whatever else it is related to, one field fills its company."""
    assert course.people["mover"]["externalCompanyId"] == course.crm["other"]
    filling = {(p.crm.source, m.crm) for p in course.many.pairings for m in p.mappings if m.on == "person"
               and m.marketo == "externalCompanyId"}  # fmt: skip
    assert filling == {("Contact", "AccountId")}


def test_a_contact_without_an_account_stays_in_its_company_with_a_warning(course: Course) -> None:
    """SF-CONTACT-10, MK-REST-12: Marketo would refuse the whole record; what else changed is written."""
    assert (course.people["leaver"]["externalCompanyId"], course.people["leaver"]["phone"]) == (course.crm["acme"], "2")
    stays = [(course.crm["leaver"], "AccountId", "STAYS")]
    assert course.errors() == stays
    course.many.marketo["lead"].edit(course.people["leaver"]["id"], phone="3")
    course.many.cycle()
    assert course.errors() == stays  # an edit in Marketo decides nothing of a field that only flows there
    course.many.crm["Contact"].edit(course.crm["leaver"], AccountId=course.crm["acme"])
    course.many.cycle()
    assert course.errors() == []


def test_no_account_comes_of_a_company_that_marketo_alone_knows(course: Course) -> None:
    """SF-ACCOUNT-6: conversion, on demand, is the only way."""
    assert "Account" not in {source for source, _ in course.many.crm.order}
    assert len(course.many.crm["Account"].records) == 6
    assert not any(p.creates for p in course.many.pairings if p.crm.source == "Account")


def test_the_company_of_a_deleted_account_stays_and_is_marked_and_so_are_its_people(course: Course) -> None:
    """SF-ACCOUNT-10, DEL-1."""
    assert course.companies["gone"]["inCrmDeleted"] is True
    assert course.people["deleted"]["inCrmDeleted"] is True
    assert not course.companies["acme"].get("inCrmDeleted")


def test_the_people_of_a_merged_account_move_and_the_losing_company_is_marked(course: Course) -> None:
    """SF-ACCOUNT-11."""
    assert course.companies["loser"]["inCrmDeleted"] is True
    assert course.people["merged"]["externalCompanyId"] == course.crm["acme"]
    assert not course.people["merged"].get("inCrmDeleted")


def test_a_changed_user_reaches_all_who_are_owned_within_one_cycle(course: Course) -> None:
    """SF-USER-2, SF-USER-7: the people refer to the sales person, so that one write is enough."""
    names = ("externalSalesPersonId", "firstName", "lastName", "title", "phone", "email")
    seller = (course.crm["seller"], "Sal", "Sailor", "Boss", "2", "sailor@crm.example")
    assert seller in course.many.marketo_values("salesPerson", *names)
    assert {one["externalSalesPersonId"] for name, one in course.people.items() if name != "queued"} == {seller[0]}
    assert course.owner("mover")[:5] == seller[1:]


def test_a_contact_shows_the_owner_of_its_account_besides_its_own_and_a_queue_is_nobody(course: Course) -> None:
    """SF-USER-3, SF-USER-4."""
    assert course.owner("mover")[5:] == ("Bo", "Boss", "bo@crm.example")
    assert course.companies["other"]["externalSalesPersonId"] == course.crm["boss"]
    assert course.owner("queued") == (None,) * 8


def test_a_person_account_is_a_person_that_says_so_with_one_address(course: Course) -> None:
    """SF-PACCT-1, 3 and 5: the flag is there to filter by; the address is in Email Address and nowhere else."""
    flags = {name: one["isPersonAccount"] for name, one in course.people.items() if name != "queued"}
    assert flags == {name: name in ("ada", "eve") for name in flags}
    assert course.people["ada"]["email"] == "ada@x.example"
    assert course.people["ada"]["externalCompanyId"] == course.crm["ada account"]
    written = course.many.lake.rows("select distinct unnest(map_keys(fields)) from lake.sync.outbox order by all")
    assert [name for (name,) in written if "mail" in name.lower()] == ["email"]


def test_the_crm_wins_a_person_accounts_conflict_and_its_accounts_field_never_comes_back(
    lake: Lake, tmp_path: Path
) -> None:
    """SF-PACCT-7."""
    many = Many(lake, tmp_path, catalog.pairings(), schema=Schema.standard(person_accounts=True))
    account = many.crm["Account"].edit(Name="Ada", Industry="Energy", IsPersonAccount=True)
    ada = many.crm["Contact"].edit(LastName="Ada", AccountId=account, Phone="1", IsPersonAccount=True)
    many.settled()
    ((person, _),) = many.marketo["lead"].living.items()
    ((company, _),) = many.marketo["company"].living.items()
    many.crm["Contact"].edit(ada, Phone="2")
    many.marketo["lead"].edit(person, phone="3", title="Dr")
    many.marketo["company"].edit(company, industry="Steel")
    many.settled()
    contact = many.crm["Contact"].records[ada]
    assert (contact["Phone"], contact["Title"], many.marketo["lead"].records[person]["phone"]) == ("2", "Dr", "2")
    assert many.crm["Account"].records[account]["Industry"] == "Energy"


def test_an_opportunity_of_a_person_account_belongs_to_it_by_a_role_alone(course: Course) -> None:
    """SF-PACCT-4: the one without a role is there, and nobody's."""
    assert len(course.many.marketo["opportunity"].records) == 2
    of_people = course.many.marketo_values("opportunityRole", "externalOpportunityId", "leadId")
    assert of_people == [(course.crm["with role"], int(course.people["ada"]["id"]))]


def test_an_id_of_marketo_that_several_objects_count_is_told_of_the_one_that_is_named(course: Course) -> None:
    with course.many.lake.reading() as con:
        with pytest.raises(LookupError, match=r"of \d objects of Marketo have the id 1; .*company/1, .*person/1"):
            explain(con, course.many.pairings, "1")
        stories = {name: explain(con, course.many.pairings, f"{name}/1") for name in ("company", "marketo/person")}
    for name, story in stories.items():
        named = name.removeprefix("marketo/")
        assert {row[1] for row in story[0].rows} == {named, "account" if named == "company" else "contact"}
        (links,) = (chapter for chapter in story if chapter.title == "links")
        assert len(links.rows) == 1


def test_person_accounts_are_merged_in_the_crm_and_a_refusal_of_marketo_is_on_record(course: Course) -> None:
    """SF-PACCT-6, MERGE-15: error 712."""
    many, crm = course.many, course.crm
    refused = Answer(Verdict.REJECTED, code="712", message="person account")
    many.marketo["lead"].refuse = lambda record: refused if record.into else None
    many.crm["Account"].delete(crm["eve account"], crm["ada account"])
    many.crm["Contact"].delete(crm["eve"], crm["ada"])
    for _ in range(2):
        many.cycle()
    assert (course.people["eve"]["id"], None, "712") in course.errors()
    course.look()
    assert course.people["ada"]["externalCompanyId"] == crm["ada account"]
    assert course.companies["eve account"]["inCrmDeleted"] is True
