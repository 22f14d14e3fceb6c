"""Partitions: one UTC month of last modification each (DESIGN 6)."""

from __future__ import annotations

from datetime import date

import dagster as dg


def monthly(first: date) -> dg.MonthlyPartitionsDefinition:
    """Return the months from `first`, which stands for all before it too, to the current one."""
    return dg.MonthlyPartitionsDefinition(start_date=first.isoformat(), timezone="UTC", end_offset=1)
