"""A Veeva org in the sandbox: force.com with other objects, and people who are accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.salesforce.population.habits import KINDS
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline.sandbox.salesforce.population.populate import populate, veeva_sizes
from sync_pipeline_tests.catalog.spec import synced_in_veeva
from sync_pipeline_tests.sandbox.conftest import Clock, log_in
from sync_pipeline_tests.sandbox.test_persons import disagreeing

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
PEOPLE = 800
CALLS = '"Call2_vod__c"'
# In the words of Adobe's page: the describe type, whether it is a formula, and the length of a text.
TYPES = {
    "Lookup(Account)": ("reference", False, 18),
    "Lookup(Contact)": ("reference", False, 18),
    "Master-Detail(Call)": ("reference", False, 18),
    "Record Type": ("reference", False, 18),
    "Picklist": ("picklist", False, 255),
    "Date": ("date", False, 0),
    "Formula (Number)": ("double", True, 0),
    "Formula(Text)": ("string", True, 1300),
    "Text(80)": ("string", False, 80),
}


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org.open(None, Schema.veeva()) as org:
        populate(org, PEOPLE, 3, until=UNTIL)
        yield org


@pytest.fixture
def empty(clock: Clock) -> Iterator[Org]:
    with Org.open(None, Schema.veeva(), clock) as org:
        yield org


def one(org: Org, sql: str) -> Any:
    with org.cursor() as cursor:
        row = cursor.execute(sql).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


@pytest.mark.parametrize("name", ["Call2_vod__c", "Call2_Key_Message_vod__c"])
def test_fields_have_the_types_that_adobes_page_gives_and_all_others_are_marked_as_guessed(name: str) -> None:
    fields = Schema.veeva()[name].fields
    told = {row["API name"]: TYPES[row["type"]] for row in synced_in_veeva(name)}
    ours = {n: (f["type"], f["calculated"], f["length"]) for n, f in fields.items() if n in told}
    assert ours == told
    guessed = {n for n, f in fields.items() if f.get("guess")}
    assert guessed == {n for n, f in fields.items() if f["custom"]} - told.keys()


def test_veevas_other_fields_are_guessed_and_say_so_to_no_client(empty: Org) -> None:
    schema = Schema.veeva()
    for name in ("Account", "Product_vod__c", "Key_Message_vod__c", "Address_vod__c", "Call2_Detail_vod__c"):
        veevas = [f for n, f in schema[name].fields.items() if n.endswith("_vod__c")]
        assert veevas
        assert all(f["guess"] for f in veevas), name
    with Sandbox(empty) as sandbox:
        described = log_in(sandbox).get("sobjects/Call2_vod__c/describe").json()
    assert "guess" not in described["fields"][-1]


def test_the_objects_of_salesforce_are_there_but_for_its_custom_ones() -> None:
    ours = {found.name for found in Schema.veeva()}
    standard = {found.name for found in Schema.standard()}
    assert standard - ours == {"Invoice__c", "Product_Interest__c"}
    assert {name for name in ours - standard if not name.endswith("_vod__c")} == set()


def test_the_settings_that_lead_to_it_are_those_of_a_veeva_org(empty: Org) -> None:
    with Sandbox(empty) as sandbox:
        env = sandbox.env()
    assert (env["CRM"], env["VEEVA_PROFESSIONAL_TYPES"]) == ("veeva", "Professional_vod")


def test_somebody_new_is_a_professional_unless_told_otherwise(empty: Org) -> None:
    (ann,) = empty.insert("Account", [{"LastName": "Lee", "Specialty_1_vod__c": "Oncology"}])
    record = empty.record("Account", ann) or {}
    kind = empty.record("RecordType", record["RecordTypeId"]) or {}
    assert (record["IsPersonAccount"], kind["DeveloperName"]) == (True, "Professional_vod")
    assert record["Formatted_Name_vod__c"] == "Lee"


def test_a_call_names_its_record_types_as_custom_objects_with_types_do(org: Org) -> None:
    with Sandbox(org) as sandbox:
        client = log_in(sandbox)
        infos = {n: client.get(f"sobjects/{n}/describe").json()["recordTypeInfos"] for n in ("Call2_vod__c", "Account")}
        none = client.get("sobjects/Product_vod__c/describe").json()["recordTypeInfos"]
    assert [i["developerName"] for i in infos["Call2_vod__c"]] == ["CallReport_vod", "MeetingBrief_vod", "Master"]
    assert "Professional_vod" in [i["developerName"] for i in infos["Account"]]
    assert none == []


def test_it_has_about_as_many_person_accounts_as_asked_for_and_ten_calls_each(org: Org) -> None:
    persons, professionals, business = one(
        org,
        "select count(*) filter (IsPersonAccount), count(*) filter (DeveloperName = 'Professional_vod'),"
        ' count(*) filter (not IsPersonAccount) from "Account" as a join "RecordType" as r on r.Id = a.RecordTypeId',
    )
    assert persons == pytest.approx(PEOPLE, rel=0.02)
    assert 0.9 * persons < professionals < persons
    assert business == veeva_sizes(PEOPLE)["Account"]
    assert one(org, f"select count(*) from {CALLS}") == 10 * PEOPLE
    assert disagreeing(org) == 0


def test_an_attendee_has_a_call_of_his_own_that_agrees_with_the_headers(org: Org) -> None:
    """VV-CALL-6; and Adobe's page: attendees have the header's call type."""
    alike = ("Call_Type_vod__c", "Call_Date_vod__c", "Status_vod__c", "User_vod__c", "RecordTypeId", "IsDeleted")
    differ = " or ".join(f"a.{name} is distinct from h.{name}" for name in alike)
    attendees, wrong, twice = one(
        org,
        f"select count(*), count(*) filter ({differ} or h.Parent_Call_vod__c is not null),"
        f" count(*) - count(distinct (a.Parent_Call_vod__c, a.Account_vod__c))"
        f" from {CALLS} as a join {CALLS} as h on h.Id = a.Parent_Call_vod__c",
    )
    assert (wrong, twice) == (0, 0)
    assert attendees == 3 * PEOPLE * 10 // 8
    parents = one(org, f"select sum(Is_Parent_Call_vod__c) from {org.truth('Call2_vod__c')}")
    assert parents == 10 * PEOPLE - attendees


def test_a_call_is_on_a_person_a_business_account_or_one_of_its_contacts(org: Org) -> None:
    kinds = {
        kind: counts
        for kind, *counts in rows(
            org,
            "select Attendee_Type_vod__c, count(*) filter (a.IsPersonAccount), count(*) filter (not a.IsPersonAccount),"
            f' count(Contact_vod__c) from {CALLS} as c join "Account" as a on a.Id = c.Account_vod__c group by 1',
        )
    }
    assert kinds["Person_Account_vod"][1:] == [0, 0]
    assert kinds["Group_Account_vod"][::2] == [0, 0]
    assert kinds["Contact_vod"][0] == 0
    assert kinds["Contact_vod"][1] == kinds["Contact_vod"][2] > 0
    of_others = f'select count(*) from {CALLS} as c join "Contact" as p on p.Id = c.Contact_vod__c'
    assert one(org, f"{of_others} where p.AccountId is distinct from c.Account_vod__c or p.IsPersonAccount") == 0
    dead = f'select count(*) from {CALLS} where Account_vod__c in (select Id from "Account" where IsDeleted)'
    assert one(org, dead) == 0


def test_what_lies_ahead_is_planned_and_what_is_past_is_not(org: Org) -> None:
    ahead = "Call_Date_vod__c > date '2026-11-01'"
    wrong = f"select count(*) from {CALLS} where (Status_vod__c = 'Planned_vod') <> ({ahead})"
    assert one(org, wrong) == 0
    statuses = dict(rows(org, f"select Status_vod__c, count(*) from {CALLS} group by 1"))
    assert min(statuses["Planned_vod"], statuses["Saved_vod"]) > 0
    assert statuses["Submitted_vod"] > 0.7 * 10 * PEOPLE


def test_a_key_message_is_one_of_a_product_and_carries_its_calls_facts(org: Org) -> None:
    relation = org.truth("Call2_Key_Message_vod__c")
    count, wrong = one(
        org,
        "select count(*), count(*) filter (m.Product_Name__c <> p.Name or m.Key_Message_Name_vod__c <> k.Name"
        " or k.Product_vod__c <> p.Id or m.Account_vod__c is distinct from c.Account_vod__c"
        " or m.Call_Date_vod__c <> c.Call_Date_vod__c or m.IsDeleted <> c.IsDeleted"
        " or p.Product_Type_vod__c <> 'Detail')"
        f' from {relation} as m join "Product_vod__c" as p on p.Id = m.Product_vod__c'
        f' join "Key_Message_vod__c" as k on k.Id = m.Key_Message_vod__c join {CALLS} as c on c.Id = m.Call2_vod__c',
    )
    assert (count, wrong) == (veeva_sizes(PEOPLE)["Call2_Key_Message_vod__c"], 0)


def test_a_group_call_goes_to_the_bin_with_its_attendees_and_messages_and_comes_back_with_them(empty: Org) -> None:
    (account,) = empty.insert("Account", [{"LastName": "Lee"}])
    (product,) = empty.insert("Product_vod__c", [{"Name": "Almorin"}])
    (header,) = empty.insert("Call2_vod__c", [{"Account_vod__c": account}])
    (attendee,) = empty.insert("Call2_vod__c", [{"Account_vod__c": account, "Parent_Call_vod__c": header}])
    (message,) = empty.insert("Call2_Key_Message_vod__c", [{"Call2_vod__c": attendee, "Product_vod__c": product}])
    everything = [("Call2_vod__c", header), ("Call2_vod__c", attendee), ("Call2_Key_Message_vod__c", message)]

    def deleted() -> list[bool]:
        return [(empty.record(name, one_) or {})["IsDeleted"] for name, one_ in everything]

    empty.delete("Call2_vod__c", [header])
    assert deleted() == [True] * 3
    empty.undelete("Call2_vod__c", [header])
    assert deleted() == [False] * 3
    found = empty.record("Call2_Key_Message_vod__c", message) or {}
    assert found["Product_Name__c"] == "Almorin"


def test_a_client_reads_the_calls_of_a_person_through_their_relationship(empty: Org) -> None:
    (ann,) = empty.insert("Account", [{"LastName": "Lee", "PersonEmail": "ann@x.example"}])
    with Sandbox(empty) as sandbox:
        client = log_in(sandbox)
        call = {"Account_vod__c": ann, "Call_Date_vod__c": "2026-05-17", "Status_vod__c": "Saved_vod"}
        made = client.send("POST", "sobjects/Call2_vod__c", json=call)
        assert made.status_code == 201, made.text
        rows = client.values(
            "SELECT Account_vod__r.PersonEmail, Is_Parent_Call_vod__c FROM Call2_vod__c"
            " WHERE Account_vod__r.IsPersonAccount = true"
        )
        locked = client.send("PATCH", f"sobjects/Call2_vod__c/{made.json()['id']}", json={"Is_Parent_Call_vod__c": 0})
    assert [(row[0]["PersonEmail"], row[1]) for row in rows] == [("ann@x.example", 1.0)]
    assert locked.status_code == 400


def test_hospitals_merge_and_the_people_who_work_there_stay_whole(empty: Org, clock: Clock) -> None:
    kept, lost = empty.insert("Account", [{"Name": "Clinic"}, {"Name": "Klinik"}])
    (ann,) = empty.insert("Account", [{"LastName": "Lee", "Primary_Parent_vod__c": lost}])
    clock.pass_seconds(60)
    empty.merge("Account", kept, [lost])
    record = empty.record("Account", ann) or {}
    assert (record["Primary_Parent_vod__c"], record["LastModifiedDate"]) == (kept, clock().replace(tzinfo=None))
    assert disagreeing(empty) == 0


def test_its_staff_edits_people_and_calls_and_nothing_that_the_sync_refuses() -> None:
    with Org.open(None, Schema.veeva()) as org:
        populate(org, 300, 5, until=UNTIL)
        edits = [str(done).split()[:2] for done in edit(org, 400, 9)]
        assert disagreeing(org) == 0
    kinds = Counter(kind for _, kind in edits)
    assert kinds.keys() == KINDS["veeva"].keys()
    assert {name for name, _ in edits} == {
        *("Account", "Contact", "Call2_vod__c", "Call2_Key_Message_vod__c", "Address_vod__c"),
    }


def rows(org: Org, sql: str) -> list[tuple[Any, ...]]:
    with org.cursor() as cursor:
        return cursor.execute(sql).fetchall()


@pytest.mark.bench
def test_a_million_calls_fit_in_minutes_and_bounded_memory(tmp_path: Any) -> None:
    with Org.open(tmp_path / "org.duckdb", Schema.veeva()) as org:
        made = populate(org, 100_000, 1, until=UNTIL)
        assert one(org, f"select count(distinct Id) from {CALLS}") == made["Call2_vod__c"] == 1_000_000
        memory, _ = one(org, "select sum(memory_usage_bytes), sum(temporary_storage_bytes) from duckdb_memory()")
        assert memory < 1_000_000_000
