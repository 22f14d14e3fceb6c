"""What nobody foresaw: it costs one object and is on record; the log has where it came from (laws 8 and 10)."""

from __future__ import annotations

import logging
import traceback

UNFORESEEN = "UNFORESEEN"  # the code of such an error
LOG = logging.getLogger(__name__)


def noted(error: Exception, about: str) -> str:
    """Log where an error came from, and return what to put on record of it.

    Neither has the error's own words: they may hold somebody's values.
    """
    where = "".join(traceback.format_tb(error.__traceback__))
    LOG.error("%s at %s: a fault of this program\n%s", type(error).__name__, about, where)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{UNFORESEEN}: {type(error).__name__}{place}: a fault of this program; its log has where it came from"
