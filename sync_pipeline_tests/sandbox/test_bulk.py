from __future__ import annotations

import csv
import gzip
import io
import itertools
import threading
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import PAGE_ROWS, PART_ROWS
from sync_pipeline_tests.sandbox.conftest import Client, log_in

ROWS = PART_ROWS + 5_000  # two parts

NASTY = ['say "hi"', "a,b", "line\nbreak", "\r\n", '""', '"\n"', "NA", "null", "naïve Ünï", "a\0b", " x ", "x" * 30_000]


def fill(org: Org, rows: int) -> None:
    """Insert many accounts at once; `reserve_ids` and `id_sql` are the way for millions."""
    first = org.reserve_ids("Account", rows)
    with org.cursor() as cursor:
        cursor.execute(
            f"""insert into "Account" (Id, Name, IsDeleted, SystemModstamp)
            select {org.id_sql("Account", f"i + {first}")}, 'n' || i, i % 10 = 0, timestamp '2026-01-01'
            from range({rows}) as r(i)"""
        )


def rows_of(pages: Any) -> list[list[str]]:
    found: list[list[str]] = []
    for page in pages:
        lines = list(csv.reader(io.StringIO(page.content.decode(), newline="")))
        assert len(lines) - 1 == int(page.headers["Sforce-NumberOfRecords"])
        found += lines[1:]
    return found


def test_a_job_says_what_a_real_one_says(client: Client, org: Org) -> None:
    org.insert("Account", [{"Name": "Acme"}])
    made = client.send("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json()
    assert made["state"] == "UploadComplete"
    assert {"id", "operation", "object", "createdById", "createdDate", "systemModstamp", "contentType"} < set(made)
    assert (made["apiVersion"], made["lineEnding"], made["columnDelimiter"]) == (60.0, "LF", "COMMA")
    done = client.ended(made["id"])
    assert (done["state"], done["jobType"], done["numberRecordsProcessed"]) == ("JobComplete", "V2Query", 1)
    assert made["id"] in [job["id"] for job in client.get("jobs/query").json()["records"]]


def test_values_survive_the_csv(client: Client, org: Org) -> None:
    org.add_field("Contact", {"name": "Long__c", "type": "textarea", "length": 32_000})
    org.insert("Contact", [{"LastName": f"{i}", "Long__c": value} for i, value in enumerate(NASTY)])
    job = client.bulk("SELECT LastName, Long__c FROM Contact")
    found = {int(last): value for last, value in rows_of(client.pages(job["id"]))}
    assert [found[i] for i in range(len(NASTY))] == NASTY


def test_every_value_is_quoted_and_a_null_is_empty(client: Client, org: Org) -> None:
    (acme,) = org.insert("Account", [{"Name": "Acme", "AnnualRevenue": 1e7, "NumberOfEmployees": 3}])
    org.insert(
        "Contact",
        [{"LastName": "Lee", "AccountId": acme, "DoNotCall": True, "Birthdate": "4000-01-01", "MailingLatitude": -0.5}],
    )
    job = client.bulk(
        "SELECT LastName, FirstName, DoNotCall, Birthdate, CreatedDate, MailingLatitude, Account.AnnualRevenue,"
        " Account.NumberOfEmployees, ReportsTo.Name FROM Contact"
    )
    (page,) = client.pages(job["id"])
    assert page.text == (
        '"LastName","FirstName","DoNotCall","Birthdate","CreatedDate","MailingLatitude","Account.AnnualRevenue",'
        '"Account.NumberOfEmployees","ReportsTo.Name"\n'
        '"Lee","","true","4000-01-01","2026-05-17T10:00:00.000Z","-0.5","1.0E7","3",""\n'
    )


def test_query_hides_and_query_all_shows_the_recycle_bin(client: Client, org: Org) -> None:
    fill(org, 100)
    assert client.bulk("SELECT Id FROM Account")["numberRecordsProcessed"] == 90
    assert client.bulk("SELECT Id FROM Account", "queryAll")["numberRecordsProcessed"] == 100


@pytest.mark.parametrize("most", [None, 17_000, PART_ROWS, 200_000])
def test_pages_hold_every_row_once_whatever_their_size(client: Client, org: Org, most: int | None) -> None:
    fill(org, ROWS)
    job = client.bulk("SELECT Name FROM Account", "queryAll")
    assert job["numberRecordsProcessed"] == ROWS
    parameters = {"maxRecords": most} if most else {}
    pages = list(client.pages(job["id"], **parameters))
    assert all(page.content.startswith(b'"Name"\n') for page in pages)
    assert {int(page.headers["Sforce-NumberOfRecords"]) for page in pages[:-1]} <= {most or PAGE_ROWS}
    assert sorted(rows_of(pages)) == sorted([f"n{i}"] for i in range(ROWS))


@pytest.mark.parametrize("most", [None, 17_000])
def test_result_pages_list_what_can_be_fetched_side_by_side(client: Client, org: Org, most: int | None) -> None:
    fill(org, ROWS)
    job = client.bulk("SELECT Name FROM Account", "queryAll")
    listing = client.get(f"jobs/query/{job['id']}/resultPages", params={"maxRecords": most} if most else {}).json()
    urls = [page["resultUrl"] for page in listing["resultPages"]]
    while not listing["done"]:
        assert len(listing["resultPages"]) == 5
        listing = client.get(listing["nextRecordsUrl"]).json()
        urls += [page["resultUrl"] for page in listing["resultPages"]]
    found = rows_of(client.get(url) for url in urls)
    assert sorted(found) == sorted([f"n{i}"] for i in range(ROWS))


def test_a_result_is_one_moment_of_the_org(client: Client, org: Org) -> None:
    """Edits that go on while the parts are written move the whole result or nothing of it."""
    fill(org, ROWS)
    stop = threading.Event()

    def edit() -> None:
        for value in itertools.count():
            if stop.is_set():
                return
            with org.writing, org.cursor() as cursor:
                cursor.execute("""update "Account" set Fax = ?""", [str(value)])

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        jobs = [client.bulk("SELECT Fax FROM Account", "queryAll") for _ in range(3)]
    finally:
        stop.set()
        editor.join()
    for job in jobs:
        assert len({value for (value,) in rows_of(client.pages(job["id"]))}) == 1


def test_an_empty_result_has_a_header_line(client: Client) -> None:
    job = client.bulk("SELECT Id, Name FROM Account")
    (page,) = client.pages(job["id"])
    assert (page.text, page.headers["Sforce-NumberOfRecords"]) == ('"Id","Name"\n', "0")
    assert client.get(f"jobs/query/{job['id']}/resultPages").json() == {
        "resultPages": [],
        "nextRecordsUrl": None,
        "done": True,
    }


def test_order_and_limit_are_kept(client: Client, org: Org) -> None:
    fill(org, 50)
    job = client.bulk("SELECT Name FROM Account ORDER BY Name DESC LIMIT 3", "queryAll")
    assert rows_of(client.pages(job["id"])) == [["n9"], ["n8"], ["n7"]]


def test_other_delimiters(client: Client, org: Org) -> None:
    org.insert("Account", [{"Name": "a|b"}])
    job = client.bulk("SELECT Id, Name FROM Account", columnDelimiter="PIPE")
    (page,) = client.pages(job["id"])
    assert page.text.startswith('"Id"|"Name"\n')
    assert page.text.endswith('|"a|b"\n')


def test_the_body_is_compressed_only_for_those_who_ask(client: Client, org: Org) -> None:
    fill(org, 1_000)
    path = f"jobs/query/{client.bulk('SELECT Id FROM Account')['id']}/results"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read(decode_content=False)) == plain.content


def test_header_spelling_is_salesforces(client: Client, org: Org) -> None:
    job = client.bulk("SELECT Id FROM Account")
    (page,) = client.pages(job["id"])
    assert {"Sforce-Locator", "Sforce-NumberOfRecords", "Sforce-Limit-Info"} <= set(page.headers.keys())


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT MailingAddress FROM Contact", "API_ERROR", "Selecting compound data not supported in Bulk Query"),
        ("SELECT COUNT(Id) FROM Contact", "API_ERROR", "Aggregate Relationships not supported in Bulk Query"),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        ("SELECT Id FROM Contact OFFSET 5", "API_ERROR", "Offset not supported in Bulk Query"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ],
)
def test_what_bulk_cannot_do_is_refused(client: Client, soql: str, code: str, message: str) -> None:
    answer = client.send("POST", "jobs/query", json={"operation": "query", "query": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert answer.json()[0]["message"].splitlines()[-1].startswith(message)


def test_an_object_unknown_to_bulk_is_refused_there_and_read_by_rest(client: Client, org: Org) -> None:
    org.add_object({"name": "TaskStatus", "bulk": False, "fields": [{"name": "Id", "type": "id"}]})
    answer = client.send("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM TaskStatus"})
    assert answer.json() == [
        {"message": "Entity 'TaskStatus' is not supported by the Bulk API.", "errorCode": "INVALIDENTITY"}
    ]
    assert client.values("SELECT Id FROM TaskStatus") == []


class TestLife:
    @pytest.fixture
    def slow_job(self, client: Client, sandbox: Sandbox) -> str:
        sandbox.faults.add("slow_job", seconds=20)
        made = client.send("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"})
        return str(made.json()["id"])

    def test_a_running_job_can_be_aborted_and_then_deleted(self, client: Client, slow_job: str) -> None:
        assert client.get(f"jobs/query/{slow_job}/results").json()[0]["errorCode"] == "INVALIDJOBSTATE"
        assert client.send("DELETE", f"jobs/query/{slow_job}").json()[0]["errorCode"] == "INVALIDJOBSTATE"
        aborted = client.send("PATCH", f"jobs/query/{slow_job}", json={"state": "Aborted"})
        assert aborted.json()["state"] == "Aborted"
        assert client.send("DELETE", f"jobs/query/{slow_job}").status_code == 204
        assert client.get(f"jobs/query/{slow_job}").status_code == 404

    def test_a_finished_job_cannot_be_aborted(self, client: Client) -> None:
        job = client.bulk("SELECT Id FROM Account")["id"]
        answer = client.send("PATCH", f"jobs/query/{job}", json={"state": "Aborted"})
        assert answer.json() == [
            {"message": "Aborting already Completed Job not allowed", "errorCode": "INVALIDJOBSTATE"}
        ]

    def test_result_files_go_with_their_job_and_the_last_with_the_server(self, org: Org) -> None:
        fill(org, 10)
        with Sandbox(org) as sandbox:
            client = log_in(sandbox)
            folder = sandbox.bulk.folder
            jobs = [client.bulk("SELECT Id FROM Account")["id"] for _ in range(2)]
            assert sorted(path.name for path in folder.iterdir()) == jobs
            client.send("DELETE", f"jobs/query/{jobs[0]}")
            assert [path.name for path in folder.iterdir()] == jobs[1:]
        assert not folder.exists()
