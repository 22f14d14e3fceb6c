"""Bulk API 1: jobs and their states, refusals in both tongues, faults."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.bulk1_client import NS, Bulk, error, xml
from sync_pipeline_tests.sandbox.conftest import Client, log_in


class TestJobs:
    def test_a_csv_job_is_told_of_in_xml(self, bulk: Bulk, org: Org) -> None:
        job = bulk.create("query", "Contact")
        answer = bulk.send("GET", f"/{job}")
        assert answer.headers["Content-Type"] == "application/xml"
        assert xml(answer.content).tag == f"{NS}jobInfo"
        info = bulk.read(answer)
        assert info["createdDate"] == "2026-05-17T10:00:00.000Z"
        assert {key: info[key] for key in ("operation", "object", "contentType", "concurrencyMode", "apiVersion")} == {
            "operation": "query",
            "object": "Contact",
            "contentType": "CSV",
            "concurrencyMode": "Parallel",
            "apiVersion": "60.0",
        }
        assert info["createdById"] == org.user_id
        assert "externalIdFieldName" not in info

    def test_a_job_answers_in_the_tongue_of_the_request_and_its_batches_in_its_own(self, client: Client) -> None:
        """As tap-salesforce has it: JSON about the job, XML about the batches of CSV."""
        mixed = Bulk(client, "CSV", "application/json")
        job = mixed.create("queryAll", "Contact")
        info = mixed.send("GET", f"/{job}").json()
        assert (info["apiVersion"], info["createdDate"]) == (60.0, "2026-05-17T10:00:00.000+0000")
        batch = mixed.add(job, "SELECT Id FROM Contact")
        mixed.ended(job, batch)
        assert mixed.send("GET", f"/{job}/batch").headers["Content-Type"] == "application/xml"
        assert mixed.send("GET", f"/{job}/batch/{batch}/result").headers["Content-Type"] == "application/xml"

    def test_a_job_counts_its_batches_and_their_records(self, bulk: Bulk) -> None:
        job = bulk.create("insert", "Contact")
        for content in ("LastName\na\nb\n", 'LastName,Email\n"c",bad\nd,\n', "Nope\nx\n"):
            bulk.ended(job, bulk.add(job, content))
        info = bulk.read(bulk.send("GET", f"/{job}"))
        assert {
            name: info[f"numberBatches{name}"] for name in ("Queued", "InProgress", "Completed", "Failed", "Total")
        } == {
            "Queued": "0",
            "InProgress": "0",
            "Completed": "2",
            "Failed": "1",
            "Total": "3",
        }
        assert (info["numberRecordsProcessed"], info["numberRecordsFailed"], info["numberRetries"]) == ("4", "1", "0")
        assert int(info["totalProcessingTime"]) >= int(info["apexProcessingTime"]) == 0
        listed = xml(bulk.send("GET", f"/{job}/batch").content)
        assert [b.findtext(f"{NS}state") for b in listed] == ["Completed", "Completed", "Failed"]
        assert listed[2].findtext(f"{NS}stateMessage") == "InvalidBatch : Field name not found : Nope"

    def test_a_closed_job_takes_no_batch_but_ends_those_it_has(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("slow_job", seconds=0.3)
        job = bulk.create("insert", "Contact")
        batch = bulk.add(job, "LastName\na\n")
        bulk.tell(f"/{job}", state="Closed")
        refused = bulk.send("POST", f"/{job}/batch", "text/csv", data="LastName\nb\n")
        assert (refused.status_code, error(refused)) == (
            400,
            ("InvalidJobState", "Failed to create batch, since the Job is not Open. Current job state is 'Closed'"),
        )
        assert bulk.ended(job, batch)["state"] == "Completed"

    def test_an_aborted_job_leaves_its_waiting_batches_unprocessed(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("slow_job", seconds=0.3)
        job = bulk.create("insert", "Contact", concurrencyMode="Serial")
        batches = [bulk.add(job, f"LastName\n{name}\n") for name in "ab"]
        assert bulk.read(bulk.tell(f"/{job}", state="Aborted"))["state"] == "Aborted"
        assert [bulk.ended(job, batch)["state"] for batch in batches] in (
            ["Completed", "NotProcessed"],
            ["NotProcessed", "NotProcessed"],  # aborted before the first began
        )
        refused = bulk.send("GET", f"/{job}/batch/{batches[1]}/result")
        assert error(refused) == ("InvalidBatch", "Records not processed")
        assert error(bulk.tell(f"/{job}", state="Aborted"))[0] == "InvalidJobState"

    def test_a_serial_job_runs_its_batches_in_order_one_at_a_time(self, bulk: Bulk, org: Org, sandbox: Sandbox) -> None:
        sandbox.faults.add("slow_job", seconds=0.3)  # would let the others pass the first
        job = bulk.create("insert", "Contact", concurrencyMode="Serial")
        assert bulk.read(bulk.send("GET", f"/{job}"))["concurrencyMode"] == "Serial"
        for batch in [bulk.add(job, f"LastName\n{name}\n") for name in "abcd"]:
            assert bulk.ended(job, batch)["state"] == "Completed"
        assert bulk.client.values("SELECT LastName FROM Contact ORDER BY Id") == [("a",), ("b",), ("c",), ("d",)]

    def test_the_days_batches_are_counted(self, bulk: Bulk) -> None:
        bulk.query("SELECT Id FROM Contact")
        assert bulk.client.get("limits").json()["DailyBulkApiBatches"] == {"Max": 15_000, "Remaining": 14_999}


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "code", "message"),
        [
            ({"object": "Nope"}, "InvalidJob", "Unable to find object: Nope"),
            ({"operation": "guess"}, "InvalidJob", "Invalid value: 'guess' supplied for property: 'operation'"),
            ({"contentType": "PDF"}, "InvalidJob", "Invalid value: 'PDF' supplied for property: 'contentType'"),
            (
                {"operation": "upsert"},
                "InvalidJob",
                "External ID was blank for Contact. An External ID must be specified for upsert.",
            ),
            (
                {"operation": "upsert", "externalIdFieldName": "Title"},
                "InvalidJob",
                "Field name provided, Title does not match an External ID for Contact",
            ),
        ],
    )
    def test_a_job_that_makes_no_sense_is_refused_in_both_tongues(
        self, client: Client, settings: dict[str, Any], code: str, message: str
    ) -> None:
        whole: dict[str, Any] = {"operation": "insert", "object": "Contact", "contentType": "CSV", **settings}
        refused = Bulk(client).tell("", **whole)
        assert (refused.status_code, error(refused)) == (400, (code, message))
        refused = Bulk(client, speaks="application/json").tell("", **whole)
        assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/json")
        assert refused.json() == {"exceptionCode": code, "exceptionMessage": message}

    def test_what_is_not_there_is_named(self, bulk: Bulk) -> None:
        job = bulk.create("insert", "Contact")
        assert error(bulk.send("GET", "/750xx")) == ("InvalidJob", "Invalid job id: 750xx")
        assert error(bulk.send("GET", f"/{job}/batch/751xx")) == ("InvalidBatch", "Invalid batch id: 751xx")
        refused = bulk.send("GET", f"/{job}/bunch")
        assert (refused.status_code, error(refused)[0]) == (400, "InvalidUrl")
        assert error(bulk.send("POST", f"/{job}", data="<jobInfo>")) == ("InvalidJob", "Unable to parse Job")

    def test_an_object_that_bulk_does_not_know(self, bulk: Bulk, org: Org) -> None:
        org.add_object({"name": "TaskStatus", "bulk": False, "fields": [{"name": "Id", "type": "id"}]})
        refused = bulk.tell("", operation="query", object="TaskStatus", contentType="CSV")
        assert error(refused) == ("InvalidEntity", "Entity 'TaskStatus' is not supported by the Bulk API.")

    def test_a_session_that_has_ended_is_a_bad_request(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.sessions.expire_all()
        refused = bulk.send("GET", "/750xx")
        assert (refused.status_code, error(refused)) == (400, ("InvalidSessionId", "Invalid session id"))
        bulk.client.token = ""
        assert error(bulk.send("GET", "/750xx"))[0] == "InvalidSessionId"

    def test_each_api_has_its_own_header_for_the_session(self, client: Client) -> None:
        bearer = {"Authorization": f"Bearer {client.token}"}
        url = f"{client.sandbox.url}/services/async/60.0/job/750xx"
        assert error(requests.get(url, headers=bearer, timeout=30))[0] == "InvalidSessionId"
        assert error(requests.get(url, headers={"X-SFDC-Session": client.token}, timeout=30))[0] == "InvalidJob"

    def test_the_days_calls_are_used_up(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("quota", calls=0)
        assert error(bulk.send("GET", "/750xx")) == ("ExceededQuota", "TotalRequests Limit exceeded.")

    def test_a_batch_of_another_format_or_too_large(self, bulk: Bulk) -> None:
        job = bulk.create("insert", "Contact")
        refused = bulk.send("POST", f"/{job}/batch", "application/json", data="[]")
        assert (refused.status_code, refused.json()["exceptionCode"]) == (400, "InvalidBatch")
        large = bulk.send("POST", f"/{job}/batch", "text/csv", data=b"x" * 10_000_001)
        assert error(large) == ("ClientInputError", "Failed to read request. Exceeded max size limit of 10000000")

    def test_a_batch_has_no_result_before_its_end(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("slow_job", seconds=20)
        job = bulk.create("query", "Contact")
        batch = bulk.add(job, "SELECT Id FROM Contact")
        assert error(bulk.send("GET", f"/{job}/batch/{batch}/result")) == ("InvalidBatch", "Batch not completed")
        bulk.tell(f"/{job}", state="Aborted")
        assert bulk.ended(job, batch)["state"] == "NotProcessed"


class TestFaults:
    def test_a_batch_fails_on_command(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("fail_job", path="/services/async/*", message="InternalServerError : no luck")
        batch, answer = bulk.run("insert", "Contact", "LastName\na\n")
        assert (batch["state"], batch["stateMessage"]) == ("Failed", "InternalServerError : no luck")
        assert "Records not processed" in answer

    def test_a_record_meets_a_lock(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("lock", path="/services/async/*/batch", skip=1)
        _, answer = bulk.run("insert", "Contact", "LastName\na\nb\nc\n")
        rows = list(csv.DictReader(io.StringIO(answer)))
        assert [row["Success"] for row in rows] == ["true", "false", "true"]
        assert rows[1]["Error"].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record")

    def test_an_error_on_command_is_worded_in_its_tongue(self, bulk: Bulk, sandbox: Sandbox) -> None:
        sandbox.faults.add("error", path="/services/async/*", status=500, code="UNKNOWN_EXCEPTION", message="oops")
        refused = bulk.send("GET", "/750xx")
        assert (refused.status_code, error(refused)) == (500, ("UNKNOWN_EXCEPTION", "oops"))


def test_the_files_of_a_job_go_with_the_server(org: Org) -> None:
    with Sandbox(org) as sandbox:
        Bulk(log_in(sandbox)).query("SELECT Id FROM Contact")
        folder = sandbox.bulk1.folder
        assert list(folder.iterdir())
    assert not folder.exists()
