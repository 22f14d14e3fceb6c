"""The laws over random lives: edits, deletions, merges and what else a CRM knows, read late, written badly."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline_tests.sync.peopled import OUTAGES, PERSON, Event, Peopled

# `LAWS_EXAMPLES=2000 LAWS_EVENTS=50 pytest ...test_lives_laws.py` is the long run.
EXAMPLES, EVENTS = (int(os.environ.get(f"LAWS_{what}", few)) for what, few in (("EXAMPLES", "3"), ("EVENTS", "12")))


def edit(world: Peopled, source: int, number: int, value: str) -> None:
    of = world.source(source)
    if found := world.pick(of, number):
        world.system(of).edit(found, **{"phone" if of == "lead" else "Phone": value})


def delete(world: Peopled, source: int, number: int) -> None:
    of = world.source(source)
    if found := world.pick(of, number):
        world.system(of).delete(found)


def undelete(world: Peopled, source: int, number: int) -> None:
    system = world.system(world.source(source))
    binned = sorted(i for i in system.dead if not system.records[i]["MasterRecordId"])
    if binned:
        system.undelete(binned[number % len(binned)])


def merge(world: Peopled, source: int, one: int, other: int) -> None:
    of = world.source(source)
    loser, winner = world.pick(of, one), world.pick(of, other)
    if loser and winner and loser != winner:
        world.merge(of, loser, winner)


def scene(world: Peopled, which: int, one: int, other: int) -> None:
    world.scenes[which % len(world.scenes)](world, one, other)


def hire(world: Peopled, source: int) -> None:
    world.hire(world.source(source))


def read(world: Peopled, source: int) -> None:
    world.read(world.source(source))


numbers = st.integers(0, 5)
crm, anywhere = st.integers(0, 1), st.integers(0, PERSON)
events = st.one_of(
    st.builds(Event, st.just(edit), st.tuples(anywhere, numbers, st.sampled_from(["1", "2", "3"]))),
    st.builds(Event, st.just(delete), st.tuples(anywhere, numbers)),
    st.builds(Event, st.just(undelete), st.tuples(crm, numbers)),
    st.builds(Event, st.just(merge), st.tuples(anywhere, numbers, numbers)),
    st.builds(Event, st.just(scene), st.tuples(st.integers(0, 6), numbers, numbers)),
    st.builds(Event, st.just(hire), st.tuples(crm)),
    st.sampled_from([Event(Peopled.cycle), Event(Peopled.sync), Event(Peopled.mend)]),
    st.builds(Event, st.just(read), st.tuples(anywhere)),
    st.builds(
        Event,
        st.just(Peopled.spoil),
        st.tuples(st.sampled_from(["crm", "marketo"]), st.sampled_from([*OUTAGES, "retry"])),
    ),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(course=st.lists(events, max_size=EVENTS))
def test_whatever_becomes_of_them_everybody_in_the_crm_is_one_person_in_the_end(
    new_world: Callable[[], Peopled], course: list[Event]
) -> None:
    """Laws 1 to 4 of a Salesforce org and of a Veeva one.

    DEL-1, DEL-7, DEL-8, MERGE-1 to 3, MERGE-17, MERGE-18, CONV-2, CONV-3; VV-PA-1 and 2, VV-PA-15 and 16, VV-CALL-2
    and 3, VV-CALL-6 and 7.
    """
    world = new_world()
    for source in world.sources:
        world.hire(source)
    world.cycle()
    for event in course:
        world.happen(event)
    world.mend()
    world.settled()
    for crm_id in world.alive():  # whoever was deleted in Marketo comes back with a change (DEL-4)
        next(world.crm[s] for s in world.sources if crm_id in world.crm[s].records).edit(crm_id, Phone="last")
    done = world.settled()

    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    alive, left = world.alive(), world.left()
    people = [one for one in world.people.living.values() if not one.get(world.flag) and one.get(world.key) not in left]
    assert sorted(str(one.get(world.key)) for one in people) == sorted(alive)
    for one in people:
        assert one["phone"] == alive[str(one[world.key])]["Phone"]
    assert world.awry() == []
