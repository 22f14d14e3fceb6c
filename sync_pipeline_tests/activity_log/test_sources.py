"""What each source tells, of which records, on whom: over plain tables, without a system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from sync_pipeline.activity_log import conversions, crm_activities, failures, memberships, push, sales, sales_tasks
from sync_pipeline.activity_log.follow import ACTIVITY as ACTIVITIES
from sync_pipeline.activity_log.follow import Source, follow
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.catalog.pushed import pushed
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Describe, Field
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.inputs import ACTIVITY, KINDS
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sales_insight.mirrors import Mirrors, look
from sync_pipeline.sales_insight.touched import marks, move_marks
from sync_pipeline_tests.sales_insight.org import BEGIN, DAY, NUMBER, STAMP, TABLES, TEXT, TRUTH, USER, Mirrored

STAMPS = {"CreatedDate": STAMP, "LastModifiedDate": STAMP}
CRM_EVENT = {
    "Id": TEXT, "WhoId": TEXT, "OwnerId": TEXT, "Subject": TEXT, "ActivityDate": DAY, "Description": TEXT, **STAMPS,
}  # fmt: skip
MORE = {
    **TABLES,
    "salesforce.lead": {
        **TABLES["salesforce.lead"], "Status": TEXT, "ConvertedAccountId": TEXT, "ConvertedOpportunityId": TEXT,
        "SystemModstamp": STAMP,
    },
    "salesforce.user": {"Id": TEXT, "Name": TEXT, "Email": TEXT, "Username": TEXT, "IsActive": TRUTH},
    "salesforce.task": {**CRM_EVENT, "Priority": TEXT, "Status": TEXT},
    "salesforce.event": CRM_EVENT,
    "salesforce.campaign": {"Id": TEXT, "Name": TEXT, "LastModifiedDate": STAMP},
    "salesforce.campaign_member": {
        "Id": TEXT, "LeadId": TEXT, "ContactId": TEXT, "CampaignId": TEXT, "Status": TEXT, "HasResponded": TRUTH,
        **STAMPS,
    },
    "salesforce.opportunity": {
        "Id": TEXT, "Name": TEXT, "StageName": TEXT, "Amount": "double", "IsClosed": TRUTH, "SystemModstamp": STAMP,
        "LastModifiedDate": STAMP,
    },
    "salesforce.opportunity_contact_role": {
        "Id": TEXT, "ContactId": TEXT, "OpportunityId": TEXT, "Role": TEXT, "IsPrimary": TRUTH, **STAMPS,
    },
    "marketo.activity": {
        "marketoGUID": TEXT, "leadId": NUMBER, "activityDate": STAMP, "activityTypeId": NUMBER,
        "primaryAttributeValue": TEXT, "attributes": TEXT,
    },
}  # fmt: skip
TASK_FIELDS = Describe(
    "Task",
    (
        *(
            Field(name, "string")
            for name in (
                "Subject",
                "Status",
                "Priority",
                "OwnerId",
                "WhatId",
                "WhoId",
                "Description",
                "MSE_Template__c",
            )
        ),
        Field("ActivityDate", "date"),
        Field("MSE_Viewed__c", "boolean"),
        Field("Type", "picklist", picklist=("Call", "email", "Reply")),
    ),
)
Sources = Callable[[Mirrors, dict[str, datetime]], Iterator[Source]]


class World(Mirrored):
    """Mirrors of a CRM and of Marketo, what a sales tool told, and what is to be logged."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(lake, tables=MORE)
        with lake.transaction() as con:
            tables.create(con)

    def told(self, kind: str, key: str, **values: Any) -> None:
        self.minute += 1
        given = {"activity_id": key, "kind": kind, "happened_at": BEGIN, **values}
        assert take(self.lake, ACTIVITY, [given], self.now).refused == ()

    def take_in(self, sources: Sources, *read: str) -> int:
        """Take in sources, and move the marks of the tables that they read."""
        self.minute += 1
        with self.lake.transaction() as con:
            mirrors = look(con, "salesforce")
            count = sum(follow(con, one, "run", self.now) for one in sources(mirrors, marks(con, "test")))
            move_marks(con, "test", mirrors, read, self.now)
        return count

    def taken(self, columns: str, order: str = "queued_at, key") -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select {columns} from {ACTIVITIES} order by {order}")

    def task(self, key: str, who: str, **values: Any) -> None:
        stamps = {"CreatedDate": BEGIN, "LastModifiedDate": self.now}
        self.put("salesforce.task", key, WhoId=who, **{**stamps, **values})


@pytest.fixture
def world(quick_lake: Lake) -> World:
    return World(quick_lake)


def to_marketo(mirrors: Mirrors, _: object) -> Iterator[Source]:
    return sales.sources(mirrors)


def to_tasks(days: int = 0, **options: Any) -> Sources:
    """Return the source of tasks so many days after the beginning."""
    chosen = sales_tasks.Options(**{"kinds": ("send_email", "reply", "call"), **options})
    return lambda mirrors, _: sales_tasks.sources(mirrors, chosen, TASK_FIELDS, BEGIN + timedelta(days=days))


def test_the_eight_kinds_have_a_type_with_all_their_attributes(world: World) -> None:
    """SIA-ACT-1 to 3, 6 and 7, MK-REST-11."""
    assert len(ACTIVITY_TYPES) <= 7
    assert all(len(one.attributes) <= 20 for one in ACTIVITY_TYPES)
    for kind in KINDS:
        text = {name: "7" for name in kind.attributes if name not in ("call_status", "source")}
        world.told(kind.name, kind.name, marketo_id=1, **text)
    assert world.take_in(to_marketo) == 8
    for key, event, type_, attributes in world.taken("key, event, type, attributes"):
        kind = next(kind for kind in KINDS if kind.name == key)
        (into,) = [one for one in ACTIVITY_TYPES if one.name == type_]
        assert event == kind.label in into.events
        assert attributes.get("source", "Sales App") == "Sales App"
        assert len(attributes) == len([name for name in kind.attributes if name != "call_status"])
        assert attributes.keys() <= {one.api_name for one in into.attributes}
    assert world.take_in(to_marketo) == 0


def test_a_sales_activity_finds_its_person_by_any_id_and_by_an_address_that_one_has(world: World) -> None:
    """SIA-ACT-9, SIA-FEED-13: the last person a chain of merges leads to is found when it is sent."""
    contact = world.linked(1, email="a@x.example")
    world.person(2, email="Twice@x.example")
    world.person(3, email="twice@x.example ")
    given: dict[str, dict[str, Any]] = {
        "by id": {"marketo_id": 1}, "by link": {"salesforce_id": contact[:15]}, "by mail": {"email": "A@x.example"},
        "by two": {"email": "twice@x.example"}, "by none": {"email": "nobody@x.example"},
    }  # fmt: skip
    for key, address in given.items():
        world.told("reply", key, **address)
    world.take_in(to_marketo)
    assert world.taken("key, person, code", "key") == [
        ("by id", "1", None), ("by link", "1", None), ("by mail", "1", None), ("by two", None, "AMBIGUOUS"),
    ]  # fmt: skip
    world.person(4, email="nobody@x.example")
    assert world.take_in(to_marketo) == 1


def test_tasks_go_to_the_contact_before_the_lead_and_never_to_one_of_several(world: World) -> None:
    """SIA-LOG-1, 3, 4 and 10, SIA-DIAG-1."""
    for name, key, email in (
        ("contact", "003000000000001AAA", "a@x.example"), ("lead", "00Q000000000001AAA", "a@x.example"),
        ("lead", "00Q000000000002AAA", "b@x.example"), ("contact", "003000000000002AAA", "c@x.example"),
        ("contact", "003000000000003AAA", "c@x.example"),
    ):  # fmt: skip
        world.put(f"salesforce.{name}", key, Email=email, OwnerId=USER)
    for email in "abcd":
        world.told("send_email", email, email=f"{email}@x.example")
    world.told("call", "call", email="a@x.example")
    world.told("call", "call by id", salesforce_id="00Q000000000001")
    world.told("bounce", "not chosen", email="a@x.example")
    assert world.take_in(to_tasks(kinds=())) == 0
    assert world.take_in(to_tasks()) == 4
    assert world.take_in(to_tasks(days=2)) == 2
    late = [("call", None, "NOT_FOUND"), ("d", None, "NOT_FOUND")]
    assert world.taken("key, person, code", "key") == sorted(
        [
            ("a", "003000000000001AAA", None), ("b", "00Q000000000002AAA", None), ("c", None, "AMBIGUOUS"),
            ("call by id", "00Q000000000001AAA", None), *late,
        ]
    )  # fmt: skip
    world.told("send_email", "newest", email="c@x.example")
    world.take_in(to_tasks(newest=True))
    assert world.taken("person", "queued_at desc")[0] == ("003000000000003AAA",)


def test_a_task_says_what_the_org_has_fields_for(world: World) -> None:
    """SIA-LOG-6 to 9 and 11, SIA-FEED-13."""
    world.put("salesforce.user", USER, Name="Sal", Email="sal@crm.example", Username="sal", IsActive=True)
    contact = world.linked(1)
    world.contact(contact, AccountId="001A")
    world.opportunity("006A")
    world.role(contact, "006A")
    world.start()
    lead = world.linked(2, "lead")
    same = {"sent_by": "SAL@crm.example", "template_name": "T", "viewed": True}
    world.told("send_email", "mail", marketo_id=1, email_subject="Hi\nthere " + "x" * 300, **same)
    world.told("reply", "reply", marketo_id=1, subject="Offer")
    world.told("call", "call", salesforce_id=lead, call_outcome="busy", call_made_by="nobody@crm.example")
    world.take_in(to_tasks(subject="{{activity_type}} {{ activity_subject }} {{sales_campaign_name}}"))
    mail, reply, call = (
        world.taken("attributes, code", f"key <> '{key}', key")[0] for key in ("mail", "reply", "call")
    )
    assert mail[0].pop("Subject") == ("Email Hi there " + "x" * 300)[:255]
    assert mail[0] == {
        "Status": "Completed", "Priority": "Normal", "ActivityDate": "2026-03-01", "OwnerId": USER, "WhatId": "006A",
        "MSE_Template__c": "T", "MSE_Viewed__c": "true",
    }  # fmt: skip
    assert (reply[0]["Subject"], reply[0]["Type"]) == ("Reply: Offer", "Reply")
    assert (call[0]["Subject"], call[0]["Type"], "WhatId" in call[0]) == ("Call busy", "Call", False)
    assert (reply[1], call[1]) == (None, "NO_CONNECTION")
    with pytest.raises(ValueError, match="no such field: weather"):
        world.take_in(to_tasks(subject="{{weather}}"))


def test_tasks_and_events_are_logged_once_and_again_when_what_they_say_differs(world: World) -> None:
    """SF-ACT-1, 3 and 11: on the primary person of each, also if it is linked only later."""
    take_in = partial(world.take_in, crm_activities.sources, "task", "event")
    ann = world.linked(1)
    world.put("salesforce.user", USER, Name="Sal")
    world.task(
        "00T1", ann, Subject="Call Ann", Status="Open", Priority="High", OwnerId=USER, ActivityDate=date(2026, 3, 5)
    )
    world.task("00T2", "003000000000009AAA", Subject="Call Bob")
    world.put("salesforce.event", "00U1", WhoId=ann, Subject="Lunch", CreatedDate=BEGIN, LastModifiedDate=BEGIN)
    assert take_in() == 2
    assert world.taken("key, event, person, happened_at, attributes") == [
        ("00T1", "Logged", "1", BEGIN, {
            "isTask": "true", "subject": "Call Ann", "dueDate": "2026-03-05", "priority": "High", "status": "Open",
            "activityOwner": "Sal", "crmId": "00T1",
        }),
        ("00U1", "Logged", "1", BEGIN, {"isTask": "false", "subject": "Lunch", "crmId": "00U1"}),
    ]  # fmt: skip
    world.task("00T1", ann)  # touched
    assert take_in() == 0
    at = world.now
    world.task("00T1", ann, Status="Completed")
    assert take_in() == 1
    assert world.taken("event, happened_at, attributes['status']")[-1] == ("Updated", at, "Completed")
    world.linked(9)
    assert take_in() == 1
    assert world.taken("key, event, person")[-1] == ("00T2", "Logged", "9")


def test_our_own_tasks_come_back_once_with_their_origin_and_those_that_marketo_told_do_not(world: World) -> None:
    """SF-ACT-12, GEN-15."""
    ann = world.linked(1)
    for key in ("00T1", "00T2", "00T3", "00T4"):
        world.task(key, ann)
    with world.lake.transaction() as con:
        for key, source in (("00T1", "sales_task"), ("00T2", "push"), ("00T3", "")):
            con.execute(
                f"insert into {ledger.table('write_result')} by name "
                f"select '{key}' as write_id, 'accepted' as verdict, '{key}' as record_id, true as created"
            )
            if source:
                sent = ledger.table("activity_send")
                con.execute(f"insert into {sent} by name select '{key}' as write_id, '{key}' as activity_id")
                con.execute(
                    f"insert into {ACTIVITIES} by name select '{key}' as activity_id, '{source}' as source, "
                    "'crm' as side, 'x' as key"
                )
    world.take_in(crm_activities.sources, "task", "event")
    found = world.lake.rows(f"select key, attributes['origin'] from {ACTIVITIES} where side = 'marketo' order by key")
    assert found == [("00T1", "sales_task"), ("00T3", "sync-pipeline"), ("00T4", None)]


def test_a_refused_write_is_told_in_the_log_of_its_person(world: World) -> None:
    """OPS-8."""
    contact = world.linked(1)
    with world.lake.transaction() as con:
        for write_id, pairing, verdict in (
            ("w1", "contact", "rejected"),
            ("w2", "contact", "accepted"),
            ("w3", "company", "rejected"),
        ):
            con.execute(
                f"insert into {ledger.table('outbox')} by name select ? as write_id, ? as pairing, 'crm' as side, "
                "'update' as operation, ? as crm_id", [write_id, pairing, contact],
            )  # fmt: skip
            con.execute(
                f"insert into {ledger.table('write_result')} by name select ? as write_id, ? as verdict, "
                "?::timestamptz as answered_at, 'NO' as code, 'no sixes' as message", [write_id, verdict, BEGIN],
            )  # fmt: skip
    told = lambda mirrors, _: failures.sources(mirrors)  # noqa: E731
    assert (world.take_in(told), world.take_in(told)) == (1, 0)
    assert world.taken("person, event, attributes") == [
        ("1", "Sync Error", {
            "object": "contact", "crmId": contact, "side": "crm", "operation": "update", "code": "NO",
            "message": "no sixes",
        }),
    ]  # fmt: skip


def test_a_lead_that_was_converted_is_told_once_with_what_came_of_it(world: World) -> None:
    """CONV-5: in the log of the person that it was; one that nobody was linked to is nobody's."""
    lead = world.linked(1, "lead")
    came = {"ConvertedContactId": "003c", "ConvertedAccountId": "001a", "ConvertedOpportunityId": "006o"}
    for one in (lead, "00Qstranger"):
        world.lead(one, IsConverted=True, Status="Closed - Converted", SystemModstamp=BEGIN, **came)
    assert world.take_in(lambda mirrors, _: conversions.sources(mirrors)) == 0
    world.unlink(lead)
    with world.lake.transaction() as con:
        con.execute(f"update {ledger.table('link')} set ended_because = 'converted' where crm_id = ?", [lead])
    taken = [world.take_in(lambda mirrors, _: conversions.sources(mirrors)) for _ in range(2)]
    assert taken == [1, 0]
    [(person, event, happened_at, attributes)] = world.taken("person, event, happened_at, attributes")
    assert (person, happened_at) == ("1", BEGIN)
    (type_,) = [one for one in ACTIVITY_TYPES if event in one.events]
    assert attributes == {
        "object": "lead", "crmId": lead, "status": "Closed - Converted", "contactId": "003c", "accountId": "001a",
        "opportunityId": "006o",
    }  # fmt: skip
    assert attributes.keys() <= {one.api_name for one in type_.attributes}


def test_chosen_activities_of_marketo_become_tasks_once_a_day_from_three_months_back(world: World) -> None:
    """SF-ACT-5 to 7, 9: nothing from before the person was in the CRM, and one kind at a time."""
    now = BEGIN + timedelta(days=200)
    ann = world.linked(1)
    world.contact(ann, CreatedDate=now - timedelta(days=60))

    def did(key: str, days: int, type_id: int) -> None:
        world.put("marketo.activity", key, leadId=1, activityDate=now - timedelta(days=days), activityTypeId=type_id,
                  primaryAttributeValue="Form", attributes="{}")  # fmt: skip

    def run(at: datetime, *names: str) -> int:
        with world.lake.transaction() as con:
            due = push.due(con, pushed(names), at)
            sources = push.sources(look(con, "salesforce"), due, TASK_FIELDS, at)
            count = sum(follow(con, one, "run", at) for one in sources)
            if due:
                push.move_marks(con, tuple(due), at)
        return count

    for key, days, type_id in (("form", 50, 2), ("before", 61, 2), ("list", 1, 24), ("old", 95, 2)):
        did(key, days, type_id)
    assert run(now) == 0
    assert run(now, "filled_out_form") == 1
    assert world.taken("key, side, person, attributes['Subject']") == [("form", "crm", ann, "Filled Out Form: Form")]
    did("again", 0, 2)
    assert run(now, "filled_out_form") == 0
    assert run(now, "filled_out_form", "added_to_list") == 1
    assert run(now + timedelta(days=1), "filled_out_form", "added_to_list") == 1
    assert world.taken("key")[-1] == ("again",)
    with pytest.raises(ValueError, match="no kind is called dreamt"):
        pushed(["dreamt"])


OPPORTUNITIES, CAMPAIGNS = memberships.MEMBERSHIPS


def test_a_part_in_an_opportunity_is_told_when_it_comes_goes_or_the_opportunity_changes(world: World) -> None:
    """SF-OPP-6 and 9, SF-OPP-11: a renamed role is neither removed nor added."""
    told_by = partial(memberships.sources, of=OPPORTUNITIES, now=BEGIN)
    take_in = partial(world.take_in, told_by, "opportunity", "opportunity_contact_role")
    ann, bea = world.linked(1), world.linked(2)
    world.opportunity("006A", Name="Deal", StageName="Open")
    world.role(ann, "006A", Role="Buyer")
    assert (take_in(), take_in()) == (1, 0)
    world.role(ann, "006A", Role="Judge")
    assert take_in() == 0
    world.opportunity("006A", Name="Deal", StageName="Won", Amount=5)
    assert take_in() == 1
    world.put("salesforce.opportunity_contact_role", f"{ann}/006A", ContactId=bea)  # it moves: ann has none any more
    assert take_in() == 2
    world.put("salesforce.opportunity", "006A", _deleted_at=world.now)
    assert take_in() == 1
    told = world.taken("person, event, attributes['stage'], attributes['opportunityId']")
    assert told == [
        ("1", "Added to Opportunity", "Open", "006A"),
        ("1", "Opportunity is Updated", "Won", "006A"),
        ("1", "Removed from Opportunity", "Won", "006A"),
        ("2", "Added to Opportunity", "Won", "006A"),
        ("2", "Removed from Opportunity", "Won", "006A"),
    ]


def test_a_membership_of_a_campaign_is_told_and_goes_on_after_a_conversion(world: World) -> None:
    """SF-CAMP-2 and 22."""
    take_in = partial(
        world.take_in, partial(memberships.sources, of=CAMPAIGNS, now=BEGIN), "campaign", "campaign_member"
    )
    lead = world.linked(1, "lead")
    world.put("salesforce.campaign", "701A", Name="Fair")
    member = partial(world.put, "salesforce.campaign_member", "00v1")
    member(LeadId=lead, CampaignId="701A", Status="Sent", HasResponded=False)
    assert (take_in(), take_in()) == (1, 0)
    world.unlink(lead)
    contact = world.linked(1)
    member(ContactId=contact)
    assert take_in() == 0
    member(Status="Responded", HasResponded=True)
    assert take_in() == 1
    member(_deleted_at=world.now)
    assert take_in() == 1
    assert world.taken("person, event, attributes['status'], attributes['name']") == [
        ("1", "Added to Campaign", "Sent", "Fair"),
        ("1", "Status is Changed in Campaign", "Responded", "Fair"),
        ("1", "Removed from Campaign", "Responded", "Fair"),
    ]
