"""Drift put into one of a hundred links: found to the last field, and repaired in one plan (OPS-18)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, exactly, stated
from benchmarks.deciding import DESCRIBED, NAMES, NOW, PAIRING, link
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.sync.inspection.drift import drift as found_by
from sync_pipeline.sync.inspection.drift import repair
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.sides import CRM
from sync_pipeline.sync.sync_pass import Pass

LINKS, EVERY = 100_000, 100
DRIFTED = LINKS // EVERY
PLANNED = f"select count(*), sum(cardinality(fields)) from {ledger.table('outbox')} where side = 'marketo'"


def drift() -> Iterator[Bar]:
    """Change a field of each person that drifts, and another one in turn, in the mirror alone; find and repair it."""
    with orgs.new_folder() as folder:
        at = Path(folder)
        with Lake.open(str(at / "catalog.sqlite"), str(at / "files")) as lake:
            link(lake, LINKS)
            expected = _drift(lake)
            (asked,) = Pass(lake, [PAIRING], DESCRIBED, "look", SyncPolicy()).requests()
            began = time.monotonic()
            with lake.reading() as con:
                found = {one.field: one.links for one in found_by(con, asked)}
            seconds = time.monotonic() - began
            with lake.transaction() as con:
                repaired = repair(con, asked, CRM, NOW)
            (done,) = Pass(lake, [PAIRING], DESCRIBED, "repair", SyncPolicy()).run(NOW)
            [(writes, fields)] = lake.rows(PLANNED)
    yield stated(f"looking for drift in {LINKS:,} links of {len(NAMES)} fields", f"{seconds:.1f} s")
    yield exactly("... fields found, of those that drifted", len(found.items() & expected.items()), len(expected))
    yield exactly("... values found", sum(found.values()), sum(expected.values()))
    yield exactly("... links to repair", repaired, DRIFTED)
    yield exactly("... writes in the plan", done.planned.to_marketo, DRIFTED)
    yield exactly("... values they bring", int(fields), sum(expected.values()), f" in {writes:,} writes")


def _drift(lake: Lake) -> dict[str, int]:
    """Let persons drift; return how many do in each field."""
    turn, others = f"id // {EVERY} % {len(NAMES)}", NAMES[1:]
    with lake.transaction() as con:
        sets = [f"{NAMES[0]} = 'drifted'"]
        sets += [f"{name} = if({turn} = {n}, null, {name})" for n, name in enumerate(others, start=1)]
        con.execute(f"update {table.full_name(*PAIRING.marketo.table)} set {', '.join(sets)} where id % {EVERY} = 0")
    turns = [number % len(NAMES) for number in range(DRIFTED)]
    return {NAMES[0]: DRIFTED} | {name: turns.count(n) for n, name in enumerate(others, start=1)}
