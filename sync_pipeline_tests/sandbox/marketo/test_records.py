"""Companies, opportunities, roles, sales persons and custom objects, and what of them is seen on persons."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client, codes

COMPANIES, OPPORTUNITIES = "/rest/v1/companies", "/rest/v1/opportunities"
ROLES, SALES = "/rest/v1/opportunities/roles", "/rest/v1/salespersons"


def put(client: Client, path: str, *records: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.post(f"{path}.json", {"input": records, **more})["result"]
    return results


def test_companies_are_created_changed_found_and_deleted(client: Client) -> None:
    one, two = put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme"}, {"externalCompanyId": "C-2"})
    assert [one, two] == [
        {"seq": 0, "status": "created", "id": one["id"]},
        {"seq": 1, "status": "created", "id": two["id"]},
    ]
    again = put(client, COMPANIES, {"externalCompanyId": "c-1", "industry": "Steel"}, {"externalCompanyId": "C-3"})
    assert codes(again) == ["updated", "created"]
    found = client.result(f"{COMPANIES}.json", filterType="id", filterValues=one["id"], fields="company,industry")
    assert found == [{"seq": 0, "company": "Acme", "industry": "Steel"}]
    deleted = client.post(
        f"{COMPANIES}/delete.json",
        {"deleteBy": "dedupeFields", "input": [{"externalCompanyId": "C-2"}, {"externalCompanyId": "C-9"}]},
    )["result"]
    assert codes(deleted) == ["deleted", "1013"]


def test_actions_and_keys_of_records(client: Client) -> None:
    (made,) = put(client, COMPANIES, {"externalCompanyId": "C-1"})
    assert codes(put(client, COMPANIES, {"externalCompanyId": "C-1"}, action="createOnly")) == ["1017"]
    assert codes(put(client, COMPANIES, {"externalCompanyId": "C-9"}, action="updateOnly")) == ["1013"]
    by_id = {"dedupeBy": "idField", "action": "updateOnly"}
    assert codes(put(client, COMPANIES, {"id": made["id"], "site": "S"}, {"id": 999}, **by_id)) == ["updated", "1013"]
    twice = put(client, COMPANIES, {"externalCompanyId": "C-5"}, {"externalCompanyId": "c-5"}, {"company": "none"})
    assert codes(twice) == ["created", "1036", "1002"]
    body = {"dedupeBy": "idField", "action": "createOnly", "input": [{"id": 1}]}
    assert client.error("POST", f"{COMPANIES}.json", json=body)[0] == "1003"
    assert client.error("GET", f"{COMPANIES}.json?filterType=industry&filterValues=x")[0] == "1011"


def test_a_person_takes_its_companys_values_and_cannot_change_them(client: Client) -> None:
    """SF-ACCOUNT-12, MK-REST-12."""
    put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme", "industry": "Steel"})
    (made,) = client.sync({"email": "a@example.com", "externalCompanyId": "C-1"})
    assert client.person(made["id"], "company,industry") == {"company": "Acme", "industry": "Steel"}
    assert codes(client.sync({"email": "a@example.com", "company": "Other"})) == ["1021"]
    assert codes(client.sync({"email": "a@example.com", "company": "Acme"})) == ["updated"], (
        "the same value is no change"
    )
    assert codes(client.sync({"email": "a@example.com", "externalCompanyId": None})) == ["1003"], "never detached"
    assert codes(client.sync({"email": "b@example.com", "externalCompanyId": "C-9"})) == ["1013"]
    assert codes(client.sync({"email": "c@example.com", "company": "Own"})) == ["created"], "without account its own"


def test_a_companys_change_reaches_its_people_and_their_log(client: Client) -> None:
    """SF-ACCOUNT-2, SF-ACCOUNT-7."""
    put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme"})
    made = client.sync(*({"email": f"p{n}@example.com", "externalCompanyId": "C-1"} for n in range(3)))
    put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme & Sons"})
    names = client.people([one["id"] for one in made], fields="company")
    assert names == [{"company": "Acme & Sons"}] * 3
    assert [one["primaryAttributeValue"] for one in client.activities(13)] == ["Company Name"] * 3
    in_use = client.post(f"{COMPANIES}/delete.json", {"input": [{"externalCompanyId": "C-1"}]})["result"]
    assert codes(in_use) == ["1022"]


def test_of_a_very_large_company_nobody_is_told(client: Client, subscription: Subscription, clock: Clock) -> None:
    """SF-ACCOUNT-7."""
    put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme"})
    rows = [{"id": n, "externalCompanyId": "C-1", "company": "Acme"} for n in range(1, 5_002)]
    subscription.insert(subscription.lead, rows)
    put(client, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme Inc."})
    assert client.person(5_001, "company") == {"company": "Acme Inc."}
    assert client.activities(13) == []


def test_opportunities_need_their_sales_person_and_roles_their_ends(client: Client) -> None:
    """SF-USER-9, MK-REST-13."""
    (made,) = client.sync({"email": "a@example.com"})
    deal = {"externalOpportunityId": "O-1", "name": "Deal", "amount": "1604.47", "externalSalesPersonId": "S-1"}
    assert client.error("POST", f"{OPPORTUNITIES}.json", json={"input": [deal]}) == (
        "718",
        "ExternalSalesPersonID not found",
    )
    put(client, SALES, {"externalSalesPersonId": "S-1", "email": "sam@example.com"})
    (opportunity,) = put(client, OPPORTUNITIES, deal)
    role = {"externalOpportunityId": "O-1", "leadId": made["id"], "role": "Buyer", "isPrimary": True}
    results = put(client, ROLES, role, {**role, "leadId": 999}, {**role, "externalOpportunityId": "O-9"})
    assert codes(results) == ["created", "1004", "1013"]
    found = client.result(
        f"{OPPORTUNITIES}.json", filterType="idField", filterValues=opportunity["marketoGUID"], fields="amount"
    )
    assert found == [{"seq": 0, "amount": 1604.47}]
    put(client, OPPORTUNITIES, {"externalOpportunityId": "O-1", "stage": "Won"})
    client.post(f"{ROLES}/delete.json", {"deleteBy": "idField", "input": [{"marketoGUID": results[0]["marketoGUID"]}]})
    assert [one["activityTypeId"] for one in client.activities(34, 35, 36)] == [34, 36, 35]
    used = client.post(f"{SALES}/delete.json", {"input": [{"externalSalesPersonId": "S-1"}]})["result"]
    assert codes(used) == ["1022"]


def test_a_compound_key_is_queried_by_a_disguised_get(client: Client) -> None:
    """MK-REST-13."""
    (made,) = client.sync({"email": "a@example.com"})
    put(client, OPPORTUNITIES, {"externalOpportunityId": "O-1"})
    role = {"externalOpportunityId": "O-1", "leadId": made["id"], "role": "Captain"}
    put(client, ROLES, role, {**role, "role": "Commander"})
    body = {"filterType": "dedupeFields", "fields": ["marketoGuid", "role"], "input": [role]}
    (found,) = client.post(f"{ROLES}.json", body, _method="GET")["result"]
    assert (found["seq"], found["role"]) == (0, "Captain")
    by_lead = client.get(f"{ROLES}.json", filterType="leadId", filterValues=made["id"], batchSize=1)
    assert by_lead["moreResult"] is True
    rest = client.get(
        f"{ROLES}.json", filterType="leadId", filterValues=made["id"], nextPageToken=by_lead["nextPageToken"]
    )
    assert {one["role"] for one in by_lead["result"] + rest["result"]} == {"Captain", "Commander"}
    assert client.error("GET", f"{ROLES}.json?filterType=dedupeFields&filterValues=x")[0] == "1003"


@pytest.mark.parametrize("path", [COMPANIES, OPPORTUNITIES, ROLES, SALES])
def test_describes_tell_keys_and_fields(client: Client, path: str) -> None:
    (described,) = client.result(f"{path}/describe.json")
    names = {field["name"] for field in described["fields"]}
    assert {described["idField"], *described["dedupeFields"]} <= names
    assert all(set(key) <= names for key in described["searchableFields"])


def test_a_native_crm_sync_closes_what_comes_from_the_crm(clock: Clock) -> None:
    """MK-REST-1."""
    with Subscription.open(clock=clock, native=True) as subscription, MarketoSandbox(subscription) as sandbox:
        client = Client(sandbox)
        client.log_in()
        for path in (COMPANIES, OPPORTUNITIES, ROLES, SALES):
            assert client.error("POST", f"{path}.json", json={"input": [{}]}) == ("1018", "CRM Enabled")
        assert client.error("GET", f"{ROLES}/describe.json")[0] == "1018"
        assert client.get(f"{COMPANIES}/describe.json")["success"] is True
        assert codes(client.sync({"email": "a@example.com"})) == ["created"]


SCHEMA = "/rest/v1/customobjects/schema"


def make_car(client: Client) -> None:
    client.post(f"{SCHEMA}.json", {"action": "createOnly", "displayName": "Car", "apiName": "car_c"})
    link = {
        "displayName": "Lead ID",
        "name": "leadID",
        "dataType": "link",
        "relatedTo": {"name": "lead", "field": "id"},
    }
    vin = {"displayName": "VIN", "name": "vin", "dataType": "string", "isDedupeField": True}
    year = {"displayName": "Year", "name": "year", "dataType": "integer"}
    client.post(f"{SCHEMA}/car_c/addField.json", {"input": [link, vin, year]})


def test_a_custom_object_is_drafted_approved_and_then_holds_records(client: Client) -> None:
    make_car(client)
    assert client.error("GET", "/rest/v1/customobjects/car_c/describe.json")[0] == "1013"
    client.post(f"{SCHEMA}/car_c/approve.json")
    (described,) = client.result("/rest/v1/customobjects/car_c/describe.json")
    assert described["dedupeFields"] == ["vin"]
    assert described["relationships"] == [
        {"field": "leadID", "type": "child", "relatedTo": {"name": "lead", "field": "id"}}
    ]
    (made,) = client.sync({"email": "a@example.com"})
    cars = "/rest/v1/customobjects/car_c"
    results = put(client, cars, {"vin": "V-1", "leadID": made["id"], "year": 2020}, {"vin": "V-2", "leadID": 999})
    assert codes(results) == ["created", "1004"]
    (car,) = client.result(f"{cars}.json", filterType="leadID", filterValues=made["id"], fields="vin,year")
    assert car == {"seq": 0, "vin": "V-1", "year": 2020}
    assert codes(client.post(f"{cars}/delete.json", {"input": [{"vin": "V-1"}, {"vin": "V-1"}]})["result"]) == [
        "deleted",
        "1036",
    ]


def test_a_subscription_holds_so_many_custom_objects_fields_and_records_a_call(client: Client) -> None:
    """MK-REST-21."""
    make_car(client)
    more = [{"displayName": f"F{n}", "name": f"f{n}", "dataType": "string"} for n in range(48)]
    assert client.error("POST", f"{SCHEMA}/car_c/addField.json", json={"input": more})[0] == "1003"
    client.post(f"{SCHEMA}/car_c/addField.json", {"input": more[:47]})
    client.post(f"{SCHEMA}/car_c/approve.json")
    assert len(client.result("/rest/v1/customobjects/car_c/describe.json")[0]["fields"]) == 3 + 50
    cars = [{"vin": f"V-{n}"} for n in range(301)]
    assert client.error("POST", "/rest/v1/customobjects/car_c.json", json={"input": cars})[0] == "1003"
    assert len(put(client, "/rest/v1/customobjects/car_c", *cars[:300])) == 300
    for n in range(9):
        client.post(f"{SCHEMA}.json", {"action": "createOnly", "displayName": f"T{n}", "apiName": f"t{n}_c"})
    one_more = {"action": "createOnly", "displayName": "Tenth", "apiName": "tenth_c"}
    assert client.error("POST", f"{SCHEMA}.json", json=one_more)[0] == "1003"


def test_a_merge_leaves_the_losers_custom_objects_where_they_are(client: Client) -> None:
    """SF-CO-12; the person named first wins, and there is no way back: MERGE-11."""
    make_car(client)
    client.post(f"{SCHEMA}/car_c/approve.json")
    winner, loser = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    put(client, "/rest/v1/customobjects/car_c", {"vin": "V-1", "leadID": loser["id"]})
    merge = f"/rest/v1/leads/{winner['id']}/merge.json"
    client.post(merge, leadIds=str(loser["id"]))
    (car,) = client.result("/rest/v1/customobjects/car_c.json", filterType="vin", filterValues="V-1", fields="leadID")
    assert car["leadID"] == loser["id"]
    assert client.person(winner["id"], "email") == {"email": "a@example.com"}
    back = f"/rest/v1/leads/{loser['id']}/merge.json"
    for path, named in ((back, winner["id"]), (merge, loser["id"])):
        assert client.error("POST", path, params={"leadIds": str(named)})[0] == "1004"


def test_an_approved_type_changes_by_a_new_draft(client: Client) -> None:
    make_car(client)
    client.post(f"{SCHEMA}/car_c/approve.json")
    put(client, "/rest/v1/customobjects/car_c", {"vin": "V-1", "year": 2020})
    client.post(
        f"{SCHEMA}/car_c/addField.json", {"input": [{"displayName": "Make", "name": "make", "dataType": "string"}]}
    )
    client.post(f"{SCHEMA}/car_c/deleteField.json", {"input": [{"name": "year"}]})
    assert client.result(f"{SCHEMA}/car_c/describe.json")[0]["state"] == "approvedWithDraft"
    client.post(f"{SCHEMA}/car_c/approve.json")
    names = [field["name"] for field in client.result("/rest/v1/customobjects/car_c/describe.json")[0]["fields"]]
    assert names == ["marketoGUID", "createdAt", "updatedAt", "leadID", "vin", "make"]
    assert client.error("POST", f"{SCHEMA}/car_c/approve.json")[0] == "709"
    client.post(f"{SCHEMA}/car_c/delete.json")
    assert client.result("/rest/v1/customobjects.json") == []


def test_what_was_made_is_there_when_the_file_is_opened_again(tmp_path: Any, clock: Clock) -> None:
    file = tmp_path / "subscription.duckdb"
    with Subscription.open(file, clock=clock) as subscription, MarketoSandbox(subscription) as sandbox:
        client = Client(sandbox)
        client.log_in()
        make_car(client)
        client.post(f"{SCHEMA}/car_c/approve.json")
        client.post(
            f"{SCHEMA}/car_c/addField.json", {"input": [{"displayName": "M", "name": "m", "dataType": "string"}]}
        )
        (made,) = client.sync({"email": "a@example.com"})
    with Subscription.open(file, clock=clock) as subscription, MarketoSandbox(subscription) as sandbox:
        again = Client(sandbox)
        again.log_in()
        assert again.person(made["id"])["email"] == "a@example.com"
        assert again.result(f"{SCHEMA}/car_c/describe.json")[0]["state"] == "approvedWithDraft"


def test_usage_and_errors_are_counted_by_day(client: Client, clock: Clock) -> None:
    client.sync({"email": "a@example.com"})
    client.error("GET", "/rest/v1/nothing.json")
    (errors,) = client.result("/rest/v1/stats/errors.json")
    assert errors["errors"] == [{"errorCode": "610", "count": 1}]
    (usage,) = client.result("/rest/v1/stats/usage.json")
    assert (usage["date"], usage["total"]) == ("2026-05-17", 3)
    clock.pass_seconds(86_400)
    client.log_in()
    week = client.result("/rest/v1/stats/usage/last7days.json")
    assert [day["total"] for day in week] == [1, 3, 0, 0, 0, 0, 0]
