"""Creates whose answers are lost, processes that die, requests that meet: nothing is created twice (GEN-16)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record
from sync_pipeline.lake import ledger
from sync_pipeline.model import Object
from sync_pipeline.on_demand.actions import Outcome, Status
from sync_pipeline.sync.delivery.on_demand import creating_since
from sync_pipeline_tests.on_demand.world import CAMPAIGN, FlowWorld


class Died(BaseException):
    """What ends a process without letting anything be put in order."""


def dies_after(world: FlowWorld, source: str, does: bool = True) -> None:
    """Let the process die over the next create of an object, after it was done, or before."""
    crm, write = world.crm, type(world.crm).write

    def dying(obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        if obj.source != source:
            return write(crm, obj, operation, records, key)
        del crm.write
        if does:
            write(crm, obj, operation, records, key)
        raise Died

    crm.write = dying  # type: ignore[method-assign]


def creates(world: FlowWorld, source: str) -> int:
    return len(world.written(source))


@pytest.mark.parametrize(
    ("action", "source", "given"),
    [
        ("sync-person", "Lead", {}),
        ("create-task", "Lead", {"subject": "x"}),
        ("create-task", "Task", {"subject": "x"}),
        ("add-to-campaign", "CampaignMember", {"campaign": CAMPAIGN}),
    ],
)
@pytest.mark.parametrize("does", [True, False], ids=["after", "before"])
def test_after_a_death_over_a_create_the_same_request_ends_as_if_nothing_had_happened(
    world: FlowWorld, action: str, source: str, given: dict[str, object], does: bool
) -> None:
    """GEN-16, FLOW-18: also when it died before anything was created."""
    person, before = world.person(firstName=f"{action}-{source}-{does}"), creates(world, source)
    dies_after(world, source, does)
    with pytest.raises(Died):
        world.ask(action, person, f"{action}-{source}-{does}", **given)
    world.pass_seconds(300)
    done = world.ask(action, person, f"{action}-{source}-{does}", **given)
    assert done.status is Status.DONE
    assert creates(world, source) == before + 1
    assert world.links(person) == [("lead", done.crm_id)]
    with world.lake.reading() as con:
        assert creating_since(con) is None


def test_a_cycle_finishes_what_a_dead_process_left_and_holds_new_leads_back_until_then(world: FlowWorld) -> None:
    """GEN-16."""
    person = world.person(firstName="Left")
    dies_after(world, "Lead")
    with pytest.raises(Died):
        world.ask("create-task", person, "left", subject="x")
    with world.lake.reading() as con:
        assert creating_since(con) is not None
    world.pass_seconds(300)
    (done,) = world.flow().settle()
    assert (done.status, world.links(person)) == (Status.DONE, [("lead", done.crm_id)])
    assert world.crm.records["Task"][str(done.record_id)]["WhoId"] == done.crm_id
    assert world.flow().settle() == []
    assert world.ask("create-task", person, "left", subject="x") == done


def test_a_lost_answer_is_found_again_at_once(world: FlowWorld) -> None:
    """GEN-16."""
    person, before = world.person(firstName="Lost"), creates(world, "Lead")
    world.crm.loses_answers = True
    done = world.ask("sync-person", person)
    world.crm.loses_answers = False
    assert (done.status, creates(world, "Lead")) == (Status.DONE, before + 1)
    assert world.links(person) == [("lead", done.crm_id)]


def test_while_a_create_may_still_be_running_nothing_is_sent_again(world: FlowWorld) -> None:
    """GEN-16: the server may be slow; after two minutes it is not at work on it any more."""
    person, before = world.person(firstName="Slow"), creates(world, "Lead")
    world.crm.before = [UnknownOutcomeError("CONNECTION_FAILED", "the answer was lost")]
    first = world.ask("sync-person", person, "slow")
    again = world.ask("sync-person", person, "slow")
    assert [(one.status, one.final) for one in (first, again)] == [(Status.FAILED, False)] * 2
    assert creates(world, "Lead") == before
    world.pass_seconds(120)
    assert world.ask("sync-person", person, "slow").status is Status.DONE
    assert creates(world, "Lead") == before + 1


def test_whom_a_cycle_is_creating_is_not_created_on_demand_meanwhile(world: FlowWorld) -> None:
    """SF-CAMP-6, GEN-16: a member of a linked program, whose lead the cycle sends just now or whose answer was lost."""
    person, before = world.person(firstName="Member"), creates(world, "Lead")
    write = (
        f"insert into {ledger.table('outbox')} by name select 'w' as write_id, 'r' as run_id, 'crm' as side, "
        f"'lead' as pairing, 'create' as operation, '{person}' as marketo_id, true as applied"
    )
    with world.lake.transaction() as con:
        con.execute(write)
    first = world.ask("sync-person", person, "member")
    assert (first.code, first.final, creates(world, "Lead")) == ("BUSY", False, before)
    with world.lake.transaction() as con:
        ledger.insert(con, "write_result", [("w", "r", world.at, "retry", None, False, "NOT_MADE", None)])
    assert world.ask("sync-person", person, "member").status is Status.DONE


def test_equal_people_are_told_apart_by_what_is_linked_already(world: FlowWorld) -> None:
    one, other = (world.person(firstName="Twin") for _ in range(2))
    dies_after(world, "Lead")
    with pytest.raises(Died):
        world.ask("sync-person", one, "twin")
    twin = world.ask("sync-person", other)
    world.pass_seconds(300)
    done = world.ask("sync-person", one, "twin")
    assert done.status is Status.DONE
    assert done.crm_id != twin.crm_id
    assert sum(lead.get("FirstName") == "Twin" for lead in world.written("Lead")) == 2


def test_requests_about_one_person_take_turns(world: FlowWorld) -> None:
    """DEDUP-6: of many at once one creates the lead."""
    person, before = world.person(firstName="Crowd"), creates(world, "Lead")
    done: list[Outcome] = []
    threads = [threading.Thread(target=lambda: done.append(world.ask("sync-person", person))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert creates(world, "Lead") == before + 1
    assert sorted(one.code for one in done) == ["", *["NOTHING_DIFFERS"] * 3]


def test_a_request_about_a_person_that_is_busy_is_put_off(world: FlowWorld) -> None:
    person = world.person()
    with world.lake.one_at_a_time(f"person-{int(person) % 64:02d}"):
        (flow, asked) = world.flow(), world.request("sync-person", person)
        busy = flow.run(asked, wait_seconds=0)
    assert (busy.code, busy.final) == ("BUSY", False)
    assert flow.run(asked).status is Status.DONE


def test_a_conversion_whose_answer_is_lost_is_seen_in_the_lead(world: FlowWorld) -> None:
    """CONV-6, GEN-16."""
    person, lead = world.lead()
    convert = type(world.crm).convert

    def lost(lead_id: str, converted_status: str, **wanted: object) -> None:
        del world.crm.convert
        convert(world.crm, lead_id, converted_status, **wanted)  # type: ignore[arg-type]
        raise UnknownOutcomeError("CONNECTION_FAILED", "the answer was lost")

    world.crm.convert = lost  # type: ignore[method-assign, assignment]
    done = world.ask("convert", person, status="Converted")
    assert (done.status, done.crm_id) == (Status.DONE, world.crm.records["Lead"][lead]["ConvertedContactId"])
