"""A linked program and campaign in both sandboxes, over the real connectors: costs, removals, merges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.lake import Lake
from sync_pipeline.model import Pairing
from sync_pipeline_tests.sync.firm import NUMBER, link
from sync_pipeline_tests.sync.test_systems import Both


def _pairings(campaign: str) -> tuple[Pairing, ...]:
    people = (pairing for pairing in catalog.pairings() if pairing.name in ("contact", "lead"))
    return (*people, *catalog.campaign_pairings({str(NUMBER): campaign}, removes=True))


class Linked(Both):
    """Both systems with a program and its campaign."""

    def __init__(self, opened: ExitStack, lake: Lake, landing: Path) -> None:
        statuses = catalog.by_name("campaign_member_status", catalog.objects("salesforce"))
        super().__init__(opened, lake, landing, _pairings("701000000000000"), besides=[statuses])
        self.campaign = link(self.org, self.system.subscription)
        self.pairings = _pairings(self.campaign)

    def costs(self, *costs: int) -> None:
        """Give the program these period costs in place of those it has, and let the hour come in which it is read."""
        spelled = json.dumps([{"startDate": "2026-01-01", "cost": cost} for cost in costs])
        change = 'update program set costs = ?, "updatedAt" = ?'
        self.system.subscription.rows(change, [spelled, self.system.subscription.present()])
        self.clock.pass_seconds(3600)

    def settled(self) -> None:
        for _ in range(6):
            before = self.writes()
            assert {name: done.said for name, done in self.cycle().items() if done.said} == {}
            if self.writes() == before:
                return
        raise AssertionError("each cycle writes again")

    def type_and_cost(self) -> tuple[str, float]:
        found = self.org.record("Campaign", self.campaign) or {}
        return found["Type"], found["ActualCost"]

    def members(self) -> dict[int, str]:
        rows = self.system.subscription.rows('select "leadId", "statusName" from "programMember" order by 1')
        return {row["leadId"]: row["statusName"] for row in rows}

    def in_campaign(self, contact: str) -> list[tuple[str, str]]:
        """Return id and status of a contact's memberships."""
        sql = "select Id, Status from CampaignMember where not IsDeleted and ContactId = ?"
        with self.org.cursor() as cursor:
            return cursor.execute(sql, [contact]).fetchall()

    def mirrored(self) -> list[tuple[Any, ...]]:
        alive = 'select "leadId", "statusName" from lake.marketo.program_member where _deleted_at is null order by 1'
        return self.lake.rows(alive)


@pytest.fixture
def linked(real_lake: Lake, tmp_path: Path) -> Iterator[Linked]:
    with ExitStack() as opened:
        yield Linked(opened, real_lake, tmp_path / "landing")


@pytest.mark.bench
def test_channel_and_costs_flow_to_the_campaign_and_merges_and_removals_to_the_program(linked: Linked) -> None:
    """SF-CAMP-5, 17 and 19, MERGE-10: costs are read once the program is linked, and whenever it changes."""
    linked.costs(200)
    names = ("Ada", "Twin", "Bea", "Double", "Cleo")
    contacts = linked.org.insert("Contact", [{"LastName": name} for name in names])
    joined = [{"CampaignId": linked.campaign, "ContactId": one} for one in contacts]
    statuses = ("Invited", "Attended", "Registered", "Invited", "Invited")
    linked.org.insert("CampaignMember", [m | {"Status": s} for m, s in zip(joined, statuses, strict=True)])
    linked.settled()
    ada, twin, bea, double, cleo = (linked.person(one)["id"] for one in contacts)
    assert linked.members() == dict(zip((ada, twin, bea, double, cleo), statuses, strict=True))

    linked.org.merge("Contact", contacts[0], [contacts[1]])
    linked.system.marketo.calls.post(f"/rest/v1/leads/{bea}/merge.json", parameters={"leadIds": [double]})
    ((gone, _),) = linked.in_campaign(contacts[4])
    linked.org.delete("CampaignMember", [gone])
    linked.system.marketo = linked.system.connect(priced=frozenset({NUMBER}))
    linked.clock.pass_seconds(3600)
    linked.settled()
    assert linked.type_and_cost() == ("Webinar", 200)
    assert linked.members() == {ada: "Attended", bea: "Registered"}
    assert linked.mirrored() == [(ada, "Attended"), (bea, "Registered")]
    kept = [[status for _, status in linked.in_campaign(one)] for one in contacts]
    assert kept == [["Attended"], [], ["Registered"], [], []]

    linked.costs(70, 5)
    linked.cycle()
    assert linked.type_and_cost() == ("Webinar", 75)
