"""Every error of the catalogue of recorded and quoted refusals that a client can meet, met: status, code, text.

A cause brings its error about and returns the answer, and what in the recorded text stands for what in ours (ids, names
of the recording's own fields). Where the recording is of a record within a collection, the cause sends a collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import SHARED, Client, shared

CATALOGUE = "payloads/salesforce/error_catalogue.json"

# What no client can bring about here, and why.
NOT_CAUSED = {
    ("QUERY_TIMEOUT", "query"): "a sandbox's query has no time limit; the fault `error` answers so on command",
    ("MALFORMED_SEARCH", "search"): "there is no SOSL search, whose address is unknown",
}

Answer = tuple[int, Any, Mapping[str, str]]
Cause = Callable[[Client, Org, Sandbox], Answer]
CAUSES: dict[tuple[str, str], Cause] = {}


def causes(code: str, where: str) -> Callable[[Cause], Cause]:
    def keep(cause: Cause) -> Cause:
        CAUSES[code, where] = cause
        return cause

    return keep


def entries() -> list[Any]:
    if not (SHARED / CATALOGUE).exists():
        return []
    return [
        pytest.param(entry, id=f"{entry['errorCode']}-{entry['where'].replace('/', ' ')}")
        for entry in shared(CATALOGUE)["errors"]
    ]


@pytest.mark.skipif(not (SHARED / CATALOGUE).exists(), reason="the catalogue is not on this machine")
@pytest.mark.parametrize("entry", entries())
def test_an_error_is_answered_as_the_catalogue_has_it(
    client: Client, org: Org, sandbox: Sandbox, entry: dict[str, Any]
) -> None:
    key = entry["errorCode"], entry["where"]
    if key in NOT_CAUSED:
        pytest.skip(NOT_CAUSED[key])
    status, body, ours = CAUSES[key](client, org, sandbox)
    message = entry["message"]
    for recorded, here in ours.items():
        assert recorded in message
        message = message.replace(recorded, here)
    assert status == entry["http"], body
    errors = list(_errors(body))
    assert (entry["errorCode"], message) in errors, errors


def _errors(body: Any) -> Any:
    """Yield code and text of each error in an answer: its own, those of a collection's records, of a graph's nodes."""
    if isinstance(body, list):
        for one in body:
            yield from _errors(one)
    elif isinstance(body, dict):
        if "message" in body:
            yield body.get("errorCode") or body.get("statusCode"), body["message"]
        for one in body.values():
            yield from _errors(one)


@pytest.mark.skipif(not (SHARED / CATALOGUE).exists(), reason="the catalogue is not on this machine")
def test_every_cause_and_every_exception_is_of_the_catalogue() -> None:
    keys = {(entry["errorCode"], entry["where"]) for entry in shared(CATALOGUE)["errors"]}
    assert CAUSES.keys() | NOT_CAUSED.keys() == keys


def told(answer: requests.Response, ours: Mapping[str, str] | None = None) -> Answer:
    return answer.status_code, answer.json(), ours or {}


def post(client: Client, name: str, values: dict[str, Any]) -> requests.Response:
    return client.send("POST", f"sobjects/{name}", json=values)


def collection(
    client: Client, method: str, name: str, *records: dict[str, Any], path: str = "", **body: Any
) -> requests.Response:
    typed = [{"attributes": {"type": name}, **record} for record in records]
    return client.send(method, f"composite/sobjects{path}", json={"records": typed, **body})


# Of any call


@causes("INVALID_SESSION_ID", "any REST call")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(Client(sandbox, "00Dxx!stale").get("sobjects"))


@causes("REQUEST_LIMIT_EXCEEDED", "any REST call")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    sandbox.faults.add("quota", calls=0)
    return told(client.get("sobjects"))


# Of queries


@causes("MALFORMED_QUERY", "query")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(client.get("query", params={"q": "SELEKT Name FROM Account"}))


@causes("INVALID_FIELD", "query")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(client.get("query", params={"q": "SELECT Bacon__c FROM Account LIMIT 2"}))


@causes("INVALID_TYPE", "query")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(client.get("query", params={"q": "select count() from XYZZY"}))


@causes("INVALID_QUERY_LOCATOR", "query/nextRecordsUrl after expiry")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(client.get("query/01g000000000000AAA-2000"))


# Of records


@causes("INVALID_FIELD", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(post(client, "Account", {"Name": "x", "FavoritePet__c": "Dog"}))


@causes("INVALID_FIELD_FOR_INSERT_UPDATE", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (contact,) = org.insert("Contact", [{"LastName": "x"}])
    answer = client.send("PATCH", f"sobjects/Contact/{contact}", json={"MasterRecordId": contact})
    assert answer.json()[0]["fields"] == ["MasterRecordId"]
    return told(answer)


@causes("REQUIRED_FIELD_MISSING", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(post(client, "Account", {"Industry": "Banking"}))


@causes("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    rating = {"name": "Rating__c", "label": "Rating", "type": "picklist", "restrictedPicklist": True}
    org.add_field("Account", {**rating, "picklistValues": ["Good"]})
    return told(post(client, "Account", {"Name": "x", "Rating__c": "Amazing"}))


@causes("INVALID_EMAIL_ADDRESS", "composite/sobjects record error")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    org.add_field("Contact", {"name": "email_field__c", "label": "email_field", "type": "email"})
    return told(collection(client, "POST", "Contact", {"LastName": "x", "email_field__c": "badone"}))


@causes("CANNOT_UPDATE_CONVERTED_LEAD", "composite/sobjects record error")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y", "IsConverted": True}])
    return told(collection(client, "PATCH", "Lead", {"Id": lead, "Title": "Boss"}))


@causes("ENTITY_IS_DELETED", "delete of an already deleted record")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (contact,) = org.insert("Contact", [{"LastName": "x"}])
    assert client.send("DELETE", f"sobjects/Contact/{contact}").status_code == 204
    return told(client.send("DELETE", f"sobjects/Contact/{contact}"))


@causes("NOT_FOUND", "GET of a missing/deleted record")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (contact,) = org.insert("Contact", [{"LastName": "x"}])
    org.delete("Contact", [contact])
    missing = client.get(f"sobjects/Contact/{contact[:13]}zz")
    assert missing.json() == client.get(f"sobjects/Contact/{contact}").json()
    return told(missing)


@causes("NOT_FOUND", "GET/PATCH by external id with unknown field")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    read = client.get("sobjects/Account/Namez/x")
    assert client.send("PATCH", "sobjects/Account/Namez/x", json={"Name": "x"}).json() == read.json()
    return told(read)


@causes("MALFORMED_ID", "update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(client.send("PATCH", "sobjects/Account/a00B000000FSjVUIB1", json={"Name": "x"}))


@causes("INVALID_CROSS_REFERENCE_KEY", "composite/sobjects PATCH, unknown id")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(collection(client, "PATCH", "Account", {"Id": "001000000000000AAA", "Name": "x"}))


@causes("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (hidden,) = org.insert("Account", [{"Name": "hidden"}])
    org.hide_records("Account", "Name = 'hidden'", org.user_id)
    return told(post(client, "Contact", {"LastName": "x", "AccountId": hidden}))


@causes("DUPLICATE_VALUE", "create/update of a unique field")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    org.add_field("Lead", {"name": "Email_Unique__c", "type": "email", "unique": True})
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y", "Email_Unique__c": "a@b.example"}])
    values = {"LastName": "z", "Company": "y", "Email_Unique__c": "A@b.example"}
    return told(post(client, "Lead", values), {"00Q4S000002sSac": lead[:15]})


@causes("DUPLICATES_DETECTED", "create/update with a blocking duplicate rule")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    org.rules.forbid_duplicates("Contact", "LastName")
    (there,) = org.insert("Contact", [{"LastName": "Lee"}])
    alone = post(client, "Contact", {"LastName": "Lee"})
    (match,) = alone.json()[0]["duplicateResult"]["matchResults"][0]["matchRecords"]
    assert match["record"]["Id"] == there
    (listed,) = collection(client, "POST", "Contact", {"LastName": "Lee"}).json()
    assert listed["errors"][0].keys() == {"statusCode", "message", "fields"}
    return told(alone)


@causes("ALL_OR_NONE_OPERATION_ROLLED_BACK", "composite/sobjects allOrNone=true")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(collection(client, "POST", "Account", {"Name": "x"}, {"Name": ""}, allOrNone=True))


@causes("MISSING_ARGUMENT", "composite/sobjects PATCH without id")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    return told(collection(client, "PATCH", "Account", {"Name": "x"}))


@causes("PROCESSING_HALTED", "composite/graph")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    url = f"/services/data/v{client.version}/sobjects/Account"
    requests_ = [
        {"method": "POST", "url": url, "referenceId": name, "body": body}
        for name, body in (("good", {"Name": "x"}), ("bad", {"Industry": "Energy"}))
    ]
    answer = client.send("POST", "composite/graph", json={"graphs": [{"graphId": "1", "compositeRequest": requests_}]})
    assert answer.status_code == 200
    halted = answer.json()["graphs"][0]["graphResponse"]["compositeResponse"][0]
    return halted["httpStatusCode"], halted["body"], {}


@causes("JSON_PARSER_ERROR", "composite/sobjects upsert record error")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    key = {"name": "Key__c", "type": "string", "length": 9, "externalId": True, "idLookup": True}
    for name in ("Task", "Contact"):
        org.add_field(name, key)
    record = {"Key__c": "1", "Subject": "Call", "Who": {"Key__c": "2", "attributes": {"type": "Contact"}}}
    return told(collection(client, "PATCH", "Task", record, path="/Task/Key__c"))


@causes("FIELD_CUSTOM_VALIDATION_EXCEPTION", "create/update")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    text = "(the text of the validation rule)"
    org.rules.validate("Account", lambda record: record["Name"] == "x", text)
    org.rules.validate("Account", lambda record: record["Name"] == "x", text, "Name")
    answer = post(client, "Account", {"Name": "x"})
    assert [error["fields"] for error in answer.json()] == [[], ["Name"]]
    return told(answer)


@causes("UNABLE_TO_LOCK_ROW", "create/update; bulk failedResults")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    (account,) = org.insert("Account", [{"Name": "x"}])
    sandbox.faults.add("lock")
    return told(
        client.send("PATCH", f"sobjects/Account/{account}", json={"Name": "y"}), {"0013000000ABCDeAAF": account}
    )


# Of bulk jobs


@causes("INVALIDJOBSTATE", "bulk v2 PATCH job")
def _(client: Client, org: Org, sandbox: Sandbox) -> Answer:
    job = client.bulk("SELECT Id FROM Account")["id"]
    return told(client.send("PATCH", f"jobs/query/{job}", json={"state": "Aborted"}))
