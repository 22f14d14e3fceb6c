"""A populated org looks like one that people work in, and the same seed gives it again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_pipeline.model import id18
from sync_pipeline.sandbox import Org, Schema
from sync_pipeline.sandbox.salesforce.population.populate import populate, sizes

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
PEOPLE = 3_000
SCHEMAS = {"salesforce": (Schema.standard, PEOPLE), "veeva": (Schema.veeva, 500)}


def _org(seed: int = 1, people: int = 0, crm: str = "salesforce") -> Org:
    schema, usual = SCHEMAS[crm]
    org = Org.open(None, schema())
    populate(org, people or usual, seed, until=UNTIL)
    return org


@pytest.fixture(scope="module", params=SCHEMAS)
def either(request: pytest.FixtureRequest) -> Iterator[Org]:
    """A Salesforce org, then a Veeva org: for what holds of both."""
    with _org(crm=request.param) as org:
        yield org


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with _org() as org:
        yield org


def _one(org: Org, sql: str) -> Any:
    with org.cursor() as cursor:
        row = cursor.execute(sql).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def _digest(org: Org) -> dict[str, tuple[Any, ...]]:
    own = ("Organization", "Group")  # an organization has an id of its own, and owns its queues
    stamped = (one for one in org.schema if "CreatedDate" in one.columns and one.name not in own)
    columns = {found.name: ", ".join(f'"{column}"' for column in found.columns) for found in stamped}
    return {
        name: _one(org, f"select count(*), bit_xor(hash({listed})) from \"{name}\" where CreatedDate <= '2026-11-01'")
        for name, listed in columns.items()
    }


def test_the_same_seed_gives_the_same_org_and_another_seed_another(either: Org) -> None:
    crm = either.schema.crm
    with _org(crm=crm) as again, _org(seed=2, crm=crm) as other:
        assert _digest(again) == _digest(either)
        assert _digest(other)["Lead"] != _digest(either)["Lead"]


def test_all_objects_have_their_number_of_records(org: Org) -> None:
    for name, count in sizes(PEOPLE).items():
        born_with = 1 if name == "User" else 0  # the user that integrations log in as
        assert _one(org, f'select count(*) from "{name}"') == count + born_with
    assert sizes(PEOPLE)["Lead"] + sizes(PEOPLE)["Contact"] == PEOPLE
    assert sizes(PEOPLE)["Lead"] / PEOPLE == pytest.approx(0.55)


def test_every_reference_leads_to_a_record_of_an_object_it_may_lead_to(either: Org) -> None:
    absent = {"Profile", "Individual", "DandBCompany"}
    followed = 0
    for found in either.schema:
        for field in found.fields.values():
            if field["type"] != "reference" or absent & set(field["referenceTo"]):
                continue
            targets = [f'select Id from "{target}"' for target in field["referenceTo"] if target in either.schema]
            name = field["name"]
            if not targets:
                continue
            followed += _one(either, f'select count("{name}") from "{found.name}"')
            lost = f'select count(*) from "{found.name}" where "{name}" not in ({" union all ".join(targets)})'
            assert _one(either, lost) == 0, f"{found.name}.{name}"
    assert followed > 10 * PEOPLE


def test_ids_are_real_ids_in_the_order_of_birth(org: Org) -> None:
    with org.cursor() as cursor:
        rows = cursor.execute('select Id from "Contact" order by CreatedDate, Id').fetchall()
    ids = [record for (record,) in rows]
    assert all(record.startswith("003") and id18(record[:15]) == record for record in ids)
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_the_org_grows_over_its_months_and_no_stamp_lies_after_its_end(org: Org) -> None:
    early, late = _one(
        org,
        "select count(*) filter (CreatedDate < '2025-11-01'), count(*) filter (CreatedDate >= '2025-11-01')"
        ' from "Lead"',
    )
    assert late > 1.5 * early > 0
    for name in sizes(PEOPLE):
        wrong = (
            "select count(*) filter (not (CreatedDate <= LastModifiedDate and LastModifiedDate <= SystemModstamp"
            f" and SystemModstamp <= '2026-11-01' and CreatedDate >= '2024-10-31')) from \"{name}\""
            ' where Id <> (select min(Id) from "User")'
        )
        assert _one(org, wrong) == 0, name
    months = _one(org, "select count(distinct date_trunc('month', SystemModstamp)) from \"Contact\"")
    assert months >= 20


def test_addresses_are_missing_doubled_and_doubled_in_other_letters(org: Org) -> None:
    people = (
        '(select Email from "Lead" where not IsConverted union all by name'
        ' select Email from "Contact" where Id not in (select ConvertedContactId from "Lead" where IsConverted))'
    )
    total, missing, addresses, spelled = _one(
        org,
        "select count(*), count(*) filter (Email is null), count(distinct lower(Email)), count(distinct Email)"
        f" from {people}",
    )
    assert missing / total == pytest.approx(0.08, abs=0.02)
    doubled = total - missing - addresses
    assert doubled / total == pytest.approx(0.03, abs=0.015)
    assert spelled > addresses


def test_texts_are_as_people_type_them(org: Org) -> None:
    kinds = _one(
        org,
        r"""select
          count(*) filter (Street like '%' || chr(10) || '%'),
          count(*) filter (Street like '%"%,%'),
          count(*) filter (LastName <> strip_accents(LastName) or not regexp_full_match(LastName, '[ -~]*')),
          count(*) filter (Description = 'NA'),
          count(*) filter (Description = 'null'),
          count(*) filter (Description like '%' || chr(13) || chr(10) || '%'),
          count(*) filter (FirstName is null),
          count(distinct Country)
        from "Lead" """,
    )
    assert all(kinds), kinds
    assert kinds[-1] >= 10


def test_text_fields_keep_within_their_declared_lengths(either: Org) -> None:
    for found in either.schema:
        texts = [f for f in found.fields.values() if f["name"] in found.columns and f["length"]]
        longest = ", ".join(f'coalesce(max(length("{field["name"]}")), 0)' for field in texts)
        row = _one(either, f'select {longest}, 0 from "{found.name}"')
        over = [f["name"] for f, length in zip(texts, row[:-1], strict=True) if length > f["length"]]
        assert over == [], found.name


def test_fields_that_cannot_be_null_are_filled(either: Org) -> None:
    for found in either.schema:
        name = found.name
        filled = [f["name"] for f in found.fields.values() if not f["nillable"] and f["name"] in found.columns]
        unset = {"ProfileId"}  # of an object that the sandbox does not have
        nulls = ", ".join(f'count(*) - count("{field}")' for field in filled)
        row = _one(either, f"select {nulls} from \"{name}\" where Id <> '{either.user_id}'")
        assert {field for field, count in zip(filled, row, strict=True) if count} <= unset, name


def test_picklists_hold_declared_values(either: Org) -> None:
    checked = 0
    for found in either.schema:
        for field in found.fields.values():
            if field["type"] != "picklist" or (found.name, field["name"]) == ("CampaignMember", "Status"):
                continue  # member statuses are the campaign's own
            values = ", ".join("'" + value["value"].replace("'", "''") + "'" for value in field["picklistValues"])
            if not values:
                continue
            name = f'"{field["name"]}"'
            wrong = f'select count(*) from "{found.name}" where {name} not in ({values})'
            assert _one(either, wrong) == 0, f"{found.name}.{name}"
            checked += 1
    assert checked > 20


def test_queues_own_leads_and_only_leads(org: Org) -> None:
    share = _one(org, "select avg((OwnerId like '00G%')::int) from \"Lead\"")
    assert share == pytest.approx(0.1, abs=0.03)
    assert _one(org, "select count(*) from \"Contact\" where OwnerId like '00G%'") == 0
    assert _one(org, 'select count(*) from "User" where not IsActive') > 0


def test_deleted_and_merged_records_lie_in_the_bin_and_nothing_points_to_them(org: Org) -> None:
    for name in ("Lead", "Contact", "Account"):
        dead, merged, to_dead = _one(
            org,
            f"select count(*) filter (IsDeleted), count(MasterRecordId), count(*) filter (MasterRecordId in"
            f' (select Id from "{name}" where IsDeleted)) from "{name}"',
        )
        assert 0 < merged < dead
        assert to_dead == 0
    gone = 'select count(*) from "Task" where WhoId in (select Id from "{0}" where IsDeleted)'
    assert _one(org, gone.format("Lead")) + _one(org, gone.format("Contact")) == 0
    assert (
        _one(org, 'select count(*) from "Contact" where AccountId in (select Id from "Account" where IsDeleted)') == 0
    )


def test_a_converted_lead_goes_on_as_the_contact_of_the_same_name_and_address(org: Org) -> None:
    converted, alike, deals = _one(
        org,
        "select count(*), count(*) filter (l.Name = c.Name and l.Email is not distinct from c.Email"
        " and l.ConvertedAccountId = c.AccountId and l.ConvertedDate >= l.CreatedDate::date),"
        " count(ConvertedOpportunityId)"
        ' from "Lead" as l join "Contact" as c on c.Id = l.ConvertedContactId',
    )
    assert converted == alike == _one(org, 'select count(*) from "Lead" where IsConverted') > 50
    assert deals > 20


def test_a_converted_deal_is_the_contacts(org: Org) -> None:
    wrong = _one(
        org,
        'select count(*) from "Lead" as l join "OpportunityContactRole" as r'
        " on r.OpportunityId = l.ConvertedOpportunityId and r.IsPrimary where r.ContactId <> l.ConvertedContactId",
    )
    assert wrong == 0


def test_roll_ups_of_campaigns_count_their_members(org: Org) -> None:
    wrong = _one(
        org,
        'select count(*) from "Campaign" as c where NumberOfLeads + NumberOfContacts <>'
        ' (select count(*) from "CampaignMember" as m where m.CampaignId = c.Id and not m.IsDeleted)',
    )
    assert wrong == 0
    assert (
        _one(
            org, 'select max(n) from (select count(*) as n from "CampaignMember" group by CampaignId, LeadOrContactId)'
        )
        == 1
    )
    statuses = 'select count(*) from "CampaignMember" as m where not exists (from "CampaignMemberStatus" as s where {})'
    assert (
        _one(
            org,
            statuses.format("s.CampaignId = m.CampaignId and s.Label = m.Status and s.HasResponded = m.HasResponded"),
        )
        == 0
    )


def test_formulas_follow_their_record(org: Org) -> None:
    relation = org.truth("Invoice__c")
    wrong = (
        f"select count(*) from {relation} where Total__c <> round(Amount__c * (1 + coalesce(Tax_Rate__c, 0) / 100), 2)"
    )
    assert _one(org, wrong) == 0
    assert _one(org, f"select count(Total__c) from {relation}") == sizes(PEOPLE)["Invoice__c"]


def test_the_same_seed_draws_the_same_names_in_every_process() -> None:
    said = [
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from sync_pipeline.sandbox.salesforce.population.names import pools; print(pools(1))",
            ],
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            check=True,
        ).stdout
        for order in ("1", "2")
    ]
    assert len(said[0]) > 10_000
    assert said[0] == said[1]


@pytest.mark.parametrize("crm", SCHEMAS)
def test_a_populated_org_can_be_populated_further(crm: str) -> None:
    with _org(people=100, crm=crm) as org:
        once = _one(org, 'select count(*) from "Contact"')
        populate(org, 100, 2, until=UNTIL)
        for found in org.schema:
            unique = ["Id", *(f["name"] for f in found.fields.values() if f["unique"])]
            for name in unique:
                values, distinct = _one(org, f'select count("{name}"), count(distinct "{name}") from "{found.name}"')
                assert values == distinct, f"{found.name}.{name}"
        assert _one(org, 'select count(*) from "Contact"') == 2 * once


def test_too_few_people_are_refused() -> None:
    with Org.open(None) as org, pytest.raises(ValueError, match="20 people or more, not 3"):
        populate(org, 3, 1)


@pytest.mark.bench
def test_a_million_people_fit_in_minutes_and_bounded_memory(tmp_path: Any) -> None:
    with Org.open(tmp_path / "org.duckdb") as org:
        made = populate(org, 1_000_000, 1, until=UNTIL)
        assert _one(org, 'select count(distinct Id) from "Contact"') == made["Contact"] == 450_000
        memory, _ = _one(org, "select sum(memory_usage_bytes), sum(temporary_storage_bytes) from duckdb_memory()")
        assert memory < 1_000_000_000
