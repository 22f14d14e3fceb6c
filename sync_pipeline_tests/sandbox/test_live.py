"""A seeded staff: what it says it did is what the org shows, and nothing else changed."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.population.habits import KINDS
from sync_pipeline.sandbox.salesforce.population.live import Edit, edit, live
from sync_pipeline.sandbox.salesforce.population.populate import populate

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
LATER = UNTIL + timedelta(hours=1)


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a populated org, to be copied."""
    path = tmp_path_factory.mktemp("populated") / "org.duckdb"
    with Org.open(path) as org:
        populate(org, 1_500, seed=1, until=UNTIL)
    return path


def _copy(populated: Path, path: Path) -> Org:
    return Org.open(Path(shutil.copy(populated, path)), clock=lambda: LATER)


@pytest.fixture
def org(populated: Path, tmp_path: Path) -> Iterator[Org]:
    with _copy(populated, tmp_path / "org.duckdb") as org:
        yield org


def _values(org: Org) -> dict[str, dict[str, dict[str, Any]]]:
    """Return all values by object and id."""
    with org.cursor() as cursor:
        return {
            found.name: {
                row["Id"]: row for row in cursor.execute(f'select * from "{found.name}"').to_arrow_table().to_pylist()
            }
            for found in org.schema
        }


def _changed(before: dict[str, Any], after: dict[str, Any], winners: Collection[str] = ()) -> set[str]:
    """Return the fields that differ, but for references that followed a merged record to its winner."""
    return {field for field in after if before[field] != after[field] and after[field] not in winners}


def _winners(edits: list[Edit], after: dict[str, dict[str, dict[str, Any]]]) -> set[str]:
    return {after[one.object][one.id]["MasterRecordId"] for one in edits if one.kind == "merged"}


def test_each_edit_does_what_it_says_and_stamps_the_record(org: Org) -> None:
    before = _values(org)
    edits = edit(org, 400, seed=7)
    after = _values(org)
    assert len(edits) == 400
    assert {one.kind for one in edits} == set(KINDS["salesforce"])
    assert len({(one.object, one.id) for one in edits}) == 400
    stamps, winners = {"LastModifiedDate", "LastModifiedById", "SystemModstamp"}, _winners(edits, after)
    for one in edits:
        new = after[one.object][one.id]
        assert new["SystemModstamp"] == LATER.replace(tzinfo=None)
        if one.kind == "created":
            assert one.id not in before[one.object]
            continue
        moved = _changed(before[one.object][one.id], new) - _changed(before[one.object][one.id], new, winners)
        changed = _changed(before[one.object][one.id], new, () if one.kind == "merged" else winners)
        if one.kind == "updated":
            assert len(changed - stamps) == 1, one
        elif one.kind == "touched":
            assert moved or changed == {"SystemModstamp"}
        elif one.kind == "merged":
            assert {"IsDeleted", "MasterRecordId"} <= changed
            assert not after[one.object][new["MasterRecordId"]]["IsDeleted"]
        else:
            assert new["IsDeleted"] is (one.kind == "deleted")
            assert "IsDeleted" in changed


def test_nothing_changes_that_no_edit_explains(org: Org) -> None:
    before = _values(org)
    edits = edit(org, 200, seed=3)
    after = _values(org)
    told, winners = {one.id for one in edits}, _winners(edits, after)
    for name, rows in after.items():
        for record, row in rows.items():
            if record in told | winners or row == before[name].get(record):
                continue
            # Unannounced are only children: they move to the winner of a merge, die and rise with their parent, or look
            # it up no longer until it is back.
            old, changed = before[name][record], _changed(before[name][record], row)
            went_along = changed == {"IsDeleted", "SystemModstamp"} and not told.isdisjoint(row.values())
            looked_up = all({old[field], row[field]} & told for field in changed - {"SystemModstamp"})
            assert went_along or looked_up or any(row[field] in winners for field in changed), (name, record)


def test_the_same_seed_makes_the_same_edits(org: Org, populated: Path, tmp_path: Path) -> None:
    with _copy(populated, tmp_path / "twin.duckdb") as twin:
        assert edit(org, 150, seed=9) == edit(twin, 150, seed=9)
        assert _values(org) == _values(twin)
        assert edit(org, 50, seed=1) != edit(twin, 50, seed=2)


def test_an_empty_org_gets_its_first_records() -> None:
    with Org.open(None) as org:
        assert {one.kind for one in edit(org, 20, seed=1)} == {"created"}


def test_updates_outweigh_other_kinds(org: Org) -> None:
    kinds = Counter(one.kind for one in edit(org, 300, seed=4))
    assert kinds["updated"] > 150 > 60 > kinds["created"] > 0


def test_live_edits_until_it_is_told_to_stop_and_says_what_it_does(org: Org) -> None:
    stop, told = threading.Event(), list[str]()

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 30:
            stop.set()

    made = live(org, seed=1, rate=100, until=stop, tell=tell)
    assert made == len(told) >= 30
    people = {"Lead", "Contact"}
    for line in told:
        name, kind, record = line.split(" ")
        assert kind in KINDS["salesforce"]
        with org.cursor() as cursor:
            assert cursor.execute(f'select count(*) from "{name}" where Id = ?', [record]).fetchone() == (1,)
    assert people & {line.split(" ")[0] for line in told}


def test_an_edit_is_told_without_personal_data() -> None:
    assert str(Edit("Lead", "updated", "00Q5g0000000001AAA")) == "Lead updated 00Q5g0000000001AAA"
