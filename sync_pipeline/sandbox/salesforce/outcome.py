"""What became of the records of a write, and writes of which all are done or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.org import Org


@dataclass(frozen=True)
class Outcome:
    """What became of one record. `created` tells an upsert's insert from its update; a refused new one has no id."""

    id: str | None
    created: bool = False
    error: ApiError | None = None


class UndoneError(Exception):
    """Raised in a transaction to take it back; the answer is made from what was gathered in it."""


def all_or_none(org: Org, write: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Do the writes; if one of them is refused, none of them is done and the good ones say so."""
    outcomes: list[Outcome] = []
    try:
        with org.transaction():
            outcomes = write()
            if any(outcome.error for outcome in outcomes):
                raise UndoneError
    except UndoneError:
        return [o if o.error else Outcome(None, error=_rolled_back()) for o in outcomes]
    return outcomes


def _rolled_back() -> ApiError:
    message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return ApiError("ALL_OR_NONE_OPERATION_ROLLED_BACK", message, fields=[])
