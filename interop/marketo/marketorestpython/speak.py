"""What marketorestpython is asked to do; runs in its own environment: `speak.py operation`."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from marketorestpython.client import MarketoClient

Record = dict[str, Any]
Told = Iterator[tuple[str, Record]]
HARD = 'two\nlines, "quotes", Zoë 東京 🚀'
NOW = datetime.now(UTC)
CALL = 300  # values of a filter
TYPES = ["10", "12", "13"]
BEFORE, AFTER = "Invited", "Registered"  # of a webinar's channel


def log_in() -> Any:
    """Its host name is wired in, so the Munchkin id may be any."""
    return MarketoClient("123-ABC-456", os.environ["MARKETO_CLIENT_ID"], os.environ["MARKETO_CLIENT_SECRET"])


def fields_of(marketo: Any) -> list[str]:
    return [field["rest"]["name"] for field in marketo.execute("describe")]


def since(days: int) -> str:
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def describe(marketo: Any) -> Told:
    for field in marketo.execute("describe"):
        told = {"displayName": field["displayName"], "dataType": field["dataType"]}
        yield "lead", {"name": field["rest"]["name"], **told, "readOnly": field["rest"]["readOnly"]}


def find(marketo: Any) -> Told:
    fields, first = ",".join(fields_of(marketo)), 1
    while True:
        values = [str(number) for number in range(first, first + CALL)]
        found = marketo.execute(
            method="get_multiple_leads_by_filter_type", filterType="id", filterValues=values, fields=fields
        )
        yield from (("lead", person) for person in found)
        if not found:
            return
        first += CALL


def lists(marketo: Any) -> Told:
    for told in marketo.execute("get_multiple_lists", batchSize=2):
        yield "staticList", told
        for person in marketo.execute("get_multiple_leads_by_list_id", listId=told["id"], fields=["id"], batchSize=20):
            yield "listMember", {"member": f"{told['id']}-{person['id']}"}


def programs(marketo: Any) -> Told:
    for told in marketo.execute("browse_programs", maxReturn=2):
        yield "program", {**told, "description": told["description"] or None}


def activities(marketo: Any) -> Told:
    for told in marketo.execute("get_lead_activities", activityTypeIds=TYPES, sinceDatetime=since(60)):
        attributes = {attribute["name"]: attribute["value"] for attribute in told["attributes"]}
        yield "activity", whole_activity({**told, "attributes": attributes})


def whole_activity(told: Record) -> Record:
    """Return an activity with what answers leave out where there is none."""
    absent = dict.fromkeys(("campaignId", "primaryAttributeValueId", "primaryAttributeValue"))
    return {**absent, **told}


def extract(marketo: Any) -> Told:
    span = {"createdAt": {"startAt": since(31), "endAt": since(0)}}
    for row in exported(marketo, "leads", {"fields": fields_of(marketo), "filters": span}):
        yield "lead", row
    wanted = {"filters": {**span, "activityTypeIds": [int(number) for number in TYPES]}, "fields": None}
    for row in exported(marketo, "activities", wanted):
        yield "activity", {**row, "attributes": json.loads(str(row["attributes"]))}


def exported(marketo: Any, kind: str, wanted: Record) -> Iterator[Record]:
    """Run an export job to its end; give the rows of its file, where null is a word."""
    job = marketo.execute(f"create_{kind}_export_job", **wanted)[0]["exportId"]
    marketo.execute(f"enqueue_{kind}_export_job", job_id=job)
    while (told := marketo.execute(f"get_{kind}_export_job_status", job_id=job)[0])["status"] != "Completed":
        time.sleep(0.5)
    content = marketo.execute(f"get_{kind}_export_job_file", job_id=job).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(rows) == told["numberOfRecords"]
    for row in rows:
        yield {name: None if value in ("", "null") else value for name, value in row.items()}


def fine(results: list[Record], *statuses: str) -> list[Record]:
    assert {result["status"] for result in results} <= set(statuses), results
    return results


def write(marketo: Any) -> Told:
    people = [{"email": f"p{n}@python.example", "lastName": "Was", "mktoPersonNotes": HARD} for n in range(320)]
    ids: list[int] = []
    for some in (people[:CALL], people[CALL:]):
        made = marketo.execute("create_update_leads", leads=some, action="createOnly", lookupField="email")
        ids += [result["id"] for result in fine(made, "created")]
    again = [{"id": ids[0], "lastName": "Is", "leadScore": 7, "unsubscribed": True}]
    fine(marketo.execute("create_update_leads", leads=again, action="updateOnly", lookupField="id"), "updated")
    (twice,) = marketo.execute("create_update_leads", leads=people[:1], action="createOnly", lookupField="email")
    assert (twice["status"], twice["reasons"][0]["code"]) == ("skipped", "1005")
    assert marketo.execute("merge_lead", id=ids[0], leadIds=ids[1:3])
    fine(marketo.execute("delete_lead", id=ids[3:10]), "deleted")
    known = {told["leadId"] for told in marketo.execute("get_deleted_leads", sinceDatetime=since(1))}
    assert known >= set(ids[3:10]), "the feed of deletions tells them"
    yield "lead", {**people[0], **again[0]}
    for number, person in zip(ids[1:10], people[1:10], strict=True):
        yield "lead", {"id": number, **person, "isDeleted": True}
    for number, person in zip(ids[10:], people[10:], strict=True):
        yield "lead", {"id": number, **person}


def write_lists(marketo: Any) -> Told:
    told = marketo.execute("get_multiple_lists")[0]["id"]
    people = [{"email": f"l{n}@python.example"} for n in range(4)]
    ids = [one["id"] for one in marketo.execute("create_update_leads", leads=people, lookupField="email")]
    fine(marketo.execute("add_leads_to_list", listId=told, id=ids), "added")
    fine(marketo.execute("remove_leads_from_list", listId=told, id=ids[:2]), "removed")
    states = [one["status"] for one in marketo.execute("member_of_list", listId=told, id=ids)]
    assert states == ["notmemberof", "notmemberof", "memberof", "memberof"], states
    for number in ids:
        yield "listMember", {"member": f"{told}-{number}", "isDeleted": number in ids[:2]}


def write_records(marketo: Any) -> Told:
    """Write one of each kind twice, read it back, delete another one."""
    (lead,) = marketo.execute("create_update_leads", leads=[{"email": "r@python.example"}], lookupField="email")
    deal = {"externalOpportunityId": "python 1"}
    kinds: list[tuple[str, str, str, str, Record, Record]] = [
        ("company", "companies", "", "externalCompanyId", {"externalCompanyId": "python 1"}, {"company": "Zoë & Co"}),
        ("salesPerson", "sales_persons", "", "externalSalesPersonId", {"externalSalesPersonId": "python 1"},
         {"lastName": "Sam", "email": "sam@python.example"}),
        ("opportunity", "opportunities", "", "externalOpportunityId", deal,
         {"name": "Deal", "amount": 1604.47, "isWon": True, "closeDate": "2026-03-31"}),
        ("opportunityRole", "opportunity_roles", "opportunities_roles", "marketoGUID",
         {**deal, "leadId": lead["id"], "role": "Buyer"}, {"isPrimary": True}),
        ("productInterest_c", "custom_objects", "", "marketoGUID", {"interestId": "python 1"},
         {"leadId": lead["id"], "product": HARD, "level": 3, "notedOn": "2026-02-28"}),
    ]  # fmt: skip
    for name, calls, write_calls, key, found_by, values in kinds:
        custom = {"name": name} if calls == "custom_objects" else {}
        other = {k: f"{v} gone" if isinstance(v, str) else v for k, v in found_by.items()}
        if name == "opportunityRole":
            other = {**found_by, "role": "gone"}
        sent = f"create_update_{write_calls or calls}"
        results = marketo.execute(sent, input=[found_by, {**other, **(values if custom else {})}], **custom)
        fine(results, "created")
        fine(marketo.execute(sent, input=[{**found_by, **values}], action="updateOnly", **custom), "updated")
        id_field = "marketoGUID" if "marketoGUID" in results[0] else "id"
        deleted = marketo.execute(f"delete_{calls}", input=[other], deleteBy="dedupeFields", **custom)
        fine(deleted, "deleted")
        fields = [id_field, *found_by, *values]
        sought = found_by.get(key, results[0][id_field])
        asked: Record = {"filterType": key, "fields": fields if custom else ",".join(fields)}
        asked |= {"input": [found_by], "filterType": "dedupeFields"} if custom else {"filterValues": [str(sought)]}
        (read,) = marketo.execute(f"get_{calls}", **asked, **custom)
        assert {k: read[k] for k in values} == values, read
        yield name, {id_field: results[0][id_field], **found_by, **values}
        yield name, {id_field: results[1][id_field], "isDeleted": True}


def write_members(marketo: Any) -> Told:
    """Only who is a member is moved on, and only forward."""
    program = next(told["id"] for told in marketo.execute("browse_programs") if told["channel"] == "Webinar")
    members = marketo.execute("get_multiple_leads_by_program_id", programId=program, fields=["id"], batchSize=20)
    status = {one["id"]: one["membership"]["progressionStatus"] for one in members}
    moved = [number for number, name in status.items() if name == BEFORE]
    assert moved
    fine(marketo.execute("change_lead_program_status", id=program, leadIds=moved, status=AFTER), "updated")
    for number, name in status.items():
        yield "programMember", {"member": f"{program}-{number}", "statusName": AFTER if number in moved else name}


def import_(marketo: Any) -> Told:
    with open("people.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "lastName", "mktoPersonNotes", "leadScore"])
        writer.writerows([f"i{n}@python.example", "Zoë", HARD, n] for n in range(500))
        writer.writerow(["i0@python.example", "Zoë", HARD, "many"])
    job = marketo.execute("import_lead", format="csv", file="people.csv")[0]["batchId"]
    while (told := marketo.execute("get_import_lead_status", id=job)[0])["status"] != "Complete":
        time.sleep(0.5)
    assert (told["numOfLeadsProcessed"], told["numOfRowsFailed"]) == (500, 1), told
    assert "many" in marketo.execute("get_import_failure_file", id=job)
    for start in (0, 250):
        values = [f"i{n}@python.example" for n in range(start, start + 250)]
        for person in marketo.execute(
            method="get_multiple_leads_by_filter_type", filterType="email", filterValues=values, fields="id,email"
        ):
            number = int(person["email"].split("@")[0][1:])
            yield "lead", {**person, "lastName": "Zoë", "mktoPersonNotes": HARD, "leadScore": number}


OPERATIONS: dict[str, Callable[[Any], Told]] = {
    function.__name__.removesuffix("_"): function
    for function in (
        describe, find, lists, programs, activities, extract, write, write_lists, write_records, write_members, import_,
    )
}  # fmt: skip

if __name__ == "__main__":
    for line in OPERATIONS[sys.argv[1]](log_in()):
        print(json.dumps(line))
