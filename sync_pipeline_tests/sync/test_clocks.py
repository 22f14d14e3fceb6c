"""What we wrote is not read yet, whatever clocks say: a mirror of before the write undoes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Rule
from sync_pipeline.sync.identity.mirror_sql import watermark
from sync_pipeline_tests.sync.world import World


@pytest.mark.parametrize("behind", [0, 100, 86_400])
def test_a_system_whose_clock_is_behind_when_it_is_written_to_gets_nothing_undone(
    shared_lake: Lake, tmp_path: Path, behind: int
) -> None:
    """Law 3: seconds, of another machine behind the same address, or a day."""
    world = World(shared_lake, tmp_path / "landing", rule=Rule.MARKETO_WINS)
    contact = world.crm.edit(None, LastName="Byron", Phone="1", HasOptedOutOfEmail=False)
    for _ in range(2):
        world.read()
        world.sync()
    world.crm.edit(contact, Phone="2")
    world.read()
    vars(world.marketo)["now"] = lambda: world.now() - timedelta(seconds=behind)  # as an answer tells, not as it stamps
    world.sync()
    del vars(world.marketo)["now"]
    link, mark = ledger.table("link"), watermark(world.pairing.marketo)
    query = f"select marketo_written_at >= {mark} from {link} where pairing = ? and crm_id = ?"
    told = world.lake.rows(query, [world.pairing.name, contact])
    assert told == [(True,)]
    world.crm.edit(contact, Title="x")
    world.read("crm")  # and Marketo is out of reach
    world.sync()
    world.read()
    world.sync()
    (person,) = world.marketo.records.values()
    assert (world.crm.records[contact]["Phone"], person["phone"]) == ("2", "2")
    assert (world.crm.records[contact]["Title"], person["title"]) == ("x", "x")
