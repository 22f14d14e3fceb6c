"""Records that were not written: asking for another try, or letting them be (OPS-17). SQL in the caller's transaction.

An error stays open until its record is written, no longer differs, or somebody dismisses it; no time closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Pairing
from sync_pipeline.sync.touched import look_again

Connection = duckdb.DuckDBPyConnection
ASKED = "asked for"


def retry(con: Connection, pairings: Sequence[Pairing], record_ids: Sequence[str], now: datetime) -> int:
    """Have the next cycle decide anew on what these CRM or Marketo records are linked to; return how many links.

    What is still different is then written again, though neither record moved; the error closes if it goes through.
    """
    names, ids = commas(literal(p.name) for p in pairings), commas(map(literal, record_ids))
    if not (names and ids):
        return 0
    return look_again(
        con,
        f"select pairing, crm_id, {literal(ASKED)}, {literal(now)} from {ledger.table('link')} "
        f"where ended_at is null and pairing in ({names}) and (crm_id in ({ids}) or marketo_id in ({ids}))",
    )


def dismiss(con: Connection, record_ids: Sequence[str], now: datetime) -> int:
    """Close the open errors of these records; return how many. The records stay as they are, and may differ."""
    which = f"record_id in ({commas(map(literal, record_ids)) or 'null'})"
    count = con.execute(
        f"select count(*) from {ledger.table('error')} where resolved_at is null and {which}"
    ).fetchone()
    ledger.close_errors(con, which, now)
    return int(count[0]) if count else 0
