"""What is judged of all links at once: nothing differs that nobody knows of, and nobody is linked to nothing."""

from __future__ import annotations

import pytest

from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.sync.inspection.drift import Drift, drift, orphans, repair
from sync_pipeline_tests.sync.world import World


def drifted(world: World) -> list[Drift]:
    (question,) = world.next_pass(apply=False).requests()
    with world.lake.reading() as con:
        return drift(con, question)


def test_agreeing_links_show_no_drift_and_one_that_was_overlooked_does(world: World) -> None:
    """Law 2, OPS-18."""
    crm_id, person = world.linked(Phone="1")
    world.linked(Phone="1")
    assert drifted(world) == []
    world.marketo.edit(person, phone="2")
    world.read()
    assert drifted(world) == []  # it is known to differ: the next pass decides
    with world.lake.transaction() as con:  # as if a pass had decided and not seen it
        ledger.insert(con, "decided", [(world.pairing.name, "marketo", world.now())])
    assert drifted(world) == [Drift(world.pairing.name, "phone", 1, (crm_id,))]


@pytest.mark.parametrize(("winner", "value"), [("crm", "1"), ("marketo", "2")])
def test_drift_is_repaired_towards_either_side_by_the_next_cycle(world: World, winner: str, value: str) -> None:
    """OPS-18: found to the last field, and repaired in one plan."""
    crm_id, person = world.linked(Phone="1", Title="Dr")
    world.marketo.edit(person, phone="2", title=None)
    world.read()
    with world.lake.transaction() as con:
        ledger.insert(con, "decided", [(world.pairing.name, "marketo", world.now())])
    (question,) = world.next_pass(apply=False).requests()
    with world.lake.transaction() as con:
        assert repair(con, question, winner, world.now()) == 1
    world.cycle()
    world.cycle()
    title = {"crm": "Dr", "marketo": None}[winner]
    assert (world.crm.records[crm_id]["Phone"], world.crm.records[crm_id]["Title"]) == (value, title)
    assert (world.marketo.records[person]["phone"], world.marketo.records[person]["title"]) == (value, title)
    assert drifted(world) == []


def test_what_is_known_to_differ_is_no_drift(world: World) -> None:
    """A rejected write is an open error; a value against the flow may stay (SF-ACCOUNT-2 to 4)."""
    crm_id, person = world.linked(Phone="1")
    world.crm.refuse = lambda _: Answer(Verdict.REJECTED, code="NO", message="no")
    world.marketo.edit(person, phone="2")
    world.cycle()
    assert drifted(world) == []
    world.crm.refuse = lambda _: None
    other, _ = world.linked()
    world.crm.edit(other, Score__c=9.0)
    world.cycle()
    assert drifted(world) == []
    assert crm_id != other


def test_a_link_to_nobody_is_an_orphan_once_the_mirror_was_read(world: World) -> None:
    crm_id, _person = world.linked()
    with world.lake.transaction() as con:
        ledger.insert(con, "link", [(world.pairing.name, "003nobody", world.pairing.marketo.name, "999", world.now(),
                                     "r", *[None] * (len(ledger.TABLES["link"]) - 6))])  # fmt: skip
        assert orphans(con, world.pairing) == []
    world.read()
    with world.lake.reading() as con:
        assert orphans(con, world.pairing) == ["003nobody"]
    assert crm_id


def test_drift_is_found_also_while_a_record_of_marketo_waits(world: World) -> None:
    """OPS-18: what only Marketo knows waits without an id of the CRM, and hides nobody else."""
    crm_id, person = world.linked(Phone="1")
    world.marketo.edit(person, phone="2")
    world.read()
    with world.lake.transaction() as con:
        ledger.insert(con, "decided", [(world.pairing.name, "marketo", world.now())])
        ledger.insert(con, "pending", [(world.pairing.name, None, "waits", world.now())])
    assert drifted(world) == [Drift(world.pairing.name, "phone", 1, (crm_id,))]
