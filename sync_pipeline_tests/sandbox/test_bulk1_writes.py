"""Writes by Bulk API 1 in its three formats, and the client that simple-salesforce has for it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.bulk1_client import NAMESPACE, NS, Bulk, xml
from sync_pipeline_tests.sandbox.conftest import Client, Redirect
from sync_pipeline_tests.sandbox.test_bulk1_queries import MOMENT


class TestWrites:
    def test_csv_tells_of_each_row(self, bulk: Bulk, org: Org) -> None:
        batch, answer = bulk.run("insert", "Contact", "LastName,Email\r\nLee,a@b.example\r\n,x@b.example\r\n")
        assert (batch["state"], batch["numberRecordsProcessed"], batch["numberRecordsFailed"]) == (
            "Completed",
            "2",
            "1",
        )
        ((lee,),) = bulk.client.values("SELECT Id FROM Contact")
        assert answer == (
            '"Id","Success","Created","Error"\n'
            f'"{lee}","true","true",""\n'
            '"","false","false","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"\n'
        )

    def test_json_sets_null_and_names_parents_by_their_external_id(self, in_json: Bulk, org: Org) -> None:
        org.add_field("Account", {"name": "Key__c", "type": "string", "length": 9, "externalId": True})
        (acme,) = org.insert("Account", [{"Name": "Acme", "Key__c": "k1"}])
        a, b = org.insert("Contact", [{"LastName": name, "Title": "t"} for name in "ab"])
        records = [
            {"attributes": {"type": "Contact"}, "id": a, "Title": None, "Account": {"Key__c": "k1"}},
            {"Id": b, "DoNotCall": True, "Account": {"Key__c": "k9"}},
        ]
        _, answer = in_json.run("update", "Contact", json.dumps(records))
        good, bad = json.loads(answer)
        assert good == {"success": True, "created": False, "id": a, "errors": []}
        (refusal,) = bad["errors"]
        assert (bad["success"], bad["id"], refusal["statusCode"]) == (False, b, "INVALID_FIELD")
        assert set(refusal) == {"statusCode", "message", "fields", "extendedErrorDetails"}
        assert in_json.client.values("SELECT Title, AccountId FROM Contact ORDER BY Id") == [(None, acme), ("t", None)]

    def test_xml_likewise(self, in_xml: Bulk, org: Org) -> None:
        org.add_field("Account", {"name": "Key__c", "type": "string", "length": 9, "externalId": True})
        (acme,) = org.insert("Account", [{"Name": "Acme", "Key__c": "k1"}])
        (a,) = org.insert("Contact", [{"LastName": "a", "Title": "t", "Phone": "1"}])
        head = f'<sObjects xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        parent = "<Account><sObject><type>Account</type><Key__c>k1</Key__c></sObject></Account>"
        content = (
            f'{head}<sObject><Id>{a}</Id><Title xsi:nil="true"/><Phone></Phone>{parent}</sObject>'
            f"<sObject><Id>{a[:12]}zzzz</Id><Title>x</Title></sObject></sObjects>"
        )
        _, answer = in_xml.run("update", "Contact", content)
        good, bad = xml(answer)
        assert [(child.tag.removeprefix(NS), child.text) for child in good] == [
            ("id", a),
            ("success", "true"),
            ("created", "false"),
        ]
        assert bad.findtext(f"{NS}errors/{NS}statusCode")
        assert bad.findtext(f"{NS}success") == "false"
        values = in_xml.client.values("SELECT Title, Phone, AccountId FROM Contact")
        assert values == [(None, "1", acme)]

    def test_a_delete_fills_the_bin_and_a_hard_delete_goes_past_it(self, bulk: Bulk, org: Org) -> None:
        soft, hard = org.insert("Contact", [{"LastName": "a"}, {"LastName": "b"}])
        bulk.run("delete", "Contact", f"Id\n{soft}\n")
        bulk.run("hardDelete", "Contact", f"Id\n{hard}\n")
        assert bulk.client.values("SELECT Id, IsDeleted FROM Contact", "queryAll") == [(soft, True)]

    @pytest.mark.parametrize(
        ("content_type", "content", "message"),
        [
            ("CSV", "Nope\nx\n", "Field name not found : Nope"),
            ("JSON", '[{"LastName": "a"}, {"Nope": 1}]', "Field name not found : Nope"),
            ("XML", "<sObjects><sObject><Nope>1</Nope></sObject></sObjects>", "Field name not found : Nope"),
            ("JSON", '{"LastName": "a"}', "The content must be an array of objects"),
            ("JSON", "[", "Unable to parse the JSON: "),
            ("XML", "<sObjects>", "Unable to parse the XML: "),
        ],
    )
    def test_a_batch_that_cannot_be_taken_fails_whole(
        self, client: Client, content_type: str, content: str, message: str
    ) -> None:
        bulk = Bulk(client, content_type)
        batch, answer = bulk.run("insert", "Contact", content)
        assert (batch["state"], batch["numberRecordsProcessed"]) in (("Failed", "0"), ("Failed", 0))
        assert batch["stateMessage"].startswith(f"InvalidBatch : {message}")
        assert "Records not processed" in answer
        assert client.values("SELECT Id FROM Contact") == []

    def test_the_request_of_a_batch_can_be_read_again(self, bulk: Bulk) -> None:
        job = bulk.create("insert", "Contact")
        batch = bulk.add(job, gzip.compress(b"LastName\n\xc3\xa9\n"), **{"Content-Encoding": "gzip"})
        assert bulk.ended(job, batch)["state"] == "Completed"
        request = bulk.send("GET", f"/{job}/batch/{batch}/request")
        assert (request.content.decode(), request.headers["Content-Type"]) == (
            "LastName\né\n",
            "text/csv; charset=UTF-8",
        )

    def test_a_batch_ends_at_ten_thousand_records(self, bulk: Bulk) -> None:
        content = "LastName\n" + "x\n" * 10_001
        batch, answer = bulk.run("insert", "Contact", content)
        assert (batch["state"], batch["numberRecordsProcessed"]) == ("Failed", "10000")
        assert batch["stateMessage"].startswith("InvalidBatch : Exceeded number of records : 10002.")
        assert len(answer.splitlines()) == 10_001

    def test_only_a_job_with_a_rule_assigns_owners(self, bulk: Bulk, org: Org) -> None:
        (queue,) = org.insert("Group", [{"Name": "West", "Type": "Queue"}])
        org.rules.assign("Lead", lambda record: queue)
        bulk.run("insert", "Lead", "LastName,Company\nx,y\n")
        bulk.run("insert", "Lead", "LastName,Company\nx,y\n", assignmentRuleId="01Q000000000001AAA")
        owners = [owner for (owner,) in bulk.client.values("SELECT OwnerId FROM Lead ORDER BY Id")]
        assert owners == [org.user_id, queue]


@pytest.fixture
def simple(sandbox: Sandbox, client: Client) -> Iterator[Any]:
    with requests.Session() as session:
        session.mount("https://", Redirect(sandbox.url))
        yield Salesforce(instance_url="https://org.my.example", session_id=client.token, session=session)


class TestSimpleSalesforce:
    def test_it_queries(self, simple: Any, org: Org) -> None:
        (acme,) = org.insert("Account", [{"Name": "Acme"}])
        kept, gone = org.insert("Contact", [{"LastName": "Lee", "AccountId": acme}, {"LastName": "Ray"}])
        org.delete("Contact", [gone])
        soql = "SELECT Id, SystemModstamp, Account.Name FROM Contact"
        (record,) = simple.bulk.Contact.query(soql)
        assert (record["Id"], record["SystemModstamp"], record["Account"]["Name"]) == (kept, MOMENT, "Acme")
        pages = simple.bulk.Contact.query_all(soql, lazy_operation=True)
        assert {record["Id"] for page in pages for record in page} == {kept, gone}

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its writes look only every five seconds whether a batch has ended."""
        monkeypatch.setattr("simple_salesforce.bulk.sleep", lambda seconds: time.sleep(0.02))

    def test_it_writes_in_batches_and_reads_what_became_of_each_record(self, simple: Any, client: Client) -> None:
        records = [{"LastName": f"n{i}", "Email": "bad" if i == 3 else None} for i in range(5)]
        made = simple.bulk.Contact.insert(records, batch_size=2, use_serial=True)
        assert [one["success"] for one in made] == [True, True, True, False, True]
        assert made[3]["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
        ids = [one["id"] for one in made if one["success"]]
        simple.bulk.Contact.update([{"Id": ids[0], "Title": "Dr"}])
        detailed = simple.bulk.Contact.update([{"Id": ids[1], "Title": "Mr"}], include_detailed_results=True)
        assert (detailed[0]["success"], detailed[0]["Title"]) == (True, "Mr")
        simple.bulk.Contact.delete([{"Id": ids[2]}])
        simple.bulk.Contact.hard_delete([{"Id": ids[3]}])
        assert client.values("SELECT Title, IsDeleted FROM Contact ORDER BY Id", "queryAll") == [
            ("Dr", False),
            ("Mr", False),
            (None, True),
        ]

    def test_it_upserts_by_an_external_id(self, simple: Any, org: Org, client: Client) -> None:
        org.insert("Invoice__c", [{"External_Number__c": "old", "Amount__c": 1}])
        records = [{"External_Number__c": "old", "Amount__c": 2}, {"External_Number__c": "new", "Amount__c": 3.5}]
        done = simple.bulk.Invoice__c.upsert(records, "External_Number__c", batch_size="auto")
        assert [one["created"] for one in done] == [False, True]
        assert client.values("SELECT Amount__c FROM Invoice__c ORDER BY Id") == [(2.0,), (3.5,)]

    def test_its_errors_are_its_own(self, simple: Any) -> None:
        with pytest.raises(SalesforceGeneralError, match="InvalidBatch : Failed to process query: INVALID_FIELD"):
            simple.bulk.Contact.query("SELECT Nope FROM Contact")
        with pytest.raises(SalesforceMalformedRequest, match="Unable to find object: Nope"):
            simple.bulk.Nope.query("SELECT Id FROM Nope")
