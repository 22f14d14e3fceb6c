"""Bulk API 2.0 ingest, by plain requests and by simple-salesforce."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import Client, Redirect

Row = dict[str, str]


def make(client: Client, operation: str, name: str = "Contact", **more: Any) -> str:
    answer = client.send("POST", "jobs/ingest", json={"operation": operation, "object": name, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "Open"
    return str(answer.json()["id"])


def feed(client: Client, job: str, content: str) -> None:
    sent = client.send("PUT", f"jobs/ingest/{job}/batches", data=content.encode(), headers={"Content-Type": "text/csv"})
    assert (sent.status_code, sent.content) == (201, b"")


def close(client: Client, job: str, state: str = "UploadComplete") -> requests.Response:
    return client.send("PATCH", f"jobs/ingest/{job}", json={"state": state})


def ended(client: Client, job: str) -> dict[str, Any]:
    for _ in range(1000):
        found: dict[str, Any] = client.get(f"jobs/ingest/{job}").json()
        if found["state"] in ("JobComplete", "Failed", "Aborted"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"job {job} did not end")


def run(client: Client, content: str, operation: str, name: str = "Contact", **more: Any) -> dict[str, Any]:
    job = make(client, operation, name, **more)
    feed(client, job, content)
    assert close(client, job).json()["state"] == "UploadComplete"
    return ended(client, job)


def rows(client: Client, job: dict[str, Any], which: str) -> list[Row]:
    text = client.get(f"jobs/ingest/{job['id']}/{which}").content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_each_row_of_an_insert_is_accepted_or_refused_by_itself(client: Client, org: Org) -> None:
    content = 'LastName,Email,DoNotCall\n"Lee, Ann\n""Q""",a@b.example,true\n,x@b.example,\nBob,bad,\nCid,,perhaps\n'
    job = run(client, content, "insert")
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 4, 3)
    (good,) = rows(client, job, "successfulResults")
    assert good == {
        "sf__Id": good["sf__Id"],
        "sf__Created": "true",
        "LastName": 'Lee, Ann\n"Q"',
        "Email": "a@b.example",
        "DoNotCall": "true",
    }
    assert (org.record("Contact", good["sf__Id"]) or {})["LastName"] == 'Lee, Ann\n"Q"'
    assert [row["sf__Error"] for row in rows(client, job, "failedResults")] == [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: bad:Email --",
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Do Not Call: value not of required type: perhaps:DoNotCall --",
    ]
    assert rows(client, job, "unprocessedrecords") == []
    head = client.get(f"jobs/ingest/{job['id']}/failedResults").text.splitlines()[0]
    assert head == '"sf__Id","sf__Error","LastName","Email","DoNotCall"'


def test_an_empty_cell_leaves_a_field_alone_and_na_empties_it(client: Client, org: Org) -> None:
    a, b = org.insert("Contact", [{"LastName": name, "Title": "t", "Phone": "1"} for name in "ab"])
    job = run(client, f"Id,Title,Phone\n{a},,#N/A\n{b},new,\n{b[:13]}zz,x,\n", "update")
    assert client.values("SELECT Title, Phone FROM Contact ORDER BY Id") == [("t", None), ("new", "1")]
    (failed,) = rows(client, job, "failedResults")
    assert failed["sf__Error"] == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    assert [row["sf__Created"] for row in rows(client, job, "successfulResults")] == ["false", "false"]


def test_an_upsert_finds_records_and_parents_by_external_ids(client: Client, org: Org) -> None:
    badge = {"name": "Badge__c", "type": "string", "length": 9, "externalId": True, "unique": True}
    org.add_field("Contact", badge)
    (ann,) = org.insert("Contact", [{"LastName": "Ann", "Badge__c": "b7"}])
    org.insert("Invoice__c", [{"External_Number__c": "old", "Amount__c": 1}])
    content = "External_Number__c,Amount__c,Contact__r.Badge__c\r\nOLD,2,b7\r\nnew,3,\r\nlost,4,nobody\r\n"
    more = {"externalIdFieldName": "External_Number__c", "lineEnding": "CRLF"}
    job = run(client, content, "upsert", "Invoice__c", **more)
    assert [row["sf__Created"] for row in rows(client, job, "successfulResults")] == ["false", "true"]
    assert client.values("SELECT Amount__c, Contact__c FROM Invoice__c ORDER BY Id") == [(2.0, ann), (3.0, None)]
    (failed,) = rows(client, job, "failedResults")
    assert failed["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: nobody not found for field Badge__c")


def test_a_delete_fills_the_bin_and_a_hard_delete_goes_past_it(client: Client, org: Org) -> None:
    soft, hard = org.insert("Contact", [{"LastName": "a"}, {"LastName": "b"}])
    assert run(client, f"Id\n{soft}\n", "delete")["numberRecordsFailed"] == 0
    assert run(client, f"Id\n{hard}\n{soft}\n", "hardDelete")["numberRecordsFailed"] == 1
    assert client.values("SELECT Id, IsDeleted FROM Contact", "queryAll") == [(soft, True)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("LastName,Nope\na,b\n", "InvalidBatch : Field name not found : Nope"),
        (
            "LastName\r\na\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        ("LastName,Email\na\n", "InvalidBatch : Row 1 has 1 fields, the header 2"),
    ],
)
def test_a_file_that_cannot_be_taken_fails_the_job(client: Client, content: str, message: str) -> None:
    job = run(client, content, "insert")
    assert (job["state"], job["errorMessage"], job["numberRecordsProcessed"]) == ("Failed", message, 0)
    assert client.values("SELECT Id FROM Contact") == []


def test_a_job_that_fails_or_is_aborted_keeps_its_rows_as_unprocessed(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("fail_job", message="InternalServerError : no luck")
    failed = run(client, "LastName\na\nb\n", "insert")
    assert (failed["state"], failed["errorMessage"]) == ("Failed", "InternalServerError : no luck")
    job = make(client, "insert")
    feed(client, job, "LastName\na\n")
    assert close(client, job, "Aborted").json()["state"] == "Aborted"
    refused = close(client, job, "Aborted")
    assert refused.json() == [{"message": "Aborting already Completed Job not allowed", "errorCode": "INVALIDJOBSTATE"}]
    assert client.send("DELETE", f"jobs/ingest/{job}").status_code == 204
    assert client.get(f"jobs/ingest/{job}").status_code == 404


def test_an_abort_in_mid_file_leaves_the_rest_unprocessed(client: Client, org: Org, sandbox: Sandbox) -> None:
    sandbox.ingest.batch_rows = 2
    job = make(client, "insert")
    org.rules.validate("Contact", lambda record: close(client, job, "Aborted").status_code > 400, "never")
    feed(client, job, "LastName\na\nb\nc\nd\ne\n")
    close(client, job)
    found = ended(client, job)
    while client.get(f"jobs/ingest/{job}/unprocessedrecords").status_code == 204:
        time.sleep(0.02)
    assert [row["LastName"] for row in rows(client, found, "unprocessedrecords")] == ["c", "d", "e"]
    assert len(client.values("SELECT Id FROM Contact")) == 2


def test_a_multipart_job_runs_at_once(client: Client) -> None:
    described = json.dumps({"object": "Contact", "operation": "insert", "columnDelimiter": "SEMICOLON"})
    parts = {
        "job": (None, described, "application/json"),
        "content": ("content", "LastName;Title\nx;y\n", "text/csv"),
    }
    answer = client.send("POST", "jobs/ingest", files=parts)
    assert (answer.status_code, answer.json()["columnDelimiter"]) == (200, "SEMICOLON")
    assert ended(client, answer.json()["id"])["state"] == "JobComplete"
    assert client.values("SELECT LastName, Title FROM Contact") == [("x", "y")]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"operation": "guess"}, "API_ERROR", "Invalid value: 'guess' supplied for property: 'operation'"),
        (
            {"operation": "insert", "contentType": "XML"},
            "API_ERROR",
            "Invalid value: 'XML' supplied for property: 'contentType'",
        ),
        ({"operation": "insert", "object": "Nope"}, "INVALIDJOB", "InvalidJob : Unable to find object: Nope"),
        (
            {"operation": "upsert", "externalIdFieldName": "Title"},
            "INVALIDJOB",
            "InvalidJob : Field name provided, Title does not match an External ID for Contact",
        ),
        (
            {"operation": "upsert"},
            "INVALIDJOB",
            "InvalidJob : External ID was blank for Contact. An External ID must be specified for upsert.",
        ),
        (
            {"operation": "delete", "object": "User"},
            "INVALID_TYPE_FOR_OPERATION",
            "entity type User does not support delete",
        ),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(client: Client, body: dict[str, str], code: str, message: str) -> None:
    answer = client.send("POST", "jobs/ingest", json={"object": "Contact", **body})
    assert (answer.status_code, answer.json()) == (400, [{"message": message, "errorCode": code}])


def test_a_job_takes_one_file(client: Client) -> None:
    job = make(client, "insert")
    feed(client, job, "LastName\nx\n")
    again = client.send("PUT", f"jobs/ingest/{job}/batches", data=b"LastName\nx\n")
    assert (again.status_code, again.json()[0]["errorCode"]) == (400, "BULK_API_ERROR")
    assert again.json()[0]["message"].startswith(f"Found multipe contents for job: <{job[:15]}>, please 'Close'")
    assert client.get(f"jobs/ingest/{job}/successfulResults").status_code == 204


def test_only_a_job_with_a_rule_assigns_owners(client: Client, org: Org) -> None:
    (queue,) = org.insert("Group", [{"Name": "West", "Type": "Queue"}])
    org.rules.assign("Lead", lambda record: queue)
    content = "LastName,Company\nx,y\n"
    run(client, content, "insert", "Lead")
    run(client, content, "insert", "Lead", assignmentRuleId="01Q000000000001AAA")
    assert [owner for (owner,) in client.values("SELECT OwnerId FROM Lead ORDER BY Id")] == [org.user_id, queue]


@pytest.fixture
def simple(sandbox: Sandbox, client: Client) -> Iterator[Any]:
    with requests.Session() as session:
        session.mount("https://", Redirect(sandbox.url))
        yield Salesforce(instance_url="https://org.my.example", session_id=client.token, session=session)


def test_a_real_client_loads_and_reads_the_refusals(simple: Any, sandbox: Sandbox, org: Org) -> None:
    (queue,) = org.insert("Group", [{"Name": "West", "Type": "Queue"}])
    records = [{"LastName": f"n{i}", "OwnerId": queue if i == 2 else org.user_id} for i in range(5)]
    sandbox.faults.add("lock", skip=3)
    (done,) = simple.bulk2.Contact.insert(records=records, wait=0.1)
    assert (done["numberRecordsTotal"], done["numberRecordsFailed"]) == (5, 2)
    results = simple.bulk2.Contact.get_all_ingest_records(done["job_id"])
    assert [row["LastName"] for row in results["successfulRecords"]] == ["n0", "n1", "n3"]
    errors = [row["sf__Error"] for row in results["failedRecords"]]
    assert errors[0] == f"FIELD_INTEGRITY_EXCEPTION:Owner ID: id value of incorrect type: {queue}:OwnerId --"
    assert errors[1].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 003")
    assert results["unprocessedRecords"] == []
