"""A subscription made of a number and a seed: always alike, consistent, and served like any other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.populate import populate
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client

UNTIL = datetime(2026, 5, 17, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def populated() -> Subscription:
    subscription = Subscription.open(clock=Clock())
    populate(subscription, 2_000, seed=7)
    return subscription


def test_the_same_seed_makes_the_same_subscription(populated: Subscription) -> None:
    with Subscription.open(clock=Clock()) as again, Subscription.open(clock=Clock()) as other:
        populate(again, 2_000, seed=7)
        populate(other, 2_000, seed=8)
        for table in ("lead", "activity", "programMember", "opportunityRole"):
            sql = f'select md5(string_agg(t::varchar, chr(10) order by t::varchar)) as sum from "{table}" as t'
            assert populated.rows(sql) == again.rows(sql), table
            assert populated.rows(sql) != other.rows(sql), table


@pytest.mark.parametrize(
    ("table", "column", "other", "key"),
    [
        ("lead", "externalCompanyId", "company", "externalCompanyId"),
        ("lead", "externalSalesPersonId", "salesPerson", "externalSalesPersonId"),
        ("opportunityRole", "externalOpportunityId", "opportunity", "externalOpportunityId"),
        ("opportunityRole", "leadId", "lead", "id"),
        ("programMember", "programId", "program", "id"),
        ("programMember", "leadId", "lead", "id"),
        ("listMember", "leadId", "lead", "id"),
        ("productInterest_c", "leadId", "lead", "id"),
    ],
)
def test_what_points_somewhere_finds_it(populated: Subscription, table: str, column: str, other: str, key: str) -> None:
    lost = populated.rows(
        f'select count(*) as n from "{table}" where "{column}" is not null'
        f' and "{column}" not in (select "{key}" from "{other}")'
    )
    assert lost == [{"n": 0}]


def test_keys_are_unique_and_nothing_lies_after_the_end(populated: Subscription) -> None:
    for table, key in (
        ("lead", "id"), ("activity", "id"),
        ("opportunity", '"marketoGUID"'), ("opportunity", '"externalOpportunityId"'),
        ("opportunityRole", '("externalOpportunityId", "leadId", role)'), ("programMember", '("programId", "leadId")'),
    ):  # fmt: skip
        (counted,) = populated.rows(f'select count(*) as all, count(distinct {key}) as keys from "{table}"')
        assert counted["all"] == counted["keys"] > 0, table
    (latest,) = populated.rows(
        'select max("activityDate") as activity, (select max("updatedAt") from lead) as lead from activity'
    )
    assert max(latest.values()) <= UNTIL.replace(tzinfo=None)


def test_persons_of_one_address_are_in_one_state(populated: Subscription) -> None:
    mixed = populated.rows(
        "select lower(email) from lead where email is not null group by 1 having count(distinct unsubscribed) > 1"
    )
    doubles = populated.rows("select lower(email) from lead where email is not null group by 1 having count(*) > 1")
    assert mixed == []
    assert doubles != []


def test_the_feed_tells_of_those_who_are_gone(populated: Subscription) -> None:
    gone = {row["leadId"] for row in populated.rows('select "leadId" from activity where "activityTypeId" = 37')}
    there = {row["id"] for row in populated.rows("select id from lead")}
    assert gone
    assert not gone & there
    winners = {row["leadId"] for row in populated.rows('select "leadId" from activity where "activityTypeId" = 32')}
    assert winners <= there


def test_it_is_served_and_goes_on_with_numbers_of_its_own(populated: Subscription) -> None:
    with MarketoSandbox(populated) as sandbox:
        client = Client(sandbox)
        client.log_in()
        (made,) = client.sync({"email": "new@example.com"})
        assert made["id"] == 2_001
        assert client.person(1, "firstName,email,createdAt")["createdAt"].endswith("Z")
        (described,) = client.result("/rest/v1/customobjects/productInterest_c/describe.json")
        assert described["dedupeFields"] == ["interestId"]


def test_too_few_people_make_no_subscription(subscription: Subscription) -> None:
    with pytest.raises(ValueError, match="20 people or more"):
        populate(subscription, 19, seed=1)
