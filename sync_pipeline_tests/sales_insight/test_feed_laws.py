"""The feed against an account of it that shares no line with it: plain Python over the mirrors' rows."""

from __future__ import annotations

import random
from typing import Any

from sync_pipeline.lake import Lake
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import id18
from sync_pipeline.sales_insight.fields import NAMES
from sync_pipeline_tests.sales_insight.org import QUEUE, USER, Mirrored

PEOPLE, OPPORTUNITIES = range(1, 9), [f"006{n:012d}AAA" for n in range(3)]
Row = dict[str, Any]


def records(lake: Lake, table: str) -> list[Row]:
    with lake.reading() as con:
        found = con.execute(f"select * from lake.{table}")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def living(lake: Lake, table: str, key: str) -> dict[Any, Row]:
    return {row[key]: row for row in records(lake, table) if row[DELETED_AT] is None}


def expected(lake: Lake) -> dict[int, tuple[object, ...]]:
    """Return the 13 values of everybody who qualifies, worked out one by one."""
    contacts, leads = living(lake, "salesforce.contact", "Id"), living(lake, "salesforce.lead", "Id")
    deals, roles = (
        living(lake, "salesforce.opportunity", "Id"),
        living(lake, "salesforce.opportunity_contact_role", "Id"),
    )
    links = [row for row in records(lake, "sync.link") if row["ended_at"] is None]
    fed: dict[int, tuple[object, ...]] = {}
    for person in living(lake, "marketo.person", "id").values():
        mine = {row["pairing"]: row["crm_id"] for row in links if row["marketo_id"] == str(person["id"])}
        contact, lead = contacts.get(mine.get("contact")), leads.get(mine.get("lead"))
        if lead and lead["IsConverted"]:
            lead = None
        owner = contact or lead
        if not owner or not (owner["OwnerId"] or "").startswith("005"):
            continue
        deal = None
        if contact:
            choices = [(deals[r["OpportunityId"]], r) for r in roles.values()
                       if r["ContactId"] == contact["Id"] and r["OpportunityId"] in deals]  # fmt: skip
            choices.sort(key=lambda c: (c[0]["IsClosed"], not c[1]["IsPrimary"], -c[0]["SystemModstamp"].timestamp()))
            deal = choices[0][0]["Id"] if choices else None
        fed[person["id"]] = (
            person["firstName"], person["lastName"], contact and contact["Id"], None if contact else owner["Id"],
            contact and contact["AccountId"], deal, person["id"], person["company"], person["title"], person["email"],
            person["phone"], person["linkedInProfileURL"], person["leadSource"],
        )  # fmt: skip
    return fed


def edit(mirrored: Mirrored, drawn: random.Random) -> None:
    key = drawn.choice(PEOPLE)
    contact, lead = id18(f"003{key:012d}"), id18(f"00Q{key:012d}")
    gone = drawn.choice([None, None, mirrored.now])
    match drawn.randrange(9):
        case 0:
            mirrored.person(key, title=drawn.choice(["a", "b", None]), leadScore=drawn.randrange(9))
        case 1:
            mirrored.person(key, **{DELETED_AT: gone})
        case 2:
            mirrored.contact(contact, OwnerId=drawn.choice([USER, USER, None]), AccountId=drawn.choice(["001", None]))
        case 3:
            mirrored.lead(lead, OwnerId=drawn.choice([USER, QUEUE]), IsConverted=drawn.random() < 0.2)
        case 4:
            mirrored.contact(contact, **{DELETED_AT: gone})
        case 5:
            mirrored.opportunity(drawn.choice(OPPORTUNITIES), drawn.random() < 0.4, **{DELETED_AT: gone})
        case 6:
            mirrored.role(contact, drawn.choice(OPPORTUNITIES), drawn.random() < 0.3, **{DELETED_AT: gone})
        case 7:
            pairing = drawn.choice(["contact", "lead"])
            mirrored.link(pairing, contact if pairing == "contact" else lead, key)
        case 8:
            mirrored.unlink(drawn.choice([contact, lead]))


def test_after_any_edits_the_increments_have_made_the_feed_of_everybody(mirrored: Mirrored) -> None:
    """SIA-FEED-2 to 6, SIA-FEED-8 to 10: in scope are exactly those who qualify, with the values that they have now."""
    drawn = random.Random(23)
    for key in PEOPLE:
        mirrored.linked(key, drawn.choice(["contact", "lead"]), firstName=f"First {key}", email=f"{key}@example.com")
    mirrored.start()
    for _ in range(8):
        for _ in range(12):
            edit(mirrored, drawn)
        mirrored.increment()
        shown = {row[NAMES.index("marketo_id")]: row for row in mirrored.lake.rows(
            f"select {', '.join(NAMES)} from lake.actions.people where _left_at is null")}  # fmt: skip
        assert shown == expected(mirrored.lake)
        assert mirrored.increment().looked_at == 0
    assert mirrored.start().changes == {}
    assert {kind for _, kind in mirrored.changes()} >= {"insert", "update", "leave", "return", "delete"}
