"""What waits, how fast it goes and when it will be done; and asking for another try of what was rejected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.sync.delivery.retries import dismiss, retry
from sync_pipeline.sync.inspection.backlog import ADVICE, advice, measure, outlook
from sync_pipeline_tests.sync.world import World

DAY = 24 * 60


def told(world: World) -> dict[str, dict[str, Any]]:
    with world.lake.reading() as con:
        return {one["to"]: one for one in outlook(con, [world.pairing], world.now())}


def test_what_is_read_and_not_decided_waits_and_clears_at_the_rate_of_the_last_day(world: World) -> None:
    """OPS-9, OPS-10, OPS-12."""
    world.minute += DAY
    people = [world.linked()[1] for _ in range(6)]
    for person in people:
        world.marketo.edit(person, phone="1")
    for _ in range(2):  # the second one reads our own writes
        world.cycle()
    world.minute += 180
    for person in people[:3]:
        world.marketo.edit(person, phone="2")
    world.read()
    now = told(world)
    assert (now["crm"]["waiting"], now["marketo"]["waiting"]) == (3, 0)
    assert (now["crm"]["per_hour"], now["crm"]["least"], now["crm"]["most"]) == (0.2, 6, 6)
    assert now["crm"]["hours_to_clear"] == 12.0
    world.minute += DAY
    assert (told(world)["crm"]["per_hour"], told(world)["crm"]["hours_to_clear"]) == (0, None)


def test_a_backlog_above_that_of_six_hours_ago_grows_and_is_measured_once_an_hour(world: World) -> None:
    """OPS-11, OPS-13, OPS-14: while it grows there is advice."""
    person = world.linked()[1]

    def measured() -> int:
        measure(world.lake, [world.pairing], world.now())
        return len(world.rows("backlog", "measured_at"))

    with world.lake.transaction() as con:  # the lake is shared with other tests, whose clock is another
        con.execute(f"delete from {ledger.table('backlog')}")
    assert (measured(), told(world)["crm"]["trend"]) == (2, "Normal")
    world.marketo.edit(person, phone="1")
    world.read()
    assert measured() == 2
    world.minute += 6 * 60
    assert (told(world)["crm"]["waiting"], told(world)["crm"]["trend"]) == (1, "Growing")
    assert advice(list(told(world).values())) == ADVICE
    assert measured() == 4
    world.cycle()
    assert told(world)["crm"]["trend"] == "Normal"
    assert advice(list(told(world).values())) == ()


def test_a_rejected_write_is_tried_again_on_request_or_dismissed(world: World) -> None:
    """OPS-17, OPS-20: nothing but the request moved."""
    crm_id, person = world.linked(Phone="1")
    world.crm.refuse = lambda _: Answer(Verdict.REJECTED, code="NO", message="no")
    world.marketo.edit(person, phone="2")
    world.cycle()
    world.crm.refuse = lambda _: None
    world.cycle()
    assert world.crm.records[crm_id]["Phone"] == "1"
    with world.lake.transaction() as con:
        assert retry(con, [world.pairing], [crm_id], world.now()) == 1
        assert retry(con, [world.pairing], [crm_id, person], world.now()) == 0
    world.cycle()
    assert world.crm.records[crm_id]["Phone"] == "2"
    still = f"select count(*) from {ledger.table('error')} where object = ? and resolved_at is null"
    assert world.lake.rows(still, [world.pairing.crm.name]) == [(0,)]  # it went through


def test_a_record_that_marketo_refused_is_made_on_request(world: World) -> None:
    """OPS-17: it is linked to nobody yet."""
    world.marketo.refuse = lambda _: Answer(Verdict.REJECTED, code="1006", message="no")
    crm_id = world.crm.edit(LastName="Ada", HasOptedOutOfEmail=False)
    world.cycle()
    world.marketo.refuse = lambda _: None
    world.cycle()
    assert world.marketo.records == {}
    with world.lake.transaction() as con:
        assert retry(con, [world.pairing], [crm_id, "another"], world.now()) == 1
    world.cycle()
    assert [one["lastName"] for one in world.marketo.records.values()] == ["Ada"]
    still = f"select count(*) from {ledger.table('error')} where object = ? and resolved_at is null"
    assert world.lake.rows(still, [world.pairing.marketo.name]) == [(0,)]


def test_an_error_is_kept_until_it_is_dismissed_and_then_as_long_as_all_that_is_on_record(world: World) -> None:
    """OPS-17."""
    crm_id, person = world.linked(Phone="1")
    world.crm.refuse = lambda _: Answer(Verdict.REJECTED, code="NO", message="no")
    world.marketo.edit(person, phone="2")
    world.cycle()

    def kept(after: timedelta) -> int:
        with world.lake.transaction() as con:
            ledger.forget(con, world.now() + after)
        query = f"select count(*) from {ledger.table('error')} where object = ?"
        return int(world.lake.rows(query, [world.pairing.crm.name])[0][0])

    assert kept(timedelta(days=1000)) == 1
    with world.lake.transaction() as con:
        assert (
            dismiss(con, {world.pairing.crm.name: {crm_id}}, world.now()) >= 1
        )  # worlds that share the lake share the ids of records
    assert (kept(timedelta(minutes=-1)), kept(timedelta(minutes=1))) == (1, 0)
