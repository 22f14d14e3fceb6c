"""The laws over random lives: edits, deletions, merges and conversions on either side, read late, written badly."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.writes import Answer, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.world import System

# `LAWS_EXAMPLES=2000 pytest ...test_lives_laws.py` is the long run.
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "1"))
folders = count()

Event = Callable[[Lives], None]


def _pick(system: System, number: int) -> str | None:
    """Return one of the living records that can still be worked on, if there is any."""
    ids = [i for i, one in sorted(system.living.items()) if not one.get("IsConverted")]
    return ids[number % len(ids)] if ids else None


def _edit(source: str, number: int, value: str) -> Event:
    def edit(lives: Lives) -> None:
        if found := _pick(_system(lives, source), number):
            _system(lives, source).edit(found, **{"phone" if source == "lead" else "Phone": value})

    return edit


def _delete(source: str, number: int) -> Event:
    def delete(lives: Lives) -> None:
        if found := _pick(_system(lives, source), number):
            _system(lives, source).delete(found)

    return delete


def _undelete(source: str, number: int) -> Event:
    def undelete(lives: Lives) -> None:
        system = _system(lives, source)
        binned = sorted(i for i in system.dead if not system.records[i]["MasterRecordId"])
        if binned:
            system.undelete(binned[number % len(binned)])

    return undelete


def _merge(source: str, one: int, other: int) -> Event:
    def merge(lives: Lives) -> None:
        system = _system(lives, source)
        loser, winner = _pick(system, one), _pick(system, other)
        if loser and winner and loser != winner:
            system.merge(loser, winner) if source == "lead" else system.delete(loser, winner)

    return merge


def _convert(number: int, into: int | None) -> Event:
    def convert(lives: Lives) -> None:
        lead = _pick(lives.leads, number)
        contact = _pick(lives.contacts, into) if into is not None else lives.contact()
        if lead and contact:
            lives.convert(lead, contact)

    return convert


def _spoil(side: str, how: str) -> Event:
    def gone() -> None:
        raise RetryableError("CONNECTION", "gone")

    def spoil(lives: Lives) -> None:
        for system in getattr(lives, side).systems.values():
            if how in ("before", "after"):
                setattr(system, how, gone)
            else:
                system.refuse = lambda _: Answer(Verdict.RETRY, code="NO", message="not now")

    return spoil


def _mend(lives: Lives) -> None:
    for system in (lives.contacts, lives.leads, lives.people):
        system.before = system.after = lambda: None
        system.refuse = lambda _: None


def _system(lives: Lives, source: str) -> System:
    return {"Contact": lives.contacts, "Lead": lives.leads, "lead": lives.people}[source]


numbers = st.integers(0, 4)
crm = st.sampled_from(["Contact", "Lead"])
anywhere = st.sampled_from(["Contact", "Lead", "lead"])
events = st.one_of(
    st.builds(_edit, anywhere, numbers, st.sampled_from(["1", "2", "3"])),
    st.builds(_delete, anywhere, numbers),
    st.builds(_undelete, crm, numbers),
    st.builds(_merge, anywhere, numbers, numbers),
    st.builds(_convert, numbers, st.one_of(st.none(), numbers)),
    st.sampled_from([Lives.contact, Lives.lead]),
    st.sampled_from([Lives.cycle, Lives.sync, _mend]),
    st.builds(lambda source: lambda lives: lives.read(source), anywhere),
    st.builds(_spoil, st.sampled_from(["crm", "marketo"]), st.sampled_from(["before", "after", "retry"])),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(course=st.lists(events, max_size=12))
def test_whatever_becomes_of_them_everybody_in_the_crm_is_one_person_in_the_end(
    shared_lake: Lake, tmp_path: Path, course: list[Event]
) -> None:
    """Laws 1 to 4, DEL-1, DEL-7, DEL-8, MERGE-1 to 3, MERGE-17, MERGE-18, CONV-2, CONV-3."""
    lives = Lives(shared_lake, tmp_path / str(next(folders)))
    lives.lead()
    lives.contact()
    lives.cycle()
    for event in course:
        lives.minute += 1
        event(lives)
    _mend(lives)
    lives.settled()
    for system in (lives.contacts, lives.leads):  # whoever was deleted in Marketo comes back with a change (DEL-4)
        for crm_id, one in system.living.items():
            if not one.get("IsConverted"):
                system.edit(crm_id, Phone="last")
    done = lives.settled()

    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    alive = {i: one for s in (lives.contacts, lives.leads) for i, one in s.living.items() if not one.get("IsConverted")}
    people = [one for one in lives.people.living.values() if not one.get("inCrmDeleted")]
    assert sorted(str(one.get("externalPersonId")) for one in people) == sorted(alive)
    for one in people:
        assert one["phone"] == alive[str(one["externalPersonId"])]["Phone"]
