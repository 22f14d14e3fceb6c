"""Custom activity types, drafted and approved, and posting activities that stay for good (MK-REST-11)."""

from __future__ import annotations

from typing import Any

from sync_pipeline_tests.sandbox.marketo.conftest import Client

TYPE = "/rest/v1/activities/external/type"
POST = "/rest/v1/activities/external.json"


def conference(number: int | str = "") -> dict[str, Any]:
    return {
        "apiName": f"attendConference{number}",
        "name": f"Attend Conference {number}",
        "triggerName": f"Attends Conference {number}",
        "filterName": f"Attended Conference {number}",
        "description": "Attend the conference",
        "primaryAttribute": {"apiName": "conferenceName", "name": "Conference Name"},
    }


ATTRIBUTES = [
    {"apiName": "conferenceDate", "name": "Conference Date", "dataType": "datetime"},
    {"apiName": "guests", "name": "Number of Guests", "dataType": "integer"},
]


def approved(client: Client) -> int:
    """Return the number of an approved type."""
    client.post(f"{TYPE}.json", conference())
    client.post(f"{TYPE}/attendConference/attributes/create.json", {"attributes": ATTRIBUTES})
    number: int = client.post(f"{TYPE}/attendConference/approve.json")["result"][0]["id"]
    return number


def test_a_type_is_a_draft_until_it_is_approved(client: Client) -> None:
    (draft,) = client.post(f"{TYPE}.json", conference())["result"]
    assert (draft["status"], draft["primaryAttribute"]["dataType"]) == ("draft", "string")
    assert draft["id"] not in {one["id"] for one in client.result("/rest/v1/activities/types.json")}
    client.post(f"{TYPE}/attendConference/approve.json")
    assert draft["id"] in {one["id"] for one in client.result("/rest/v1/activities/types.json")}
    (changed,) = client.post(f"{TYPE}/attendConference/attributes/create.json", {"attributes": ATTRIBUTES})["result"]
    assert changed["status"] == "approved with draft"
    assert client.result(f"{TYPE}/attendConference/describe.json")[0]["attributes"] == []
    assert client.result(f"{TYPE}/attendConference/describe.json", draft="true")[0]["attributes"] == ATTRIBUTES
    client.post(f"{TYPE}/attendConference/discardDraft.json")
    assert client.result("/rest/v1/activities/external/types.json")[0]["status"] == "approved"
    assert client.error("POST", f"{TYPE}/attendConference/approve.json")[0] == "709"


def test_attributes_are_changed_and_taken_away_in_the_draft(client: Client) -> None:
    approved(client)
    path = f"{TYPE}/attendConference/attributes"
    client.post(f"{path}/update.json", {"attributes": [{"apiName": "guests", "name": "Guests"}]})
    (changed,) = client.post(f"{path}/delete.json", {"attributes": [{"apiName": "conferenceDate"}]})["result"]
    assert changed["attributes"] == [{"apiName": "guests", "name": "Guests", "dataType": "integer"}]
    nobody = {"attributes": [{"apiName": "nothing"}]}
    assert client.error("POST", f"{path}/update.json", json=nobody)[0] == "1013"


def test_there_are_ten_types_with_twenty_attributes_at_most(client: Client) -> None:
    for number in range(10):
        client.post(f"{TYPE}.json", conference(number))
    eleventh = client.error("POST", f"{TYPE}.json", json=conference(10))
    assert eleventh == ("1027", "Max Activity Type Limit Reached")
    many = [{"apiName": f"a{number}", "name": f"A {number}", "dataType": "string"} for number in range(21)]
    path = f"{TYPE}/attendConference0/attributes/create.json"
    assert client.error("POST", path, json={"attributes": many})[0] == "1028"
    client.post(path, {"attributes": many[:20]})
    client.post(f"{TYPE}/attendConference9/delete.json")
    client.post(f"{TYPE}.json", conference(10))


def test_names_are_taken_only_once(client: Client) -> None:
    client.post(f"{TYPE}.json", conference(1))
    assert client.error("POST", f"{TYPE}.json", json=conference(1))[0] == "1017"
    same_trigger = {**conference(2), "triggerName": conference(1)["triggerName"]}
    assert client.error("POST", f"{TYPE}.json", json=same_trigger)[0] == "1017"


def test_activities_are_posted_read_back_and_refused_one_by_one(client: Client) -> None:
    number = approved(client)
    (made,) = client.sync({"email": "a@example.com"})
    good = {
        "leadId": made["id"],
        "activityDate": "2026-05-17T08:00:00+02:00",
        "activityTypeId": number,
        "primaryAttributeValue": "PyCon",
        "attributes": [{"apiName": "conferenceDate", "value": "2026-05-16"}, {"name": "Number of Guests", "value": 3}],
    }
    results = client.post(
        POST,
        {
            "input": [
                good,
                {**good, "leadId": 999},
                {**good, "activityTypeId": 5},
                {**good, "attributes": [{"apiName": "nothing", "value": 1}]},
                {**good, "attributes": [{"apiName": "guests", "value": "many"}]},
                {**good, "activityDate": "soon"},
                {**good, "primaryAttributeValue": ""},
                {**good, "attributes": [{"apiName": "guests", "value": "9" * 70_000}]},
                good,
            ]
        },
    )["result"]
    said = [one["errors"][0]["code"] if "errors" in one else one["status"] for one in results]
    assert said == ["added", "1004", "1013", "1006", "1001", "1001", "1002", "1049", "added"]
    first, second = client.activities(number)
    assert [first["id"], second["id"]] == [results[0]["id"], results[-1]["id"]], "nothing is de-duplicated"
    assert first["activityDate"] == "2026-05-17T06:00:00Z"
    assert first["primaryAttributeValue"] == "PyCon"
    assert first["attributes"] == [
        {"apiName": "conferenceDate", "name": "Conference Date", "value": "2026-05-16T00:00:00Z"},
        {"apiName": "guests", "name": "Number of Guests", "value": 3},
    ]
    assert client.error("POST", POST, json={"input": [good] * 301})[0] == "1003"
