"""The law of unions: whom either system has merged or converted is one on both sides, whatever came between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import literal
from sync_pipeline.lake.table import full_name
from sync_pipeline_tests.sync.conftest import worlds
from sync_pipeline_tests.sync.life_events import EVENTS, LASTING, courses
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.peopled import Event


class United(Lives):
    """A Salesforce org and people, and who is one with whom, by the ids of the CRM."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        super().__init__(lake, folder)
        self.one_with: dict[str, set[str]] = {}

    def group(self, crm_id: str) -> set[str]:
        return self.one_with.setdefault(crm_id, {crm_id})

    def unite(self, ids: Iterable[Any]) -> None:
        together = set[str]().union(*(self.group(str(one)) for one in ids))
        self.one_with |= dict.fromkeys(together, together)

    def hire(self, source: str) -> str:
        (hired,) = self.group(super().hire(source))
        return hired

    def merge(self, source: str, loser: str, winner: str) -> None:
        super().merge(source, loser, winner)
        if source != "lead":
            self.unite((loser, winner))
        elif self.is_known(loser):
            self.unite(self.people.records[one][self.key] for one in (loser, winner))

    def convert(self, lead: str, contact: str) -> None:
        super().convert(lead, contact)
        self.unite((lead, contact))

    def is_known(self, person: str) -> bool:
        """Tell whether a person is linked or was read: Marketo no longer tells who it was once it is merged."""
        mirror = f"select {self.people.key}::varchar from {full_name(*self.of_contacts.marketo.table)}"
        known = f"select marketo_id from {ledger.table('link')} union all {mirror}"
        return bool(self.lake.rows(f"from ({known}) k(id) where id = {literal(person)}"))

    def refused(self) -> bool:
        return bool(self.lake.rows(f"from {ledger.table('write_result')} where verdict = '{Verdict.REJECTED}'"))

    def groups(self) -> set[frozenset[str]]:
        return set(map(frozenset, self.one_with.values()))


@pytest.fixture
def new_united(tmp_path: Path) -> Iterator[Callable[[], United]]:
    with worlds(United, tmp_path) as make:
        yield make


@courses
@given(course=st.lists(st.one_of(*LASTING), max_size=EVENTS))
def test_whom_either_system_united_is_one_in_both(new_united: Callable[[], United], course: list[Event]) -> None:
    """MERGE-1 to 3, MERGE-17, MERGE-18, CONV-2, CONV-3."""
    world = new_united()
    for source in (*world.sources, *world.sources):
        world.hire(source)
    world.cycle()
    for event in course:
        world.happen(event)
    world.mend()
    done = world.settled()
    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    alive = set(world.alive())
    persons = [str(person[world.key]) for person in world.people.living.values() if not person.get(world.flag)]
    # A lead that was converted since it was read is refused, say; that stays on record, and both go their own ways.
    for group in () if world.refused() else world.groups():
        assert [len(group & alive), len([one for one in persons if one in group])] == [1, 1], group
    assert sorted(persons) == sorted(alive)
