"""What simple-salesforce is asked to do; runs in its own environment: `speak.py operation`."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from simple_salesforce.api import Salesforce
from simple_salesforce.format import format_soql

Record = dict[str, Any]
READ = ("Lead", "Contact", "Invoice__c")
HARD = 'two\nlines, "quotes", Zoë 東京 🚀'


def log_in() -> Any:
    return Salesforce(
        username=os.environ["SALESFORCE_USERNAME"],
        password=os.environ["SALESFORCE_PASSWORD"],
        security_token=os.environ["SALESFORCE_SECURITY_TOKEN"],
    )


def fields(org: Any, name: str, without: tuple[str, ...] = ()) -> str:
    described = getattr(org, name).describe()["fields"]
    return ", ".join(field["name"] for field in described if field["type"] not in without)


def describe(org: Any) -> Iterator[tuple[str, Record]]:
    for name in READ:
        for field in getattr(org, name).describe()["fields"]:
            yield name, {key: field[key] for key in ("name", "type", "length", "nillable", "label")}


def query(org: Any) -> Iterator[tuple[str, Record]]:
    for name in READ:
        for record in org.query_all_iter(f"SELECT {fields(org, name)} FROM {name}"):
            yield name, record


def write(org: Any) -> Iterator[tuple[str, Record]]:
    for last_name, deletes in (("Kept", False), ("Gone", True)):
        made = org.Contact.create({"LastName": "Was", "Description": HARD, "Birthdate": "1970-02-28"})["id"]
        assert org.Contact.update(made, {"LastName": last_name, "Birthdate": None}) == 204
        assert org.Contact.get(made)["LastName"] == last_name
        if deletes:
            assert org.Contact.delete(made) == 204
        wrote = {"LastName": last_name, "Description": HARD, "Birthdate": None, "DoNotCall": False}
        yield "Contact", {"Id": made, **wrote, "IsDeleted": deletes}
    for amount, status in ((12.5, 201), (1e7, 200 if float(org.sf_version) >= 46 else 204)):
        sent = {"Amount__c": amount, "Invoice_Date__c": "2026-02-01"}
        assert org.Invoice__c.upsert("External_Number__c/simple 1", sent) == status
    found = org.query(format_soql("SELECT Id FROM Invoice__c WHERE External_Number__c = {}", "simple 1"))
    yield "Invoice__c", {"Id": found["records"][0]["Id"], "Amount__c": 1e7, "Invoice_Date__c": "2026-02-01"}


def bulk2_query(org: Any) -> Iterator[tuple[str, Record]]:
    yield from in_bulk(org, READ, max_records=1000)


def bulk2_pages(org: Any) -> Iterator[tuple[str, Record]]:
    yield from in_bulk(org, ("Product_Interest__c",))


def in_bulk(org: Any, names: Sequence[str], **options: int) -> Iterator[tuple[str, Record]]:
    for name in names:
        soql = f"SELECT {fields(org, name, ('address', 'location'))} FROM {name}"
        for page in getattr(org.bulk2, name).query(soql, wait=1, **options):
            for record in csv.DictReader(page.splitlines(keepends=True)):
                yield name, {field: value or None for field, value in record.items()}


def bulk2_write(org: Any) -> Iterator[tuple[str, Record]]:
    contacts = org.bulk2.Contact
    rows = [{"LastName": f"Bulk {n}", "Description": HARD} for n in range(250)]
    made = succeeded(contacts, contacts.insert(records=rows, wait=1))
    ids = [row["sf__Id"] for row in made]
    succeeded(contacts, contacts.update(records=[{"Id": i, "Title": "Bulk"} for i in ids], wait=1))
    succeeded(contacts, contacts.delete(records=[{"Id": i} for i in ids[:100]], wait=1))
    for row, record in zip(made, ids, strict=True):
        wrote = {"LastName": row["LastName"], "Description": HARD, "Title": "Bulk"}
        yield "Contact", {"Id": record, **wrote, "IsDeleted": record in ids[:100]}
    invoices = org.bulk2.Invoice__c
    for amount in ("1", "2.25"):
        sent = [{"External_Number__c": f"bulk2 {n}", "Amount__c": amount} for n in range(50)]
        made = succeeded(invoices, invoices.upsert(records=sent, external_id_field="External_Number__c", wait=1))
        assert {row["sf__Created"] for row in made} == {"true" if amount == "1" else "false"}
    for row in made:
        yield "Invoice__c", {"Id": row["sf__Id"], "External_Number__c": row["External_Number__c"], "Amount__c": 2.25}


def succeeded(bulk: Any, jobs: Iterable[Record]) -> list[Record]:
    """Return the successful records of jobs, in the order of the file, none of which may have failed."""
    rows: list[Record] = []
    for job in jobs:
        assert job["numberRecordsFailed"] == 0, bulk.get_failed_records(job["job_id"])
        assert job["numberRecordsProcessed"] == job["numberRecordsTotal"]
        rows += csv.DictReader(bulk.get_successful_records(job["job_id"]).splitlines(keepends=True))
    return rows


def bulk1_query(org: Any) -> Iterator[tuple[str, Record]]:
    for name in READ:
        soql = f"SELECT {fields(org, name, ('address', 'location'))} FROM {name}"
        moments = {field["name"] for field in getattr(org, name).describe()["fields"] if field["type"] == "datetime"}
        for page in getattr(org.bulk, name).query(soql, lazy_operation=True, wait=1):
            for record in page:
                yield name, {field: moment(value) if field in moments else value for field, value in record.items()}


def moment(milliseconds: int | None) -> str | None:
    """Return a moment as text: Bulk API 1 counts milliseconds in its JSON results, and this client leaves them so."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def bulk1_write(org: Any) -> Iterator[tuple[str, Record]]:
    contacts = org.bulk.Contact
    rows = [{"LastName": f"Bulk {n}", "Description": HARD} for n in range(50)]
    ids = [str(result["id"]) for result in fine(contacts.insert(rows))]
    fine(contacts.update([{"Id": i, "Title": "One"} for i in ids]))
    fine(contacts.delete([{"Id": i} for i in ids[:10]]))
    for row, record in zip(rows, ids, strict=True):
        yield "Contact", {"Id": record, **row, "Title": "One", "IsDeleted": record in ids[:10]}
    sent = [{"External_Number__c": f"bulk1 {n}", "Amount__c": n} for n in range(10)]
    for invoice, result in zip(sent, fine(org.bulk.Invoice__c.upsert(sent, "External_Number__c")), strict=True):
        yield "Invoice__c", {"Id": result["id"], **invoice}


def fine(results: Any) -> list[Record]:
    assert all(result["success"] for result in results), results
    return list(results)


OPERATIONS: dict[str, Callable[[Any], Iterator[tuple[str, Record]]]] = {
    function.__name__: function
    for function in (describe, query, write, bulk2_query, bulk2_pages, bulk2_write, bulk1_query, bulk1_write)
}

if __name__ == "__main__":
    for line in OPERATIONS[sys.argv[1]](log_in()):
        print(json.dumps(line))
