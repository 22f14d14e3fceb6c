"""What waits to be written, how fast it goes, and when it will be done: per pairing and direction (OPS-9 to 14).

Measured from the lake: a record waits when it changed and was not decided on, or is to be looked at again. What has
changed in a system and was not read yet is not among them; the watermarks tell how far reading is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import literal
from sync_pipeline.lake.table import columns
from sync_pipeline.model import Pairing
from sync_pipeline.sync.changed import changed_sql, marks
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
HOUR = timedelta(hours=1)
GROWING, NORMAL = "Growing", "Normal"
# What helps where more changes than can be written (OPS-14).
ADVICE = (
    "hide fields that nobody needs from the sync user: a change of hidden ones alone makes no work",
    "let fewer records take part, by a condition on fields that the org has an index of",
    "make mass updates when nobody works",
    "leave out custom objects and activities that nobody needs: SYNC_CUSTOM_OBJECTS, MARKETO_CUSTOM_OBJECTS, "
    "ACTIVITY_PUSH, MARKETO_ACTIVITY_TYPES",
)
OUTLOOK = ("object", "to", "waiting", "per_hour", "least", "most", "hours_to_clear", "trend")


def measure(lake: Lake, pairings: Sequence[Pairing], now: datetime) -> None:
    """Put on record how many records wait, unless it was done within the last hour (OPS-11)."""
    with lake.reading() as con:
        last = con.execute(f"select max(measured_at) from {ledger.table('backlog')}").fetchone()
        if last and last[0] and now - last[0] < HOUR:
            return
        rows = [(now, p.name, side, count) for p in pairings for side, count in waiting(con, p).items()]
    with lake.transaction() as con:
        ledger.insert(con, "backlog", rows)


def waiting(con: Connection, pairing: Pairing) -> dict[str, int]:
    """Return how many records wait to be decided on, by the side to which they would be written.

    Nothing is told of a pairing of which a side was never read.
    """
    if not all(columns(con, *pairing.object(side).changes_table) for side in (CRM, MARKETO)):
        return {}
    name, link, decided = literal(pairing.name), ledger.table("link"), marks(con)
    pending = f"select crm_id as id from {ledger.table('pending')} where pairing = {name}"
    linked = f"select crm_id as id from {link} where pairing = {name} and ended_at is null and marketo_id in"
    changed = {
        MARKETO: f"{changed_sql(pairing, CRM, decided)} union {pending}",
        CRM: f"{linked} ({changed_sql(pairing, MARKETO, decided)})",
    }
    found = {
        side: con.execute(f"select count(distinct id) from ({query})").fetchone() for side, query in changed.items()
    }
    return {side: row[0] for side, row in found.items() if row}


def outlook(con: Connection, pairings: Sequence[Pairing], now: datetime) -> list[dict[str, Any]]:
    """Return what waits now, the records written an hour over the last 24, the hours to clear it, and the trend.

    The average is over 24 hours, least and most over those hours in which something was written. A backlog grows if it
    is above that of six hours ago (OPS-13).
    """
    told = []
    for pairing in pairings:
        for side, count in waiting(con, pairing).items():
            row = con.execute(
                f"""
                with hour as (
                    select count(*) as written from {ledger.table("write_result")} r
                    join {ledger.table("outbox")} o using (write_id)
                    where verdict = 'accepted' and pairing = $pairing and side = $side
                        and answered_at > $now - interval 24 hours and answered_at <= $now
                    group by date_diff('second', answered_at, $now) // 3600
                )
                select coalesce(sum(written), 0)::bigint / 24, min(written), max(written), (
                    select max_by(waiting, measured_at) from {ledger.table("backlog")}
                    where pairing = $pairing and side = $side and measured_at <= $now - interval 6 hours
                ) from hour
                """,
                {"pairing": pairing.name, "side": side, "now": now},
            ).fetchone()
            rate, least, most, before = row or (0, None, None, None)
            clear = round(count / rate, 1) if rate and count else None
            trend = GROWING if before is not None and count > before else NORMAL
            told.append((pairing.name, side, count, round(rate, 1), least or 0, most or 0, clear, trend))
    return [dict(zip(OUTLOOK, one, strict=True)) for one in told]


def advice(told: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what to do about an outlook in which some backlog grows; nothing where none does."""
    return ADVICE if any(one["trend"] == GROWING for one in told) else ()
