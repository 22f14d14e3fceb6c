from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.faults import KINDS, Faults
from sync_pipeline_tests.sandbox.conftest import Client, Clock, log_in


def statuses(client: Client, count: int, path: str = "sobjects") -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


@pytest.mark.parametrize("status", [429, 503])
def test_the_next_answers_fail(client: Client, sandbox: Sandbox, status: int) -> None:
    sandbox.faults.add("status", status=status, times=2, retry_after=1)
    first = client.get("sobjects")
    assert (first.status_code, first.headers["Retry-After"]) == (status, "1")
    assert statuses(client, 2) == [status, 200]


def test_a_fault_meets_only_its_path_and_lets_some_pass(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", path="*/sobjects", skip=1)
    assert statuses(client, 1, "limits") == [200]
    assert statuses(client, 3) == [200, 503, 200]


def test_sessions_expire_on_command(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("expire")
    assert client.get("sobjects").json()[0]["errorCode"] == "INVALID_SESSION_ID"
    assert statuses(client, 1) == [401]
    assert statuses(log_in(sandbox), 1) == [200]


def test_any_error_can_be_answered(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("error", code="QUERY_TIMEOUT", message="Your query request was running for too long.")
    answer = client.get("query", params={"q": "SELECT Id FROM User"})
    assert answer.json() == [{"message": "Your query request was running for too long.", "errorCode": "QUERY_TIMEOUT"}]


def test_a_used_up_quota_refuses_until_the_next_day(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("quota", calls=2)
    assert statuses(client, 2) == [200, 200]
    refused = client.get("sobjects")
    assert refused.status_code == 403
    assert refused.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert client.get("limits").json()["DailyApiRequests"]["Remaining"] == 0
    sandbox.sessions.new_day()
    assert statuses(client, 1) == [200]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_connection_breaks_in_mid_body(client: Client, org: Org, sandbox: Sandbox, encoding: str) -> None:
    org.insert("Account", [{"Name": f"{i}" * 50} for i in range(2_000)])
    job = client.bulk("SELECT Id, Name FROM Account")["id"]
    sandbox.faults.add("drop", path="*/results", after_bytes=2_000)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.get(f"jobs/query/{job}/results", headers={"Accept-Encoding": encoding})
    assert client.get(f"jobs/query/{job}/results").status_code == 200


def test_a_page_is_cut_off_while_its_header_still_counts_all(client: Client, org: Org, sandbox: Sandbox) -> None:
    org.insert("Account", [{"Name": f"{i}"} for i in range(10)])
    job = client.bulk("SELECT Name FROM Account")["id"]
    sandbox.faults.add("short_page", rows=3)
    page = client.get(f"jobs/query/{job}/results")
    assert page.headers["Sforce-NumberOfRecords"] == "10"
    assert len(page.text.splitlines()) == 1 + 7


def test_a_job_fails(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("fail_job", message="InternalServerError: no luck")
    job = client.bulk("SELECT Id FROM User")
    assert (job["state"], job["errorMessage"]) == ("Failed", "InternalServerError: no luck")
    assert client.bulk("SELECT Id FROM User")["state"] == "JobComplete"


def test_a_fault_of_jobs_may_be_aimed_at_one_kind_of_them(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("fail_job", path="*/jobs/ingest/*", message="no luck")
    assert client.bulk("SELECT Id FROM User")["state"] == "JobComplete"
    assert [fault["path"] for fault in sandbox.faults.as_list()] == ["*/jobs/ingest/*"]


def test_a_slow_job_is_seen_in_progress(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow_job", seconds=0.3)
    made = client.send("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM User"}).json()
    seen = {client.get(f"jobs/query/{made['id']}").json()["state"] for _ in range(10)}
    assert "InProgress" in seen
    assert client.ended(made["id"])["state"] == "JobComplete"


@pytest.mark.parametrize("path", ["query", "queryAll"])
def test_a_record_is_seen_only_some_time_after_its_stamp(
    client: Client, org: Org, clock: Clock, sandbox: Sandbox, path: str
) -> None:
    sandbox.faults.add("late", seconds=3)
    org.insert("Account", [{"Name": "new"}])
    clock.pass_seconds(2)
    assert client.values("SELECT Name FROM Account", path) == []
    clock.pass_seconds(1)
    assert client.values("SELECT Name FROM Account", path) == [("new",)]


def test_some_records_are_late_and_others_are_not(client: Client, org: Org, clock: Clock, sandbox: Sandbox) -> None:
    """What costs a client records that takes the newest stamp it has seen for the end of its window."""
    sandbox.faults.add("late", seconds=3, spread=2, object="Account")
    org.insert("Account", [{"Name": f"{i}"} for i in range(100)])
    org.insert("Contact", [{"LastName": "prompt"}])
    seen = []
    for seconds in (0, 1.5, 1, 0.5):
        clock.pass_seconds(seconds)
        seen.append(len(client.values("SELECT Id FROM Account")))
    assert seen[0] == 0 < seen[1] < seen[2] < seen[3] == 100
    assert client.values("SELECT Id FROM Contact") != []


def test_following_writes_get_one_stamp(client: Client, org: Org, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.faults.add("same_stamp", times=3, object="Account")
    first = clock.at
    ids = []
    for name in ("a", "b"):
        ids.append(client.send("POST", "sobjects/Account", json={"Name": name}).json()["id"])
        client.send("POST", "sobjects/Contact", json={"LastName": name})
        clock.pass_seconds(1)
    client.send("PATCH", f"sobjects/Account/{ids[0]}", json={"Name": "c"})
    stamps = client.values("SELECT Name, SystemModstamp, LastModifiedDate FROM Account ORDER BY Name")
    text = f"{first:%Y-%m-%dT%H:%M:%S}.000+0000"
    assert stamps == [("b", text, text), ("c", text, text)]
    assert len(set(client.values("SELECT SystemModstamp FROM Contact"))) == 2
    client.send("PATCH", f"sobjects/Account/{ids[0]}", json={"Name": "d"})
    assert client.values("SELECT Id FROM Account WHERE SystemModstamp > " + text.replace(".000+0000", "Z")) != []


def test_a_field_disappears_between_two_pages(client: Client, org: Org, sandbox: Sandbox) -> None:
    org.insert("Account", [{"Name": f"{i}", "Site": f"{i}"} for i in range(250)])
    sandbox.faults.add("field_gone", field="Site", object="Account", skip=1)
    options = {"headers": {"Sforce-Query-Options": "batchSize=200"}}
    page = client.get("query", params={"q": "SELECT Name, Site FROM Account"}, **options).json()
    rest = client.get(page["nextRecordsUrl"], **options).json()
    assert (set(page["records"][0]), set(rest["records"][0])) == (
        {"attributes", "Name", "Site"},
        {"attributes", "Name"},
    )
    assert (len(rest["records"]), rest["done"], rest["totalSize"]) == (50, True, 250)
    assert client.refusal("SELECT Site FROM Account")[1] == "INVALID_FIELD"
    assert "Site" not in {field["name"] for field in client.get("sobjects/Account/describe").json()["fields"]}


def test_a_field_appears_between_two_pages_of_a_bulk_result(client: Client, org: Org, sandbox: Sandbox) -> None:
    org.insert("Account", [{"Name": f'{i} "quoted",\nbroken'} for i in range(3)])
    job = client.bulk("SELECT Name FROM Account ORDER BY Name", columnDelimiter="PIPE")["id"]
    sandbox.faults.add("field_new", field="Rating_Reason__c", object="account", skip=1)
    first, second, third = (
        list(csv.reader(io.StringIO(p.text), delimiter="|")) for p in client.pages(job, maxRecords=1)
    )
    assert first == [["Name"], ['0 "quoted",\nbroken']]
    assert second == [["Name", "Rating_Reason__c"], ['1 "quoted",\nbroken', ""]]
    assert third[0] == second[0]
    assert client.values("SELECT Rating_Reason__c FROM Account") == [(None,)] * 3


def test_a_system_field_vanishes_from_pages_only(client: Client, org: Org, sandbox: Sandbox) -> None:
    sandbox.faults.add("field_gone", field="SystemModstamp", times=1)
    (record,) = client.query("SELECT Id, SystemModstamp FROM User")["records"]
    assert "SystemModstamp" not in record
    assert client.values("SELECT SystemModstamp FROM User") != []


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "sobjects/account/describe", {}),
        ("GET", "query", {"params": {"q": "SELECT Id, (SELECT Id FROM Contacts) FROM Account"}}),
        ("POST", "jobs/query", {"json": {"operation": "query", "query": "SELECT Id FROM Account"}}),
        ("POST", "jobs/ingest", {"json": {"operation": "insert", "object": "Account"}}),
    ],
)
def test_a_fault_meets_only_requests_about_its_object(
    client: Client, sandbox: Sandbox, method: str, path: str, options: dict[str, Any]
) -> None:
    sandbox.faults.add("status", object="Account", times=None)
    assert client.send(method, path, **options).status_code == 503
    for other in ("sobjects/Contact/describe", "limits", "sobjects", "nothing"):
        assert client.get(other).status_code != 503
    assert client.values("SELECT Id FROM Contact") == []


def test_a_fault_on_an_object_meets_the_later_pages_and_the_jobs_about_it(
    client: Client, org: Org, sandbox: Sandbox
) -> None:
    org.insert("Account", [{"Name": f"{i}"} for i in range(201)])
    page = client.get(
        "query", params={"q": "SELECT Id FROM Account"}, headers={"Sforce-Query-Options": "batchSize=200"}
    )
    sandbox.faults.add("fail_job", object="Account")
    assert client.bulk("SELECT Id FROM Contact")["state"] == "JobComplete"
    assert (job := client.bulk("SELECT Id FROM Account"))["state"] == "Failed"
    sandbox.faults.add("status", object="Account", times=2)
    assert client.get(page.json()["nextRecordsUrl"]).status_code == 503
    assert client.get(f"jobs/query/{job['id']}").status_code == 503


def test_records_of_one_object_are_locked_and_those_of_others_are_not(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("lock", object="Contact", times=None, every=2)
    records = [
        {"attributes": {"type": name}, field: "x"}
        for name, field in (("Contact", "LastName"), ("Account", "Name")) * 2
        for _ in range(2)
    ]
    results = client.send("POST", "composite/sobjects", json={"records": records}).json()
    assert [one["success"] for one in results] == [True, False, True, True] * 2
    assert {one["errors"][0]["statusCode"] for one in results if not one["success"]} == {"UNABLE_TO_LOCK_ROW"}


def test_a_probability_meets_some_and_the_same_ones_each_time() -> None:
    def met() -> list[bool]:
        faults = Faults()
        faults.add("status", probability=0.3, times=None)
        return [faults.take("status") is not None for _ in range(200)]

    assert 30 < sum(met()) < 90
    assert met() == met()


def test_faults_are_set_listed_and_taken_back_over_http(client: Client, sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/faults"
    made = requests.post(url, json={"kind": "status", "status": 500, "times": 5}, timeout=30)
    assert made.status_code == 201
    assert statuses(client, 1) == [500]
    (left,) = requests.get(url, timeout=30).json()
    assert (left["kind"], left["times"]) == ("status", 4)
    assert requests.delete(f"{url}/{left['id']}", timeout=30).status_code == 204
    assert requests.delete(f"{url}/{left['id']}", timeout=30).status_code == 404
    assert statuses(client, 1) == [200]
    assert set(requests.get(f"{url}/kinds", timeout=30).json()) == set(sandbox.faults.kinds)


def test_taking_all_back_gives_the_quota_back(client: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("quota", calls=0)
    assert statuses(client, 1) == [403]
    assert requests.delete(f"{sandbox.url}/sandbox/faults", timeout=30).status_code == 204
    assert statuses(client, 1) == [200]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "earthquake"}, "no fault 'earthquake'; there are expire, status"),
        ({"kind": "slow", "hours": 1}, "slow has no setting hours; it has seconds"),
        ({"kind": "slow", "seconds": "long"}, "seconds must be a number, not 'long'"),
        ({"kind": "slow", "seconds": -1}, "seconds must be at least 0"),
        ({"kind": "slow", "probability": 0}, "probability must be above 0 and at most 1"),
        ({"kind": "slow", "every": 0}, "every must be at least 1"),
        ({"kind": "late", "times": 2}, "late holds until it is taken back"),
        ({"kind": "same_stamp", "path": "*/query"}, "same_stamp cannot be chosen by path"),
        ({"kind": "field_gone"}, "field_gone needs field"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(sandbox: Sandbox, settings: dict[str, object], message: str) -> None:
    answer = requests.post(f"{sandbox.url}/sandbox/faults", json=settings, timeout=30)
    assert answer.status_code == 400
    assert answer.json()[0]["message"].startswith(message)
    assert sandbox.faults.as_list() == []


def test_the_log_counts_requests_and_keeps_no_queries(client: Client, sandbox: Sandbox) -> None:
    sandbox.log.clear()
    client.query("SELECT Id FROM User WHERE Email = 'private@example.org'")
    client.get("nothing")
    assert sandbox.log.count("*/query") == 1
    assert sandbox.log.count(method="POST") == 0
    assert [(e.method, e.status) for e in sandbox.log.entries] == [("GET", 200), ("GET", 404)]
    assert "private" not in repr(sandbox.log.entries)


def test_the_docs_tell_every_fault_with_its_settings() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| *([^|]*?) *\| *(\w*) *\|", page, re.MULTILINE)
    told = {name: (re.findall(r"`(\w+)`", settings), counts) for name, settings, counts in rows}
    assert told == {name: (list(kind.settings), kind.counts) for name, kind in KINDS.items()}
