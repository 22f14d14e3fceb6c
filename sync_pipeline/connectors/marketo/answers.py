"""What Marketo's answers mean: errors at three levels (SPEC 28.1), results of records, fields of a describe. Pure.

Only gateways answer with HTTP errors. A call that is refused as a whole, or one record of it, comes with HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import requests

from sync_pipeline.connectors.errors import (
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    ThrottledError,
)
from sync_pipeline.connectors.writes import Answer, Verdict, blamed
from sync_pipeline.model import Field

Json = dict[str, Any]

TOKEN_OVER = frozenset({"601", "602"})
# Seconds to leave others alone: the rate counts twenty seconds, a call at the same time is over soon.
THROTTLED = {"606": 5.0, "615": 1.0}
NO_MORE_TODAY = "607"
PASSING = frozenset({"500", "502", "604", "608", "611", "614", "713", "719"})
PASSING_RECORD = frozenset({*PASSING, "1016", "1019"})  # import queue full, list busy
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
NUMBERS = frozenset({"integer", "float", "number", "currency", "percent", "score"})
DONE = frozenset({"created", "updated", "deleted", "added", "removed", "memberof"})

_FIELD = re.compile(r"[Ff]ield '([^']+)'")
_MISTYPED = re.compile(r"Invalid value '(.*)'\. Required of type '([^']*)'", re.DOTALL)  # 1001 names no field


def raise_status(answer: requests.Response) -> None:
    """Raise what an HTTP error means.

    Raises:
        RetryableError: of the gateway, a fault or a time-out.
        RejectedError: too large (413), too long (414), or anything else.
    """
    if answer.status_code < 300:
        return
    code, said = f"HTTP_{answer.status_code}", f"{answer.reason or 'no reason given'} at {urlsplit(answer.url).path}"
    if answer.status_code in PASSING_STATUSES:
        wait = answer.headers.get("Retry-After", "0")
        raise RetryableError(code, said, float(wait) if wait.isdigit() else 0.0)
    raise RejectedError(code, said)


def body_of(answer: requests.Response) -> Json:
    """Return the body of a call that went well.

    Raises:
        SessionExpiredError, ThrottledError, QuotaError, RetryableError, RejectedError: it was refused as a whole.
    """
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise RetryableError("NO_JSON", f"an answer of {len(answer.content)} bytes at {urlsplit(answer.url).path}")
    if not told.get("success", False):
        raise_refusal(told)
    return told


def raise_refusal(told: Mapping[str, Any]) -> None:
    first: Json = next(iter(told.get("errors") or ()), {})
    code, message = str(first.get("code", "UNKNOWN")), " ".join(str(first.get("message", "no reason given")).split())
    if code in TOKEN_OVER:
        raise SessionExpiredError(code, message)
    if code in THROTTLED:
        raise ThrottledError(code, message, THROTTLED[code])
    if code == NO_MORE_TODAY:
        raise QuotaError(code, message)
    if code in PASSING:
        raise RetryableError(code, message)
    raise RejectedError(code, message)


def of_record(result: Mapping[str, Any], id_field: str, sent: Mapping[str, Any] | None = None) -> Answer:
    """Return what became of one record of a write, whose values were `sent`."""
    status = str(result.get("status", "")).lower()
    record_id = result.get(id_field)
    found = None if record_id is None else str(record_id)
    if status in DONE or (not status and found):  # activities come back as they were sent
        return Answer(Verdict.ACCEPTED, found, created=status in ("created", "added"))
    reasons: Sequence[Mapping[str, Any]] = result.get("reasons") or result.get("errors") or ({"code": status.upper()},)
    code = str(reasons[0].get("code", "UNKNOWN"))
    told = [(str(r.get("code", "UNKNOWN")), str(r.get("message", "no reason given"))) for r in reasons]
    verdict = Verdict.RETRY if code in PASSING_RECORD else Verdict.REJECTED
    blames = tuple(blame for one, said in told for blame in blamed(fields_of(said, sent or {}), one, said))
    return Answer(verdict, found, code=code, message="; ".join(said for _, said in told), blames=blames)


def fields_of(message: str, sent: Mapping[str, Any]) -> list[str]:
    """Return the fields that a reason is about: those that it names, or those whose value it repeats."""
    if named := _FIELD.findall(message):
        return list(dict.fromkeys(named))
    found = _MISTYPED.search(message)
    if found is None:
        return []
    alike = [name for name, value in sent.items() if _is_spelled(value, found[1])]
    numbers = [name for name in alike if isinstance(sent[name], int | float)]
    return numbers if numbers and found[2] in NUMBERS else alike


def _is_spelled(value: Any, text: str) -> bool:
    if isinstance(value, float):  # 1e+20 or 100000000000000000000
        try:
            return float(text) == value
        except ValueError:
            return False
    return value is not None and str(value).lower() == text.lower()


def person_field(told: Mapping[str, Any]) -> Field | None:
    """Return one field of the persons' describe, under its REST name; None if only SOAP knows it."""
    rest = told.get("rest")
    if not rest:
        return None
    writable = not rest.get("readOnly", False)
    return _field(rest["name"], told, writable)


def record_fields(told: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the fields of any other describe, with what identifies a record and what it links to (MK-REST-21)."""
    keys = told.get("dedupeFields") or ()
    ends = {link["field"]: link.get("relatedTo") or {} for link in told.get("relationships") or ()}
    for one in told.get("fields") or ():
        end = ends.get(one["name"]) or {}
        yield replace(
            _field(one["name"], one, bool(one.get("updateable", True))),
            identifies=one["name"] in keys,
            managed=bool(one.get("crmManaged")),
            reference_to=(_end(end),) if end else (),
        )


def _end(related: Mapping[str, Any]) -> str:
    """Return what a link leads to, in the words of describes: `lead.id`; Marketo's examples say `Lead` and `Id` too."""
    name, field = str(related["name"]), str(related["field"])
    return f"{name.lower() if name in ('Lead', 'Company') else name}.{'id' if field == 'Id' else field}"


def _field(name: str, told: Mapping[str, Any], writable: bool) -> Field:
    kind = str(told.get("dataType", "string"))
    return Field(
        name,
        kind,
        label=told.get("displayName") or "",
        length=int(told.get("length") or 0),
        calculated=kind == "formula",
        updateable=writable,
        createable=writable,
    )
