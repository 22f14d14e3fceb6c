"""Random queries over a populated org answer as the oracle says, which shares nothing with the sandbox's SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.population.populate import make, sizes
from sync_pipeline_tests.sandbox.conftest import Client, Clock, log_in
from sync_pipeline_tests.sandbox.drawn_queries import TEXTS, TOPICS, groupings, listings
from sync_pipeline_tests.sandbox.oracle import Data
from sync_pipeline_tests.sandbox.queries import Grouping, Listing

PEOPLE = 80
EXAMPLES = 60


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org.open(clock=Clock()) as org:
        org.add_field("Contact", {"name": "Topics__c", "type": "multipicklist", "picklistValues": list(TOPICS)})
        make(org, sizes(PEOPLE), 3)
        accounts = org.insert("Account", [{"Name": text, "Industry": text.upper()} for text in TEXTS if text])
        contacts = [{"LastName": text or None, "AccountId": accounts[0], "Topics__c": "red;blue"} for text in TEXTS]
        gone = org.insert("Contact", contacts)[::4]
        org.delete("Contact", gone)
        org.delete("Account", accounts[1:3])
        yield org


@pytest.fixture(scope="module")
def client(org: Org) -> Iterator[Client]:
    with Sandbox(org) as sandbox:
        yield log_in(sandbox)


@pytest.fixture(scope="module")
def data(org: Org) -> Data:
    with org.cursor() as cursor:
        records = {}
        for name in ("Account", "Contact", "Opportunity", "User"):
            cursor.execute(f"select * from {org.truth(name)}")
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            records[name] = {row["Id"]: row for row in rows}
    return Data(records, org.now().date())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_random_queries_of_records_answer_what_they_mean(client: Client, data: Data, drawn: st.DataObject) -> None:
    query = drawn.draw(listings(data))
    expected = [plain(row) for row in query.expected(replace(data, deleted=query.deleted))]
    found = [row_of(query, record) for record in client.query(query.soql, resource(query))["records"]]
    if not query.order:
        expected, found = sorted(expected, key=repr), sorted(found, key=repr)
    event(f"{'some' if expected else 'no'} records")
    assert found == expected, query.soql


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_random_queries_of_groups_answer_what_they_mean(client: Client, data: Data, drawn: st.DataObject) -> None:
    query = drawn.draw(groupings(data))
    expected = sorted((plain(row) for row in query.expected(replace(data, deleted=query.deleted))), key=repr)
    found = sorted((plain(row) for row in client.values(query.soql, resource(query))), key=repr)
    event(f"{'some' if expected else 'no'} groups")
    assert found == expected, query.soql


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.data())
def test_random_counts_are_those_of_the_records(client: Client, data: Data, drawn: st.DataObject) -> None:
    query = drawn.draw(listings(data))
    where = f" WHERE {query.where.soql}" if query.where else ""
    counted = client.query(f"SELECT COUNT() FROM {query.object}{where}", resource(query))["totalSize"]
    assert counted == len(Listing(query.object, (), query.where).expected(replace(data, deleted=query.deleted)))


def resource(query: Listing | Grouping) -> str:
    return "queryAll" if query.deleted else "query"


def row_of(query: Listing, record: dict[str, Any]) -> tuple[Any, ...]:
    """Return the asked values of an answered record, in the order of asking."""
    values: list[Any] = []
    for field in query.fields:
        at: Any = record
        for relationship, _, _ in field.steps:
            at = at and at[relationship]
        values.append(at and at[field.name])
    if query.child:
        relationship, _, listing = query.child
        children = record[relationship]
        values.append([row_of(listing, one) for one in children["records"]] if children else [])
    return tuple(map(plain, values))


def plain(value: Any) -> Any:
    """Return a value as both sides can be compared: times as texts, numbers as texts of twelve digits."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.12g}"
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value
