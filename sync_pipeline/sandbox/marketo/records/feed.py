"""Reading the activity log page by page from a moment on, oldest first (MK-REST-8)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sync_pipeline.sandbox.marketo.records import paging
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import stamp

_COLUMNS = (
    '"id", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",'
    ' "primaryAttributeValue", "attributes"'
)


@dataclass(frozen=True)
class Page:
    """Activities as they lie in the table, the token from which to go on, and whether there is more already."""

    rows: list[dict[str, Any]]
    token: str
    more: bool

    @property
    def envelope(self) -> dict[str, Any]:
        return {"nextPageToken": self.token, "moreResult": self.more}


def read(
    subscription: Subscription,
    token: str,
    condition: str,
    parameters: Sequence[Any],
    size: int,
    late: float = 0.0,
) -> Page:
    """Return the next activities for which a condition holds.

    Order is that of their times, then of their numbers; a token marks the last one read, so that those of one moment
    are neither lost nor read twice. `late` hides what is younger than so many seconds.
    """
    at, after = paging.moment_of(token)
    seen_until = subscription.present() - timedelta(seconds=late)
    rows = subscription.rows(
        f'select {_COLUMNS} from activity where ("activityDate" > ? or ("activityDate" = ? and id > ?))'
        f' and "activityDate" <= ? and ({condition}) order by "activityDate", id limit {size + 1}',
        [at, at, after, seen_until, *parameters],
    )
    more = len(rows) > size
    rows = rows[:size]
    if rows:
        token = paging.moment_token(rows[-1]["activityDate"], rows[-1]["id"])
    return Page(rows, token, more)


def shown(row: Mapping[str, Any], attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an activity as answers show it; what it has no value for is left out."""
    told = {
        "id": row["id"],
        "marketoGUID": str(row["id"]),
        "leadId": row["leadId"],
        "activityDate": stamp(row["activityDate"]),
        "activityTypeId": row["activityTypeId"],
        "campaignId": row["campaignId"],
        "primaryAttributeValueId": row["primaryAttributeValueId"],
        "primaryAttributeValue": row["primaryAttributeValue"],
        "attributes": list(attributes),
    }
    return {name: value for name, value in told.items() if value is not None}


def attributes_of(row: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return an activity's attributes; those of a custom type (`labels` by API name) carry both names."""
    told = json.loads(row["attributes"] or "{}")
    if labels is None:
        return [{"name": name, "value": value} for name, value in told.items()]
    return [{"apiName": name, "name": labels.get(name, name), "value": value} for name, value in told.items()]
