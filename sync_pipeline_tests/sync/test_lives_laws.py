"""The laws over random lives: edits, deletions, merges and what else a CRM knows, read late, written badly."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline_tests.sync.peopled import Peopled

# `LAWS_EXAMPLES=2000 LAWS_EVENTS=50 pytest ...test_lives_laws.py` is the long run.
EXAMPLES, EVENTS = (int(os.environ.get(f"LAWS_{what}", few)) for what, few in (("EXAMPLES", "3"), ("EVENTS", "12")))

Event = Callable[[Peopled], object]
PERSON = 2  # instead of the number of a CRM's object


def _source(world: Peopled, number: int) -> str:
    return "lead" if number == PERSON else world.sources[number % len(world.sources)]


def _edit(source: int, number: int, value: str) -> Event:
    def edit(world: Peopled) -> None:
        of = _source(world, source)
        if found := world.pick(of, number):
            world.system(of).edit(found, **{"phone" if of == "lead" else "Phone": value})

    return edit


def _delete(source: int, number: int) -> Event:
    def delete(world: Peopled) -> None:
        of = _source(world, source)
        if found := world.pick(of, number):
            world.system(of).delete(found)

    return delete


def _undelete(source: int, number: int) -> Event:
    def undelete(world: Peopled) -> None:
        system = world.system(_source(world, source))
        binned = sorted(i for i in system.dead if not system.records[i]["MasterRecordId"])
        if binned:
            system.undelete(binned[number % len(binned)])

    return undelete


def _merge(source: int, one: int, other: int) -> Event:
    def merge(world: Peopled) -> None:
        of = _source(world, source)
        loser, winner = world.pick(of, one), world.pick(of, other)
        if loser and winner and loser != winner:
            world.merge(of, loser, winner)

    return merge


def _scene(which: int, one: int, other: int) -> Event:
    return lambda world: world.scenes[which % len(world.scenes)](world, one, other)


def _read(source: int) -> Event:
    return lambda world: world.read(_source(world, source))


numbers = st.integers(0, 5)
crm, anywhere = st.integers(0, 1), st.integers(0, PERSON)
events = st.one_of(
    st.builds(_edit, anywhere, numbers, st.sampled_from(["1", "2", "3"])),
    st.builds(_delete, anywhere, numbers),
    st.builds(_undelete, crm, numbers),
    st.builds(_merge, anywhere, numbers, numbers),
    st.builds(_scene, st.integers(0, 6), numbers, numbers),
    st.builds(lambda source: lambda world: world.hire(_source(world, source)), crm),
    st.sampled_from([Peopled.cycle, Peopled.sync, Peopled.mend]),
    st.builds(_read, anywhere),
    st.builds(
        lambda *how: lambda world: world.spoil(*how),
        st.sampled_from(["crm", "marketo"]),
        st.sampled_from(["before", "after", "retry"]),
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
        world.minute += 1
        event(world)
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
