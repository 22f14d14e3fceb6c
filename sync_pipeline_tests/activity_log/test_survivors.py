"""What is written after a merge or a conversion of the same pass goes to what is left, in both systems (SIA-ACT-9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from sync_pipeline.activity_log import send
from sync_pipeline.activity_log.follow import Source, candidate, follow
from sync_pipeline.activity_log.send import Entry, Sent
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import literal
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import Object
from sync_pipeline.sales_insight.merges import survivors
from sync_pipeline_tests.activity_log.test_sources import World
from sync_pipeline_tests.sales_insight.org import BEGIN, Mirrored

SIDES = {"marketo": "marketo", "salesforce": "crm"}
REFUSALS = {"marketo": ("1004",), "salesforce": ("ENTITY_IS_DELETED", "CANNOT_UPDATE_CONVERTED_LEAD")}


@dataclass
class Log:
    """A log that refuses what is for a record that is no more, and keeps whom it took the others for."""

    obj: Object
    code: str
    gone: set[str]
    logged: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return BEGIN + timedelta(days=1)

    def add(self, entries: Sequence[Entry]) -> list[Answer]:
        return [self._add(entry) for entry in entries]

    def _add(self, entry: Entry) -> Answer:
        if entry.person in self.gone:
            return Answer(Verdict.REJECTED, code=self.code, message="no more")
        self.logged.append(entry.person)
        return Answer(Verdict.ACCEPTED, "1")

    def arrived(self, entries: Sequence[Entry], others: Collection[str]) -> Mapping[str, str]:
        return {}


@pytest.fixture
def world(quick_lake: Lake) -> World:
    return World(quick_lake)


def ids(world: Mirrored, system: str) -> list[str]:
    """Make three records of a system, people linked to leads and contacts, and return their ids."""
    crm = [world.linked(1, "lead"), world.linked(2, "lead"), world.linked(3)]
    return ["1", "2", "3"] if system == "marketo" else crm


def told_by_mirror(world: Mirrored, system: str, loser: str, winner: str) -> None:
    gone = {DELETED_AT: world.now}
    if system == "marketo":
        world.person(int(loser), mergedInto=int(winner), **gone)
    elif winner.startswith("003"):
        world.lead(loser, IsConverted=True, ConvertedContactId=winner)
    else:
        world.lead(loser, MasterRecordId=winner, **gone)


def done_by_us(world: Mirrored, system: str, loser: str, winner: str) -> None:
    world.united(SIDES[system], loser, winner)


WAYS = {"the mirror": told_by_mirror, "our own write": done_by_us}


@pytest.mark.parametrize("code", REFUSALS["marketo"] + REFUSALS["salesforce"])
@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("refused", [False, True], ids=["known before", "refused before"])
def test_what_is_logged_goes_to_the_one_that_is_left(
    world: World, code: str, first: str, second: str, refused: bool
) -> None:
    """CONV-5: a chain of two, each told by the mirror or done a moment before; nothing is logged twice or left out."""
    system = "marketo" if code in REFUSALS["marketo"] else "salesforce"
    lead, other, last = ids(world, system)
    log = Log(Object(system, "activity", "activity", ""), code, {lead, other})
    chosen = candidate(key="'k'", person=literal(lead), happened_at=literal(BEGIN), event="'Lead is Converted'",
                       attributes="map {}::map(varchar, varchar)")  # fmt: skip
    with world.lake.transaction() as con:
        follow(con, Source("s", SIDES[system], "type", f"select {chosen}"), "fill", BEGIN)

    def run(run_id: str) -> Sent:
        return send.send(world.lake, SIDES[system], log, run_id, ["type"])

    if refused:
        assert run("first") == Sent(rejected=1)
        assert run("again") == Sent()  # no record has gone on for it yet
    WAYS[first](world, system, lead, other)
    WAYS[second](world, system, other, last)
    assert run("then") == Sent(accepted=1)
    assert (log.logged, run("later")) == ([last], Sent())
    assert world.lake.rows("select * from lake.sync.error where resolved_at is null") == []


@pytest.mark.parametrize("system", SIDES)
@pytest.mark.parametrize("verdict", ["rejected", "retry"])
def test_a_merge_that_was_not_done_leads_nowhere(world: World, system: str, verdict: str) -> None:
    lead, other, _ = ids(world, system)
    world.united(SIDES[system], lead, other, verdict)
    with world.lake.reading() as con:
        assert survivors(con, system, {lead, other}) == {}
