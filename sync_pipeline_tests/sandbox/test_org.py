from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Schema
from sync_pipeline_tests.sandbox.conftest import Client, Clock

BORN = datetime(2026, 5, 17, 10, 0, 0)  # noqa: DTZ001 - the org stores UTC without zone


def values(org: Org, name: str, record: str) -> dict[str, Any]:
    found = org.record(name, record)
    assert found is not None
    return found


@pytest.fixture
def ann(org: Org, clock: Clock) -> str:
    (ann,) = org.insert("Contact", [{"FirstName": "Ann", "LastName": "Lee"}])
    clock.pass_seconds(90)
    return ann


def test_a_new_record_is_stamped_owned_and_named(org: Org, ann: str) -> None:
    record = values(org, "Contact", ann)
    stamps = {record[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")}
    authors = {record[name] for name in ("OwnerId", "CreatedById", "LastModifiedById")}
    assert (stamps, authors) == ({BORN}, {org.user_id})
    assert (record["Name"], record["IsDeleted"], record["DoNotCall"]) == ("Ann Lee", False, False)
    assert ann.startswith("003")


def test_an_update_moves_both_stamps_and_the_composed_name(org: Org, ann: str) -> None:
    org.update("Contact", ann, {"LastName": "Meyer"}, user="005000000000001AAA")
    record = values(org, "Contact", ann)
    assert record["Name"] == "Ann Meyer"
    assert record["CreatedDate"] == BORN
    assert record["LastModifiedDate"] == record["SystemModstamp"] > BORN
    assert (record["CreatedById"], record["LastModifiedById"]) == (org.user_id, "005000000000001AAA")


def test_a_touch_moves_the_stamp_and_nothing_else(org: Org, ann: str) -> None:
    before = values(org, "Contact", ann)
    org.touch("Contact", [ann])
    after = values(org, "Contact", ann)
    assert {name for name in after if after[name] != before[name]} == {"SystemModstamp"}


def test_the_recycle_bin_keeps_a_record_until_it_is_emptied(org: Org, ann: str) -> None:
    org.delete("Contact", [ann])
    record = values(org, "Contact", ann)
    assert record["IsDeleted"]
    assert record["SystemModstamp"] > record["LastModifiedDate"]
    org.undelete("Contact", [ann])
    assert not values(org, "Contact", ann)["IsDeleted"]
    org.hard_delete("Contact", [ann])
    assert org.record("Contact", ann) is None


def test_a_merge_bins_the_losers_and_moves_their_children(org: Org, clock: Clock) -> None:
    winner, loser = org.insert("Account", [{"Name": "A"}, {"Name": "B"}])
    moved, stays = org.insert(
        "Contact", [{"LastName": "m", "AccountId": loser}, {"LastName": "s", "AccountId": winner}]
    )
    clock.pass_seconds(5)
    org.merge("Account", winner, [loser])
    gone = values(org, "Account", loser)
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, winner)
    child = values(org, "Contact", moved)
    assert child["AccountId"] == winner
    assert child["SystemModstamp"] > BORN
    assert values(org, "Contact", stays)["SystemModstamp"] == BORN
    assert values(org, "Account", winner)["SystemModstamp"] > BORN


def test_system_fields_that_a_record_brings_are_kept(org: Org) -> None:
    (old,) = org.insert("Lead", [{"LastName": "x", "Company": "y", "CreatedDate": "1999-12-31T23:00:00-01:00"}])
    assert values(org, "Lead", old)["CreatedDate"] == datetime(2000, 1, 1)  # noqa: DTZ001


def test_an_unknown_field_or_record_is_named(org: Org) -> None:
    with pytest.raises(ValueError, match="Contact has no stored field 'Nope'"):
        org.insert("Contact", [{"Nope": 1}])
    with pytest.raises(LookupError, match="Contact has no record 003x"):
        org.update("Contact", "003x", {"LastName": "x"})
    with pytest.raises(KeyError, match="no object 'Nope'"):
        org.insert("Nope", [{}])


def test_fields_come_go_and_change_their_type(org: Org, client: Client, ann: str) -> None:
    org.add_field("Contact", {"name": "Score__c", "type": "string", "length": 20})
    org.update("Contact", ann, {"Score__c": "12"})
    (other,) = org.insert("Contact", [{"LastName": "z", "Score__c": "many"}])
    org.retype_field("Contact", "Score__c", "double", scale=1)
    assert (values(org, "Contact", ann)["Score__c"], values(org, "Contact", other)["Score__c"]) == (12.0, None)
    assert client.values("SELECT Score__c FROM Contact WHERE Score__c > 1") == [(12.0,)]
    org.drop_field("Contact", "Score__c")
    assert client.refusal("SELECT Score__c FROM Contact")[1] == "INVALID_FIELD"


def test_a_formula_moves_without_a_stamp(org: Org, client: Client, ann: str) -> None:
    org.add_field("Contact", {"name": "Points__c", "type": "double"})
    org.add_field("Contact", {"name": "Twice__c", "type": "double", "calculated": True, "sql": '"Points__c" * 2'})
    assert client.values("SELECT Twice__c FROM Contact") == [(None,)]
    with org.writing, org.cursor() as cursor:
        cursor.execute('update "Contact" set "Points__c" = 4')
    assert client.values("SELECT Twice__c, SystemModstamp FROM Contact WHERE Twice__c = 8") == [
        (8.0, "2026-05-17T10:00:00.000+0000")
    ]
    field = next(f for f in client.get("sobjects/Contact/describe").json()["fields"] if f["name"] == "Twice__c")
    assert (field["calculated"], field["updateable"], "sql" in field) == (True, False, False)


def test_the_truth_holds_every_record_with_formulas(org: Org) -> None:
    (invoice,) = org.insert("Invoice__c", [{"Amount__c": 10, "Tax_Rate__c": 20}])
    org.delete("Invoice__c", [invoice])
    with org.cursor() as cursor:
        assert cursor.execute(f"select Id, Total__c from {org.truth('Invoice__c')}").fetchall() == [(invoice, 12.0)]


def test_an_org_in_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "org.duckdb"
    with Org.open(path) as org:
        org.add_object({"name": "Thing__c", "fields": [{"name": "Id", "type": "id"}]})
        org.add_field("Thing__c", {"name": "Size__c", "type": "double"})
        (thing,) = org.insert("Thing__c", [{"Size__c": 3}])
        user = org.user_id
    with Org.open(path) as org:
        assert org.user_id == user
        assert values(org, "Thing__c", thing)["Size__c"] == 3.0
        assert org.schema["Thing__c"].prefix == thing[:3]
        assert org.insert("Thing__c", [{}]) != [thing]


def test_custom_objects_get_key_prefixes_of_their_own(org: Org) -> None:
    for name in ("One__c", "Two__c"):
        org.add_object({"name": name, "fields": [{"name": "Id", "type": "id"}]})
    prefixes = [o.prefix for o in org.schema]
    assert len(set(prefixes)) == len(prefixes)


def test_reserved_numbers_are_given_once(org: Org) -> None:
    first = org.reserve_ids("Contact", 10)
    assert org.reserve_ids("Contact", 1) == first + 10


def test_a_schema_of_ones_own(clock: Clock) -> None:
    schema = Schema([{"name": "Only", "keyPrefix": "0AA", "fields": [{"name": "Id", "type": "id"}]}])
    with Org.open(schema=schema, clock=clock) as org:
        assert [o.name for o in org.schema] == ["Only"]
        assert org.insert("Only", [{}])[0].startswith("0AA")
