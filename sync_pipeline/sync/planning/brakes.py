"""What limits have stopped, in `sync.brake`, and letting it through once. SQL in the caller's transaction.

A release holds for the next pass that writes, and for about as much as was seen when it was given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import columns
from sync_pipeline.sync.planning.limits import Excess

Connection = duckdb.DuckDBPyConnection
COLUMNS = ("pairing", "kind", "number", "message", "stopped_at", "released_at")


def note(con: Connection, pairing: str, excesses: Sequence[Excess], run_id: str, now: datetime) -> None:
    """Keep what was stopped now, in place of what was stopped of the pairing before."""
    con.execute(f"delete from {ledger.table('brake')} where pairing = {literal(pairing)}")
    ledger.insert(con, "brake", [(pairing, e.kind, e.number, e.message, run_id, now, None) for e in excesses])


def released(con: Connection) -> dict[str, dict[str, int]]:
    """Return what the next pass may do although it exceeds a limit: by pairing and kind, the number that was seen.

    A pairing that stands still and was not released has no kinds.
    """
    found: dict[str, dict[str, int]] = {}
    for pairing, kind, number, at in con.execute(
        f"select pairing, kind, number, released_at from {ledger.table('brake')}"
    ).fetchall():
        kinds = found.setdefault(pairing, {})
        if at is not None:
            kinds[kind] = int(number)
    return found


def release(con: Connection, pairings: Collection[str], now: datetime) -> None:
    """Let through once what stands of these pairings."""
    con.execute(
        f"update {ledger.table('brake')} set released_at = ? where pairing in ({commas(map(literal, pairings))})", [now]
    )


def clear(con: Connection, pairings: Collection[str]) -> None:
    """Forget what was stopped of pairings that a pass has now done: their release is used up."""
    con.execute(f"delete from {ledger.table('brake')} where pairing in ({commas(map(literal, pairings))})")


def standing(con: Connection) -> list[dict[str, Any]]:
    """Return what is stopped, and what of it is let through by the next pass."""
    if not columns(con, ledger.SCHEMA, "brake"):  # nothing has written to the lake since an older version
        return []
    found = con.execute(f"select {commas(COLUMNS)} from {ledger.table('brake')} order by pairing, kind")
    return [dict(zip(COLUMNS, row, strict=True)) for row in found.fetchall()]


Released = Mapping[str, Mapping[str, int]]
