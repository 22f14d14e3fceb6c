"""Bin, getDeleted and getUpdated, merge and conversion, as API clients cause them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import Client, Clock, Redirect
from sync_pipeline_tests.sandbox.soap import converting, merging, results, soap

BORN = datetime(2026, 5, 17, 10, 0, 0)  # noqa: DTZ001 - the org stores UTC without zone


def record(org: Org, name: str, one: str) -> dict[str, Any]:
    found = org.record(name, one)
    assert found is not None
    return found


@pytest.fixture
def simple(sandbox: Sandbox, client: Client) -> Iterator[Any]:
    with requests.Session() as session:
        session.mount("https://", Redirect(sandbox.url))
        yield Salesforce(instance_url="https://org.my.example", session_id=client.token, session=session)


def test_children_die_and_rise_with_their_parent(client: Client, org: Org, clock: Clock) -> None:
    (account,) = org.insert("Account", [{"Name": "Acme"}])
    ann, bob = org.insert("Contact", [{"LastName": name, "AccountId": account} for name in ("Ann", "Bob")])
    (task,) = org.insert("Task", [{"Subject": "Call", "WhoId": ann}])
    clock.pass_seconds(10)
    org.delete("Contact", [bob])
    clock.pass_seconds(10)
    assert client.send("DELETE", f"sobjects/Account/{account}").status_code == 204
    for name, one in (("Account", account), ("Contact", ann), ("Task", task)):
        gone = record(org, name, one)
        assert (gone["IsDeleted"], gone["SystemModstamp"]) == (True, BORN + timedelta(seconds=20)), name
    clock.pass_seconds(10)
    (back,) = results(client, f"<u:undelete><u:ids>{account[:15]}</u:ids></u:undelete>")
    assert (back["id"], back["success"]) == (account, "true")
    for name, one in (("Account", account), ("Contact", ann), ("Task", task)):
        here = record(org, name, one)
        assert (here["IsDeleted"], here["SystemModstamp"]) == (False, BORN + timedelta(seconds=30)), name
    assert record(org, "Contact", bob)["IsDeleted"]  # went before, by itself


def test_what_is_not_in_the_bin_cannot_come_back(client: Client, org: Org) -> None:
    (here,) = org.insert("Contact", [{"LastName": "x"}])
    found = results(client, f"<u:undelete><u:ids>{here}</u:ids><u:ids>nonsense</u:ids></u:undelete>")
    assert [(one["success"], one["errors"]) for one in found] == [
        ("false", ["UNDELETE_FAILED"]),
        ("false", ["MALFORMED_ID"]),
    ]


def test_emptying_the_bin_takes_records_for_good(client: Client, org: Org) -> None:
    gone, here = org.insert("Contact", [{"LastName": "gone"}, {"LastName": "here"}])
    org.delete("Contact", [gone])
    ids = f"<u:ids>{gone}</u:ids><u:ids>{here}</u:ids>"
    found = results(client, f"<u:emptyRecycleBin>{ids}</u:emptyRecycleBin>")
    assert [one["success"] for one in found] == ["true", "false"]
    assert client.values("SELECT Id FROM Contact", "queryAll") == [(here,)]


def test_get_deleted_tells_of_binned_and_hard_deleted_records(
    simple: Any, client: Client, org: Org, clock: Clock
) -> None:
    soft, hard, kept = org.insert("Contact", [{"LastName": name} for name in ("soft", "hard", "kept")])
    clock.pass_seconds(90)
    org.delete("Contact", [soft])
    org.hard_delete("Contact", [hard])
    start, end = datetime(2026, 5, 17, 10, 1, 59, tzinfo=UTC), datetime(2026, 5, 17, 10, 2, tzinfo=UTC)
    found = simple.Contact.deleted(start, end)
    assert found["deletedRecords"] == [
        {"deletedDate": "2026-05-17T10:01:30.000+0000", "id": one} for one in sorted((soft, hard))
    ]
    assert found["latestDateCovered"] == "2026-05-17T10:02:00.000+0000"
    assert found["earliestDateAvailable"] == "2026-05-17T10:01:30.000+0000"
    changed = simple.Contact.updated(start - timedelta(minutes=1), end)
    assert changed == {"ids": [kept], "latestDateCovered": "2026-05-17T10:02:00.000+0000"}


def test_replication_reaches_back_fifteen_and_thirty_days(client: Client) -> None:
    def status(what: str, start: str, end: str = "2026-05-17T10:00:00Z") -> tuple[int, str]:
        answer = client.get(f"sobjects/Contact/{what}/", params={"start": start, "end": end})
        return answer.status_code, "" if answer.ok else answer.json()[0]["errorCode"]

    refused = (400, "INVALID_REPLICATION_DATE")
    assert status("deleted", "2026-05-02T10:00:00+00:00") == (200, "")
    assert status("deleted", "2026-05-02T09:59:00+00:00") == refused
    assert status("updated", "2026-04-17T12:00:00+02:00") == (200, "")
    assert status("updated", "2026-04-17T09:59:00Z") == refused
    assert status("updated", "2026-05-17T10:00:00Z", "2026-05-17T10:00:59Z") == refused
    assert status("updated", "yesterday") == refused


def test_a_merge_keeps_the_winner_and_moves_the_children(client: Client, org: Org, clock: Clock) -> None:
    winner, one, two = org.insert("Lead", [{"LastName": name, "Company": "y"} for name in "abc"])
    (task,) = org.insert("Task", [{"Subject": "Call", "WhoId": one}])
    clock.pass_seconds(5)
    (done,) = results(client, merging("Lead", winner, one, two, Title="Boss"))
    assert (done["id"], done["success"], done["mergedRecordIds"]) == (winner, "true", [one, two])
    assert done["updatedRelatedIds"] == [task]
    assert record(org, "Task", task)["WhoId"] == winner
    assert [(record(org, "Lead", x)["IsDeleted"], record(org, "Lead", x)["MasterRecordId"]) for x in (one, two)] == [
        (True, winner)
    ] * 2
    assert record(org, "Lead", winner)["Title"] == "Boss"
    (again,) = results(client, f"<u:undelete><u:ids>{one}</u:ids></u:undelete>")
    assert again["errors"] == ["UNDELETE_FAILED"]


def test_a_merge_that_is_refused_changes_nothing(client: Client, org: Org) -> None:
    a, b, c, d = org.insert("Contact", [{"LastName": name} for name in "abcd"])
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y"}])
    for body, code in (
        (merging("Contact", a, b, c, d), "INVALID_NUMBER_OF_RECORDS"),
        (merging("Contact", a, a), "INVALID_NUMBER_OF_RECORDS"),
        (merging("Contact", a, lead, Title="x"), "MALFORMED_ID"),
        (merging("Contact", a, b, Email="bad"), "INVALID_EMAIL_ADDRESS"),
        (merging("Task", a, b), "INVALID_TYPE"),
    ):
        (refused,) = results(client, body)
        assert (refused["success"], refused["errors"]) == ("false", [code]), body
    assert client.values("SELECT Title, SystemModstamp FROM Contact") == [(None, "2026-05-17T10:00:00.000+0000")] * 4


@pytest.fixture
def lead(org: Org, clock: Clock) -> str:
    values = {"FirstName": "Ann", "LastName": "Lee", "Company": "Acme", "Email": "ann@x.example", "City": "Bonn"}
    (lead,) = org.insert("Lead", [{**values, "Title": "Boss", "HasOptedOutOfEmail": True}])
    clock.pass_seconds(60)
    return lead


def test_a_lead_becomes_an_account_a_contact_and_an_opportunity(client: Client, org: Org, lead: str) -> None:
    (task,) = org.insert("Task", [{"Subject": "Call", "WhoId": lead}])
    (done,) = results(client, converting(lead))
    assert (done["success"], done["leadId"]) == ("true", lead)
    account, contact = record(org, "Account", done["accountId"]), record(org, "Contact", done["contactId"])
    opportunity = record(org, "Opportunity", done["opportunityId"])
    assert (account["Name"], account["BillingCity"]) == ("Acme", "Bonn")
    assert (contact["Name"], contact["AccountId"], contact["HasOptedOutOfEmail"]) == ("Ann Lee", account["Id"], True)
    assert (opportunity["Name"], opportunity["CloseDate"].isoformat()) == ("Acme-", "2026-06-30")
    assert client.values("SELECT ContactId, IsPrimary FROM OpportunityContactRole") == [(contact["Id"], True)]
    converted = record(org, "Lead", lead)
    assert (converted["IsConverted"], converted["IsDeleted"], converted["Status"]) == (
        True,
        False,
        "Closed - Converted",
    )
    assert [converted[f"Converted{name}Id"] for name in ("Account", "Contact", "Opportunity")] == [
        account["Id"],
        contact["Id"],
        opportunity["Id"],
    ]
    assert converted["SystemModstamp"] == BORN + timedelta(seconds=60)
    assert record(org, "Task", task)["WhoId"] == contact["Id"]
    edit = client.send("PATCH", f"sobjects/Lead/{lead}", json={"Title": "x"})
    assert edit.json()[0]["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert results(client, converting(lead))[0]["errors"] == ["CANNOT_UPDATE_CONVERTED_LEAD"]


def test_a_lead_joins_an_account_there_is(client: Client, org: Org, lead: str) -> None:
    (account,) = org.insert("Account", [{"Name": "Acme Inc"}])
    (done,) = results(client, converting(lead, accountId=account, doNotCreateOpportunity="true"))
    assert (done["accountId"], done["opportunityId"]) == (account, None)
    assert record(org, "Contact", done["contactId"])["AccountId"] == account
    assert client.values("SELECT Id FROM Opportunity") == []


def test_a_lead_joins_a_contact_there_is_and_fills_its_gaps(client: Client, org: Org, lead: str) -> None:
    (account,) = org.insert("Account", [{"Name": "Acme Inc"}])
    values = {"LastName": "Leigh", "Title": "CEO", "AccountId": account}
    (contact,) = org.insert("Contact", [values])
    (campaign,) = org.insert("Campaign", [{"Name": "Fair"}])
    (member,) = org.insert("CampaignMember", [{"CampaignId": campaign, "LeadId": lead}])
    (refused,) = results(client, converting(lead, contactId=contact))
    assert refused["errors"] == ["REQUIRED_FIELD_MISSING"]
    (done,) = results(client, converting(lead, accountId=account, contactId=contact))
    assert done["contactId"] == contact
    joined = record(org, "Contact", contact)
    assert (joined["LastName"], joined["Title"], joined["Email"]) == ("Leigh", "CEO", "ann@x.example")
    assert (record(org, "CampaignMember", member)["LeadId"], record(org, "CampaignMember", member)["ContactId"]) == (
        lead,
        contact,
    )


def test_mapped_custom_fields_of_a_lead_live_on_and_others_end_with_it(client: Client, org: Org) -> None:
    for name in ("Shoe__c", "Hat__c"):
        targets = ["Contact.Size__c", "Opportunity.Size__c"] if name == "Shoe__c" else []
        org.add_field("Lead", {"name": name, "type": "string", "length": 9, "convertsTo": targets})
    for name in ("Contact", "Opportunity", "Account"):
        org.add_field(name, {"name": "Size__c", "type": "string", "length": 9})
    values = {"LastName": "x", "Company": "y", "Shoe__c": "42", "Hat__c": "58", "mkto71_Lead_Score__c": 7}
    (lead,) = org.insert("Lead", [values])
    (done,) = results(client, converting(lead))
    contact = record(org, "Contact", done["contactId"])
    assert (contact["Size__c"], contact["mkto71_Lead_Score__c"]) == ("42", 7)
    assert record(org, "Opportunity", done["opportunityId"])["Size__c"] == "42"
    assert record(org, "Account", done["accountId"])["Size__c"] is None
    described = client.get("sobjects/Lead/describe").json()["fields"]
    assert all("convertsTo" not in field for field in described)


def test_a_lookup_to_a_deleted_record_is_empty_until_it_is_back(client: Client, org: Org, clock: Clock) -> None:
    boss, other = org.insert("Contact", [{"LastName": "boss"}, {"LastName": "other"}])
    one, two, three = org.insert("Contact", [{"LastName": n, "ReportsToId": boss} for n in ("one", "two", "three")])
    clock.pass_seconds(10)
    assert client.send("DELETE", f"sobjects/Contact/{boss}").status_code == 204
    for who in (one, two):
        left = record(org, "Contact", who)
        assert left["ReportsToId"] is None
        assert left["SystemModstamp"] == BORN + timedelta(seconds=10)
        assert left["LastModifiedDate"] == BORN
    org.update("Contact", two, {"ReportsToId": other})
    org.delete("Contact", [three])
    (back,) = results(client, f"<u:undelete><u:ids>{boss}</u:ids></u:undelete>")
    assert back["success"] == "true"
    assert record(org, "Contact", one)["ReportsToId"] == boss
    assert record(org, "Contact", two)["ReportsToId"] == other
    org.hard_delete("Contact", [boss])
    assert record(org, "Contact", one)["ReportsToId"] is None


def test_a_record_that_children_hold_on_to_cannot_be_deleted(client: Client, org: Org) -> None:
    held = {"name": "Buyer__c", "type": "reference", "referenceTo": ["Contact"], "childRestrictedDelete": True}
    org.add_field("Invoice__c", held)
    josh, free = org.insert(
        "Contact", [{"Salutation": "Mr.", "FirstName": "Josh", "LastName": "Davis"}, {"LastName": "x"}]
    )
    bills = org.insert("Invoice__c", [{"Buyer__c": josh, "Name": name} for name in ("INV-1", "INV-2")])
    answer = client.send("DELETE", f"sobjects/Contact/{josh}")
    message = (
        "Your attempt to delete Mr. Josh Davis could not be completed because it is associated with the following"
        " invoices.: INV-1, INV-2\n"
    )
    assert answer.status_code == 400
    assert answer.json() == [{"message": message, "errorCode": "DELETE_FAILED", "fields": []}]
    assert client.send("DELETE", f"sobjects/Contact/{free}").status_code == 204
    org.delete("Invoice__c", bills)
    assert client.send("DELETE", f"sobjects/Contact/{josh}").status_code == 204


def test_a_conversion_that_is_refused_changes_nothing(client: Client, org: Org, lead: str) -> None:
    (queue,) = org.insert("Group", [{"Name": "West", "Type": "Queue"}])
    (waiting,) = org.insert("Lead", [{"LastName": "q", "Company": "q", "OwnerId": queue}])
    for body, code in (
        (converting(lead, "Working - Contacted"), "INVALID_STATUS"),
        (converting(lead, "Closed - Not Converted"), "INVALID_STATUS"),
        (converting("00Q000000000000AAA"), "INVALID_CROSS_REFERENCE_KEY"),
        (converting(waiting), "INVALID_CROSS_REFERENCE_KEY"),
        (converting(lead, accountId="001000000000000AAA"), "INVALID_CROSS_REFERENCE_KEY"),
    ):
        (refused,) = results(client, body)
        assert (refused["success"], refused["errors"]) == ("false", [code]), body
    assert client.values("SELECT Id FROM Account") == client.values("SELECT Id FROM Contact") == []
    (taken,) = results(client, converting(waiting, ownerId=org.user_id))
    assert taken["success"] == "true"


def test_soap_needs_a_session(client: Client) -> None:
    answer = soap(client, "<u:undelete><u:ids>x</u:ids></u:undelete>", token="stale")
    assert answer.status_code == 500
    assert "<faultcode>sf:INVALID_SESSION_ID</faultcode>" in answer.text


def test_soap_tells_the_time_and_the_user_of_a_session(client: Client, org: Org) -> None:
    assert "<timestamp>2026-05-17T10:00:00.000Z</timestamp>" in soap(client, "<u:getServerTimestamp/>").text
    answer = soap(client, "<u:getUserInfo/>")
    assert "<getUserInfoResponse><result><accessibilityMode>" in answer.text
    assert f"<userId>{org.user_id}</userId>" in answer.text


def test_logging_out_by_soap_ends_the_session(client: Client) -> None:
    assert "<logoutResponse></logoutResponse>" in soap(client, "<u:logout/>").text
    assert client.get("sobjects").status_code == 401
    assert soap(client, "<u:getUserInfo/>").status_code == 500
