"""Syncing persons: actions, keys, results in order, refusals of one record, and what the log says."""

from __future__ import annotations

import pytest

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client, codes

LEADS = "/rest/v1/leads.json"


def test_results_come_in_the_order_of_the_input(client: Client) -> None:
    made = client.sync({"email": "b@example.com"}, {"email": "a@example.com"})
    assert [one["status"] for one in made] == ["created", "created"]
    again = client.sync({"email": "a@example.com"}, {"email": "new@example.com"}, {"email": "B@EXAMPLE.com"})
    assert [one["status"] for one in again] == ["updated", "created", "updated"]
    assert [again[0]["id"], again[2]["id"]] == [made[1]["id"], made[0]["id"]]


def test_a_key_that_comes_twice_in_a_request_is_one_person_and_the_last_value_stays(client: Client) -> None:
    one, two, three = client.sync(
        {"email": "a@example.com", "firstName": "A"},
        {"email": "A@example.com", "firstName": "B"},
        {"email": "a@example.com", "lastName": "C"},
    )
    assert [one["status"], two["status"], three["status"]] == ["created", "updated", "updated"]
    assert one["id"] == two["id"] == three["id"]
    person = client.person(one["id"])
    assert (person["firstName"], person["lastName"]) == ("B", "C")


def test_each_action_creates_or_changes_what_its_name_says(client: Client) -> None:
    """MK-REST-4."""
    client.sync({"email": "old@example.com"})
    pair = ({"email": "old@example.com"}, {"email": "new@example.com"})
    assert codes(client.sync(*pair, action="updateOnly")) == ["updated", "1004"]
    assert codes(client.sync(*pair, action="createOnly")) == ["1005", "created"]
    assert codes(client.sync(*pair, action="createDuplicate")) == ["created", "created"]
    assert codes(client.sync(*pair, action="createOrUpdate")) == ["1007", "1007"]
    assert len(client.people(["old@example.com"], by="email")) == 2


def test_a_person_is_changed_by_id_only_by_update_only(client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    changed = client.sync({"id": made["id"], "email": "b@example.com"}, action="updateOnly", lookupField="id")
    assert changed == [{"id": made["id"], "status": "updated"}]
    assert client.person(made["id"])["email"] == "b@example.com"
    assert codes(client.sync({"id": 999_999}, action="updateOnly", lookupField="id")) == ["1004"]
    assert codes(client.sync({"id": made["id"], "email": "c@example.com"})) == ["1003"]
    body = {"action": "createOrUpdate", "lookupField": "id", "input": [{"id": 1}]}
    assert client.error("POST", LEADS, json=body)[0] == "1003"


def test_a_custom_field_is_a_key_and_a_filter_and_a_name_is_neither(client: Client) -> None:
    field = {"displayName": "Record Key", "name": "recordKey", "dataType": "string"}
    client.post("/rest/v1/leads/schema/fields.json", {"input": [field]})
    (made,) = client.sync({"recordKey": "K-1", "lastName": "One"}, lookupField="recordKey")
    assert client.sync({"recordKey": "k-1", "lastName": "Two"}, lookupField="recordKey")[0]["id"] == made["id"]
    assert client.people(["K-1"], by="recordKey", fields="lastName") == [{"lastName": "Two"}]
    body = {"lookupField": "firstName", "input": [{"firstName": "A"}]}
    assert client.error("POST", LEADS, json=body) == ("1011", "Field 'firstName' not supported")
    assert client.error("GET", f"{LEADS}?filterType=lastName&filterValues=A")[0] == "1011"
    assert client.error("GET", f"{LEADS}?filterType=nothing&filterValues=A")[0] == "1006"


def test_one_bad_record_does_not_keep_the_others_out(client: Client) -> None:
    results = client.sync(
        {"email": "a@example.com", "noSuchField": "x"},
        {"email": "b@example.com", "numberOfEmployees": "many"},
        {"email": "c@example.com", "createdAt": "2026-01-01T00:00:00Z"},
        {"email": "d@example.com", "firstName": "x" * 256},
        {"email": "müller@example.com"},
        {"firstName": "nobody"},
        {"email": "good@example.com"},
    )
    assert codes(results) == ["1006", "1001", "1011", "1003", "1003", "1003", "created"]
    assert results[0]["reasons"][0]["message"] == "Field 'noSuchField' not found"
    assert results[1]["reasons"][0]["message"] == "Invalid value 'many'. Required of type 'integer'"


def test_values_come_back_as_their_types_write_them(client: Client) -> None:
    given = {
        "email": "a@example.com",
        "dateOfBirth": "1970-02-28",
        "annualRevenue": "12.5",
        "numberOfEmployees": "7",
        "doNotCall": "true",
        "mktoPersonNotes": 'Zeile 1\nZeile "2", 😀',
        "leadScore": 42,
        "city": "",
        "state": None,
    }
    (made,) = client.sync(given)
    fields = [name for name in given if name != "email"]
    assert client.person(made["id"], ",".join(fields)) == {
        "dateOfBirth": "1970-02-28",
        "annualRevenue": 12.5,
        "numberOfEmployees": 7,
        "doNotCall": True,
        "mktoPersonNotes": 'Zeile 1\nZeile "2", 😀',
        "leadScore": 42,
        "city": None,
        "state": None,
    }


def test_a_person_is_read_by_id_with_default_fields(client: Client, clock: Clock) -> None:
    (made,) = client.sync({"email": "a@example.com", "firstName": "Ada", "lastName": "Lovelace", "city": "London"})
    assert client.result(f"/rest/v1/lead/{made['id']}.json") == [
        {
            "id": made["id"],
            "updatedAt": "2026-05-17T10:00:00Z",
            "lastName": "Lovelace",
            "email": "a@example.com",
            "createdAt": "2026-05-17T10:00:00Z",
            "firstName": "Ada",
        }
    ]
    assert client.error("GET", "/rest/v1/lead/77.json") == ("1004", "Lead '77' not found")
    assert client.error("GET", "/rest/v1/lead/abc.json")[0] == "1001"
    clock.pass_seconds(60)
    client.sync({"email": "a@example.com", "city": "London"})
    assert client.person(made["id"])["updatedAt"] == "2026-05-17T10:00:00Z", "nothing has changed"


def test_a_filter_takes_300_values_and_pages_and_refuses_more_than_1000_matches(
    client: Client, subscription: Subscription
) -> None:
    """MK-REST-5."""
    rows = [{"id": number, "email": "same@example.com", "leadPartitionId": 1} for number in range(1, 1_002)]
    subscription.insert(subscription.lead, rows)
    assert client.error("GET", f"{LEADS}?filterType=email&filterValues=same@example.com") == (
        "1003",
        "Too many results match the filter",
    )
    wanted = {"filterType": "id", "filterValues": ",".join(map(str, range(1, 301))), "batchSize": 200}
    first = client.get(LEADS, **wanted)
    rest = client.get(LEADS, **wanted, nextPageToken=first["nextPageToken"])
    assert [one["id"] for one in first["result"] + rest["result"]] == list(range(1, 301))
    assert "nextPageToken" not in rest
    assert client.error("GET", LEADS, params={**wanted, "filterValues": ",".join(map(str, range(301)))})[0] == "1003"
    assert client.error("GET", LEADS, params={"filterType": "id", "filterValues": "x"})[0] == "1001"
    assert client.error("GET", LEADS, params={**wanted, "nextPageToken": "nonsense"})[0] == "1003"


def test_a_request_has_300_records_at_most_and_at_least_one(client: Client) -> None:
    """MK-REST-4."""
    many = [{"email": f"p{number}@example.com"} for number in range(301)]
    assert client.error("POST", LEADS, json={"input": many})[0] == "1003"
    assert client.error("POST", LEADS, json={"input": []}) == (
        "1002",
        "Missing value for the required parameter 'input'",
    )
    assert len(client.sync(*many[:300])) == 300


@pytest.mark.parametrize("action", ["createOnly", "createOrUpdate"])
def test_a_person_is_created_in_the_partition_named(client: Client, subscription: Subscription, action: str) -> None:
    """FILT-8."""
    add_partition(subscription)
    (made,) = client.sync({"email": "a@example.com"}, action=action, partitionName="Europe")
    assert client.person(made["id"], "leadPartitionId") == {"leadPartitionId": 2}
    assert codes(client.sync({"email": "b@example.com"}, action=action, partitionName="Nowhere")) == ["1008"]


def test_a_person_of_another_partition_is_not_changed_but_can_be_moved(
    client: Client, subscription: Subscription
) -> None:
    """FILT-8."""
    add_partition(subscription)
    (made,) = client.sync({"email": "a@example.com"})
    assert codes(client.sync({"email": "a@example.com", "city": "Bonn"}, partitionName="Europe")) == ["1010"]
    moves = [{"id": made["id"], "partitionName": "Europe"}, {"id": 99, "partitionName": "Europe"}]
    assert codes(client.post("/rest/v1/leads/partitions.json", {"input": moves})["result"]) == ["updated", "1004"]
    assert codes(client.sync({"email": "a@example.com", "city": "Bonn"}, partitionName="Europe")) == ["updated"]


def add_partition(subscription: Subscription) -> None:
    with subscription.cursor() as cursor:
        cursor.execute("""insert into "partition" values (2, 'Europe', null)""")


def test_a_record_is_rejected_on_command_and_its_neighbours_are_not(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.faults.add("reject", path="*/leads.json", code=1001, message="on command", every=2, times=2)
    results = client.sync(*({"email": f"p{number}@example.com"} for number in range(5)))
    assert codes(results) == ["created", "1001", "created", "1001", "created"]


def test_describe_tells_every_field_that_a_query_takes(client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    described = client.result("/rest/v1/leads/describe.json")
    names = [field["rest"]["name"] for field in described]
    assert list(client.person(made["id"], ",".join(names))) == names
    email = next(field for field in described if field["rest"]["name"] == "email")
    assert email == {
        "id": 51,
        "displayName": "Email Address",
        "dataType": "email",
        "length": 255,
        "rest": {"name": "email", "readOnly": False},
        "soap": {"name": "Email", "readOnly": False},
    }
    (two,) = client.result("/rest/v1/leads/describe2.json")
    assert {field["name"] for field in two["fields"]} == set(names)
    assert ["email"] in two["searchableFields"]


def test_fields_are_created_changed_and_never_twice(client: Client) -> None:
    """MK-REST-7."""
    path = "/rest/v1/leads/schema/fields"
    score = {"displayName": "Fit Score", "name": "fitScore", "dataType": "integer", "description": "How well they fit"}
    created = client.post(f"{path}.json", {"input": [score]})["result"]
    assert created == [{"name": "fitScore", "status": "created"}]
    assert client.error("POST", f"{path}.json", json={"input": [score]})[0] == "1017"
    client.post(f"{path}/fitScore.json", {"input": [{"displayName": "Fit", "isHidden": True}]})
    assert client.result(f"{path}/fitScore.json") == [
        {
            "displayName": "Fit",
            "name": "fitScore",
            "description": "How well they fit",
            "dataType": "integer",
            "isHidden": True,
            "isHtmlEncodingInEmail": False,
            "isSensitive": False,
            "isCustom": True,
            "isApiCreated": True,
        }
    ]
    assert client.error("POST", f"{path}/email.json", json={"input": [{"displayName": "Mail"}]})[0] == "1003"
    page = client.get(f"{path}.json", batchSize=60)
    assert (len(page["result"]), page["moreResult"]) == (60, True)
    rest = client.get(f"{path}.json", batchSize=60, nextPageToken=page["nextPageToken"])
    assert rest["moreResult"] is False
    assert rest["result"][-1]["name"] == "fitScore"


def test_no_more_than_a_hundred_fields_are_created(client: Client) -> None:
    """MK-REST-7."""
    new = [{"displayName": f"F {number}", "name": f"f{number}", "dataType": "string"} for number in range(101)]
    assert client.error("POST", "/rest/v1/leads/schema/fields.json", json={"input": new})[0] == "1003"
    client.post("/rest/v1/leads/schema/fields.json", {"input": new[:100]})
    assert client.error("POST", "/rest/v1/leads/schema/fields.json", json={"input": new[100:]})[0] == "1003"
