"""Creations whose answer is not known, where the CRM would take a second one: who is not to be created again meanwhile.

In `write_result` such a write is `lost`; the row that follows says what became of it, see `recover_creates`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import duckdb

from sync_pipeline.connectors.records import Operation
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Pairing

Connection = duckdb.DuckDBPyConnection
LOST = "lost"
# So long may a server still be at work on a call whose connection broke.
STILL_RUNNING = timedelta(minutes=2)


def under_way(pairing: Pairing) -> str:
    """Return SQL for the Marketo ids of the records whose creation was begun and has not ended, as far as is known."""
    return (
        f"select o.marketo_id from {ledger.table('outbox')} o where o.pairing = {literal(pairing.name)} "
        f"and o.side = 'crm' and o.operation = '{Operation.CREATE}' and o.applied and not exists ("
        f"from {ledger.table('write_result')} r where r.write_id = o.write_id and r.verdict <> '{LOST}')"
    )


def note(con: Connection, pairings: Iterable[Pairing], unanswered: str, now: datetime) -> None:
    """Note the creations among unanswered writes as lost.

    Args:
        unanswered: SQL from `from` on, over the outbox.
    """
    names = commas(literal(pairing.name) for pairing in pairings if pairing.traced_by)
    if names:
        con.execute(
            f"insert into {ledger.table('write_result')} by name select write_id, run_id, "
            f"{literal(now)} as answered_at, '{LOST}' as verdict {unanswered} and applied "
            f"and operation = '{Operation.CREATE}' and pairing in ({names})"
        )


def lost(pairing: Pairing) -> str:
    """Return SQL for the lost creations of which it is not known yet what became of them, with `lost_at`."""
    result = ledger.table("write_result")
    return (
        f"select o.*, r.answered_at as lost_at from {result} r join {ledger.table('outbox')} o using (write_id) "
        f"where r.verdict = '{LOST}' and o.pairing = {literal(pairing.name)} and not exists ("
        f"from {result} later where later.write_id = r.write_id and later.verdict <> '{LOST}')"
    )


def since(con: Connection, pairing: Pairing) -> datetime | None:
    """Return since when records may have been made whose link is still missing; None if all is settled."""
    if not pairing.traced_by:
        return None
    found = con.execute(f"select min(planned_at) from ({lost(pairing)})").fetchone()
    return found[0] if found else None
