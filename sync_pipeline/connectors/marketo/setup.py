"""How a subscription is set up: whether a native CRM sync owns its records, activity types, and the quota left."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.marketo import activity_types
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.kinds import kind_of

CRM_ENABLED = "1018"
DAILY_CALLS = 50_000  # what a subscription has unless it bought more (MK-REST-16); no call tells it


def is_native(calls: Calls) -> bool:
    """Tell whether a native CRM sync is on: then opportunity roles are not to be seen at all (MK-REST-1)."""
    try:
        calls.get(kind_of("opportunityRole").describe)
    except RejectedError as error:
        if error.code != CRM_ENABLED:
            raise
        return True
    return False


def used_today(calls: Calls) -> int:
    """Return the calls that all integrations of the subscription made today."""
    return sum(day.number("total", 0) for day in calls.get("/rest/v1/stats/usage.json").parts("result"))


def remarks(calls: Calls) -> Iterator[str]:
    """Yield what an operator should know before the first sync."""
    try:
        if is_native(calls):
            yield (
                "native mode: Marketo's own CRM sync is on, so companies, opportunities, roles and sales persons "
                "cannot be written (1018); persons, members, custom objects and activities can (MK-REST-1)"
            )
    except RejectedError as error:
        yield f"whether a native CRM sync is on could not be told: {error}"
    try:
        if lacking := [one.label for one, _ in activity_types.lacking(calls, ACTIVITY_TYPES)]:
            yield (
                f"nothing is logged on people in the custom activity types that are not ready: {', '.join(lacking)}; "
                "`sync-pipeline activities setup` makes those that are wanted"
            )
    except RejectedError as error:
        yield f"whether the custom activity types are ready could not be told: {error}"
    try:
        used = used_today(calls)
    except RejectedError as error:
        yield f"the use of the day's calls could not be told: {error}"
        return
    if used > DAILY_CALLS / 2:
        yield f"{used:,} calls were made today by all integrations, of {DAILY_CALLS:,} unless more were bought"
