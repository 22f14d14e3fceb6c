from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMoreThanOneRecord

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.answers import java_double
from sync_pipeline_tests.sandbox.conftest import Client, Clock, Redirect, shared

RECORDED = "payloads/salesforce/wiremock_sf_functions_python"
LATER = datetime(2026, 5, 17, 10, 0, 30)  # noqa: DTZ001 - the org stores UTC without zone


@pytest.fixture
def films(org: Org) -> Org:
    """The custom objects that the recordings speak of."""
    name = {"name": "Name", "type": "string", "nillable": True, "nameField": True}
    system = [{"name": "Id", "type": "id"}, {"name": "IsDeleted", "type": "boolean"}, name]
    rating = {"name": "Rating__c", "type": "picklist", "label": "Rating", "restrictedPicklist": True}
    rating["picklistValues"] = ["Good", "Excellent"]
    franchise = {"name": "Franchise__c", "type": "reference", "referenceTo": ["Franchise__c"]}
    org.add_object({"name": "Franchise__c", "fields": system})
    released = {"name": "ReleaseDate__c", "type": "date"}
    org.add_object({"name": "Movie__c", "fields": [*system, rating, released, franchise]})
    org.add_object(
        {"name": "Spaceship__c", "fields": [*system, {"name": "Website__c", "type": "url", "nillable": False}]}
    )
    return org


@pytest.fixture
def simple(sandbox: Sandbox, client: Client) -> Iterator[Any]:
    """simple-salesforce, which insists on https; its requests go to the sandbox all the same."""
    with requests.Session() as session:
        session.mount("https://", Redirect(sandbox.url))
        yield Salesforce(instance_url="https://org.my.example", session_id=client.token, session=session)


def replay(client: Client, recording: str, **ids: str) -> tuple[requests.Response, dict[str, Any]]:
    """Send a recorded request, its ids mapped, and return our answer and the recorded one."""
    recorded = shared(f"{RECORDED}/{recording}.json")
    request = recorded["request"]
    url, body = request["url"], request.get("bodyPatterns", [{}])[0].get("equalToJson")
    for theirs, ours in ids.items():
        url, body = url.replace(theirs, ours), body and body.replace(theirs, ours)
    headers = {"Content-Type": "application/json"}
    return client.send(request["method"], url, data=body, headers=headers), recorded["response"]


REFUSALS = (
    "create-invalid-field",
    "create-invalid-picklist-value",
    "create-required-field-missing",
    "create-unknown-object",
    "update-invalid-field",
    "update-malformed-id",
)


def test_recorded_refusals_are_answered_alike(client: Client, films: Org) -> None:
    for recording in REFUSALS:
        ours, theirs = replay(client, recording)
        assert (ours.status_code, ours.json()) == (theirs["status"], json.loads(theirs["body"])), recording
        assert ours.headers["Content-Type"] == theirs["headers"]["Content-Type"]


def test_recorded_creation_update_and_deletion_are_answered_alike(client: Client, films: Org) -> None:
    ours, theirs = replay(client, "create")
    body, recorded = ours.json(), json.loads(theirs["body"])
    assert (ours.status_code, {**body, "id": recorded["id"]}) == (theirs["status"], recorded)
    assert ours.headers["Location"] == f"/services/data/v53.0/sobjects/Movie__c/{body['id']}"
    updated, theirs = replay(client, "update", a00B000000FSjVUIA1=body["id"])
    assert (updated.status_code, updated.content) == (theirs["status"], b"")
    assert client.values("SELECT Rating__c, ReleaseDate__c FROM Movie__c") == [("Excellent", "1980-05-21")]
    (account,) = films.insert("Account", [{"Name": "x"}])
    for recording in ("delete", "delete-already-deleted"):
        ours, theirs = replay(client, recording, **{"001B000001Lp1FxIAJ": account, "001B000001Lp1G2IAJ": account})
        assert (ours.status_code, ours.text) == (theirs["status"], theirs.get("body", ""))


def test_a_created_record_is_the_users_own_and_stamped(client: Client, org: Org, clock: Clock) -> None:
    made = client.send("POST", "sobjects/Lead", json={"LastName": " Lee\n", "Company": "Acme", "Title": "  "})
    assert (made.status_code, set(made.json())) == (201, {"id", "success", "errors"})
    record = org.record("Lead", made.json()["id"]) or {}
    assert (record["LastName"], record["Name"], record["Title"]) == ("Lee", "Lee", None)
    assert (record["OwnerId"], record["CreatedById"]) == (org.user_id, org.user_id)
    assert record["Status"] == "Open - Not Contacted"
    clock.pass_seconds(30)
    changed = client.send("PATCH", f"sobjects/Lead/{made.json()['id'][:15]}", json={"FirstName": "Ann"})
    assert changed.status_code == 204
    after = org.record("Lead", record["Id"]) or {}
    assert (after["Name"], after["LastModifiedDate"], after["SystemModstamp"]) == ("Ann Lee", LATER, LATER)
    assert (after["CreatedDate"], after["Company"]) == (record["CreatedDate"], "Acme")


def test_values_come_back_as_they_were_meant(client: Client) -> None:
    sent = {
        "Name": 'Zoë "Q" — 株式会社\n2nd line',
        "NumberOfEmployees": 12,
        "AnnualRevenue": 1e7,
        "Phone": "+49 30 1",
        "Description": "a\r\nb",
    }
    record = client.send("POST", "sobjects/Account", json=sent).json()["id"]
    answer = client.get(f"sobjects/Account/{record}")
    assert {name: answer.json()[name] for name in sent} == sent
    assert f'"AnnualRevenue":{java_double(1e7)}' in answer.text
    cleared = client.send("PATCH", f"sobjects/Account/{record}", json={"Phone": None, "Description": ""})
    assert cleared.status_code == 204
    assert client.values("SELECT Phone, Description FROM Account") == [(None, None)]


def test_an_external_id_creates_then_updates_reads_and_deletes(client: Client, org: Org) -> None:
    path = "sobjects/Invoice__c/External_Number__c/A%2F1"
    made = client.send("PATCH", path, json={"Amount__c": 1})
    assert (made.status_code, made.json()["created"], made.json()["success"]) == (201, True, True)
    record = made.json()["id"]
    again = client.send("PATCH", path, json={"Amount__c": 2})
    assert (again.status_code, again.json()) == (
        200,
        {"id": record, "success": True, "errors": [], "created": False},
    )
    old = Client(client.sandbox, client.token, version="45.0").send("PATCH", path, json={"Amount__c": 3})
    assert (old.status_code, old.content) == (204, b"")
    read = client.get("sobjects/Invoice__c/External_Number__c/a%2F1").json()
    assert (read["Id"], read["Amount__c"], read["External_Number__c"]) == (record, 3.0, "A/1")
    assert client.send("DELETE", path).status_code == 204
    assert client.get(path).status_code == 404


def test_an_unknown_or_ordinary_field_is_no_external_id(client: Client) -> None:
    for field in ("Namez", "Amount__c"):
        for method in ("GET", "PATCH", "DELETE"):
            answer = client.send(method, f"sobjects/Invoice__c/{field}/x", json={})
            message = f"Provided external ID field does not exist or is not accessible: {field}"
            assert (answer.status_code, answer.json()) == (404, [{"message": message, "errorCode": "NOT_FOUND"}])


def test_an_external_id_that_several_hold_lists_them(simple: Any, client: Client, org: Org) -> None:
    twins = org.insert(
        "Contact", [{"LastName": "a", "Email": "a@b.example"}, {"LastName": "b", "Email": "A@b.example"}]
    )
    for method in ("GET", "PATCH"):
        answer = client.send(method, "sobjects/Contact/Email/a@b.example", json={"Title": "x"})
        assert answer.status_code == 300
        assert answer.json() == [f"/services/data/v60.0/sobjects/Contact/{one}" for one in twins]
    with pytest.raises(SalesforceMoreThanOneRecord):
        simple.Contact.get_by_custom_id("Email", "a@b.example")


def test_a_parent_is_named_by_its_external_id(client: Client, org: Org) -> None:
    contact = {"name": "Badge__c", "type": "string", "length": 9, "externalId": True, "idLookup": True, "unique": True}
    org.add_field("Contact", contact)
    (badge,) = org.insert("Contact", [{"LastName": "x", "Badge__c": "b7"}])
    made = client.send("POST", "sobjects/Invoice__c", json={"Contact__r": {"Badge__c": "B7"}})
    assert made.status_code == 201, made.text
    assert client.values("SELECT Contact__c FROM Invoice__c") == [(badge,)]
    missing = client.send("POST", "sobjects/Invoice__c", json={"Contact__r": {"Badge__c": "nobody"}}).json()[0]
    assert missing["errorCode"] == "INVALID_FIELD"
    assert missing["message"] == "Foreign key external ID: nobody not found for field Badge__c in entity Contact"


def test_a_real_client_creates_updates_upserts_and_deletes(simple: Any) -> None:
    made = simple.Contact.create({"LastName": "Lee"})
    assert made["success"] is True
    assert simple.Contact.update(made["id"], {"FirstName": "Ann"}) == 204
    assert simple.Contact.get(made["id"])["Name"] == "Ann Lee"
    assert simple.Invoice__c.upsert("External_Number__c/7", {"Contact__c": made["id"]}) == 201
    assert simple.Invoice__c.get_by_custom_id("External_Number__c", "7")["Contact__c"] == made["id"]
    assert simple.Contact.delete(made["id"]) == 204
    assert simple.query("SELECT Id FROM Contact")["totalSize"] == 0
    assert simple.query_all("SELECT Id FROM Contact", include_deleted=True)["totalSize"] == 1


def test_what_is_no_json_object_is_refused(client: Client) -> None:
    for body in ("{", "[]", '"x"'):
        answer = client.send("POST", "sobjects/Lead", data=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_an_id_in_the_body_is_refused(client: Client, org: Org) -> None:
    (account,) = org.insert("Account", [{"Name": "x"}])
    made = client.send("POST", "sobjects/Account", json={"Id": account, "Name": "y"}).json()
    assert made == [
        {
            "message": "cannot specify Id in an insert call",
            "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE",
            "fields": ["Id"],
        }
    ]
    changed = client.send("PATCH", f"sobjects/Account/{account}", json={"Id": account, "Name": "y"}).json()
    assert changed[0]["message"] == "The Id field should not be specified in the sobject data."


def test_a_refused_write_leaves_nothing_behind(client: Client, org: Org) -> None:
    answer = client.send("POST", "sobjects/Contact", json={"LastName": "x", "AccountId": "001000000000000AAA"})
    assert answer.status_code == 400
    assert client.values("SELECT Id FROM Contact", "queryAll") == []


def test_clients_that_write_at_once_do_not_meet(client: Client, org: Org) -> None:
    (account,) = org.insert("Account", [{"Name": "x"}])
    bad = {"attributes": {"type": "Account"}, "id": account, "Nope": 1}
    undone = {"allOrNone": True, "records": [{"attributes": {"type": "Account"}, "id": account, "Fax": "1"}, bad]}

    def work(number: int) -> set[int]:
        made = client.send("POST", "sobjects/Contact", json={"LastName": str(number), "AccountId": account})
        changed = client.send("PATCH", f"sobjects/Account/{account}", json={"Phone": str(number)})
        refused = client.send("PATCH", "composite/sobjects", json=undone)
        return {made.status_code, changed.status_code, refused.status_code}

    with ThreadPoolExecutor(6) as pool:
        assert set().union(*pool.map(work, range(18))) == {201, 204, 200}
    assert client.query("SELECT COUNT() FROM Contact WHERE Account.Fax = null")["totalSize"] == 18
