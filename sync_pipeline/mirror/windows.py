"""Which window of modification time is read next. Pure: the clock is an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sync_pipeline.model import Window

OVERLAP = timedelta(minutes=5)
LAG = timedelta(seconds=5)


def next_window(
    watermark: datetime | None, now: datetime, overlap: timedelta = OVERLAP, lag: timedelta = LAG
) -> Window:
    """Return the window of a cycle.

    It reaches back before the watermark, because records are committed late with earlier stamps (GEN-17), and ends a
    little before now, because Salesforce shows some records one to three seconds late. Without a watermark it
    reaches back to the first record (GEN-2).
    """
    end = now - lag
    if watermark is None:
        return Window(None, end)
    return Window(watermark - overlap, max(end, watermark))


def month_start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def months_window(first: date, last: date, now: datetime, lag: timedelta = LAG, from_beginning: bool = False) -> Window:
    """Return the window of the UTC months from `first` to `last`, both included; it never ends in the future."""
    start = month_start(first)
    following = month_start(date(last.year + last.month // 12, last.month % 12 + 1, 1))
    end = max(min(following, now - lag), start)
    return Window(None if from_beginning else start, end)
