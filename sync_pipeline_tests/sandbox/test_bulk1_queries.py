"""Queries by Bulk API 1 in its three formats, whole and in chunks."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import PART_ROWS
from sync_pipeline_tests.sandbox.bulk1_client import NAMESPACE, NS, Bulk, error, xml
from sync_pipeline_tests.sandbox.conftest import Client
from sync_pipeline_tests.sandbox.test_bulk import NASTY, fill

MOMENT = 1_779_012_000_000  # of the clock, in milliseconds


class TestQueries:
    def test_a_csv_result_is_that_of_bulk_2(self, bulk: Bulk, org: Org) -> None:
        (acme,) = org.insert("Account", [{"Name": "Acme", "AnnualRevenue": 1e7}])
        org.insert("Contact", [{"LastName": "Lee", "AccountId": acme}, {"LastName": "Ray"}])
        assert bulk.query("SELECT LastName, CreatedDate, Account.AnnualRevenue FROM Contact") == (
            b'"LastName","CreatedDate","Account.AnnualRevenue"\n'
            b'"Lee","2026-05-17T10:00:00.000Z","1.0E7"\n'
            b'"Ray","2026-05-17T10:00:00.000Z",""\n'
        )

    def test_a_json_result_has_milliseconds_and_nested_parents(self, in_json: Bulk, org: Org) -> None:
        (acme,) = org.insert("Account", [{"Name": 'Ac"me', "AnnualRevenue": 1e7}])
        contacts = [{"LastName": "Lee", "AccountId": acme, "Birthdate": "1990-02-03"}, {"LastName": "Ray"}]
        lee, _ = org.insert("Contact", contacts)
        soql = "SELECT LastName, DoNotCall, Birthdate, CreatedDate, Account.Name, Account.AnnualRevenue FROM Contact"
        records = json.loads(in_json.query(f"{soql} ORDER BY LastName"))
        root = "/services/data/v60.0/sobjects"
        assert records[0] == {
            "attributes": {"type": "Contact", "url": f"{root}/Contact/{lee}"},
            "LastName": "Lee",
            "DoNotCall": False,
            "Birthdate": "1990-02-03",
            "CreatedDate": MOMENT,
            "Account": {
                "attributes": {"type": "Account", "url": f"{root}/Account/{acme}"},
                "Name": 'Ac"me',
                "AnnualRevenue": 10_000_000.0,
            },
        }
        assert (records[1]["Birthdate"], records[1]["Account"]) == (None, None)

    def test_an_xml_result_has_the_id_once_more_than_asked_for(self, in_xml: Bulk, org: Org) -> None:
        (acme,) = org.insert("Account", [{"Name": "A & B"}])
        (lee,) = org.insert("Contact", [{"LastName": "Lee", "AccountId": acme}])
        xsi = "http://www.w3.org/2001/XMLSchema-instance"
        assert in_xml.query("SELECT Id, FirstName, CreatedDate, Account.Name FROM Contact").decode() == (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<queryResult xmlns="{NAMESPACE}" xmlns:xsi="{xsi}">'
            f'<records xsi:type="sObject"><type>Contact</type><Id>{lee}</Id><Id>{lee}</Id><FirstName xsi:nil="true"/>'
            '<CreatedDate>2026-05-17T10:00:00.000Z</CreatedDate><Account xsi:type="sObject"><type>Account</type>'
            '<Id xsi:nil="true"/><Name>A &amp; B</Name></Account></records></queryResult>'
        )

    def test_a_polymorphic_parent_is_a_name(self, in_json: Bulk, org: Org) -> None:
        org.insert("Lead", [{"LastName": "x", "Company": "y"}])
        (record,) = json.loads(in_json.query("SELECT Owner.Name FROM Lead", name="Lead"))
        url = f"/services/data/v60.0/sobjects/User/{org.user_id}"
        assert record["Owner"] == {"attributes": {"type": "Name", "url": url}, "Name": "Sync Integration"}

    def test_values_survive_json_and_xml(self, in_json: Bulk, in_xml: Bulk, org: Org) -> None:
        org.add_field("Contact", {"name": "Long__c", "type": "textarea", "length": 32_000})
        org.insert("Contact", [{"LastName": f"{i:02}", "Long__c": value} for i, value in enumerate([*NASTY, "<&>]]>"])])
        soql = "SELECT Long__c FROM Contact ORDER BY LastName"
        assert [record["Long__c"] for record in json.loads(in_json.query(soql))] == [*NASTY, "<&>]]>"]
        root = xml(in_xml.query(soql))
        texts = [record.findtext(f"{NS}Long__c") for record in root]
        assert texts == [value.replace("\0", "") for value in [*NASTY, "<&>]]>"]]  # which XML cannot hold

    @pytest.mark.parametrize("content_type", ["CSV", "JSON", "XML"])
    def test_a_large_result_is_whole_in_every_format(
        self, client: Client, org: Org, sandbox: Sandbox, content_type: str
    ) -> None:
        """Its files are cut across the parts that DuckDB wrote, each a document of its own."""
        rows = PART_ROWS + 5_000
        fill(org, rows)
        sandbox.bulk1.result_rows = 100_000
        bulk = Bulk(client, content_type)
        job = bulk.create("queryAll", "Account")
        batch = bulk.add(job, "SELECT Name FROM Account")
        assert int(bulk.ended(job, batch)["numberRecordsProcessed"]) == rows
        results = bulk.results(job, batch)
        assert len(results) == 2
        names = [name for result in results for name in names_of(result, content_type)]
        assert sorted(names) == sorted(f"n{i}" for i in range(rows))

    def test_csv_says_that_it_is_utf_8(self, bulk: Bulk, org: Org) -> None:
        """As tap-salesforce needs it: what names no charset is Latin-1 to its HTTP library."""
        org.insert("Contact", [{"LastName": "Müller"}])
        job = bulk.create("query", "Contact")
        batch = bulk.add(job, "SELECT LastName FROM Contact")
        bulk.ended(job, batch)
        (result,) = bulk.results(job, batch)
        assert result.text == '"LastName"\n"Müller"\n'

    def test_nothing_found_is_said_in_words_where_csv_has_none(self, bulk: Bulk, in_json: Bulk, in_xml: Bulk) -> None:
        soql = "SELECT Id FROM Contact"
        assert bulk.query(soql) == b"Records not found for this query"
        assert json.loads(in_json.query(soql)) == []
        assert len(xml(in_xml.query(soql))) == 0

    def test_only_query_all_sees_the_recycle_bin(self, in_json: Bulk, org: Org) -> None:
        fill(org, 100)
        assert len(json.loads(in_json.query("SELECT Id FROM Account"))) == 90
        assert len(json.loads(in_json.query("SELECT Id FROM Account", "queryAll"))) == 100

    @pytest.mark.parametrize(
        ("soql", "message"),
        [
            ("SELECT Nope FROM Contact", "INVALID_FIELD: \nSELECT Nope FROM Contact"),
            (
                "SELECT MailingAddress FROM Contact",
                "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query",
            ),
        ],
    )
    def test_a_query_that_cannot_be_asked_fails_its_batch(self, bulk: Bulk, soql: str, message: str) -> None:
        job = bulk.create("query", "Contact")
        batch = bulk.ended(job, bulk.add(job, soql))
        assert batch["state"] == "Failed"
        assert batch["stateMessage"].startswith(f"InvalidBatch : Failed to process query: {message}")
        assert error(bulk.send("GET", f"/{job}/batch/{batch['id']}/result")) == (
            "InvalidBatch",
            "Records not processed",
        )


def names_of(result: requests.Response, content_type: str) -> list[str]:
    if content_type == "JSON":
        return [record["Name"] for record in result.json()]
    if content_type == "XML":
        return [record.findtext(f"{NS}Name") or "" for record in xml(result.content)]
    return [row["Name"] for row in csv.DictReader(io.StringIO(result.text))]


class TestChunks:
    def chunks(self, bulk: Bulk, header: str, soql: str = "SELECT Id FROM Account") -> tuple[str, list[Any]]:
        """Return the job and the infos of all its batches but the first when all have ended."""
        job = bulk.create("query", "Account", {"Sforce-Enable-PKChunking": header})
        first = bulk.add(job, soql)
        assert bulk.ended(job, first)["state"] == "NotProcessed"
        listed = xml(bulk.send("GET", f"/{job}/batch").content)
        ids = [batch.findtext(f"{NS}id") or "" for batch in listed]
        assert ids[0] == first
        return job, [bulk.ended(job, batch) for batch in ids[1:]]

    def test_a_chunked_query_is_done_by_batches_of_its_own(self, bulk: Bulk, org: Org) -> None:
        fill(org, 1_000)
        job, batches = self.chunks(bulk, "chunkSize=400; parent=Account")
        assert [batch["state"] for batch in batches] == ["Completed"] * 3
        assert [batch["numberRecordsProcessed"] for batch in batches] == ["360", "360", "180"]  # a tenth is deleted
        lines = [r.text.splitlines()[1:] for batch in batches for r in bulk.results(job, batch["id"])]
        assert len({line for some in lines for line in some}) == 900
        info = bulk.read(bulk.send("GET", f"/{job}"))
        assert (info["numberBatchesTotal"], info["numberBatchesCompleted"]) == ("4", "3")

    def test_chunks_begin_at_the_row_named(self, bulk: Bulk, org: Org) -> None:
        ids = org.insert("Account", [{"Name": f"{i}"} for i in range(10)])
        _, batches = self.chunks(bulk, f"true; chunkSize=3; startRow={ids[4]}")
        assert [batch["numberRecordsProcessed"] for batch in batches] == ["3", "3"]

    def test_an_empty_table_is_one_chunk(self, bulk: Bulk) -> None:
        _, (batch,) = self.chunks(bulk, "TRUE")
        assert (batch["state"], batch["numberRecordsProcessed"]) == ("Completed", "0")

    @pytest.mark.parametrize(
        ("header", "soql"), [("true", "SELECT Id FROM Account LIMIT 5"), ("false", "SELECT Id FROM Account")]
    )
    def test_a_query_in_order_or_with_a_limit_is_not_chunked(self, bulk: Bulk, header: str, soql: str) -> None:
        job = bulk.create("query", "Account", {"Sforce-Enable-PKChunking": header})
        assert bulk.ended(job, bulk.add(job, soql))["state"] == "Completed"
