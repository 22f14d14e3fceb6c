"""Rows of the specification that hold only where both real connectors and both systems play together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.catalog import ignored_by_native
from sync_pipeline.lake import Lake
from sync_pipeline.lake.table import fields_kept
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline_tests.marketo import declared
from sync_pipeline_tests.sync.test_systems import Both

CHANGED, MERGED = 13, 32


@pytest.fixture
def both(real_lake: Lake, tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as opened:
        yield Both(opened, real_lake, tmp_path / "landing")


def logged(both: Both, kind: int, person: int, landing: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the attributes of a person's activities of a kind, as our own replica of them has them."""
    both.clock.pass_seconds(300)
    source = Source(both.lake, both.system.marketo, landing, Policy(retry_wait=0.01))
    assert runs.sync(source, [declared("activity")]).message == ""
    found = both.lake.rows(
        'select "primaryAttributeValue", attributes from lake.marketo.activity '
        'where "activityTypeId" = ? and "leadId" = ? order by "activityDate"',
        [kind, person],
    )
    return [(name, json.loads(told) if isinstance(told, str) else told) for name, told in found]


def test_what_the_crm_changes_is_logged_in_marketo_and_what_flows_one_way_never_comes_back(
    both: Both, tmp_path: Path
) -> None:
    """GEN-4, SF-LEAD-10, SF-ACCOUNT-7, SF-USER-9, DEDUP-2, FIELD-24.

    Two leads with one address are two people, as nothing is looked for by address when they are made. A sales person
    stays who is no user any more. Fields that the native sync ignores are in the replica.
    """
    mail = "seller@crm.example"
    (seller,) = both.org.insert("User", [{"LastName": "Seller", "Email": mail, "Username": mail}])
    (acme,) = both.org.insert("Account", [{"Name": "Acme", "OwnerId": seller, "Industry": "Energy"}])
    (ada,) = both.org.insert("Contact", [{"LastName": "Ada", "AccountId": acme, "OwnerId": seller}])
    same = {"Company": "Bee", "Email": "one@x.example"}
    leads = both.org.insert("Lead", [{"LastName": "Bea", "Phone": "1", **same}, {"LastName": "Cy", **same}])
    (deal,) = both.org.insert(
        "Opportunity", [{"Name": "Deal", "StageName": "New", "CloseDate": "2027-01-31", "AccountId": acme}]
    )
    for _ in range(3):
        both.cycle()
    people = {one: both.person(one)["id"] for one in (ada, *leads)}
    assert len(set(people.values())) == 3
    contact = next(p.crm for p in both.pairings if p.name == "contact")
    with both.lake.reading() as con:
        kept = set(fields_kept(con, contact))
    shown = {field["name"] for field in both.org.schema["Contact"].describe["fields"]}
    assert {"HomePhone", "ReportsToId"} <= shown & set(ignored_by_native(contact)) <= kept

    both.org.update("Lead", leads[0], {"Phone": "2"})
    both.org.update("Account", acme, {"Name": "Acme & Sons"})
    both.org.update("User", seller, {"IsActive": False})
    both.system.upsert("company", {"externalCompanyId": acme, "industry": "Steel"})
    both.system.upsert("opportunity", {"externalOpportunityId": deal, "stage": "Won"})
    both.system.upsert("sales_person", {"externalSalesPersonId": seller, "title": "Boss"})
    for _ in range(3):
        both.cycle()

    phone = {"New Value": "2", "Old Value": "1"}
    moved = [told for name, told in logged(both, CHANGED, people[leads[0]], tmp_path) if name == "Phone Number"]
    assert [{key: told.get(key) for key in phone} for told in moved] == [phone]
    told = dict(logged(both, CHANGED, people[ada], tmp_path))["Company Name"]
    assert (told["Old Value"], told["New Value"]) == ("Acme", "Acme & Sons")
    account, opportunity = both.org.record("Account", acme) or {}, both.org.record("Opportunity", deal) or {}
    assert (account["Industry"], opportunity["StageName"]) == ("Energy", "New")
    to_crm = "select distinct pairing from lake.sync.outbox where side = 'crm' order by all"
    assert {pairing for (pairing,) in both.lake.rows(to_crm)} <= {"contact", "lead"}
    sales = both.system.subscription.rows('select "externalSalesPersonId" as id from "salesPerson"')
    assert seller in {one["id"] for one in sales}
    assert both.person(ada)["externalSalesPersonId"] == seller


def test_a_merge_hands_the_log_over_and_an_unsubscribed_person_stays_so_when_it_is_made_anew(
    both: Both, tmp_path: Path
) -> None:
    """MERGE-9, MERGE-16, DEL-9: what the CRM merged is logged on the winner; a new person has the address's opt-out."""
    kept, merged = both.org.insert("Contact", [{"LastName": f"Ada {n}", "Phone": str(n)} for n in range(2)])
    (lead,) = both.org.insert("Lead", [{"LastName": "Bea", "Company": "Bee", "Email": "bea@x.example"}])
    for _ in range(2):
        both.cycle()
    people = {one: both.person(one)["id"] for one in (kept, merged, lead)}
    both.org.update("Contact", merged, {"Phone": "7"})
    both.system.update(people[lead], unsubscribed=True)
    for _ in range(2):
        both.cycle()
    both.org.merge("Contact", kept, [merged])
    both.system.delete(people[lead])
    both.org.update("Lead", lead, {"Phone": "3", "HasOptedOutOfEmail": False})
    for _ in range(3):
        both.cycle()

    phones = {told.get("New Value") for name, told in logged(both, CHANGED, people[kept], tmp_path) if "Phone" in name}
    assert "7" in phones
    assert str(people[merged]) in str(logged(both, MERGED, people[kept], tmp_path))
    anew = both.person(lead)
    assert (anew["id"] != people[lead], anew["unsubscribed"]) == (True, True)
    assert (both.org.record("Lead", lead) or {})["HasOptedOutOfEmail"] is True
