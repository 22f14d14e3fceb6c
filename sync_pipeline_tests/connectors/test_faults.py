"""What the sandbox does wrong on command, as the connector meets it: told apart from data, never taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.model import Window
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.bulk.bulk_parts import PAGE_ROWS
from sync_pipeline_tests.connectors.conftest import Connect
from sync_pipeline_tests.connectors.test_extract import FIELDS, LEAD, read, read_count
from sync_pipeline_tests.sandbox.conftest import Clock

COUNT = PAGE_ROWS + 50  # two pages of a bulk result, many of REST
BY_REST, BY_BULK = 1_000_000, 0


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(clock=clock) as org:
        org.insert("Lead", [{"LastName": f"L{i}"} for i in range(COUNT)])
        yield org


@pytest.fixture(autouse=True)
def gone_again(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.faults.clear()


def up_to_now(clock: Clock) -> Window:
    return Window(None, clock.at + timedelta(seconds=1))


@pytest.mark.parametrize(("bulk_from", "path"), [(BY_REST, "*/query/*"), (BY_BULK, "*/results")])
def test_a_field_that_disappears_between_two_pages_is_told_and_not_read_as_null(
    connect: Connect, org: Org, clock: Clock, sandbox: Sandbox, bulk_from: int, path: str
) -> None:
    name = f"Passing_{bulk_from}__c"
    org.add_field("Lead", {"name": name, "type": "string"})
    sandbox.faults.add("field_gone", field=name, object="Lead", path=path, skip=1)
    with pytest.raises(RejectedError, match=rf"INVALID_FIELD: the result page has no (field|column) {name}"):
        read(connect(bulk_from=bulk_from).extract(LEAD, (*FIELDS, name), up_to_now(clock)))
    assert org.schema["Lead"].field(name) is None


@pytest.mark.parametrize(("bulk_from", "path"), [(BY_REST, "*/query/*"), (BY_BULK, "*/results")])
def test_a_field_that_appears_between_two_pages_disturbs_nothing(
    connect: Connect, org: Org, clock: Clock, sandbox: Sandbox, bulk_from: int, path: str
) -> None:
    name = f"Sudden_{bulk_from}__c"
    sandbox.faults.add("field_new", field=name, object="Lead", path=path, skip=1)
    found = read(connect(bulk_from=bulk_from).extract(LEAD, FIELDS, up_to_now(clock)))
    assert (found.num_rows, tuple(found.schema.names)) == (COUNT, FIELDS)
    assert org.schema["Lead"].field(name) is not None


def test_a_slow_answer_is_waited_for(connect: Connect, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow", path="*/results", seconds=0.3)
    assert read(connect(bulk_from=BY_BULK).extract(LEAD, FIELDS, up_to_now(clock))).num_rows == COUNT


def test_records_of_one_stamp_at_the_border_of_two_windows_are_read_in_one_of_them(
    connect: Connect, org: Org, clock: Clock, sandbox: Sandbox
) -> None:
    clock.pass_seconds(60)
    sandbox.faults.add("same_stamp", object="Lead", times=3)
    border = clock.at
    for i in range(4):
        org.insert("Lead", [{"LastName": f"equal {i}"}])
        clock.pass_seconds(2)
    connector = connect()
    before = connector.extract(LEAD, FIELDS, Window(border - timedelta(seconds=30), border))
    after = connector.extract(LEAD, FIELDS, Window(border, border + timedelta(seconds=1)))
    assert (read_count(before), read_count(after)) == (0, 3)


def test_a_late_record_is_found_by_a_window_that_reaches_back(
    connect: Connect, org: Org, clock: Clock, sandbox: Sandbox
) -> None:
    clock.pass_seconds(600)
    sandbox.faults.add("late", seconds=3, spread=2)
    start = clock.at
    org.insert("Lead", [{"LastName": f"late {i}"} for i in range(50)])
    clock.pass_seconds(2)
    connector = connect()
    at_once = read_count(connector.extract(LEAD, FIELDS, Window(start, clock.at)))
    clock.pass_seconds(2)
    assert 0 < at_once < 50 == read_count(connector.extract(LEAD, FIELDS, Window(start, clock.at)))
