"""What is synced of a Veeva org, against the specification and what is known of Marketo's own sync."""

from __future__ import annotations

import pytest

from sync_pipeline.catalog import by_name, objects, refused, veeva
from sync_pipeline.catalog.mappings_account import FILLED_IN_VEEVA, on_account
from sync_pipeline.model import Direction, Rule
from sync_pipeline_tests.catalog.spec import synced_in_veeva, table, veeva_labels

ALL = objects("veeva", ["Address_vod__c", "Call2_Detail_vod__c"])
ACCOUNT = by_name("account", ALL).mappings
COMPANY = [m for m in ACCOUNT if m.on == "company"]
PERSON = [m for m in ACCOUNT if m.on == "person"]


def test_a_first_load_reads_accounts_before_calls_and_these_before_their_key_messages() -> None:
    assert [declared.name for declared in ALL] == [
        *("user", "group", "record_type", "organization"),
        *("account", "product", "key_message"),
        *("call", "call_key_message"),
        *("address_vod__c", "call2_detail_vod__c"),
    ]
    assert {declared.table[0] for declared in ALL} == {"veeva"}


def test_calls_and_key_messages_are_on_by_default() -> None:
    """VV-CALL-1."""
    assert {"call", "call_key_message"} <= {declared.name for declared in objects("veeva")}


@pytest.mark.parametrize("name", ["call", "call_key_message"])
def test_a_call_has_the_fields_that_marketos_own_sync_takes_one_way(name: str) -> None:
    """VV-CALL-1, VV-CALL-8: under the labels that users know, and the id as key."""
    declared = by_name(name, ALL)
    listed = {row["API name"]: row["label"] for row in synced_in_veeva(declared.source)}
    assert {m.crm: m.label for m in declared.mappings} == {"Id": "Veeva Id", **listed}
    assert listed.keys() <= set(declared.required)
    assert {m.direction for m in declared.mappings} == {Direction.CRM_TO_MARKETO}


def test_a_key_message_waits_for_its_call_a_call_for_its_person_and_he_for_his_company() -> None:
    """VV-CALL-6, VV-CALL-7."""
    waits = {(m.on, m.crm): m.refers_to for o in ALL for m in o.mappings if m.refers_to}
    assert (
        waits.items()
        >= {
            ("person", "Id"): ("account",),
            ("person", "OwnerId"): ("user",),
            ("call", "Account_vod__c"): ("person_account",),
            ("call_key_message", "Call2_vod__c"): ("call",),
        }.items()
    )


def test_the_person_has_the_contact_fields_of_spec_11_1_under_their_names_on_an_account() -> None:
    """VV-PA-13; the notes are the account's, for it has one Description for both halves."""
    rows = {row["SF API"]: row["Dir"][0] for row in table("11.1", "Contact")}
    two_way = {on_account(name) for name, arrow in rows.items() if arrow == "⇄" and name != "Description"}
    assert {m.crm for m in PERSON if m.is_two_way} == two_way
    assert next(m.marketo for m in PERSON if m.crm == "Description") == "mktoPersonNotes"


def test_the_company_has_the_account_fields_of_spec_11_1() -> None:
    """VV-PA-13."""
    assert {row["SF API"] for row in table("11.1", "Account")} <= {m.crm for m in COMPANY}


def test_default_fields_are_those_of_marketos_own_page() -> None:
    """VV-PA-13. What it calls SFDC is Veeva's among the system values; an account's type has a field of its own."""
    person = {m.label.replace("Veeva is", "SFDC Is").replace("Veeva", "SFDC") for m in PERSON}
    assert veeva_labels("Contact") - person == set()
    assert veeva_labels("Account") - {m.label for m in COMPANY} == {"SFDC Type"}


def test_the_system_values_have_veevas_name() -> None:
    """VV-PA-14; Veeva Type is what the link is of."""
    kept = {m.label: m.crm for m in PERSON if m.marketo is None}
    assert kept == {
        "Veeva Id": "PersonContactId",
        "Veeva Created Date": "CreatedDate",
        "Veeva is Deleted": "IsDeleted",
    }


def test_the_flag_tells_persons_from_business_accounts() -> None:
    """VV-PA-4."""
    (flag,) = (m for m in PERSON if m.crm == "IsPersonAccount")
    assert (flag.label, flag.direction) == ("Is Person Account", Direction.CRM_TO_MARKETO)


def test_veeva_wins_on_contact_fields_and_account_fields_are_one_way() -> None:
    """VV-PA-5, VV-PA-6, VV-GEN-3: nothing else is two-way."""
    assert {m.rule for m in PERSON if m.is_two_way} == {Rule.CRM_WINS}
    assert {m.direction for m in COMPANY} == {Direction.CRM_TO_MARKETO}
    assert {(o.name, m.on) for o in ALL for m in o.mappings if m.is_two_way} == {("account", "person")}


def test_marketo_fills_the_fields_that_veevas_set_up_names() -> None:
    """VV-CONN-4."""
    filled = {m.crm for m in PERSON if m.direction is Direction.MARKETO_TO_CRM}
    asked = {on_account(row["SF API name"]) for row in table("2.2")}
    assert filled == {name for name in asked if name.startswith(FILLED_IN_VEEVA)}


def test_one_record_takes_each_field_from_one_place_and_to_one_place() -> None:
    for declared in ALL:
        for places in ([(m.on, m.crm) for m in declared.mappings], [(m.on, m.marketo) for m in declared.mappings]):
            named = [place for place in places if place[1]]
            assert len(set(named)) == len(named)


@pytest.mark.parametrize("name", ["lead", "Contact", "OPPORTUNITY", "Campaign", "Task", "Event"])
def test_what_the_veeva_sync_refuses_is_refused_by_name_and_with_the_reason(name: str) -> None:
    """VV-GEN-5."""
    with pytest.raises(ValueError, match=rf"(?i)^{name} is not part of the Veeva sync: .*VV-"):
        by_name(name, ALL)
    with pytest.raises(ValueError, match="is not part of the Veeva sync"):
        objects("veeva", [name])


def test_a_salesforce_org_refuses_nothing() -> None:
    assert refused("salesforce") == {}
    assert set(refused("veeva")) & {declared.source for declared in ALL} == set()


def test_a_call_cannot_be_chosen_as_a_custom_object_too() -> None:
    """SF-CO-4: it has a table already, under another name."""
    with pytest.raises(ValueError, match=r"more than once .* call2_vod__c"):
        objects("veeva", ["Call2_vod__c"])


def test_who_is_a_professional_has_to_be_chosen() -> None:
    """VV-PA-1, SPEC 31 decision 31: nobody is one by default."""
    assert by_name("account", ALL).chosen_types == ()
    assert "in (null)" in veeva.is_professional([])
    with pytest.raises(ValueError, match="no record type can be called"):
        veeva.is_professional(["Professional_vod", "x'); drop table lead; --"])


def test_nothing_is_said_of_salesforce_on_veevas_pages() -> None:
    assert [o.name for o in ALL if "Salesforce" in o.description] == []
