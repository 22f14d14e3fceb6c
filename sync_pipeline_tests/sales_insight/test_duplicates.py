"""Duplicates: who shares an address with whom, which record a merge would keep, and what is new."""

from __future__ import annotations

import random

import pytest

from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline_tests.sales_insight.org import BEGIN, QUEUE, USER, Mirrored

CONTACT, LEAD = "003000000000009AAA", "00Q000000000009AAA"


def test_a_linked_pair_is_one_person_and_no_duplicate(mirrored: Mirrored) -> None:
    mirrored.linked(1, email="ada@example.com")
    assert mirrored.report().groups == 0


def test_addresses_are_compared_trimmed_and_case_folded(mirrored: Mirrored) -> None:
    mirrored.person(1, email="Ada@Example.com ")
    mirrored.person(2, email=" ada@example.COM\n")
    mirrored.person(3, email="ada@example.org")
    mirrored.person(4, email=" ")
    mirrored.person(5, email=" ")
    done = mirrored.report()
    assert (done.groups, done.records, done.scopes) == (1, 2, {"marketo": 1, "crm": 0, "across": 0})
    assert mirrored.doubles() == [("ada@example.com", "1"), ("ada@example.com", "2")]


@pytest.mark.parametrize(
    ("people", "contacts", "links", "scopes"),
    [
        (2, 0, 0, ["marketo"]),
        (0, 2, 0, ["crm"]),
        (1, 1, 0, ["across"]),
        (2, 2, 2, ["marketo", "crm"]),
        (2, 1, 1, ["marketo"]),
        (1, 2, 1, ["crm"]),
        (2, 2, 1, ["marketo", "crm", "across"]),
    ],
)
def test_a_group_says_where_its_records_double_one_another(
    mirrored: Mirrored, people: int, contacts: int, links: int, scopes: list[str]
) -> None:
    ids = [f"003{n:012d}AAA" for n in range(contacts)]
    for n in range(people):
        mirrored.person(n + 1, email="a@example.com")
    for crm_id in ids:
        mirrored.contact(crm_id, Email="A@example.com", OwnerId=USER)
    for n in range(links):
        mirrored.link("contact", ids[n], n + 1)
    mirrored.report()
    assert {tuple(found) for (found,) in mirrored.doubles("scopes")} == {tuple(scopes)}
    assert len(mirrored.doubles()) == people + contacts


def test_records_that_are_gone_or_converted_double_nobody(mirrored: Mirrored) -> None:
    mirrored.person(1, email="a@example.com")
    mirrored.person(2, email="a@example.com", **{DELETED_AT: BEGIN})
    mirrored.contact(CONTACT, Email="b@example.com")
    mirrored.lead(LEAD, Email="b@example.com", IsConverted=True)
    assert mirrored.report().groups == 0


def test_a_row_shows_link_owner_account_and_last_activity(mirrored: Mirrored) -> None:
    account = "001000000000001AAA"
    contact = mirrored.linked(1, email="a@example.com", externalSalesPersonId=USER, externalCompanyId=account)
    mirrored.contact(contact, AccountId=account, LastActivityDate="2026-02-03")
    mirrored.lead(LEAD, Email="a@example.com", OwnerId=QUEUE)
    active = mirrored.activity(1)
    mirrored.report()
    shown = mirrored.doubles("object, record_id, linked_to, owner_id, account_id, last_activity_at::date")
    assert shown == [
        ("person", "1", contact, USER, account, active.date()),
        ("contact", contact, "1", USER, account, BEGIN.date().replace(month=2, day=3)),
        ("lead", LEAD, None, QUEUE, None, None),
    ]


@pytest.mark.parametrize(
    ("better", "worse", "because"),
    [
        ({"linked": "contact"}, {"linked": "lead"}, "linked to a contact"),
        ({"linked": "lead"}, {"externalSalesPersonId": USER}, "linked to a lead"),
        ({"externalSalesPersonId": USER}, {"active": True}, "owned by a user"),
        ({"active": True}, {"createdAt": BEGIN.replace(year=2001)}, "active last"),
        ({"createdAt": BEGIN.replace(year=2001)}, {"createdAt": BEGIN}, "made first"),
        ({}, {}, "the lowest id"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_a_merge_would_keep_and_why(
    mirrored: Mirrored, better: dict[str, object], worse: dict[str, object], because: str
) -> None:
    """MERGE-13 orders by link; owner, activity and age decide among equals."""
    for key, given in ((10, worse), (9, better)):
        values = {k: v for k, v in given.items() if k not in ("linked", "active")}
        if linked := given.get("linked"):
            mirrored.linked(key, str(linked), email="a@example.com")
        mirrored.person(key, email="a@example.com", **values)  # type: ignore[arg-type]
        if given.get("active"):
            mirrored.activity(key)
    mirrored.report()
    kept = [row for row in mirrored.doubles("record_id, because, kept, system") if row[3] == "marketo" and row[2]]
    assert [row[:2] for row in kept] == [("9", because)]


def test_in_the_crm_a_contact_is_kept_before_a_lead(mirrored: Mirrored) -> None:
    mirrored.lead(LEAD, Email="a@example.com", OwnerId=USER, LastActivityDate="2026-02-03")
    mirrored.contact(CONTACT, Email="a@example.com")
    mirrored.report()
    assert mirrored.doubles("record_id, kept, because") == [
        (CONTACT, True, "a contact, before a lead"),
        (LEAD, False, None),
    ]


def test_the_only_record_of_a_system_is_what_it_keeps(mirrored: Mirrored) -> None:
    mirrored.person(1, email="a@example.com")
    mirrored.contact(CONTACT, Email="a@example.com")
    mirrored.report()
    assert mirrored.doubles("kept, because") == [(True, "the only one of its system")] * 2


def test_only_new_groups_count_as_new_and_keep_the_time_they_were_found(mirrored: Mirrored) -> None:
    for person in (1, 2):
        mirrored.person(person, email="a@example.com")
    assert mirrored.report().new == 1
    found = mirrored.doubles("found_at")[0]
    mirrored.person(3, email="a@example.com")
    for person in (4, 5):
        mirrored.person(person, email="b@example.com")
    done = mirrored.report()
    assert (done.new, done.groups, done.looked_at) == (1, 2, 2)
    assert {row[1:] for row in mirrored.doubles("email, found_at") if row[0] == "a@example.com"} == {found}


@pytest.mark.parametrize("ended", ["by another address", "by a deletion", "by a link", "by a merge"])
def test_a_group_ends_when_its_reason_does(mirrored: Mirrored, ended: str) -> None:
    mirrored.person(1, email="a@example.com")
    if ended == "by a link":
        mirrored.contact(CONTACT, Email="a@example.com")
    else:
        mirrored.person(2, email="a@example.com")
    assert mirrored.report().groups == 1
    if ended == "by another address":
        mirrored.person(2, email="b@example.com")
    elif ended == "by a link":
        mirrored.link("contact", CONTACT, 1)
    else:
        mirrored.person(2, mergedInto=1 if ended == "by a merge" else None, **{DELETED_AT: mirrored.now})
    done = mirrored.report()
    assert (done.groups, done.ended, mirrored.doubles()) == (0, 1, [])


def test_an_activity_of_a_double_moves_what_is_kept_and_one_of_others_nothing(mirrored: Mirrored) -> None:
    for person in (1, 2):
        mirrored.person(person, email="a@example.com")
    mirrored.person(3, email="b@example.com")
    mirrored.report()
    mirrored.activity(3)
    assert mirrored.report().looked_at == 0
    mirrored.activity(2)
    assert mirrored.report().looked_at == 1
    assert mirrored.doubles("record_id, kept") == [("1", False), ("2", True)]


def test_after_any_edits_the_report_by_increments_is_the_report_of_all(mirrored: Mirrored) -> None:
    drawn = random.Random(7)
    for _ in range(6):
        for _ in range(5):
            address = f"{drawn.choice('abc')}@example.com"
            key = drawn.randrange(1, 6)
            edit = drawn.randrange(4)
            if edit == 0:
                mirrored.person(key, email=address)
            elif edit == 1:
                mirrored.linked(key + 100, drawn.choice(["contact", "lead"]), email=address)
            elif edit == 2:
                mirrored.contact(f"003{key:012d}AAA", Email=address, OwnerId=USER)
            else:
                mirrored.person(key, email=address, **{DELETED_AT: drawn.choice([None, mirrored.now])})
        mirrored.report()
        columns = "email, scopes, system, record_id, linked_to, kept, because, found_at"
        by_increments = mirrored.doubles(columns)
        assert (mirrored.report(whole=True).new, mirrored.doubles(columns)) == (0, by_increments)
