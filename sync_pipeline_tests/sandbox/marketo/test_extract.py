"""Bulk extract: jobs and their states, files and their checksums, the queue and the daily allowance (MK-REST-18)."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from typing import Any

import pytest

from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client
from sync_pipeline_tests.sandbox.marketo.test_lists_and_programs import make_list
from sync_pipeline_tests.sandbox.marketo.test_records import make_car, put

LEADS = "/bulk/v1/leads/export"
MAY = {"startAt": "2026-05-01T00:00:00Z", "endAt": "2026-05-31T00:00:00Z"}


def create(client: Client, root: str = LEADS, **body: Any) -> str:
    asked = {"fields": ["id", "email"], "filter": {"createdAt": MAY}, **body}
    export_id: str = client.post(f"{root}/create.json", asked)["result"][0]["exportId"]
    return export_id


def ended(client: Client, export_id: str, root: str = LEADS) -> dict[str, Any]:
    """Return a job's last status, polled as a client would, but that the sandbox's limits do not bind a test."""
    client.sandbox.limits.calls = 10_000
    for _ in range(2_000):
        (job,) = client.result(f"{root}/{export_id}/status.json")
        if job["status"] in ("Completed", "Failed", "Cancelled"):
            found: dict[str, Any] = job
            return found
        time.sleep(0.01)
    raise AssertionError("the job did not end")


def extracted(client: Client, root: str = LEADS, **body: Any) -> list[list[str]]:
    """Return the lines of a new job's file."""
    export_id = create(client, root, **body)
    client.post(f"{root}/{export_id}/enqueue.json")
    assert ended(client, export_id, root)["status"] == "Completed"
    text = client.send("GET", f"{root}/{export_id}/file.json").content.decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_job_is_created_queued_and_completed_and_its_file_has_the_checksum(client: Client) -> None:
    made = client.sync({"email": "a@example.com", "firstName": 'Zeile 1\n"2", ü'}, {"email": "b@example.com"})
    export_id = create(client, fields=["id", "firstName", "createdAt", "unsubscribed", "leadScore"])
    assert client.send("GET", f"{LEADS}/{export_id}/file.json").status_code == 404, "not yet"
    (queued,) = client.post(f"{LEADS}/{export_id}/enqueue.json")["result"]
    assert queued["status"] == "Queued"
    job = ended(client, export_id)
    content = client.send("GET", f"{LEADS}/{export_id}/file.json").content
    assert job["fileChecksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (job["numberOfRecords"], job["fileSize"]) == (2, len(content))
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [
        ["id", "firstName", "createdAt", "unsubscribed", "leadScore"],
        [str(made[0]["id"]), 'Zeile 1\n"2", ü', "2026-05-17T10:00:00Z", "false", "null"],
        [str(made[1]["id"]), "null", "2026-05-17T10:00:00Z", "false", "null"],
    ]


def test_a_file_is_read_in_ranges(client: Client) -> None:
    client.sync(*({"email": f"person{number}@example.com"} for number in range(50)))
    export_id = create(client)
    client.post(f"{LEADS}/{export_id}/enqueue.json")
    size = ended(client, export_id)["fileSize"]
    path = f"{LEADS}/{export_id}/file.json"
    whole = client.send("GET", path)
    assert whole.headers["Accept-Ranges"] == "bytes"
    first = client.send("GET", path, headers={"Range": "bytes=0-99"})
    rest = client.send("GET", path, headers={"Range": "bytes=100-"})
    assert (first.status_code, first.headers["Content-Range"]) == (206, f"bytes 0-99/{size}")
    assert (len(first.content), first.content + rest.content) == (100, whole.content)
    beyond = client.send("GET", path, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416


def test_headers_are_renamed_and_files_have_three_formats(client: Client) -> None:
    client.sync({"email": "a@example.com"})
    assert extracted(client, fields=["email"], columnHeaderNames={"email": "Mail"}) == [["Mail"], ["a@example.com"]]
    export_id = create(client, format="TSV", fields=["email", "city"])
    client.post(f"{LEADS}/{export_id}/enqueue.json")
    ended(client, export_id)
    assert client.send("GET", f"{LEADS}/{export_id}/file.json").text == "email\tcity\na@example.com\tnull\n"


def test_persons_are_filtered_by_one_range_of_31_days_or_by_a_list(client: Client, clock: Clock) -> None:
    one, two = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    clock.pass_seconds(60)
    client.sync({"email": "a@example.com", "city": "Bonn"})
    later = {"startAt": "2026-05-17T10:00:01Z", "endAt": "2026-05-17T11:00:00Z"}
    assert extracted(client, fields=["id"], filter={"updatedAt": later})[1:] == [[str(one["id"])]]
    number = make_list(client)
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": two["id"]}]})
    assert extracted(client, fields=["id"], filter={"staticListId": number})[1:] == [[str(two["id"])]]
    assert extracted(client, fields=["id"], filter={"staticListName": "Seed list"})[1:] == [[str(two["id"])]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"filter": {"createdAt": {**MAY, "endAt": "2026-06-01T00:00:01Z"}}}, "1003"),
        ({"filter": {"createdAt": MAY, "updatedAt": MAY}}, "1003"),
        ({"filter": {"smartListId": 1}}, "1035"),
        ({"filter": {"createdAt": {"startAt": "soon", "endAt": "later"}}}, "704"),
        ({"filter": {}}, "1002"),
        ({"fields": []}, "1002"),
        ({"fields": ["noSuchField"]}, "1006"),
        ({"format": "XML"}, "1001"),
    ],
)
def test_what_cannot_be_extracted_is_refused_at_once(client: Client, body: dict[str, Any], code: str) -> None:
    asked = {"fields": ["id"], "filter": {"createdAt": MAY}, **body}
    assert client.error("POST", f"{LEADS}/create.json", json=asked)[0] == code


def test_some_subscriptions_cannot_filter_by_the_last_change(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.extracts.by_updated_at = False
    asked = {"fields": ["id"], "filter": {"updatedAt": MAY}}
    refused = client.error("POST", f"{LEADS}/create.json", json=asked)
    assert refused == ("1035", "Unsupported filter type for target subscription")


def test_two_jobs_run_ten_wait_and_the_eleventh_is_refused(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.faults.add("slow_job", seconds=600, times=None)
    jobs = [create(client) for _ in range(11)]
    for job in jobs[:10]:
        client.post(f"{LEADS}/{job}/enqueue.json")
    assert client.error("POST", f"{LEADS}/{jobs[10]}/enqueue.json") == ("1029", "Too many jobs in queue")
    assert client.error("POST", f"{LEADS}/{jobs[0]}/enqueue.json") == ("1029", "Job already queued")
    listed = client.result(f"{LEADS}.json", status="Queued,Processing")
    assert [job["exportId"] for job in listed] == jobs[:10]
    for job in jobs:
        client.post(f"{LEADS}/{job}/cancel.json")
    assert {job["status"] for job in client.result(f"{LEADS}.json")} == {"Cancelled"}


def test_the_days_allowance_is_used_up_by_what_was_written(
    client: Client, sandbox: MarketoSandbox, clock: Clock
) -> None:
    client.sync({"email": "a@example.com"})
    waiting = create(client)
    sandbox.extracts.daily_bytes = 10
    extracted(client)
    asked = {"fields": ["id"], "filter": {"createdAt": MAY}}
    assert client.error("POST", f"{LEADS}/create.json", json=asked) == ("1029", "Export daily quota exceeded")
    assert client.error("POST", f"{LEADS}/{waiting}/enqueue.json")[0] == "1029"
    clock.pass_seconds(86_400)
    client.log_in()
    extracted(client)


def test_a_file_is_kept_for_a_week_and_a_job_belongs_to_its_user(
    client: Client, sandbox: MarketoSandbox, clock: Clock
) -> None:
    export_id = create(client)
    client.post(f"{LEADS}/{export_id}/enqueue.json")
    ended(client, export_id)
    other = Client(sandbox, sandbox.identity.token(sandbox.identity.add_service("other@sandbox.example")).text)
    assert other.error("GET", f"{LEADS}/{export_id}/status.json")[0] == "1013"
    clock.pass_seconds(86_400 * 7 + 1)
    client.log_in()
    assert client.send("GET", f"{LEADS}/{export_id}/file.json").status_code == 404
    assert client.result(f"{LEADS}/{export_id}/status.json")[0]["status"] == "Completed"


def test_a_job_fails_on_command(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.faults.add("fail_job", message="the export failed")
    export_id = create(client)
    client.post(f"{LEADS}/{export_id}/enqueue.json")
    job = ended(client, export_id)
    assert (job["status"], job["errorMsg"]) == ("Failed", "the export failed")


def test_activities_are_extracted_with_their_attributes_as_json(client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    client.sync({"email": "a@example.com", "city": "Bonn"})
    asked = {"fields": None, "filter": {"createdAt": MAY, "activityTypeIds": [13]}}
    header, line = extracted(client, "/bulk/v1/activities/export", **asked)
    assert header == [
        "marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",
        "primaryAttributeValue", "attributes",
    ]  # fmt: skip
    (activity,) = client.activities(13)
    assert line[:7] == [
        activity["marketoGUID"], str(made["id"]), "2026-05-17T10:00:00Z", "13", "null",
        str(activity["primaryAttributeValueId"]), "City",
    ]  # fmt: skip
    assert '"New Value": "Bonn"' in line[7]


def test_members_are_extracted_with_fields_of_both(client: Client, program: int) -> None:
    (made,) = client.sync({"email": "a@example.com", "firstName": "Ada"})
    status = {"statusName": "Attended", "input": [{"leadId": made["id"]}]}
    client.post(f"/rest/v1/programs/{program}/members/status.json", status)
    fields = ["firstName", "email", "membershipDate", "program", "statusName", "leadId", "reachedSuccess"]
    lines = extracted(client, "/bulk/v1/program/members/export", fields=fields, filter={"programId": program})
    assert lines == [
        ["firstName", "email", "Member Date", "Program", "Status", "Lead Id", "Success"],
        ["Ada", "a@example.com", "2026-05-17T10:00:00Z", "Spring webinar", "Attended", str(made["id"]), "true"],
    ]


def test_custom_objects_are_extracted_by_change_or_by_list(client: Client) -> None:
    make_car(client)
    client.post("/rest/v1/customobjects/schema/car_c/approve.json")
    one, two = client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    cars = [{"vin": "V-1", "leadID": one["id"]}, {"vin": "V-2", "leadID": two["id"]}]
    put(client, "/rest/v1/customobjects/car_c", *cars)
    number = make_list(client)
    client.post(f"/rest/v1/lists/{number}/leads.json", {"input": [{"id": two["id"]}]})
    root = "/bulk/v1/customobjects/car_c/export"
    lines = extracted(client, root, fields=["leadId", "vin"], filter={"staticListId": number})
    assert lines == [["leadId", "vin"], [str(two["id"]), "V-2"]]
    assert len(extracted(client, root, fields=["vin"], filter={"updatedAt": MAY})) == 3
