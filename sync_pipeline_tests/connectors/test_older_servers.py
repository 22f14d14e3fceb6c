"""Servers that lack what newer ones offer: the older form is used where there is one, else the refusal is plain.

Each convenience is taken from a sandbox by its fault `lacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sync_pipeline.connectors.errors import ConnectorError, CredentialsError, FatalError, RejectedError
from sync_pipeline.connectors.records import Operation, Record, Verdict
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.model import Field, Window
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import PAGE_ROWS
from sync_pipeline_tests.connectors.conftest import Connect, a_minute_ago
from sync_pipeline_tests.connectors.test_extract import FIELDS, LEAD, everything, read
from sync_pipeline_tests.marketo import Connected, connected, declared

COUNT = 2 * PAGE_ROWS + 50  # three pages of a bulk result


@pytest.fixture(autouse=True)
def whole_again(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.faults.clear()


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org.open(clock=a_minute_ago) as org:
        org.insert("Lead", [{"LastName": f"L{i}", "Company": "C"} for i in range(COUNT)])
        yield org


@pytest.mark.parametrize("lacking", ["*/resultPages", "*/jobs/query"])
def test_a_large_result_is_read_though_the_server_is_older(connect: Connect, sandbox: Sandbox, lacking: str) -> None:
    """`resultPages` came with version 58, the jobs with 47."""
    whole = read(connect(bulk_from=0).extract(LEAD, FIELDS, everything()))
    sandbox.faults.add("lacks", path=lacking)
    older = read(connect(bulk_from=0).extract(LEAD, FIELDS, everything()))
    assert older.num_rows == COUNT
    assert older.select(["Id", "LastName"]).equals(whole.select(["Id", "LastName"]))  # times are spelled otherwise


def test_pages_that_name_one_another_survive_broken_connections_and_are_read_in_any_order(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add("lacks", path="*/resultPages")
    sandbox.faults.add("drop", path="*/results", every=2, times=3, after_bytes=5_000)
    extract = connect(bulk_from=0, first_wait=0.001).extract(LEAD, FIELDS, everything())
    pages = list(extract.pages())
    assert len(pages) == 3
    for page in reversed(pages):
        for _ in range(3):
            try:
                found = list(page.read())
                break
            except ConnectorError:
                continue
        assert sum(batch.num_rows for batch in found) == (50 if page is pages[2] else PAGE_ROWS)


@pytest.mark.parametrize("many", [False, True])
def test_many_records_are_written_though_there_are_no_bulk_jobs(connect: Connect, sandbox: Sandbox, many: bool) -> None:
    sandbox.faults.add("lacks", path="*/jobs/ingest*")
    writer = SalesforceWriter(connect(), ingest_from=1 if many else 1_000, first_wait=0, sleep=lambda _: None)
    with sandbox.org.cursor() as cursor:
        ((lead,),) = cursor.execute('select Id from "Lead" limit 1').fetchall()
    told = writer.write(LEAD, Operation.UPDATE, [Record(lead, {"Company": "D"})])
    assert [answer.verdict for answer in told] == [Verdict.ACCEPTED]


def test_who_we_are_is_told_without_userinfo(connect: Connect, sandbox: Sandbox) -> None:
    known = connect()
    sandbox.faults.add("lacks", path="*/userinfo")
    older = connect()
    assert (older.organization_id(), older.user_id()) == (known.organization_id(), sandbox.org.user_id)


@pytest.mark.parametrize("call", ["names", "describe", "count", "rest"])
def test_a_version_that_the_org_does_not_speak_is_named_with_those_that_it_does(
    connect: Connect, sandbox: Sandbox, call: str
) -> None:
    calls: dict[str, Callable[[Salesforce], object]] = {
        "names": lambda org: org.names(),
        "describe": lambda org: org.describe("Lead"),
        "count": lambda org: org.count(LEAD),
        "rest": lambda org: read(org.extract_ids(LEAD, FIELDS, ["00Q000000000001EAA"])),
    }
    sandbox.faults.add("lacks", path="/services/data/v99.0/*")
    with pytest.raises(FatalError, match=r"API_VERSION: .* version 99\.0 .* SALESFORCE_API_VERSION"):
        calls[call](connect(version="99.0"))
    sandbox.faults.add("lacks", path="/services/data/v*/*")
    with pytest.raises(RejectedError, match="NOT_FOUND"):  # another thing is wrong
        calls[call](connect())


@pytest.mark.parametrize("version", ["65.0", "70.0"])
def test_a_version_without_the_soap_login_says_what_to_do(sandbox: Sandbox, version: str) -> None:
    env = sandbox.env()
    given = Credentials(sandbox.url, username=env["SALESFORCE_USERNAME"], password=env["SALESFORCE_PASSWORD"])
    with pytest.raises(CredentialsError, match=r"NO_SOAP_LOGIN: .*Summer '27.*SALESFORCE_API_VERSION to 64\.0"):
        Salesforce(given, version=version).organization_id()
    assert sandbox.log.count("/services/Soap/*") == 0
    by_app = Credentials(sandbox.url, env["SALESFORCE_CLIENT_ID"], env["SALESFORCE_CLIENT_SECRET"])
    assert Salesforce(by_app, version=version).organization_id()


def test_the_check_warns_who_still_logs_in_by_soap(sandbox: Sandbox, connect: Connect) -> None:
    env = sandbox.env()
    token = env["SALESFORCE_SECURITY_TOKEN"]
    given = {"login_url": sandbox.url, "username": env["SALESFORCE_USERNAME"], "security_token": token}
    by_soap = connect({**given, "password": env["SALESFORCE_PASSWORD"]})
    assert [said for said in by_soap.remarks() if "Summer '27" in said]
    assert not [said for said in connect().remarks() if "Summer '27" in said]


# --- Marketo

ODD = Field("Odd__c", "string", "Odd")
MARKETO: dict[str, Callable[[Connected], object]] = {
    "/rest/v1/leads/schema/fields.json": lambda system: system.marketo.make_person_fields(
        [Field("Odd__c", "string", "Odd")]
    ),
    "/rest/v1/programs/members/describe.json": lambda system: system.marketo.describe("programMember"),
    "/rest/v1/activities/types.json": lambda system: system.marketo.activity_types(),
    "/rest/v1/leads.json": lambda system: system.marketo.persons("email", "a@b.example", ["id"]),
    "/bulk/v1/leads/export/create.json": lambda system: [
        list(page.read())
        for page in system.marketo.extract(declared("person"), ("id",), Window(None, system.clock.at)).pages()
    ],
}


@pytest.mark.parametrize("path", MARKETO)
def test_a_call_that_a_subscription_does_not_offer_is_named(path: str) -> None:
    with connected() as system:
        system.sandbox.faults.add("lacks", path=path)
        with pytest.raises(RejectedError, match=f"610: .*does not offer .*{path}"):
            MARKETO[path](system)


def test_without_the_statistics_only_the_remark_is_missing() -> None:
    with connected() as system:
        system.sandbox.faults.add("lacks", path="/rest/v1/stats/*")
        assert [said for said in system.marketo.remarks() if "could not be told: 610" in said]
