"""What Salesforce's answers mean: errors by what can be done about them, fields of a describe. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.clock import utc_now
from sync_pipeline.connectors.document import Document, plain, request_of
from sync_pipeline.connectors.errors import (
    ConnectorError,
    ForbiddenError,
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    ThrottledError,
)
from sync_pipeline.connectors.salesforce import soap
from sync_pipeline.model import ENCRYPTED, Field

MISREAD = "JSON_PARSER_ERROR"  # of a whole call, over one value of a wrong kind
# These errors name their field in the text alone, or not even there.
_MISREAD = re.compile(r"from VALUE_\w+ value (.*?)(?: or request may be missing a required field)?(?: at)? \[line:")
_NAMED = re.compile(r"No such column '(\w+)'|duplicate value found: (\w+) duplicates")
DOUBLES = frozenset({"DUPLICATE_VALUE", "DUPLICATES_DETECTED", "DUPLICATE_EXTERNAL_ID"})
# What a formula takes from the user who reads it, with its profile, role, permissions and own custom settings.
_OF_READER = re.compile(r"\$(User|Profile|UserRole|Permission|Setup|Api)\b", re.IGNORECASE)
LOCKED = "UNABLE_TO_LOCK_ROW"
TOO_MUCH = frozenset({LOCKED, "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"})  # less at a time may go through
UNDONE = TOO_MUCH | {"SERVER_UNAVAILABLE"}  # surely nothing was done, whatever the status
PASSING = UNDONE | {"UNKNOWN_EXCEPTION"}
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
REDIRECTIONS = frozenset({301, 302, 303, 307, 308})  # 300 is Salesforce's word for several records with one key
# So a server answers, or a gateway before it, when something broke off: what was asked for may have been done.
BROKEN_OFF = frozenset({500, 502, 504})
LIMIT = "REQUEST_LIMIT_EXCEEDED"
# Of one record among many that are written, a limit is that of the moment (LIMIT of its transaction), or is over as
# soon as an administrator has made room.
PASSING_OF_ONE = PASSING | {LIMIT, "STORAGE_LIMIT_EXCEEDED"}
# The words of a limit of what runs at once; every other (TotalRequests) is one of the day. `LIMIT` stands for both.
AT_ONCE = re.compile(r"\bconcurrent", re.IGNORECASE)  # ConcurrentRequests, ConcurrentPerOrgLongTxn, …PerOrgApex
AT_ONCE_WAIT = 5.0  # seconds: what runs for longer than that is what the limit counts
API_CLOSED = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"})
NOBODY_CAN = API_CLOSED | {"INACTIVE_ORGANIZATION", "INACTIVE_USER", "TXN_SECURITY_NO_ACCESS"}
# What Salesforce's own text leaves open (CONN-1).
NO_API = (
    "Either the org's edition has no API (Enterprise and Unlimited have it, Professional where it was bought), or the "
    "sync user's profile lacks the permission API Enabled."
)


def raise_error(answer: requests.Response) -> None:
    """Raise what an error answer means; a good answer is left alone.

    Raises:
        SessionExpiredError, QuotaError, FatalError, RetryableError, RejectedError: see `errors`.
    """
    if answer.status_code < 300:
        return
    if redirected := redirection(answer):
        raise redirected
    code, message = _told(answer)
    if answer.status_code == 401 or code == "INVALID_SESSION_ID":
        raise SessionExpiredError(code, message)
    if code == LIMIT:
        raise over_limit(message, headers.retry_after(answer.headers, utc_now()))
    if code in NOBODY_CAN:
        raise ForbiddenError(code, f"{message}. {NO_API}" if code in API_CLOSED else message)
    if code in PASSING or (answer.status_code in PASSING_STATUSES and not is_soap(answer)):
        may_be_done = answer.status_code in BROKEN_OFF and code not in UNDONE
        raise RetryableError(code, message, headers.retry_after(answer.headers, utc_now()), may_be_done)
    raise RejectedError(code, message)


def over_limit(message: str, wait_seconds: float = 0.0) -> ConnectorError:
    """Return what it means that more was asked for than is allowed, at once or in a day; nothing was done."""
    if AT_ONCE.search(message):
        return ThrottledError(LIMIT, message, max(wait_seconds, AT_ONCE_WAIT))
    return QuotaError(LIMIT, message)


def named(message: str, sent: Mapping[str, object]) -> list[str]:
    """Return the fields that an error without a list of fields is about: that it names, or whose value it repeats."""
    if found := _NAMED.search(message):
        return [found[1] or found[2]]
    misread = _MISREAD.search(message)
    return [name for name, value in sent.items() if misread and value is not None and str(value) == misread[1]]


def is_soap(answer: requests.Response) -> bool:
    """Tell whether an answer is a SOAP fault: its status is 500 whatever is wrong."""
    return "xml" in headers.media_type(answer.headers)


def redirection(answer: requests.Response) -> RetryableError | None:
    """Return what a redirection means: that of a portal passes, and none is followed, not even to the same host."""
    if answer.status_code not in REDIRECTIONS:
        return None
    target = headers.target(answer.headers) or "the same host"
    said = f"{request_of(answer)} is redirected to {target}, and redirections are not followed"
    return RetryableError("REDIRECTED", f"{said}: make sure that the address in the settings is the system's own")


def _told(answer: requests.Response) -> tuple[str, str]:
    """Return the error code and text of an answer; gateways answer with HTML, which is not repeated."""
    if is_soap(answer) and (fault := soap.fault(answer.content)):
        return fault
    try:
        told = plain(answer.content)
    except ValueError:
        return f"HTTP_{answer.status_code}", f"{answer.reason or 'no reason given'} at {urlsplit(answer.url).path}"
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, dict):
        return f"HTTP_{answer.status_code}", str(answer.reason)
    code = first.get("errorCode") or first.get("error") or f"HTTP_{answer.status_code}"
    return str(code), " ".join(str(first.get("message") or first.get("error_description") or "").split())


def field(told: Document) -> Field:
    """Return one field of a describe answer."""
    return Field(
        name=told.text("name"),
        type=told.text("type"),
        label=told.text("label", ""),
        length=told.number("length", 0),
        nillable=told.flag("nillable", True),
        calculated=told.flag("calculated", False),
        updateable=told.flag("updateable", True),
        createable=told.flag("createable", True),
        custom=told.flag("custom", False),
        precision=told.number("precision", 0),
        scale=told.number("scale", 0),
        digits=told.number("digits", 0),
        octets=told.number("byteLength", 0),
        defaulted=told.flag("defaultedOnCreate", False),
        by_reader=told.text("type") == ENCRYPTED or bool(_OF_READER.search(told.text("calculatedFormula", ""))),
        reference_to=tuple(told.texts("referenceTo")),
        picklist=tuple(v.text("value") for v in told.parts("picklistValues") if v.flag("active", True)),
        restricted=told.flag("restrictedPicklist", False),
    )
