"""What can happen to people at random, and how many such courses the laws try."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sync_pipeline_tests.sync.peopled import OUTAGES, PERSON, Event, Peopled

# `LAWS_EXAMPLES=2000 LAWS_EVENTS=50 pytest ..._laws.py` is the long run.
EXAMPLES, EVENTS = (int(os.environ.get(f"LAWS_{what}", few)) for what, few in (("EXAMPLES", "3"), ("EVENTS", "12")))
courses = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


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


def crowd(world: Peopled, source: int, number: int) -> None:
    """Hire many at once, unless there are many already."""
    if len(world.alive()) < CROWD:
        for _ in range(number):
            hire(world, source)


def delete_all(world: Peopled, source: int) -> None:
    of = world.source(source)
    for found in world.all_of(of):
        world.system(of).delete(found)


def undelete_all(world: Peopled, source: int) -> None:
    system = world.system(world.source(source))
    for found in sorted(i for i in system.dead if not system.records[i]["MasterRecordId"]):
        system.undelete(found)


def merge_halves(world: Peopled, source: int) -> None:
    """Merge one half of all people into the other."""
    found = world.all_of(world.source(source))
    for loser, winner in zip(found[::2], found[1::2], strict=False):
        world.merge(world.source(source), loser, winner)


CROWD = 1001  # seldom, as each later cycle of the course takes longer
numbers = st.integers(0, 5)
crm, anywhere = st.integers(0, 1), st.integers(0, PERSON)
# All by which nobody is lost: people stay, or are one with others.
LASTING = (
    st.builds(Event, st.just(edit), st.tuples(anywhere, numbers, st.sampled_from(["1", "2", "3"]))),
    st.builds(Event, st.just(merge), st.tuples(anywhere, numbers, numbers)),
    st.builds(Event, st.just(scene), st.tuples(st.integers(0, 6), numbers, numbers)),
    st.builds(Event, st.just(hire), st.tuples(crm)),
    st.sampled_from([Event(Peopled.cycle), Event(Peopled.sync), Event(Peopled.mend), Event(Peopled.settle)]),
    st.one_of(
        st.builds(Event, st.just(crowd), st.tuples(crm, st.sampled_from([11] * 30 + [CROWD]))),
        st.builds(Event, st.just(merge_halves), st.tuples(anywhere)),
    ),
    st.builds(Event, st.just(read), st.tuples(anywhere)),
    st.builds(
        Event,
        st.just(Peopled.spoil),
        st.tuples(st.sampled_from(["crm", "marketo"]), st.sampled_from([*OUTAGES, "retry"])),
    ),
)
DELETIONS = (
    st.builds(Event, st.just(delete), st.tuples(anywhere, numbers)),
    st.builds(Event, st.just(undelete), st.tuples(crm, numbers)),
    st.one_of(
        st.builds(Event, st.just(delete_all), st.tuples(anywhere)),
        st.builds(Event, st.just(undelete_all), st.tuples(crm)),
    ),
)
