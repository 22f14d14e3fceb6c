from __future__ import annotations

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
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


def test_faults_are_set_and_cleared_over_http(client: Client, sandbox: Sandbox) -> None:
    made = requests.post(
        f"{sandbox.url}/sandbox/faults", json={"kind": "status", "status": 500, "times": 5}, timeout=30
    )
    assert made.status_code == 201
    assert statuses(client, 1) == [500]
    (left,) = requests.get(f"{sandbox.url}/sandbox/faults", timeout=30).json()
    assert (left["kind"], left["times"]) == ("status", 4)
    assert requests.delete(f"{sandbox.url}/sandbox/faults", timeout=30).status_code == 204
    assert statuses(client, 1) == [200]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"kind": "earthquake"}, "no fault 'earthquake'"), ({"kind": "slow", "hours": 1}, "slow has no setting hours")],
)
def test_a_fault_that_does_not_exist_is_refused(sandbox: Sandbox, settings: dict[str, object], message: str) -> None:
    answer = requests.post(f"{sandbox.url}/sandbox/faults", json=settings, timeout=30)
    assert answer.status_code == 400
    assert answer.json()[0]["message"].startswith(message)


def test_the_log_counts_requests_and_keeps_no_queries(client: Client, sandbox: Sandbox) -> None:
    sandbox.log.clear()
    client.query("SELECT Id FROM User WHERE Email = 'private@example.org'")
    client.get("nothing")
    assert sandbox.log.count("*/query") == 1
    assert sandbox.log.count(method="POST") == 0
    assert [(e.method, e.status) for e in sandbox.log.entries] == [("GET", 200), ("GET", 404)]
    assert "private" not in repr(sandbox.log.entries)
