from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sync_pipeline.mirror.windows import LAG, OVERLAP, months_window, next_window
from sync_pipeline.model import Window

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def test_the_first_window_reaches_back_to_the_first_record_and_ends_a_little_before_now() -> None:
    assert next_window(None, NOW) == Window(None, NOW - LAG)


def test_a_window_overlaps_the_one_before() -> None:
    """GEN-17."""
    watermark = NOW - timedelta(minutes=7)
    assert next_window(watermark, NOW) == Window(watermark - OVERLAP, NOW - LAG)


def test_a_clock_that_went_back_moves_no_window_back() -> None:
    watermark = NOW + timedelta(hours=1)
    assert next_window(watermark, NOW) == Window(watermark - OVERLAP, watermark)


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (date(2025, 11, 1), date(2025, 12, 1), datetime(2025, 11, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (date(2026, 3, 1), date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), NOW - LAG),
        (date(2027, 1, 1), date(2027, 2, 1), datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
    ids=["a past month", "over a new year", "the running month", "the future is empty"],
)
def test_windows_of_months(first: date, last: date, start: datetime, end: datetime) -> None:
    assert months_window(first, last, NOW) == Window(start, end)
    assert months_window(first, last, NOW, from_beginning=True) == Window(None, end)


def test_windows_are_cut_in_utc() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Window(None, datetime(2026, 1, 1))  # noqa: DTZ001
