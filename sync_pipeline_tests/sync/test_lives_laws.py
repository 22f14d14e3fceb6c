"""The laws over random lives: edits, deletions, merges and what else a CRM knows, read late, written badly."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from sync_pipeline_tests.sync.life_events import DELETIONS, EVENTS, LASTING, courses
from sync_pipeline_tests.sync.peopled import Event, Peopled


@courses
@given(course=st.lists(st.one_of(*LASTING, *DELETIONS), max_size=EVENTS))
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
