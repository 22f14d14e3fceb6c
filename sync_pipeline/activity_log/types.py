"""Which activity types Marketo has: asked for once an hour, and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.lake import Lake, ledger

AGE = timedelta(hours=1)
TYPES = ledger.table("activity_type")


def remembered(lake: Lake, now: datetime) -> dict[str, int] | None:
    """Return the ids of activity types by name, as Marketo told them within the hour; None if it must be asked."""
    found = lake.rows(f"select name, type_id, told_at from {TYPES}")
    if not found or now - min(at for *_, at in found) >= AGE:
        return None
    return {name: type_id for name, type_id, _ in found}


def remember(lake: Lake, told: Mapping[str, int], now: datetime) -> None:
    with lake.transaction() as con:
        con.execute(f"delete from {TYPES}")
        ledger.insert(con, "activity_type", [(name, type_id, now) for name, type_id in told.items()])


def usable(told: Mapping[str, int]) -> dict[str, int]:
    """Return the ids of our custom types that are approved, by our names of them."""
    return {one.name: told[one.api_name] for one in ACTIVITY_TYPES if one.api_name in told}
