"""Flow actions by both real connectors on both sandboxes, between cycles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from sync_pipeline.connectors.records import Answer, Operation, Record
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.lake import Lake
from sync_pipeline.model import Object
from sync_pipeline.on_demand.actions import Outcome, Status, request
from sync_pipeline.on_demand.perform import Flow, Rules
from sync_pipeline.on_demand.sides import Sides
from sync_pipeline.sync.policy import Match, SyncPolicy
from sync_pipeline_tests.on_demand.test_lost_answers import Died
from sync_pipeline_tests.sync.test_systems import PAIRINGS, Both


class Mortal(SalesforceWriter):
    """A writer whose process dies when its next create has been done."""

    dies = False

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        answers = super().write(obj, operation, records, key)
        if self.dies and operation is Operation.CREATE:
            type(self).dies = False
            raise Died
        return answers


class Asked:
    """Both systems, and flow actions on them."""

    def __init__(self, both: Both) -> None:
        self.both = both
        self.writer = Mortal(both.salesforce, first_wait=0.01)
        sides = Sides(both.salesforce, self.writer, both.system.marketo)
        people = [pairing for pairing in PAIRINGS if pairing.name in ("lead", "contact")]
        self.flow = Flow(both.lake, sides, people, sleep=both.clock.pass_seconds)
        self._number = 0

    def ask(self, action: str, person: object, request_id: str = "", **given: object) -> Outcome:
        self._number += 1
        return self.flow.run(request(request_id or f"r{self._number}", action, str(person), given))

    def people(self) -> int:
        return len(self.both.system.subscription.rows("from lead"))


@pytest.fixture
def asked(lake: Lake, tmp_path: Path) -> Iterator[Asked]:
    with ExitStack() as opened:
        yield Asked(Both(opened, lake, tmp_path / "landing"))


def test_who_is_created_on_demand_is_known_to_the_cycles_that_follow(asked: Asked) -> None:
    """GEN-7, GEN-16, FLOW-1, FLOW-9 to 12, SF-LEAD-7, CONV-7, CONV-8: whatever dies, nobody is made twice."""
    both, org = asked.both, asked.both.org
    mail = "s@crm.example"
    (seller,) = org.insert("User", [{"LastName": "Seller", "Email": mail, "Username": mail, "IsActive": True}])
    (queue,) = org.insert("Group", [{"Name": "Inbound", "Type": "Queue"}])
    (campaign,) = org.insert("Campaign", [{"Name": "Fair", "IsActive": True}])
    both.cycle()
    ada, bea = both.system.create("ada@x.example", "bea@x.example", lastName="Ada", company="Acme")

    before = both.system.calls_made()
    new = asked.ask("sync-person", "ada@x.example", owner=queue)
    used = both.lake.rows("select system, calls from lake.sync.job where run_id = 'r1' order by system")
    # Looked for by e-mail, read, its key written; in the org the lead alone (LIM-4, FLOW-17).
    assert used == [("marketo", both.system.calls_made() - before), ("salesforce", 1)]
    assert (new.status, (org.record("Lead", str(new.crm_id)) or {})["OwnerId"]) == (Status.DONE, queue)
    assert both.person(str(new.crm_id))["id"] == ada
    Mortal.dies = True
    with pytest.raises(Died):
        asked.ask("create-task", bea, "bea", subject="Call {{lead.Last Name}}", owner=seller)
    both.cycle()
    assert asked.people() == 2  # the lead of the request that died is held back
    (finished,) = asked.flow.settle()
    assert (finished.status, finished.code, finished.message) == (Status.DONE, "", "")
    task = org.record("Task", str(finished.record_id)) or {}
    assert (task["WhoId"], task["Subject"], task["OwnerId"]) == (finished.crm_id, "Call Ada", seller)
    both.cycle()
    settled = both.writes()
    both.cycle()
    assert (asked.people(), both.writes()) == (2, settled)
    links = both.lake.rows("select marketo_id, crm_id from lake.sync.link where pairing = 'lead' and ended_at is null")
    assert sorted(links) == sorted([(str(ada), new.crm_id), (str(bea), finished.crm_id)])

    member = asked.ask("add-to-campaign", ada, campaign=campaign)
    assert asked.ask("add-to-campaign", ada, campaign=campaign).code == "ALREADY_A_MEMBER"
    asked.ask("change-status", ada, campaign=campaign, status="Responded")
    assert (org.record("CampaignMember", str(member.record_id)) or {})["HasResponded"]
    assert asked.ask("remove-from-campaign", ada, campaign=campaign).status is Status.DONE
    assert (org.record("CampaignMember", str(member.record_id)) or {})["IsDeleted"]
    became = asked.ask("convert", ada, status="Closed - Converted", owner=mail)
    contact = org.record("Contact", str(became.crm_id)) or {}
    assert (became.status, contact["OwnerId"]) == (Status.DONE, seller)
    assert (org.record("Opportunity", str(became.record_id)) or {})["Name"] == "Acme-"
    refused = asked.ask("convert", bea, status="Nonsense")
    assert (refused.status, refused.code) == (Status.FAILED, "INVALID_STATUS")
    assert asked.ask("delete", bea).status is Status.DONE
    assert asked.people() == 1
    assert (org.record("Lead", str(finished.crm_id)) or {})["IsDeleted"]


@pytest.mark.parametrize("match", ["unique", "strict"])
def test_who_is_named_by_address_is_recognised_by_it_in_the_org(asked: Asked, match: Match) -> None:
    """DEDUP-8, FLOW-1: an address went where only ids may, so that every such request ended in a traceback."""
    both, mail = asked.both, "o'neil@x.example"
    both.cycle()
    [contact] = both.org.insert("Contact", [{"LastName": "O'Neil", "Email": mail}])
    (person,) = both.system.create(mail, lastName="O'Neil", company="Acme")
    sides = Sides(both.salesforce, asked.writer, both.system.marketo)
    people = [pairing for pairing in PAIRINGS if pairing.name in ("lead", "contact")]
    rules = Rules(sync=SyncPolicy(match=match))
    flow = Flow(both.lake, sides, people, rules, sleep=both.clock.pass_seconds)
    done = flow.run(request("r", "sync-person", mail.upper(), {}))
    assert (done.crm_id, done.marketo_id) == (contact, str(person)), done
