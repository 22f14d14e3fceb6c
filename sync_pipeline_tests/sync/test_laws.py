"""The laws over random courses of events: edits on both sides, touches, new records, refusals, locks, lost answers."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline.connectors.writes import Value
from sync_pipeline.model import Chosen, Rule
from sync_pipeline.sync.cycle import Rules
from sync_pipeline.sync.mapped import Choice
from sync_pipeline_tests.sync.peopled import Peopled

# `LAWS_EXAMPLES=2000 LAWS_EVENTS=50 pytest ...test_laws.py` is the long run.
EXAMPLES, EVENTS = (int(os.environ.get(f"LAWS_{what}", few)) for what, few in (("EXAMPLES", "6"), ("EVENTS", "12")))
VALUES = {
    "lastName": st.sampled_from(["Ada", "Bea", "Čapek"]),
    "phone": st.sampled_from([None, "1", "2", " 3"]),
    "unsubscribed": st.booleans(),
    "leadSource": st.sampled_from([None, "Web", "Fair"]),
}

Event = Callable[[Peopled], object]
numbers = st.integers(0, 5)
sources = st.integers(0, 1)  # of several objects that are people, one
sides = st.sampled_from(["crm", "marketo"])
edits = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))


def _source(world: Peopled, number: int) -> str:
    return world.sources[number % len(world.sources)]


def _edit_crm(source: int, number: int, name: str, value: Value) -> Event:
    def edit(world: Peopled) -> None:
        of = _source(world, source)
        if found := world.pick(of, number):
            world.crm[of].edit(found, **{world.two_way[name]: value})

    return edit


def _edit_marketo(number: int, name: str, value: Value) -> Event:
    def edit(world: Peopled) -> None:
        if found := world.pick("lead", number):
            world.people.edit(found, **{name: value})

    return edit


def _read_one_side(side: str) -> Event:
    return lambda world: world.read(*getattr(world, side).systems)


events = st.one_of(
    st.builds(lambda s, n, e: _edit_crm(s, n, *e), sources, numbers, edits),
    st.builds(lambda n, e: _edit_marketo(n, *e), numbers, edits),
    st.builds(lambda s: lambda world: world.hire(_source(world, s)), sources),
    st.sampled_from([Peopled.cycle, Peopled.sync, Peopled.mend]),
    st.builds(_read_one_side, sides),
    st.builds(lambda *how: lambda world: world.spoil(*how), sides, st.sampled_from(["before", "after", "retry"])),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rule=st.sampled_from([Rule.CRM_WINS, Rule.MARKETO_WINS, Rule.NEWEST]), course=st.lists(events, max_size=EVENTS))
def test_whatever_happens_both_sides_end_equal_and_nothing_is_made_twice(
    new_world: Callable[[], Peopled], rule: Rule, course: list[Event]
) -> None:
    """Laws 1 to 4 of a Salesforce org and of a Veeva one, GEN-13, GEN-15, GEN-16, VV-GEN-3, VV-GEN-6."""
    world = new_world()
    chosen = {
        pairing.name: tuple(
            Chosen(m.crm, m.marketo, rule)
            for m in pairing.mappings
            if m.marketo and m.is_two_way and world.two_way.get(m.marketo) == m.crm
        )
        for pairing in world.pairings
    }
    world.rules = Rules(mapping=Choice(chosen))
    world.hire(world.sources[0])
    for event in course:
        world.minute += 1
        event(world)
    world.mend()
    done = world.settled()

    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    by_key = {person[world.key]: person for person in world.people.records.values()}
    assert by_key.keys() == world.alive().keys()
    assert len(by_key) == len(world.people.records)
    for crm_id, record in world.alive().items():
        for marketo, crm in world.two_way.items():
            assert _said(record.get(crm)) == _said(by_key[crm_id].get(marketo))
    assert world.awry() == []


def _said(value: Value) -> Value:
    """Return what a value says: blanks around it, and the difference between empty and false, say nothing."""
    return (value.strip() if isinstance(value, str) else value) or None
