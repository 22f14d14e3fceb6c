"""The laws over random courses of events: edits on both sides, touches, new records, refusals, locks, lost answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.writes import Answer, Value, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.model import Rule
from sync_pipeline_tests.sync.world import World

# `LAWS_EXAMPLES=2000 pytest ...test_laws.py` is the long run.
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "3"))
TWO_WAY = {"LastName": "lastName", "Phone": "phone", "HasOptedOutOfEmail": "unsubscribed", "LeadSource": "leadSource"}
VALUES = {
    "LastName": st.sampled_from(["Ada", "Bea", "Čapek"]),
    "Phone": st.sampled_from([None, "1", "2", " 3"]),
    "HasOptedOutOfEmail": st.booleans(),
    "LeadSource": st.sampled_from([None, "Web", "Fair"]),
}
folders = count()

Event = Callable[[World], None]
edits = st.sampled_from(sorted(TWO_WAY)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))


def _edit_crm(number: int, name: str, value: object) -> Event:
    def edit(world: World) -> None:
        ids = sorted(world.crm.records)
        if ids:
            world.crm.edit(ids[number % len(ids)], **{name: value})  # type: ignore[arg-type]

    return edit


def _edit_marketo(number: int, name: str, value: object) -> Event:
    def edit(world: World) -> None:
        ids = sorted(world.marketo.records)
        if ids:
            world.marketo.edit(ids[number % len(ids)], **{TWO_WAY[name]: value})  # type: ignore[arg-type]

    return edit


def _new(world: World) -> None:
    world.crm.edit(None, LastName="New", HasOptedOutOfEmail=False)


def _spoil(side: str, how: str) -> Event:
    def gone() -> None:
        raise RetryableError("CONNECTION", "gone")

    def spoil(world: World) -> None:
        system = getattr(world, side)
        if how in ("before", "after"):
            setattr(system, how, gone)
        else:
            system.refuse = lambda _: Answer(Verdict(how), code="NO", message="not now")

    return spoil


def _mend(world: World) -> None:
    for system in (world.crm, world.marketo):
        system.before = system.after = lambda: None
        system.refuse = lambda _: None


def _read_one_side(side: str) -> Event:
    return lambda world: world.read(side)


def _sync(world: World) -> None:
    world.sync()


def _cycle(world: World) -> None:
    world.cycle()


numbers = st.integers(0, 5)
sides = st.sampled_from(["crm", "marketo"])
events = st.one_of(
    st.builds(lambda n, e: _edit_crm(n, *e), numbers, edits),
    st.builds(lambda n, e: _edit_marketo(n, *e), numbers, edits),
    st.just(_new),
    st.just(_cycle),
    st.just(_sync),
    st.just(_mend),
    st.builds(_read_one_side, sides),
    st.builds(_spoil, sides, st.sampled_from(["before", "after", "retry"])),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rule=st.sampled_from([Rule.CRM_WINS, Rule.MARKETO_WINS, Rule.NEWEST]), course=st.lists(events, max_size=12))
def test_whatever_happens_both_sides_end_equal_and_nothing_is_made_twice(
    shared_lake: Lake, tmp_path: Path, rule: Rule, course: list[Event]
) -> None:
    """Laws 1 to 4, GEN-13, GEN-15, GEN-16."""
    world = World(shared_lake, tmp_path / str(next(folders)), rule)
    _new(world)
    for event in course:
        world.tick()
        event(world)
    _mend(world)
    for _ in range(3):
        world.cycle()
    written = len(world.crm.writes), len(world.marketo.writes)

    assert world.cycle().error == ""
    assert (len(world.crm.writes), len(world.marketo.writes)) == written
    by_key = {person["externalPersonId"]: person for person in world.marketo.records.values()}
    assert by_key.keys() == world.crm.records.keys()
    assert len(by_key) == len(world.marketo.records)
    for crm_id, contact in world.crm.records.items():
        for crm, marketo in TWO_WAY.items():
            assert _said(contact.get(crm)) == _said(by_key[crm_id].get(marketo))


def _said(value: Value) -> Value:
    """Return what a value says: blanks around it, and the difference between empty and false, say nothing."""
    return (value.strip() if isinstance(value, str) else value) or None
