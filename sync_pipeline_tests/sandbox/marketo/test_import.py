"""Bulk import: files in forms, what of them failed or was odd, the queue (MK-REST-19)."""

from __future__ import annotations

import time
from typing import Any

from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client
from sync_pipeline_tests.sandbox.marketo.test_lists_and_programs import make_list
from sync_pipeline_tests.sandbox.marketo.test_records import make_car

LEADS = "/bulk/v1/leads.json"


def send(client: Client, text: str, path: str = LEADS, **parameters: Any) -> dict[str, Any]:
    """Return the answer to a file sent in a form."""
    files = {"file": ("people.csv", text.encode(), "text/csv")}
    answer: dict[str, Any] = client.send("POST", path, params={"format": "csv", **parameters}, files=files).json()
    return answer


def ended(
    client: Client, text: str, path: str = LEADS, status: str = "/bulk/v1/leads/batch/{}.json", **more: Any
) -> dict[str, Any]:
    """Import a file and return the job's last status."""
    client.sandbox.limits.calls = 10_000
    number = send(client, text, path, **more)["result"][0]["batchId"]
    for _ in range(2_000):
        (job,) = client.result(status.format(number))
        if job["status"] in ("Complete", "Failed"):
            found: dict[str, Any] = job
            return found
        time.sleep(0.01)
    raise AssertionError("the import did not end")


def test_a_file_of_persons_is_taken_into_a_list(client: Client) -> None:
    client.sync({"email": "old@example.com", "firstName": "Old"})
    number = make_list(client)
    job = ended(client, "firstName,email\nAble,able@example.com\nNew,OLD@example.com\n", listId=number)
    assert job["message"] == "Import succeeded, 2 records imported (2 members)"
    assert (job["numOfLeadsProcessed"], job["numOfRowsFailed"], job["numOfRowsWithWarning"]) == (2, 0, 0)
    people = client.people(["able@example.com", "old@example.com"], by="email", fields="firstName")
    assert people == [{"firstName": "New"}, {"firstName": "Able"}]
    assert len(client.result(f"/rest/v1/lists/{number}/leads.json")) == 2
    changes = {one["primaryAttributeValue"]: one["attributes"] for one in client.activities(13)}
    assert {"name": "Source", "value": "List import"} in changes["First Name"]


def test_marketo_looks_for_an_address_in_calls_and_imports_unless_it_is_told_otherwise(client: Client) -> None:
    """DEDUP-2; what is written by a key of the CRM is not looked for by its address (DEDUP-5)."""
    (known,) = client.sync({"email": "ada@example.com"})
    again = client.sync({"email": "ADA@example.com", "city": "Bonn"})
    assert (again[0]["id"], again[0]["status"]) == (known["id"], "updated")
    ended(client, "email,firstName\nAda@example.com,Ada\n")
    assert client.people(["ada@example.com"], by="email", fields="firstName,city") == [
        {"firstName": "Ada", "city": "Bonn"}
    ]
    by_key = {"email": "ada@example.com", "externalPersonId": "003A"}
    (other,) = client.sync(by_key, lookupField="externalPersonId")
    (double,) = client.sync({"email": "ada@example.com"}, action="createDuplicate")
    assert len({known["id"], other["id"], double["id"]}) == 3


def test_rows_that_fail_or_are_odd_come_back_with_their_reason(client: Client) -> None:
    job = ended(client, "email,leadScore\ngood@example.com,1\nbad@example.com,many\nINVALID_EMAIL,2\n")
    assert (job["numOfLeadsProcessed"], job["numOfRowsFailed"], job["numOfRowsWithWarning"]) == (2, 1, 1)
    assert job["message"] == "Import completed with errors, 2 records imported (2 members), 1 failed"
    root = f"/bulk/v1/leads/batch/{job['batchId']}"
    failures = client.send("GET", f"{root}/failures.json").text.splitlines()
    assert failures[0] == "email,leadScore,Import Failure Reason"
    assert failures[1].startswith("bad@example.com,many,")
    assert client.send("GET", f"{root}/warnings.json").text.splitlines()[1:] == [
        "INVALID_EMAIL,2,Invalid email address"
    ]


def test_an_import_does_not_take_an_unsubscription_back(client: Client) -> None:
    client.sync({"email": "a@example.com", "unsubscribed": True})
    ended(client, "email,unsubscribed\na@example.com,false\n")
    assert client.people(["a@example.com"], by="email", fields="unsubscribed") == [{"unsubscribed": True}]


def test_a_file_by_id_only_updates(client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    job = ended(client, f"id,city\n{made['id']},Bonn\n999,Köln\n", lookupField="id")
    assert (job["numOfLeadsProcessed"], job["numOfRowsFailed"]) == (1, 1)
    assert client.person(made["id"], "city") == {"city": "Bonn"}


def test_a_file_of_members_brings_persons_to_a_status(client: Client, program: int) -> None:
    path = f"/bulk/v1/program/{program}/members/import.json"
    text = "firstName,email\nJoanna,joanna@example.com\n"
    job = ended(client, text, path, "/bulk/v1/program/members/import/{}/status.json", programMemberStatus="Registered")
    assert job["numOfLeadsProcessed"] == 1
    members = client.result(
        f"/rest/v1/programs/{program}/members.json", filterType="statusName", filterValues="Registered"
    )
    assert len(members) == 1
    assert send(client, text, path, programMemberStatus="Slept")["errors"][0]["code"] == "1025"


def test_a_file_of_custom_objects_needs_their_key(client: Client) -> None:
    make_car(client)
    client.post("/rest/v1/customobjects/schema/car_c/approve.json")
    path, root = "/bulk/v1/customobjects/car_c/import.json", "/bulk/v1/customobjects/car_c/import/{}"
    job = ended(client, "vin,year\nV-1,2020\n,2021\n", path, f"{root}/status.json")
    assert (job["objectApiName"], job["numOfObjectsProcessed"], job["numOfRowsFailed"]) == ("car_c", 1, 1)
    failures = client.send("GET", f"{root.format(job['batchId'])}/failures.json").text.splitlines()
    assert failures[1:] == [",2021,missing.dedupe.fields"]


def test_the_queue_of_imports_has_ten_places_and_a_list_one_import(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.faults.add("slow_job", seconds=600, times=None)
    number = make_list(client)
    assert send(client, "email\n", listId=number)["success"] is True
    assert send(client, "email\n", listId=number)["errors"][0]["code"] == "1019"
    for _ in range(9):
        assert send(client, "email\n")["success"] is True
    assert send(client, "email\n")["errors"][0] == {"code": "1016", "message": "Too many imports"}


def test_what_is_no_form_or_no_file_is_refused(client: Client, clock: Clock) -> None:
    assert client.error("POST", f"{LEADS}?format=csv", json={})[0] == "612"
    assert client.error("POST", f"{LEADS}?format=csv", files={"other": ("x", b"y")})[0] == "613"
    assert send(client, "email\n", format="xml")["errors"][0]["code"] == "1001"
    answer = client.send("POST", f"{LEADS}?format=csv", files={"file": ("x", b"y" * (10 << 20))})
    assert answer.status_code == 413
    job = ended(client, "email\na@example.com\n")
    clock.pass_seconds(86_400 * 7 + 1)
    client.log_in()
    assert client.error("GET", f"/bulk/v1/leads/batch/{job['batchId']}.json")[0] == "1013"
