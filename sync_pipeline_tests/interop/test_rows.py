"""The comparison on which every verdict rests: it must see what differs, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interop.errors import DifferenceError
from interop.salesforce.rows import arrived, described, equal
from sync_pipeline.sandbox import Org

Rows = list[dict[str, Any]]


@pytest.fixture
def org() -> Iterator[Org]:
    with Org.open() as org:
        yield org


@pytest.fixture
def read(org: Org) -> Rows:
    """Two accounts as a client reads them by REST, and a third that lies in the recycle bin."""
    address = {"BillingStreet": "1 Main St\r\nFloor 2", "BillingCity": "Zürich"}
    ids = org.insert("Account", [{"Name": name, "AnnualRevenue": 1e7, **address} for name in ("A", "NA", "Gone")])
    org.delete("Account", ids[2:])
    with org.cursor() as cursor:
        found = cursor.execute('select * from "Account" where not IsDeleted order by Id')
        names = [column[0] for column in found.description or ()]
        rows: Rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    for row in rows:
        row |= {name: f"{value:%Y-%m-%dT%H:%M:%S.%f}+0000" for name, value in row.items() if hasattr(value, "hour")}
        row |= {"BillingAddress": {"street": row["BillingStreet"], "city": "Zürich"}, "ShippingAddress": None}
    return rows


def test_rows_in_any_order_are_equal_when_all_values_are(org: Org, read: Rows) -> None:
    assert equal(org, "Account", read[::-1]) == f"2 Account x {len(org.schema['Account'].fields)} fields"


def test_texts_of_a_csv_are_equal_to_the_typed_values(org: Org, read: Rows) -> None:
    (record,) = org.insert("Invoice__c", [{"Amount__c": 1e7, "Invoice_Date__c": "2026-02-01", "Paid__c": True}])
    row = {"Id": record, "Amount__c": "1.0E7", "Invoice_Date__c": "2026-02-01T00:00:00.000Z", "Paid__c": "true"}
    assert arrived(org, "Invoice__c", [row]) == "1 Invoice__c"


@pytest.mark.parametrize(
    ("field", "value"),
    [("Name", None), ("Name", "na"), ("AnnualRevenue", 10000000.5), ("SystemModstamp", "2020-01-01T00:00:00.000Z")],
)
def test_one_other_value_is_told_with_record_and_field(org: Org, read: Rows, field: str, value: Any) -> None:
    read[1][field] = value
    with pytest.raises(DifferenceError, match=f"1 records, the first {read[1]['Id']}, with {field} "):
        equal(org, "Account", read)


def test_a_part_of_an_address_is_compared_too(org: Org, read: Rows) -> None:
    read[0]["BillingAddress"] = {**read[0]["BillingAddress"], "city": "Zurich"}
    with pytest.raises(DifferenceError, match=r"BillingAddress.city 'Zurich', not 'Zürich'"):
        equal(org, "Account", read)


def test_a_record_that_is_missing_or_comes_twice_is_told(org: Org, read: Rows) -> None:
    with pytest.raises(DifferenceError, match=f"the client has not 1 records, the first {read[1]['Id']}"):
        equal(org, "Account", read[:1])
    with pytest.raises(DifferenceError, match=r"the sandbox has not 1 records.* as often"):
        equal(org, "Account", [*read, read[0]])


def test_the_recycle_bin_counts_only_for_those_who_read_it(org: Org, read: Rows) -> None:
    with pytest.raises(DifferenceError, match="the client has not 1 records"):
        equal(org, "Account", read, deleted=True)


def test_a_field_that_never_came_is_told(org: Org, read: Rows) -> None:
    del read[1]["Website"]
    with pytest.raises(DifferenceError, match="came without Website"):
        equal(org, "Account", read)


def test_line_breaks_are_folded_only_for_a_client_that_folds_them(org: Org, read: Rows) -> None:
    for row in read:
        row |= {"BillingStreet": "1 Main St\nFloor 2"}
    with pytest.raises(DifferenceError, match="BillingStreet"):
        equal(org, "Account", read, bulk=True)
    assert equal(org, "Account", read, bulk=True, fold=True)


def test_a_value_of_the_wrong_type_is_a_difference(org: Org, read: Rows) -> None:
    read[0]["AnnualRevenue"] = "much"
    with pytest.raises(DifferenceError, match="much"):
        equal(org, "Account", read)


def test_nothing_written_is_a_difference(org: Org) -> None:
    with pytest.raises(DifferenceError, match="no Account was written"):
        arrived(org, "Account", [])


def test_a_describe_without_an_object_or_a_field_is_a_difference(org: Org) -> None:
    schemas = {found.name: {"properties": dict.fromkeys(found.fields)} for found in org.schema}
    assert described(schemas, org) == f"{len(schemas)} objects with all their fields"
    del schemas["Contact"]["properties"]["Email"]
    with pytest.raises(DifferenceError, match=r"Contact .*Email"):
        described(schemas, org)
    del schemas["Contact"]
    with pytest.raises(DifferenceError, match="Contact"):
        described(schemas, org)
