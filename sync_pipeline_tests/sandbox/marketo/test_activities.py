"""The log as Marketo keeps it: what is told of whom, with reason and source, and how it is read page by page."""

from __future__ import annotations

import pytest

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records.tables import LIST_MEMBER
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client, codes

FEED = "/rest/v1/activities.json"
CHANGES = "/rest/v1/activities/leadchanges.json"


def told(activity: dict[str, object]) -> dict[str, object]:
    attributes = activity["attributes"]
    assert isinstance(attributes, list)
    return {one["name"]: one["value"] for one in attributes}


def test_a_new_person_and_each_changed_value_are_logged_with_reason_and_source(client: Client) -> None:
    """SF-LEAD-10, MK-REST-9."""
    (made,) = client.sync({"email": "a@example.com", "firstName": "Ada", "lastName": "Byron"})
    client.sync({"email": "a@example.com", "firstName": "Ada", "lastName": "Lovelace"})
    (new,) = client.activities(12)
    assert (new["leadId"], new["primaryAttributeValue"]) == (made["id"], "Ada Byron")
    assert told(new)["Source Type"] == "Web service API"
    (change,) = client.activities(13)
    assert change["primaryAttributeValue"] == "Last Name"
    assert change["marketoGUID"] == str(change["id"])
    assert told(change) == {
        "New Value": "Lovelace",
        "Old Value": "Byron",
        "Reason": "Web service API",
        "Source": "Web service API",
        "API Method Name": "syncLead",
        "Modifying User": "api@sandbox.example",
        "Request Id": told(change)["Request Id"],
    }


def test_lead_changes_tell_of_the_named_fields_and_of_new_persons(client: Client) -> None:
    """MK-REST-8."""
    (made,) = client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com", "firstName": "Ada", "city": "London"})
    client.sync({"email": "a@example.com", "firstName": None})
    new, first, second = client.all(CHANGES, fields="firstName,lastName")
    assert (new["activityTypeId"], new["fields"]) == (12, [])
    assert first["fields"] == [{"id": 48, "name": "firstName", "newValue": "Ada"}]
    assert second["fields"] == [{"id": 48, "name": "firstName", "oldValue": "Ada"}]
    assert {"name": "Reason", "value": "Web service API"} in first["attributes"]
    assert {"name": "Lead ID", "value": made["id"]} in first["attributes"]
    assert client.error("GET", CHANGES, params={"nextPageToken": client.since()})[0] == "1002"
    wrong = {"nextPageToken": client.since(), "fields": "noSuchField"}
    assert client.error("GET", CHANGES, params=wrong)[0] == "1006"


def test_pages_follow_one_another_without_loss_though_all_is_of_one_second(client: Client) -> None:
    made = client.sync(*({"email": f"p{number}@example.com"} for number in range(25)))
    token, seen = client.since(), []
    for size in (10, 10, 10):
        page = client.get(FEED, nextPageToken=token, activityTypeIds=12, batchSize=size)
        seen += [one["leadId"] for one in page["result"]]
        token = page["nextPageToken"]
    assert page["moreResult"] is False
    assert seen == [one["id"] for one in made]
    quiet = client.get(FEED, nextPageToken=token, activityTypeIds=12)
    assert (quiet["result"], quiet["moreResult"]) == ([], False)
    client.sync({"email": "later@example.com"})
    again = client.get(FEED, nextPageToken=quiet["nextPageToken"], activityTypeIds=12)
    assert len(again["result"]) == 1


def test_a_token_begins_at_its_moment(client: Client, clock: Clock) -> None:
    client.sync({"email": "a@example.com"})
    clock.pass_seconds(60)
    client.sync({"email": "b@example.com"})
    later = client.get(FEED, nextPageToken=client.since("2026-05-17T12:01:00+02:00"), activityTypeIds=12)
    assert len(later["result"]) == 1
    all_day = client.get(FEED, nextPageToken=client.since("2026-05-17"), activityTypeIds=12)
    assert len(all_day["result"]) == 2
    wrong = {"sinceDatetime": "yesterday"}
    assert client.error("GET", "/rest/v1/activities/pagingtoken.json", params=wrong)[0] == "704"


def test_ten_types_and_thirty_persons_are_the_most(client: Client) -> None:
    """MK-REST-8."""
    asked = {"nextPageToken": client.since(), "activityTypeIds": ",".join(map(str, range(1, 12)))}
    assert client.error("GET", FEED, params=asked)[0] == "1003"
    asked = {"nextPageToken": client.since(), "activityTypeIds": "12", "leadIds": ",".join(map(str, range(31)))}
    assert client.error("GET", FEED, params=asked)[0] == "1003"


def test_activities_of_some_persons_or_of_a_list(client: Client, subscription: Subscription, clock: Clock) -> None:
    made = client.sync(*({"email": f"p{number}@example.com"} for number in range(3)))
    ids = [one["id"] for one in made]
    assert [one["leadId"] for one in client.activities(12, leadIds=f"{ids[0]},{ids[2]}")] == [ids[0], ids[2]]
    created = client.send("POST", "/rest/asset/v1/staticLists.json", data={"name": "L", "folder": FOLDER}).json()
    number = created["result"][0]["id"]
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": ids[1]}]})
    assert [one["leadId"] for one in client.activities(12, listId=number)] == [ids[1]]
    many = [
        {"listId": number, "leadId": lead, "createdAt": subscription.present()} for lead in range(10**6, 10**6 + 10**4)
    ]
    subscription.insert(LIST_MEMBER, many)
    assert len(client.activities(12, listId=number)) == 1
    clock.pass_seconds(86_400 * 300)  # beyond 30 December 2026
    client.log_in()
    asked = {"nextPageToken": client.since(), "activityTypeIds": "12", "listId": number}
    assert client.error("GET", FEED, params=asked)[0] == "1003"


FOLDER = '{"id": 13, "type": "Folder"}'


def test_a_page_can_be_short_and_yet_not_the_last(client: Client, sandbox: MarketoSandbox) -> None:
    client.sync(*({"email": f"p{number}@example.com"} for number in range(5)))
    sandbox.faults.add("short_page", rows=2)
    page = client.get(FEED, nextPageToken=client.since(), activityTypeIds=12)
    assert (len(page["result"]), page["moreResult"]) == (2, True)
    rest = client.get(FEED, nextPageToken=page["nextPageToken"], activityTypeIds=12)
    assert (len(rest["result"]), rest["moreResult"]) == (3, False)


def test_a_late_log_shows_nothing_of_the_last_seconds(client: Client, sandbox: MarketoSandbox, clock: Clock) -> None:
    sandbox.faults.add("late", seconds=30)
    client.sync({"email": "a@example.com"})
    assert client.activities(12) == []
    clock.pass_seconds(30)
    assert len(client.activities(12)) == 1


def test_a_deleted_person_is_gone_and_told_of_for_a_fortnight(client: Client, clock: Clock) -> None:
    (made,) = client.sync({"email": "a@example.com", "firstName": "Ada", "lastName": "Byron"})
    deleted = client.post("/rest/v1/leads/delete.json", {"input": [{"id": made["id"]}, {"id": 77}]})["result"]
    assert codes(deleted) == ["deleted", "1004"]
    assert client.people([made["id"]]) == []
    (gone,) = client.all("/rest/v1/activities/deletedleads.json")
    assert (gone["leadId"], gone["activityTypeId"]) == (made["id"], 37)
    assert (gone["primaryAttributeValue"], gone["attributes"]) == ("Ada Byron", [])
    assert codes(client.sync({"email": "a@example.com"})) == ["created"], "a new person of the same address"
    clock.pass_seconds(86_400 * 15)
    client.log_in()
    assert client.all("/rest/v1/activities/deletedleads.json") == []


def test_ids_to_delete_may_stand_in_the_address(client: Client) -> None:
    one, two = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    path = f"/rest/v1/leads/delete.json?id={one['id']},{two['id']}"
    assert codes(client.send("POST", path).json()["result"]) == ["deleted", "deleted"]


def test_a_merge_fills_the_winner_and_hands_it_what_the_losers_did(client: Client, program: int) -> None:
    """MERGE-7 to 9, MERGE-16."""
    winner, loser = client.sync(
        {"email": "a@example.com", "firstName": "Ada", "city": "London"},
        {"email": "b@example.com", "firstName": "Augusta", "phone": "+44 1"},
        action="createDuplicate",
    )
    status = f"/rest/v1/programs/{program}/members/status.json"
    client.post(status, {"statusName": "Invited", "input": [{"leadId": loser["id"]}]})
    client.post(f"/rest/v1/leads/{winner['id']}/merge.json", leadIds=str(loser["id"]))
    assert client.people([loser["id"]]) == []
    assert client.person(winner["id"], "firstName,city,phone,email") == {
        "firstName": "Ada",
        "city": "London",
        "phone": "+44 1",
        "email": "a@example.com",
    }
    (merged,) = client.activities(32)
    assert (merged["leadId"], told(merged)["Merge IDs"]) == (winner["id"], f"[{loser['id']}]")
    assert told(merged)["Merge Fields"] == "phone"
    assert {one["leadId"] for one in client.activities(12, 104)} == {winner["id"]}
    assert [one["id"] for one in client.result(f"/rest/v1/leads/{winner['id']}/programMembership.json")] == [program]
    assert client.all("/rest/v1/activities/deletedleads.json") == [], "a merge is no deletion"


@pytest.mark.parametrize(("winner", "losers", "code"), [(1, "2", "1004"), (0, "77", "1004"), (0, "0", "1003")])
def test_a_merge_that_cannot_be_is_refused(client: Client, winner: int, losers: str, code: str) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    ids = {"0": str(made["id"])}
    path = f"/rest/v1/leads/{made['id'] if winner == 0 else 999}/merge.json"
    assert client.error("POST", path, params={"leadIds": ids.get(losers, losers)})[0] == code
    in_crm = {"leadId": 5, "mergeInCRM": "true"}
    assert client.error("POST", path, params=in_crm)[0] == "1003"


def test_types_are_listed_with_the_attributes_that_activities_carry(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com", "firstName": "Ada"})
    types = {one["id"]: one for one in client.result("/rest/v1/activities/types.json")}
    for activity in client.activities(12, 13):
        listed = {one["name"] for one in types[activity["activityTypeId"]]["attributes"]}
        assert told(activity).keys() <= listed
    assert types[32]["name"] == "Merge Leads"
