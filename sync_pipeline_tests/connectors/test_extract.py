"""Reading from the sandbox by REST and by Bulk API 2.0: equal values, whatever breaks off on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.errors import RejectedError, RetryableError
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.connectors.http import repeat
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.lake.types import cast, column_type, readable
from sync_pipeline.model import Object, Window
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import Connect, a_minute_ago

LEAD = catalog.by_name("lead", catalog.objects("salesforce"))
STATUS = catalog.by_name("campaign_member_status", catalog.objects("salesforce"))
FIELDS = ("Id", "LastName", "Description", "SystemModstamp")
COUNT = 2_050  # more than a REST page holds, so that there is a choice
TEXTS = {
    "NA": "null",
    'O"Neill, the 2nd': 'line one\nline "two",\r\n\tthree',
    "Żółć 日本 👩🏽‍💻": None,
    "long": "x\n" * 14_999 + ".",
    "nul": "before\0after",
    "\\u0000": "\\",
    " spaces ": " ",
}


def everything() -> Window:
    return Window(None, datetime.now(UTC))


def read(extract: Extract) -> pa.Table:
    """Read as the mirror does: a page that breaks off is read again."""
    batches = []
    for page in extract.pages():
        batches += repeat(lambda page=page: list(page.read()), Patience(first_wait=0.01))  # type: ignore[misc]
    table = pa.Table.from_batches(batches)
    assert table.num_rows == extract.expected
    return table.sort_by("Id")


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org.open(clock=a_minute_ago) as org:
        yield org


@pytest.fixture(scope="module")
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def clean_log(sandbox: Sandbox) -> None:
    sandbox.log.clear()


@pytest.fixture(scope="module")
def leads(org: Org) -> int:
    numbers = {"NumberOfEmployees": 0, "AnnualRevenue": 12_345_678.5, "HasOptedOutOfEmail": True}
    awkward = [{"LastName": name, "Description": text, **numbers} for name, text in TEXTS.items()]
    org.insert("Lead", [*awkward, *({"LastName": f"L{i}"} for i in range(COUNT - len(awkward)))])
    return COUNT


@pytest.fixture
def by_bulk(connect: Connect) -> Salesforce:
    return connect(bulk_from=0)


def all_fields(connector: Salesforce, obj: Object) -> tuple[str, ...]:
    return tuple(f.name for f in readable(obj, connector.describe(obj.source)))


def test_rest_and_bulk_give_equal_values(connector: Salesforce, by_bulk: Salesforce, leads: int) -> None:
    fields = all_fields(connector, LEAD)
    small, large = (read(c.extract(LEAD, fields, everything())) for c in (connector, by_bulk))
    typed = ", ".join(cast(f.name, column_type(f)) for f in readable(LEAD, connector.describe("Lead")))
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.register("small", small)
        con.register("large", large)
        one, other = (f"(select {typed} from {name})" for name in ("small", "large"))
        both = con.execute(f"select count(*) from ({one} intersect {other})").fetchone()
    assert both == (small.num_rows,) == (leads,)


def test_texts_arrive_to_the_letter(by_bulk: Salesforce, leads: int) -> None:
    told = read(by_bulk.extract(LEAD, FIELDS, everything())).select(["LastName", "Description"]).to_pylist()
    kept = {r["LastName"]: r["Description"] for r in told}
    assert {name: kept[name] for name in TEXTS} == {**TEXTS, "nul": "before\u2400after"}


def test_few_records_cost_one_rest_call_and_many_a_bulk_job(
    connector: Salesforce, by_bulk: Salesforce, leads: int, sandbox: Sandbox
) -> None:
    soon = Window(datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC))
    by_bulk.names()
    sandbox.log.clear()
    assert read_count(by_bulk.extract(LEAD, FIELDS, soon)) == 0
    assert [e.path.rsplit("/", 1)[-1] for e in sandbox.log.entries] == ["queryAll"]
    assert read_count(by_bulk.extract(LEAD, FIELDS, everything())) == leads
    assert sandbox.log.count("*/jobs/query", "POST") == 1
    assert read_count(connector.extract(LEAD, FIELDS, everything())) == leads
    assert sandbox.log.count("*/jobs/query", "POST") == 1


def read_count(extract: Extract) -> int:
    return sum(batch.num_rows for page in extract.pages() for batch in page.read())


def test_a_field_list_that_fits_no_url_goes_by_bulk(connector: Salesforce, org: Org, sandbox: Sandbox) -> None:
    names = [f"A_Field_With_A_Rather_Long_Name_{i}__c" for i in range(450)]
    narrow = org.schema["Invoice__c"].describe
    fields = [*narrow["fields"], *({"name": name, "type": "string", "length": 10} for name in names)]
    org.add_object({**narrow, "name": "Wide__c", "keyPrefix": None, "fields": fields})
    org.insert("Wide__c", [{names[-1]: "end"}])
    wide = catalog.objects("salesforce", ["Wide__c"])[-3]
    (record,) = read(connector.extract(wide, ("Id", *names), everything())).to_pylist()
    assert record[names[-1]] == "end"
    alive = read(connector.extract_alive(wide, ("Id", *names)))
    by_id = connector.extract_ids(wide, ("Id", *names), [record["Id"]])
    assert alive.to_pylist() == [record] == [r for page in by_id.pages() for b in page.read() for r in b.to_pylist()]
    assert sandbox.log.count("*/jobs/query", "POST") == 3


@pytest.mark.parametrize("path", ["*/queryAll", "*/query/*"])
def test_a_rest_page_that_breaks_off_is_asked_for_again(
    connector: Salesforce, leads: int, sandbox: Sandbox, path: str
) -> None:
    connector.names()
    sandbox.faults.add("drop", path=path, after_bytes=1_500)
    assert read(connector.extract(LEAD, FIELDS, everything())).num_rows == leads


@pytest.mark.parametrize(("kind", "setting"), [("drop", {"after_bytes": 5_000}), ("short_page", {"rows": 3})])
def test_a_bulk_page_that_breaks_off_is_told_as_such_and_can_be_read_again(
    by_bulk: Salesforce, leads: int, sandbox: Sandbox, kind: str, setting: dict[str, Any]
) -> None:
    sandbox.faults.add(kind, path="*/results", **setting)
    extract = by_bulk.extract(LEAD, FIELDS, everything())
    (page, *_) = extract.pages()
    with pytest.raises(RetryableError, match=r"CONNECTION_FAILED|PAGE_CUT_OFF"):
        list(page.read())
    assert read(extract).num_rows == leads


def test_a_failed_bulk_job_is_told_with_the_servers_words(by_bulk: Salesforce, leads: int, sandbox: Sandbox) -> None:
    sandbox.faults.add("fail_job", message="InternalServerError: no luck")
    with pytest.raises(RejectedError, match=r"bulk job 750\w+ on Lead: InternalServerError: no luck"):
        by_bulk.extract(LEAD, FIELDS, everything())


def test_a_slow_bulk_job_is_waited_for(by_bulk: Salesforce, leads: int, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow_job", seconds=0.3)
    assert read(by_bulk.extract(LEAD, FIELDS, everything())).num_rows == leads


def test_a_new_connector_goes_on_with_the_result_of_a_bulk_job(
    by_bulk: Salesforce, connect: Connect, leads: int, sandbox: Sandbox
) -> None:
    token = by_bulk.extract(LEAD, FIELDS, everything()).token
    sandbox.log.clear()
    resumed = connect().resume(LEAD, FIELDS, token)
    assert resumed is not None
    assert read(resumed).num_rows == leads
    assert sandbox.log.count("*/jobs/query", "POST") == 0
    assert sandbox.log.count("*/queryAll") == 0


def test_an_object_that_bulk_refuses_is_read_by_rest(by_bulk: Salesforce, org: Org) -> None:
    describe = org.schema[STATUS.source].describe
    org.schema.put({**describe, "bulk": False})
    org.insert(STATUS.source, [{"Label": f"S{i}"} for i in range(COUNT)])
    extract = by_bulk.extract(STATUS, ("Id", "Label"), everything())
    assert (read(extract).num_rows, extract.token) == (COUNT, "")


def test_a_query_that_takes_too_long_is_tried_again(connector: Salesforce, leads: int, sandbox: Sandbox) -> None:
    sandbox.faults.add("error", code="QUERY_TIMEOUT", message="too long", path="*/queryAll")
    assert read(connector.extract(LEAD, FIELDS, everything())).num_rows == leads


Ask = Callable[[Salesforce], object]


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.extract_ids(LEAD, FIELDS, ["00Q' or Id != '"]).pages().__next__(),
        lambda c: c.extract(LEAD, ("Id from User where (",), everything()),
        lambda c: c.describe("Lead/../../../oauth2"),
    ],
)
def test_nothing_but_names_and_ids_becomes_part_of_a_request(connector: Salesforce, sandbox: Sandbox, ask: Ask) -> None:
    with pytest.raises(ValueError, match="is not a"):
        ask(connector)
    assert sandbox.log.entries == []
