"""A lead or contact is once in a campaign, whatever writes, merges and conversions do."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipeline.sandbox import Org
from sync_pipeline_tests.sandbox.conftest import Client, Clock
from sync_pipeline_tests.sandbox.soap import converting, merging, results

TAKEN = [{"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE", "fields": []}]


@pytest.fixture
def fair(org: Org) -> str:
    (fair,) = org.insert("Campaign", [{"Name": "Fair"}])
    statuses = (("Invited", False, True), ("Came", True, False))
    org.insert(
        "CampaignMemberStatus",
        [
            {"CampaignId": fair, "Label": label, "HasResponded": responded, "IsDefault": default, "SortOrder": i}
            for i, (label, responded, default) in enumerate(statuses)
        ],
    )
    return fair


@pytest.fixture
def lead(org: Org) -> str:
    return org.insert("Lead", [{"FirstName": "Ann", "LastName": "Lee", "Company": "Acme", "City": "Bonn"}])[0]


def members(org: Org, fair: str) -> list[dict[str, Any]]:
    with org.cursor() as cursor:
        sql = "select Id from CampaignMember where CampaignId = ? and not IsDeleted order by Id"
        ids = [one for (one,) in cursor.execute(sql, [fair]).fetchall()]
    return [org.record("CampaignMember", one) or {} for one in ids]


def test_a_new_member_shows_its_person_and_the_campaigns_own_status(
    client: Client, org: Org, fair: str, lead: str
) -> None:
    made = client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair, "LeadId": lead})
    assert made.status_code == 201, made.text
    (member,) = members(org, fair)
    assert (member["Status"], member["HasResponded"], member["FirstRespondedDate"]) == ("Invited", False, None)
    assert (member["Name"], member["City"], member["Type"]) == ("Ann Lee", "Bonn", "Lead")
    assert member["LeadOrContactId"] == lead
    came = client.send("PATCH", f"sobjects/CampaignMember/{member['Id']}", json={"Status": "Came"})
    assert came.status_code == 204
    (member,) = members(org, fair)
    assert (member["HasResponded"], member["FirstRespondedDate"].isoformat()) == (True, "2026-05-17")


def test_a_person_is_once_in_a_campaign(client: Client, org: Org, fair: str, lead: str) -> None:
    (contact,) = org.insert("Contact", [{"LastName": "Bob"}])
    (other,) = org.insert("Campaign", [{"Name": "Other"}])
    for values in (
        {"CampaignId": fair, "LeadId": lead},
        {"CampaignId": fair, "ContactId": contact},
        {"CampaignId": other, "LeadId": lead, "Status": "Sent"},
    ):
        assert client.send("POST", "sobjects/CampaignMember", json=values).status_code == 201
    again = client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair, "LeadId": lead})
    assert (again.status_code, again.json()) == (400, TAKEN)
    twice = {"attributes": {"type": "CampaignMember"}, "CampaignId": other, "ContactId": contact}
    batch = client.send("POST", "composite/sobjects", json={"records": [twice, twice]}).json()
    assert [one["success"] for one in batch] == [True, False]
    org.delete("CampaignMember", [members(org, fair)[0]["Id"]])
    assert client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair, "LeadId": lead}).status_code == 201


def test_a_member_needs_a_person_and_of_two_keeps_the_contact(client: Client, org: Org, fair: str, lead: str) -> None:
    none = client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair})
    assert (none.status_code, none.json()[0]["errorCode"]) == (400, "REQUIRED_FIELD_MISSING")
    (contact,) = org.insert("Contact", [{"LastName": "Bob"}])
    both = {"CampaignId": fair, "LeadId": lead, "ContactId": contact}
    assert client.send("POST", "sobjects/CampaignMember", json=both).status_code == 201
    (member,) = members(org, fair)
    assert (member["LeadId"], member["ContactId"], member["Name"]) == (None, contact, "Bob")


def test_a_converted_leads_membership_is_the_contacts(client: Client, org: Org, fair: str, lead: str) -> None:
    assert client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair, "LeadId": lead}).status_code == 201
    (done,) = results(client, converting(lead))
    (member,) = members(org, fair)
    assert (member["LeadId"], member["ContactId"], member["Type"]) == (lead, done["contactId"], "Contact")
    assert member["LeadOrContactId"] == done["contactId"]


def test_where_lead_and_contact_were_members_the_one_that_responded_stays(
    client: Client, org: Org, fair: str, lead: str
) -> None:
    (account,) = org.insert("Account", [{"Name": "Acme"}])
    (contact,) = org.insert("Contact", [{"LastName": "Lee", "AccountId": account}])
    for values in ({"LeadId": lead, "Status": "Came"}, {"ContactId": contact}):
        assert client.send("POST", "sobjects/CampaignMember", json={"CampaignId": fair, **values}).status_code == 201
    (done,) = results(client, converting(lead, accountId=account, contactId=contact))
    assert done["success"] == "true"
    (member,) = members(org, fair)
    assert (member["ContactId"], member["HasResponded"]) == (contact, True)


def test_a_merge_leaves_one_member(client: Client, org: Org, fair: str, lead: str, clock: Clock) -> None:
    (twin,) = org.insert("Lead", [{"LastName": "Li", "Company": "Acme"}])
    for one, status in ((lead, "Invited"), (twin, "Came")):
        values = {"CampaignId": fair, "LeadId": one, "Status": status}
        assert client.send("POST", "sobjects/CampaignMember", json=values).status_code == 201
    (done,) = results(client, merging("Lead", lead, twin))
    assert done["success"] == "true"
    (member,) = members(org, fair)
    assert (member["LeadId"], member["LeadOrContactId"], member["Status"]) == (lead, lead, "Came")
