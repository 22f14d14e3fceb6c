"""The comparison on which every verdict on a Marketo client rests: it must see what differs, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interop.errors import DifferenceError
from interop.marketo.operations import STEPS
from interop.marketo.rows import GONE, arrived, described, equal, in_file
from interop.marketo.stage import SubscriptionStage
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY, LIST_MEMBER
from sync_pipeline.sandbox.marketo.records.values import shown
from sync_pipeline_tests.sandbox.conftest import Clock

Rows = list[dict[str, Any]]


@pytest.fixture
def subscription(clock: Clock) -> Iterator[Subscription]:
    with Subscription.open(clock=clock) as subscription:
        stamps = dict.fromkeys(("createdAt", "updatedAt"), subscription.present())
        subscription.insert(
            subscription.lead, [{"id": n, "lastName": text, **stamps} for n, text in enumerate(("Zoë\nÖ", "null"), 1)]
        )
        yield subscription


@pytest.fixture
def read(subscription: Subscription) -> Rows:
    """All persons as a client reads them."""
    rows = subscription.rows("select * from lead order by id")
    return [{name: shown(value) for name, value in row.items()} for row in rows]


def test_rows_in_any_order_are_equal_when_all_values_are(subscription: Subscription, read: Rows) -> None:
    assert equal(subscription, "lead", read[::-1]) == f"2 lead x {len(subscription.lead.fields)} fields"


def test_texts_of_a_file_are_equal_to_the_typed_values(subscription: Subscription, read: Rows) -> None:
    texts = [{name: None if value is None else str(value) for name, value in row.items()} for row in read]
    texts[1]["lastName"] = None
    with pytest.raises(DifferenceError, match="lastName None, not 'null'"):
        equal(subscription, "lead", texts)
    assert equal(subscription, "lead", texts, spelled=in_file)


@pytest.mark.parametrize(("field", "value"), [("lastName", "zoë\nÖ"), ("leadScore", 1), ("createdAt", None)])
def test_one_other_value_is_told_with_record_and_field(
    subscription: Subscription, read: Rows, field: str, value: object
) -> None:
    read[0][field] = value
    with pytest.raises(DifferenceError, match=f"1 records, the first 1, with {field} "):
        equal(subscription, "lead", read)


def test_a_record_or_a_field_that_did_not_come_is_told(subscription: Subscription, read: Rows) -> None:
    with pytest.raises(DifferenceError, match="the client has not 1 records, the first 2"):
        equal(subscription, "lead", read[:1])
    del read[0]["city"]
    with pytest.raises(DifferenceError, match="came without city"):
        equal(subscription, "lead", read)


def test_what_was_deleted_must_be_gone_and_what_was_written_be_there(subscription: Subscription) -> None:
    subscription.insert(LIST_MEMBER, [{"listId": 5, "leadId": 1}])
    kept, gone = {"member": "5-1", GONE: False}, {"member": "5-2", GONE: True}
    assert arrived(subscription, "listMember", [kept, gone]) == "1 listMember and 1 deleted"
    with pytest.raises(DifferenceError, match="1 of 1 deleted records are still there"):
        arrived(subscription, "listMember", [{**kept, GONE: True}])
    with pytest.raises(DifferenceError, match="the sandbox has not 1 records, the first 5-2"):
        arrived(subscription, "listMember", [{**gone, GONE: False}])
    with pytest.raises(DifferenceError, match="no lead was written"):
        arrived(subscription, "lead", [])


def test_a_describe_without_a_field_or_with_another_type_is_a_difference(subscription: Subscription) -> None:
    told = [{"name": field.name, "dataType": field.type} for field in subscription.lead.fields.values()]
    assert described(subscription, "lead", told) == f"{len(told)} fields of lead"
    with pytest.raises(DifferenceError, match=r"other dataType"):
        described(subscription, "lead", [{**told[0], "dataType": "float"}, *told[1:]])
    with pytest.raises(DifferenceError, match=told[0]["name"]):
        described(subscription, "lead", told[1:])


def test_attributes_of_activities_are_compared_by_name(subscription: Subscription, tmp_path: Any) -> None:
    at = subscription.present()
    own = {"id": 1, "leadId": 1, "activityTypeId": 13, "activityDate": at, "attributes": '{"New Value":7}'}
    subscription.insert(ACTIVITY, [own])
    absent = dict.fromkeys(("campaignId", "primaryAttributeValueId", "primaryAttributeValue"))
    read = {"marketoGUID": "1", "leadId": 1, "activityTypeId": 13, "activityDate": shown(at), **absent}
    stage = SubscriptionStage(tmp_path, tmp_path, {}, subscription, MarketoSandbox(subscription))
    verdict = STEPS["activities by paging token"].verdict
    assert verdict(stage, "activity", [{**read, "attributes": {"New Value": "7"}}]).endswith("and attributes")
    with pytest.raises(DifferenceError, match="other attributes"):
        verdict(stage, "activity", [{**read, "attributes": {"New Value": "8"}}])
