"""sObject Collections, composite, graph, batch and tree, against recordings where there are some."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import SHARED, Client, shared

SESSION = "payloads/salesforce/grouparoo_recorded_sessions/export-contacts__export-records-custom.json"
GRAPHS = "payloads/salesforce/wiremock_sf_functions_python"
ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"


def of(kind: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind}, **values}


def send(client: Client, method: str, records: list[dict[str, Any]], path: str = "", **more: Any) -> list[Any]:
    answer = client.send(method, f"composite/sobjects{path}", json={"records": records, **more})
    assert answer.status_code == 200, answer.text
    body: list[Any] = answer.json()
    return body


def codes(results: list[Any]) -> list[str]:
    return ["" if one["success"] else one["errors"][0]["statusCode"] for one in results]


def test_answers_stand_in_the_order_of_the_request(client: Client, org: Org) -> None:
    results = send(
        client,
        "POST",
        [of("Contact", LastName="a"), of("Lead", LastName="b"), of("Nope", x=1), of("Account", Name="c")],
    )
    assert codes(results) == ["", "REQUIRED_FIELD_MISSING", "INVALID_TYPE", ""]
    assert results[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Company]",
                "fields": ["Company"],
            }
        ],
    }
    assert [results[0]["id"][:3], results[3]["id"][:3]] == ["003", "001"]
    assert org.record("Account", results[3]["id"]) is not None


def test_all_or_none_takes_the_good_ones_back(client: Client) -> None:
    records = [of("Contact", LastName="a"), of("Contact", LastName="b", Email="bad")]
    results = send(client, "POST", records, allOrNone=True)
    assert codes(results) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_EMAIL_ADDRESS"]
    assert results[0]["errors"][0]["message"] == ROLLED_BACK
    assert client.values("SELECT Id FROM Contact", "queryAll") == []


def test_updates_find_their_records_one_by_one(client: Client, org: Org) -> None:
    a, b = org.insert("Contact", [{"LastName": "a", "FirstName": "x"}, {"LastName": "b"}])
    results = send(
        client,
        "PATCH",
        [
            of("Contact", id=a, Title="t", FirstName=None),
            of("Contact", Title="t"),
            of("Contact", Id=b[:13] + "zz", Title="t"),
            of("Contact", Id=b, LastName="c"),
            of("Contact", Id=a, Title="u"),
        ],
    )
    assert codes(results) == ["", "MISSING_ARGUMENT", "INVALID_CROSS_REFERENCE_KEY", "", ""]
    assert results[1]["errors"][0]["message"] == "Id not specified in an update call"
    assert client.values("SELECT Name, Title FROM Contact ORDER BY Id") == [("a", "u"), ("c", None)]


def test_upserts_tell_what_they_created(client: Client, org: Org) -> None:
    org.insert("Invoice__c", [{"External_Number__c": "old", "Amount__c": 1}])
    records = [
        of("Invoice__c", External_Number__c="OLD", Amount__c=2),
        of("Invoice__c", External_Number__c="new", Amount__c=3),
        of("Invoice__c", External_Number__c="New", Amount__c=4),
        of("Invoice__c", Amount__c=5),
    ]
    results = send(client, "PATCH", records, "/Invoice__c/External_Number__c")
    assert codes(results) == ["", "", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    assert [one["created"] for one in results[:2]] == [False, True]
    assert client.values("SELECT External_Number__c, Amount__c FROM Invoice__c ORDER BY Id") == [
        ("old", 2.0),
        ("new", 3.0),
    ]


def test_deletes_and_reads_by_ids(client: Client, org: Org) -> None:
    a, b, c = org.insert("Contact", [{"LastName": name} for name in "abc"])
    assert client.get(f"composite/sobjects/Contact?ids={c},{a[:13]}zz,{a}&fields=LastName").json() == [
        {
            "attributes": {"type": "Contact", "url": f"/services/data/v60.0/sobjects/Contact/{one}"},
            "Id": one,
            "LastName": name,
        }
        if one
        else None
        for one, name in ((c, "c"), ("", ""), (a, "a"))
    ]
    org.delete("Contact", [b])
    refused = client.send("DELETE", f"composite/sobjects?ids={a},{b}&allOrNone=true").json()
    assert codes(refused) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "ENTITY_IS_DELETED"]
    assert codes(client.send("DELETE", f"composite/sobjects?ids={a},{b},{c}").json()) == ["", "ENTITY_IS_DELETED", ""]
    assert client.values("SELECT Id FROM Contact") == []


def test_more_than_two_hundred_are_refused(client: Client) -> None:
    answer = client.send("POST", "composite/sobjects", json={"records": [of("Contact", LastName="x")] * 201})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_every_second_record_is_rejected_on_command(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("reject", times=None, every=2, code="UNABLE_TO_LOCK_ROW", message="busy")
    results = send(client, "POST", [of("Contact", LastName="x")] * 4)
    assert codes(results) == ["", "UNABLE_TO_LOCK_ROW"] * 2


def test_a_recorded_session_is_answered_alike(client: Client, org: Org) -> None:
    """68 requests of an unmodified client of 2021; ids, stamps and describes aside."""
    steps = shared(SESSION)["steps"] if isinstance(shared(SESSION), dict) else shared(SESSION)
    kept = ("name", "type", "label", "length", "externalId", "idLookup", "unique")
    real = json.loads((SHARED / "payloads/salesforce/describe_grouparoo_v42/Contact.json").read_text(encoding="utf-8"))
    fields = real.get("result", real)["fields"]
    for field in fields:
        if field["custom"] and not field["calculated"]:
            values = [one["value"] for one in field["picklistValues"]]
            targets = {"referenceTo": field["referenceTo"]} if field["referenceTo"] else {}
            org.add_field("Contact", {**{k: field[k] for k in kept}, "picklistValues": values, **targets})
    known = {field["name"] for field in fields}
    ids: dict[str, str] = {}
    for number, step in enumerate(steps):
        if "/data/" not in step["path"] or step["path"].endswith("/describe"):
            continue
        ours, theirs = replayed(client, step, ids), step["response"]
        assert ours.status_code == step["status"], (number, ours.text)
        assert comparable(ours.json(), theirs, ids, known) == theirs, number


def replayed(client: Client, step: dict[str, Any], ids: dict[str, str]) -> Any:
    def mapped(value: Any) -> Any:
        text = json.dumps(value)
        for theirs, ours in ids.items():
            text = text.replace(theirs, ours)
        return json.loads(text)

    body = {"json": mapped(step["body"])} if step["body"] is not None else {}
    return client.send(step["method"], mapped(step["path"]), params=mapped(step["query"]), **body)


STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp", "CreatedById", "LastModifiedById", "OwnerId")
SEEN = ("LastViewedDate", "LastReferencedDate", "PhotoUrl", "CleanStatus")  # what a screen or an add-on fills


def comparable(ours: Any, theirs: Any, ids: dict[str, str], known: set[str]) -> Any:
    """Return our answer with their ids, stamps and order of keys, which JSON does not promise."""
    if isinstance(theirs, list) and isinstance(ours, list):
        return [comparable(a, b, ids, known) for a, b in zip(ours, theirs, strict=True)]
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return next((t for t, o in ids.items() if ours == o), ours) if isinstance(ours, str) else ours
    if "id" in theirs and theirs.get("success"):
        ids.setdefault(theirs["id"], ours["id"])
    if "records" in theirs:  # of a query without order
        order = [ids[record["Id"]] for record in theirs["records"]]
        ours = {**ours, "records": sorted(ours["records"], key=lambda record: order.index(record["Id"]))}
    result = {}
    for key in theirs if "attributes" in theirs else ours:
        value = ours.get(key)
        if key == "attributes":
            value = {**value, "url": theirs[key]["url"]}
        elif key in (*STAMPS, *SEEN) or (key not in ours and key in known):
            value = theirs[key]
        result[key] = comparable(value, theirs.get(key), ids, known)
    return result


@pytest.fixture
def films(org: Org) -> None:
    system = [
        {"name": "Id", "type": "id"},
        {"name": "IsDeleted", "type": "boolean"},
        {"name": "Name", "type": "string"},
    ]
    rating: dict[str, Any] = {"name": "Rating__c", "type": "picklist", "label": "Rating", "restrictedPicklist": True}
    franchise = {"name": "Franchise__c", "type": "reference", "referenceTo": ["Franchise__c"]}
    released = {"name": "ReleaseDate__c", "type": "date"}
    org.add_object({"name": "Franchise__c", "fields": system})
    org.add_object(
        {"name": "Movie__c", "fields": [*system, {**rating, "picklistValues": ["Excellent"]}, released, franchise]}
    )


@pytest.mark.usefixtures("films")
def test_recorded_graphs_are_answered_alike(client: Client, org: Org) -> None:
    (movie, other) = org.insert("Movie__c", [{"Name": "x"}, {"Name": "y"}])
    for name in ("create-tree", "create", "single-create-error", "single-update", "single-delete"):
        recorded = shared(f"{GRAPHS}/composite-graph-{name}.json")
        sent = recorded["request"]["bodyPatterns"][0]["equalToJson"]
        sent = sent.replace("a01B0000009gSr9IAE", movie).replace("a01B0000009gSrFIAU", other)
        answer = client.send("POST", recorded["request"]["url"], data=sent)
        ours, theirs = answer.json(), json.loads(recorded["response"]["body"])
        assert answer.status_code == 200
        for mine, one in zip(ours["graphs"], theirs["graphs"], strict=True):
            for part, real in zip(
                mine["graphResponse"]["compositeResponse"], one["graphResponse"]["compositeResponse"], strict=True
            ):
                if isinstance(part["body"], dict):
                    part["body"]["id"] = real["body"]["id"]
                    part["httpHeaders"]["Location"] = real["httpHeaders"]["Location"]
        assert ours == theirs, name


def test_later_subrequests_refer_to_earlier_ones(client: Client) -> None:
    root = "/services/data/v60.0"
    parts = [
        {
            "method": "POST",
            "url": f"{root}/sobjects/Account",
            "referenceId": "acme",
            "body": {"Name": "Acme"},
        },
        {
            "method": "POST",
            "url": f"{root}/sobjects/Contact",
            "referenceId": "ann",
            "body": {"LastName": "Lee", "AccountId": "@{acme.id}"},
        },
        {
            "method": "GET",
            "url": f"{root}/query?q=SELECT+Id,Account.Name+FROM+Contact+WHERE+Id='@{{ann.id}}'",
            "referenceId": "found",
        },
        {
            "method": "PATCH",
            "url": f"{root}/sobjects/Contact/@{{found.records[0].Id}}",
            "referenceId": "named",
            "body": {"Title": "of @{found.records[0].Account.Name}"},
        },
    ]
    answers = client.send("POST", "composite", json={"compositeRequest": parts}).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [201, 201, 200, 204]
    assert answers[0]["httpHeaders"]["Location"] == f"{root}/sobjects/Account/{answers[0]['body']['id']}"
    assert client.values("SELECT Title, AccountId FROM Contact") == [("of Acme", answers[0]["body"]["id"])]


@pytest.mark.parametrize("whole", [True, False])
def test_a_failing_subrequest_takes_the_others_back_if_asked(client: Client, whole: bool) -> None:
    root = "/services/data/v60.0"
    parts = [
        {"method": "POST", "url": f"{root}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {"method": "POST", "url": f"{root}/sobjects/Account", "referenceId": "b", "body": {"Nope": 1}},
        {"method": "GET", "url": f"{root}/sobjects/Account/@{{b.id}}", "referenceId": "c"},
    ]
    body = {"allOrNone": whole, "compositeRequest": parts}
    answers = client.send("POST", "composite", json=body).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [400 if whole else 201, 400, 400]
    assert answers[1]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert answers[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert len(client.values("SELECT Id FROM Account")) == (0 if whole else 1)


def test_a_batch_answers_each_request_and_stops_if_asked(client: Client) -> None:
    requests = [
        {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {"Name": "x"}},
        {"method": "GET", "url": "v60.0/sobjects/Nope"},
        {"method": "GET", "url": "v60.0/query?q=SELECT+COUNT()+FROM+Account"},
    ]
    answer = client.send("POST", "composite/batch", json={"batchRequests": requests}).json()
    assert answer["hasErrors"] is True
    assert [one["statusCode"] for one in answer["results"]] == [201, 404, 200]
    assert answer["results"][2]["result"]["totalSize"] == 1
    answer = client.send("POST", "composite/batch", json={"batchRequests": requests[1:], "haltOnError": True}).json()
    assert [one["statusCode"] for one in answer["results"]] == [404, 412]


def test_a_tree_is_planted_whole_or_not_at_all(client: Client) -> None:
    def contact(reference: str, **values: Any) -> dict[str, Any]:
        return {"attributes": {"type": "Contact", "referenceId": reference}, **values}

    trunk = {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "Acme"}
    good = {**trunk, "Contacts": {"records": [contact("r2", LastName="a"), contact("r3", LastName="b")]}}
    bad = {**trunk, "Contacts": {"records": [contact("r2", LastName="a"), contact("r3", Email="bad")]}}
    answer = client.send("POST", "composite/tree/Account", json={"records": [bad]})
    assert answer.status_code == 400
    assert answer.json()["hasErrors"] is True
    assert [one["referenceId"] for one in answer.json()["results"]] == ["r3"]
    assert client.values("SELECT Id FROM Account", "queryAll") == []
    answer = client.send("POST", "composite/tree/Account", json={"records": [good]})
    assert (answer.status_code, answer.json()["hasErrors"]) == (201, False)
    assert [one["referenceId"] for one in answer.json()["results"]] == ["r1", "r2", "r3"]
    assert client.values("SELECT LastName, Account.Name FROM Contact ORDER BY LastName")[0][0] == "a"
