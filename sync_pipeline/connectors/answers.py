"""What Salesforce's answers mean: errors by what can be done about them, fields of a describe. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from sync_pipeline.connectors.errors import (
    FatalError,
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
)
from sync_pipeline.model import Field

PASSING = frozenset(
    {"UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG"}
)
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
NO_MORE_CALLS = frozenset({"REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_NO_ACCESS"})
NOBODY_CAN = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INACTIVE_ORGANIZATION", "INACTIVE_USER"})


def raise_error(answer: requests.Response) -> None:
    """Raise what an error answer means; a good answer is left alone.

    Raises:
        SessionExpiredError, QuotaError, FatalError, RetryableError, RejectedError: see `errors`.
    """
    if answer.status_code < 300:
        return
    code, message = _told(answer)
    if answer.status_code == 401 or code == "INVALID_SESSION_ID":
        raise SessionExpiredError(code, message)
    if code in NO_MORE_CALLS:
        raise QuotaError(code, message)
    if code in NOBODY_CAN:
        raise FatalError(code, message)
    if answer.status_code in PASSING_STATUSES or code in PASSING:
        wait = answer.headers.get("Retry-After", "0")
        raise RetryableError(code, message, float(wait) if wait.isdigit() else 0.0)
    raise RejectedError(code, message)


def _told(answer: requests.Response) -> tuple[str, str]:
    """Return the error code and text of an answer; gateways answer with HTML, which is not repeated."""
    try:
        told = answer.json()
    except ValueError:
        return f"HTTP_{answer.status_code}", f"{answer.reason or 'no reason given'} at {urlsplit(answer.url).path}"
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, dict):
        return f"HTTP_{answer.status_code}", str(answer.reason)
    code = first.get("errorCode") or first.get("error") or f"HTTP_{answer.status_code}"
    return str(code), " ".join(str(first.get("message") or first.get("error_description") or "").split())


def field(told: dict[str, Any]) -> Field:
    """Return one field of a describe answer."""
    return Field(
        name=told["name"],
        type=told["type"],
        label=told.get("label") or "",
        length=told.get("length") or 0,
        nillable=told.get("nillable", True),
        calculated=told.get("calculated", False),
        updateable=told.get("updateable", True),
        createable=told.get("createable", True),
        custom=told.get("custom", False),
        precision=told.get("precision") or 0,
        scale=told.get("scale") or 0,
        reference_to=tuple(told.get("referenceTo") or ()),
        picklist=tuple(v["value"] for v in told.get("picklistValues") or () if v.get("active", True)),
        restricted=told.get("restrictedPicklist", False),
    )
