"""What a cycle must know of requests on demand under way; `on_demand` carries them out and keeps the journal."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from sync_pipeline.lake import ledger

PLANNED, SENDING, MADE, CLOSED = "planned", "sending", "made", ("done", "skipped", "failed")
CREATE_LEAD = "create lead"
# The org's clock is known to a second or two: what it says it created then may carry a slightly earlier stamp.
MARGIN = timedelta(minutes=1)


def under_way(what: str) -> str:
    """Return SQL for `what` of the requests that may have created a lead whose link is still missing."""
    request = ledger.table("request")
    closed = ", ".join(f"'{state}'" for state in CLOSED)
    return (
        f"select {what} from {request} r where state = '{SENDING}' and step = '{CREATE_LEAD}' and not exists ("
        f"from {request} later where later.request_id = r.request_id and later.number > r.number "
        f"and (later.state in ({closed}) or (later.state = '{MADE}' and later.step = r.step)))"
    )


def creating_since(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return since when a lead may have been created whose link is still missing; None if all is settled."""
    found = con.execute(under_way("min(noted_at)")).fetchone()
    return found[0] - MARGIN if found and found[0] else None
