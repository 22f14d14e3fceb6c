"""Unsubscribes between the sales tool and Salesforce, and the check before a send (SPEC 27)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import Window
from sync_pipeline.sales_insight.inputs import UNSUBSCRIBE
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sales_insight.may_send import may_send
from sync_pipeline.sales_insight.unsubscribes import OBJECTS, Done, clear, exchange, push, waiting
from sync_pipeline_tests.connectors.memory_writer import MemoryWriter
from sync_pipeline_tests.sales_insight.org import Mirrored

SALES_FIELD = "mktosales_opt_out__c"
RULE = Answer(Verdict.REJECTED, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="No")


class Tool:
    """A sales tool whose people are mirrored, and the org to which its unsubscribes go."""

    def __init__(self, lake: Lake) -> None:
        self.mirrored, self.org, self.lake = Mirrored(lake), MemoryWriter(), lake
        self.told = 0

    def person(self, number: int, pairing: str = "contact", **values: Any) -> str:
        """Make a person of the feed; return the id of its lead or contact."""
        crm_id = self.mirrored.linked(number, pairing, **values)
        self.org.records.setdefault(pairing.title(), {})[crm_id] = {}
        return crm_id

    def unsubscribe(self, **who: object) -> str:
        self.told += 1
        key = f"u{self.told}"
        given = {"unsubscribe_id": key, "happened_at": self.mirrored.now, **who}
        assert take(self.lake, UNSUBSCRIBE, [given], self.mirrored.now).new == 1
        return key

    def run(self, whole: bool = False, *fields: str, writes: bool = True) -> Done:
        self.mirrored.minute += 1
        work = exchange if whole else push
        to = self.org if writes else None
        return work(self.lake, to, "run", self.mirrored.now, ("HasOptedOutOfEmail", *fields))

    def opted_out(self) -> set[str]:
        return {i for some in self.org.records.values() for i, v in some.items() if v.get("HasOptedOutOfEmail")}

    def untick(self, crm_id: str) -> None:
        """A user of the org takes an opt-out back."""
        self.org.records["Contact"][crm_id]["HasOptedOutOfEmail"] = False

    def read(self) -> None:
        """Mirror what the org holds."""
        for source, records in self.org.records.items():
            for crm_id, values in records.items():
                self.mirrored.put(f"salesforce.{source.lower()}", crm_id, **values)  # type: ignore[arg-type]
        self.mirrored.minute += 1
        with self.lake.transaction() as con:
            read = [(obj, Window(None, self.mirrored.now)) for obj in OBJECTS.values()]
            ledger.move_watermarks(con, read, self.mirrored.now)


@pytest.fixture
def tool(lake: Lake) -> Tool:
    return Tool(lake)


def test_an_unsubscribe_goes_at_once_to_the_record_that_is_meant(tool: Tool) -> None:
    """SIA-UNS-1; by link, by id in either form, and by address to all who share it."""
    linked, lead = tool.person(1), tool.person(2, "lead")
    twins = {tool.person(3, email="Twin@x.example"), tool.person(4, "lead", email=" twin@X.example")}
    other = tool.person(5, email="other@x.example")
    for who in ({"marketo_id": 1}, {"salesforce_id": lead[:15]}, {"email": "TWIN@x.example"}):
        tool.unsubscribe(**who)
    assert waiting(tool.lake) == 4
    done = tool.run()
    assert (done.due, done.accepted, done.said) == (4, 4, "")
    assert tool.opted_out() == {linked, lead, *twins}
    assert other not in tool.opted_out()
    assert (waiting(tool.lake), tool.run().due) == (0, 0)
    written = tool.lake.rows(
        "select o.pairing, o.crm_id, o.fields, w.verdict from lake.sync.outbox o join lake.sync.write_result w "
        "using (write_id) order by o.crm_id"
    )
    assert written[0] == ("contact", linked, {"HasOptedOutOfEmail": "true"}, "accepted")
    assert len(written) == 4


def test_a_record_that_is_merged_or_converted_hands_its_unsubscribe_on(tool: Tool) -> None:
    lead, contact, loser = tool.person(1, "lead"), tool.person(2), tool.person(3)
    tool.mirrored.unlink(lead)
    tool.mirrored.unlink(loser)
    tool.mirrored.lead(lead, IsConverted=True, ConvertedContactId=loser)
    tool.mirrored.contact(loser, MasterRecordId=contact, **{DELETED_AT: tool.mirrored.now})
    tool.unsubscribe(salesforce_id=lead)
    assert (tool.run().accepted, tool.opted_out()) == (1, {contact})


def test_a_record_that_was_merged_a_moment_before_hands_its_unsubscribe_on(tool: Tool) -> None:
    """The mirror tells it a cycle later, and the org refuses what is for the record that is no more."""
    lead, contact = tool.person(1, "lead"), tool.person(2)
    tool.mirrored.united("crm", lead, contact)
    tool.unsubscribe(salesforce_id=lead)
    assert (tool.run().accepted, tool.opted_out()) == (1, {contact})


def test_nobody_s_unsubscribe_is_told_and_nothing_is_sent_for_it(tool: Tool) -> None:
    """SIA-UNS-1: it needs an id of Salesforce."""
    tool.unsubscribe(email="nobody@x.example")
    tool.unsubscribe(marketo_id=99)
    tool.unsubscribe(salesforce_id="005000000000001AAA")
    done = tool.run(whole=True)
    assert (done.due, done.nowhere, tool.org.calls) == (0, 3, [])


def test_what_the_org_refuses_is_told_and_tried_again_at_night_and_what_is_locked_at_once(tool: Tool) -> None:
    """SIA-UNS-1, SIA-DIAG-1 and 2, law 10."""
    crm_id = tool.person(1)
    tool.org.rules["Contact"] = [lambda _: RULE]
    tool.unsubscribe(marketo_id=1)
    done = tool.run()
    assert (done.status, done.said) == ("Incomplete", "1 rejected")
    assert tool.run().due == 0
    open_errors = "select record_id, operation, code from lake.sync.error where resolved_at is null"
    assert tool.lake.rows(open_errors) == [(crm_id, "Unsubscribe", RULE.code)]
    tool.org.rules.clear()
    tool.org.locks = 4
    assert tool.run(whole=True).retry == 1
    assert (tool.run().accepted, tool.opted_out()) == (1, {crm_id})
    assert tool.lake.rows(open_errors) == []


def test_an_org_that_is_out_of_reach_is_told_and_the_unsubscribe_is_sent_later(tool: Tool) -> None:
    """Law 6, law 10."""
    tool.person(1)
    tool.unsubscribe(marketo_id=1)
    tool.org.rules["Contact"] = [_broken]
    assert (tool.run().status, tool.run().error) == ("Failed", "crm: CONNECTION_FAILED: nobody there")
    tool.org.rules.clear()
    assert tool.run().accepted == 1


def _broken(_: Mapping[str, object]) -> None:
    raise RetryableError("CONNECTION_FAILED", "nobody there")


def test_only_asked_to_write_is_anything_written(tool: Tool) -> None:
    tool.person(1)
    tool.unsubscribe(marketo_id=1)
    assert (tool.run(writes=False).due, tool.org.calls) == (1, [])


def test_at_night_both_sides_come_to_the_same_and_nobody_is_subscribed_again(tool: Tool) -> None:
    """SIA-UNS-2, SIA-UNS-4: a re-subscription counts once it is made on both sides. Marketo is told nothing.

    SIA-FEED-17: it learns of an unsubscribe from Salesforce alone, by the two-way sync.
    """
    one, two, three = (tool.person(number) for number in (1, 2, 3))
    tool.mirrored.start()
    key = tool.unsubscribe(marketo_id=1)
    tool.run()
    tool.org.records["Contact"][two]["HasOptedOutOfEmail"] = True
    tool.read()
    done = tool.run(whole=True)
    assert (done.found, done.due) == (1, 0)
    assert tool.lake.rows("select marketo_id, salesforce_id, _from from lake.actions.unsubscribe order by 1") == [
        (1, None, None), (2, two, "salesforce"),
    ]  # fmt: skip
    assert vars(tool.run(whole=True)) == vars(Done())

    tool.untick(one)  # on one side only: it comes back
    tool.read()
    assert (tool.run(whole=True).accepted, tool.opted_out()) == (1, {one, two})
    assert clear(tool.lake, [f"salesforce/{two}"], tool.mirrored.now) == 1
    tool.read()
    assert tool.run(whole=True).found == 1

    tool.untick(one)
    assert clear(tool.lake, [key, "unknown"], tool.mirrored.now) == 1
    tool.read()
    assert vars(tool.run(whole=True)) == vars(Done())
    assert (three in tool.opted_out(), tool.opted_out()) == (False, {two})
    assert tool.lake.rows("select distinct side from lake.sync.outbox") == [("crm",)]


def test_a_field_of_one_s_own_is_ticked_besides(tool: Tool) -> None:
    """SIA-UNS-3."""
    crm_id = tool.person(1)
    tool.unsubscribe(marketo_id=1)
    tool.run(False, SALES_FIELD)
    assert tool.org.records["Contact"][crm_id] == {"HasOptedOutOfEmail": True, SALES_FIELD: True}


class Marketo:
    """Marketo's people by address, or no answer."""

    def __init__(self, people: dict[str, list[bool]] | None) -> None:
        self.people, self.asked = people, 0

    def persons(self, by: str, value: str, fields: Sequence[str]) -> list[dict[str, object]]:
        self.asked += 1
        if self.people is None:
            raise RetryableError("607", "Daily quota reached")
        return [{by: value, "unsubscribed": one} for one in self.people.get(value, [])]


CHECKED = [
    ("free@x.example", False, True, "not unsubscribed in Marketo"),
    (" Twice@x.example", False, False, "unsubscribed in Marketo"),
    ("new@x.example", False, True, "Marketo knows nobody"),
    ("told@x.example", False, False, "in the sales tool"),
    ("fed@x.example", False, False, "in the sales tool"),
    ("twice@x.example", True, True, "transactional"),
    ("free@mail.rival.example", True, False, "domain is blocked"),
    ("free@notrival.example", True, True, "transactional"),
    ("nobody", True, False, "not one plain e-mail address"),
]


def test_before_a_send_marketo_is_asked(tool: Tool) -> None:
    """SIA-UNS-6, SIA-UNS-7, UNSUB-2: one of several people with the address is enough."""
    tool.person(1, email="fed@x.example")
    tool.mirrored.start()
    tool.unsubscribe(email="Told@x.example")
    tool.unsubscribe(marketo_id=1)
    marketo = Marketo({"free@x.example": [False], "twice@x.example": [False, True]})
    for email, transactional, allowed, because in CHECKED:
        found = may_send(tool.lake, marketo, email, transactional=transactional, blocked_domains=["@Rival.example"])
        assert (found.allowed, because in found.because) == (allowed, True), (email, found.because)


def test_without_an_answer_nothing_is_sent_and_a_check_that_is_off_asks_nobody(lake: Lake) -> None:
    """SIA-UNS-6, SIA-UNS-8."""
    assert vars(may_send(lake, Marketo(None), "a@x.example")) == {
        "allowed": False, "because": "Marketo did not answer: 607",
    }  # fmt: skip
    assert may_send(lake, None, "a@x.example").allowed
