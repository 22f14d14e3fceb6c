"""The laws over random courses of events: edits on both sides, touches, new records, refusals, locks, lost answers."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline.connectors.records import Value
from sync_pipeline.model import Chosen, Rule
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.peopled import OUTAGES, PERSON, REFUSALS, Event, Peopled

# `LAWS_EXAMPLES=2000 LAWS_EVENTS=50 pytest ...test_laws.py` is the long run.
EXAMPLES, EVENTS = (int(os.environ.get(f"LAWS_{what}", few)) for what, few in (("EXAMPLES", "6"), ("EVENTS", "12")))
VALUES = {
    "lastName": st.sampled_from(["Ada", "Bea", "Čapek"]),
    "phone": st.sampled_from([None, "1", "2", " 3"]),
    "unsubscribed": st.booleans(),
    "leadSource": st.sampled_from([None, "Web", "Fair"]),
}


def edit_crm(world: Peopled, source: int, number: int, name: str, value: Value) -> None:
    of = world.source(source)
    if found := world.pick(of, number):
        world.crm[of].edit(found, **{world.two_way[name]: value})


def edit_marketo(world: Peopled, number: int, name: str, value: Value) -> None:
    if found := world.pick("lead", number):
        world.people.edit(found, **{name: value})


def own(world: Peopled, source: int, number: int, which: int) -> None:
    """Somebody gets another owner, in the CRM or, where nobody should, in Marketo."""
    of = world.source(source)
    if found := world.pick(of, number) if world.owners else None:
        names = world.one_way.keys() if of == "lead" else world.one_way.values()
        world.system(of).edit(found, **dict.fromkeys(names, world.owners[which]))


def hire(world: Peopled, source: int) -> None:
    world.hire(world.source(source))


def read_one_side(world: Peopled, side: str) -> None:
    world.read(*getattr(world, side).systems)


numbers = st.integers(0, 5)
crm, anywhere = st.integers(0, 1), st.integers(0, PERSON)
sides = st.sampled_from(["crm", "marketo"])
edits = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
events = st.one_of(
    st.builds(lambda s, n, e: Event(edit_crm, (s, n, *e)), crm, numbers, edits),
    st.builds(lambda n, e: Event(edit_marketo, (n, *e)), numbers, edits),
    st.builds(Event, st.just(own), st.tuples(anywhere, numbers, st.integers(0, 1))),
    st.builds(Event, st.just(hire), st.tuples(crm)),
    st.builds(Event, st.just(Peopled.hide), st.tuples(anywhere, numbers)),
    st.sampled_from(
        [Event(Peopled.cycle), Event(Peopled.sync), Event(Peopled.mend), Event(Peopled.ask_again), Event(Peopled.show)]
    ),
    st.builds(Event, st.just(read_one_side), st.tuples(sides)),
    st.builds(Event, st.just(Peopled.spoil), st.tuples(sides, st.sampled_from([*OUTAGES, *REFUSALS]))),
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
    world.rules = SyncPolicy(mapping=Choice(chosen))
    world.hire(world.sources[0])
    for event in course:
        world.happen(event)
    world.mend()
    world.show()
    world.ask_again()
    done = world.settled()

    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    by_key = {person[world.key]: person for person in world.people.records.values()}
    assert by_key.keys() == world.alive().keys()
    assert len(by_key) == len(world.people.records)
    for crm_id, record in world.alive().items():
        for marketo, crm in world.two_way.items():
            assert _said(record.get(crm)) == _said(by_key[crm_id].get(marketo))
    assert world.awry() == []
    world.move("moved")  # an edit in Marketo of what only flows there stays until the record changes
    world.settled()
    for crm_id, record in world.alive().items():
        for marketo, crm in world.one_way.items():
            assert record.get(crm) == by_key[crm_id].get(marketo)


def _said(value: Value) -> Value:
    """Return what a value says: blanks around it, and the difference between empty and false, say nothing."""
    return (value.strip() if isinstance(value, str) else value) or None
