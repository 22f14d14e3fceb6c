"""The field mappings against the tables of the specification, row by row and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest

from sync_pipeline.catalog import PERSON_ACCOUNT, by_name, objects
from sync_pipeline.catalog.mappings_account import on_account
from sync_pipeline.model import Direction, Mapping, Rule
from sync_pipeline_tests.catalog.spec import section, shared, table

ALL = objects("salesforce")
ACCOUNT, CONTACT, LEAD = (by_name(name, ALL).mappings for name in ("account", "contact", "lead"))

# Rows that the tables of SPEC 11.1 leave to other sections: the link itself, who belongs to whom, and what one is.
LINKS: dict[str, dict[str, str | None]] = {
    "Lead": {"Id": None, "OwnerId": "externalSalesPersonId"},
    "Contact": {
        "Id": None,
        "OwnerId": "externalSalesPersonId",
        "AccountId": "externalCompanyId",
        "IsPersonAccount": "isPersonAccount",  # SF-PACCT-3
    },
    "Account": {"Id": "externalCompanyId", "OwnerId": "externalSalesPersonId"},
}
ARROWS = {
    "⇄": Direction.BOTH,
    "→": Direction.CRM_TO_MARKETO,
    "←": Direction.MARKETO_TO_CRM,
}


def marketo_names(mappings: Iterable[Mapping]) -> dict[str, str | None]:
    return {mapping.crm: mapping.marketo for mapping in mappings}


def rest_name(cell: str) -> str | None:
    """Return the REST name a cell begins with; words instead of a name mean there is none to write to."""
    if cell.startswith("separate account-type field"):
        return "accountType"  # the name is ours to give (SPEC 31, decision 9)
    name = cell.split(" (")[0]
    return None if name == "system" or " " in name else name


def filled_by_marketo() -> dict[str, str | None]:
    return {row["SF API name"]: rest_name(row["MK REST name"]) for row in table("2.2")}


@pytest.mark.parametrize("source", ["Lead", "Contact"])
def test_a_person_has_the_fields_of_spec_11_1_and_2_2_and_no_others(source: str) -> None:
    published = {row["SF API"]: rest_name(row["MK REST"]) for row in table("11.1", source)}
    wanted = published | filled_by_marketo() | LINKS[source]
    assert marketo_names(by_name(source, ALL).mappings) == wanted


@pytest.mark.parametrize("source", ["Lead", "Contact"])
def test_a_persons_field_flows_as_spec_11_1_says_under_the_label_marketo_shows(source: str) -> None:
    declared = {mapping.crm: mapping for mapping in by_name(source, ALL).mappings}
    for row in table("11.1", source):
        mapping = declared[row["SF API"]]
        assert mapping.direction is ARROWS[row["Dir"][0]], mapping.crm
        assert mapping.label == row["MK label"], mapping.crm
        assert mapping.on == ("company" if "company field" in row["Dir"] else "person"), mapping.crm


def test_what_marketo_knows_better_goes_to_the_crm_and_never_comes_back() -> None:
    """SPEC 2.2, CONN-20: leads and contacts have the same fields."""
    for mappings in (LEAD, CONTACT):
        back = {m.crm for m in mappings if m.direction is Direction.MARKETO_TO_CRM}
        assert back == filled_by_marketo().keys()


def test_an_account_has_the_fields_of_spec_11_1_one_way_and_on_the_company() -> None:
    """SF-ACCOUNT-1, SF-ACCOUNT-8, SF-ACCOUNT-9."""
    published = {row["SF API"]: rest_name(row["MK REST"]) for row in table("11.1", "Account")}
    assert marketo_names(ACCOUNT) == published | LINKS["Account"]
    assert all(m.direction is Direction.CRM_TO_MARKETO and m.on == "company" for m in ACCOUNT)


def test_a_person_account_gives_marketo_the_person_of_spec_11_1() -> None:
    """SF-PACCT-1; `phone` is the person's, `mainPhone` the company's, of one field in Salesforce."""
    wanted: dict[str, str | None] = {"PersonContactId": None}
    for row in table("11.1", "Person account"):
        names, rest, half, arrow = row.values()
        if half in ("person", "both") and arrow.strip("phone ").startswith("⇄") and "*" not in names:
            wanted |= zip(split(names), split(rest), strict=True)
    custom = {on_account(name): rest for name, rest in filled_by_marketo().items()}
    assert marketo_names(PERSON_ACCOUNT) == wanted | custom
    assert custom.keys() >= {"mkto71_Lead_Score__pc"}


def test_a_person_account_gives_marketo_the_company_of_spec_11_1() -> None:
    (row,) = (row for row in table("11.1", "Person account") if row["MK REST"].startswith("as account table"))
    wanted = [name for name in next(iter(row.values())).split(", ") if not name.startswith("custom")]
    crm = {mapping.crm for mapping in ACCOUNT}
    assert all(any(re.fullmatch(name.replace("*", ".+"), field) for field in crm) for name in wanted)


def test_on_a_person_account_the_crm_wins_as_it_does_on_a_contact() -> None:
    """SF-PACCT-7."""
    assert {m.rule for m in PERSON_ACCOUNT if m.is_two_way} == {Rule.CRM_WINS}


def test_the_person_in_a_person_account_has_fields_that_a_real_org_describes() -> None:
    describe = json.loads(shared("payloads/salesforce/describe_cumulusci/Account_PersonAccount_describe.json"))
    fields = {field["name"]: field["updateable"] for field in describe["fields"]}
    standard = [mapping for mapping in PERSON_ACCOUNT if not mapping.crm.endswith("__pc")]
    assert {m.crm for m in standard} <= fields.keys()
    assert all(fields[m.crm] for m in standard if m.is_two_way)


def test_an_opportunity_has_the_fields_of_spec_8_1_one_way() -> None:
    """SF-OPP-1, SF-OPP-10. The source campaign has no REST name; custom fields come from describe."""
    rows = [row for row in table("8.1") if row["SF API"] != "custom fields"]
    mappings = by_name("opportunity", ALL).mappings
    key = next(row for row in rows if row["SF API"] == "Id")
    assert marketo_names(mappings) == {row["SF API"]: rest_name(row["MK REST (opportunity)"]) for row in rows}
    assert all(m.direction is Direction.CRM_TO_MARKETO and m.on == "opportunity" for m in mappings)
    assert next(m.label for m in mappings if m.crm == "Id") in key["MK REST (opportunity)"]


def test_a_contact_role_has_the_fields_of_spec_8_1() -> None:
    (line,) = (line for line in section("8.1").splitlines() if line.startswith("Role: "))
    published = dict(re.findall(r"(\w+) → `(\w+)`", line))
    assert marketo_names(by_name("opportunity_contact_role", ALL).mappings) == published


def test_only_the_status_of_a_campaign_member_flows_both_ways() -> None:
    """SF-CAMP-4, SF-CAMP-5: type and cost of the campaign come from the program."""
    member = by_name("campaign_member", ALL).mappings
    assert [m.crm for m in member if m.is_two_way] == ["Status"]
    campaign = by_name("campaign", ALL).mappings
    assert {m.crm: m.direction for m in campaign} == {
        "Type": Direction.MARKETO_TO_CRM,
        "ActualCost": Direction.MARKETO_TO_CRM,
    }


def test_a_sales_owner_shows_five_values_on_his_people() -> None:
    """SF-USER-2, in the words of Marketo's fields."""
    labels = {m.label for m in by_name("user", ALL).mappings if m.label.startswith("Sales Owner ")}
    assert labels == {
        "Sales Owner First Name",
        "Sales Owner Last Name",
        "Sales Owner Job Title",
        "Sales Owner Phone Number",
        "Sales Owner Email Address",
    }


def test_an_activity_has_the_attributes_of_marketos_own_kind() -> None:
    """SF-ACT-3, SPEC 28.3 (type 26); an event has no priority and no status, and Is Task is the object itself."""
    (attributes,) = re.findall(r"\| 26 \| SFDC Activity \((.*?)\)", section("28.3"))
    published = set(attributes.split(", ")) - {"Is Task"}
    labels = {name: {m.label for m in by_name(name, ALL).mappings} for name in ("task", "event")}
    assert labels["task"] == published | {"Person Id"}
    assert labels["event"] == labels["task"] - {"Priority", "Status"}


@pytest.mark.parametrize(
    ("contact_field", "on_the_account"),
    [("Email", "PersonEmail"), ("Phone", "Phone"), ("Tier__c", "Tier__pc"), ("acme__Tier__c", "acme__Tier__pc")],
)
def test_a_contact_field_has_its_name_on_a_person_account(contact_field: str, on_the_account: str) -> None:
    assert on_account(contact_field) == on_the_account


def split(cell: str) -> list[str]:
    """Return the names of a cell; `PersonMailingStreet / City` stands for two that begin alike."""
    first, *others = re.split(r" / |, ", cell.split(" (")[0])
    prefix = first.removesuffix("Street") if first.endswith("Street") else ""
    return [first, *(prefix + other for other in others)]
