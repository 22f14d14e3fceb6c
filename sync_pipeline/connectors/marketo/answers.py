"""What Marketo's answers mean: errors at three levels (SPEC 28.1), results of records, fields of a describe. Pure.

Only gateways answer with HTTP errors. A call that is refused as a whole, or one record of it, comes with HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.clock import utc_now
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import (
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    ThrottledError,
)
from sync_pipeline.connectors.marketo.login import SYSTEM
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.connectors.salesforce.answers import PASSING_STATUSES, redirection
from sync_pipeline.connectors.writes import blamed
from sync_pipeline.model import Field

Json = dict[str, Any]

TOKEN_OVER = frozenset({"601", "602"})
# Seconds to leave others alone: the rate counts twenty seconds, a call at the same time is over soon, one of ten
# imports takes a while.
THROTTLED = {"606": 5.0, "615": 1.0, "1016": 10.0}
NO_MORE_TODAY, NO_SUCH_CALL = "607", "610"
PASSING = frozenset({"500", "502", "604", "608", "611", "614", "713", "719"})
PASSING_RECORD = frozenset({*PASSING, "1016", "1019"})  # import queue full, list busy
NUMBERS = frozenset({"integer", "float", "number", "currency", "percent", "score"})
DONE = frozenset({"created", "updated", "deleted", "added", "removed", "memberof"})

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.: -]{0,254}")
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
    if redirected := redirection(answer):
        raise redirected
    code, said = f"HTTP_{answer.status_code}", f"{answer.reason or 'no reason given'} at {urlsplit(answer.url).path}"
    if answer.status_code in PASSING_STATUSES:
        raise RetryableError(code, said, headers.retry_after(answer.headers, utc_now()))
    raise RejectedError(code, said)


def body_of(answer: requests.Response) -> Document:
    """Return the body of a call that went well.

    Raises:
        SessionExpiredError, ThrottledError, QuotaError, RetryableError, RejectedError: it was refused as a whole.
    """
    told = Document.of(answer, SYSTEM)
    if not told.flag("success"):
        raise_refusal(told)
    return told


def raise_refusal(told: Document) -> None:
    first = told.only("errors")
    code, message = first.word("code"), " ".join(first.word("message", "no reason given").split())
    if code in TOKEN_OVER:
        raise SessionExpiredError(code, message)
    if code in THROTTLED:
        raise ThrottledError(code, message, THROTTLED[code])
    if code == NO_MORE_TODAY:
        raise QuotaError(code, message)
    if code in PASSING:
        raise RetryableError(code, message)
    if code == NO_SUCH_CALL:
        message = f"{message}: the subscription does not offer {told.request}"
    raise RejectedError(code, message)


def of_record(result: Document, id_field: str, sent: Mapping[str, Any] | None = None) -> Answer:
    """Return what became of one record of a write, whose values were `sent`."""
    status = result.text("status", "").lower()
    found = result.word(id_field, "") or None
    if status in DONE or (not status and found):  # activities come back as they were sent
        return Answer(Verdict.ACCEPTED, found, created=status in ("created", "added"))
    reasons = result.parts("reasons") or result.parts("errors")
    if not reasons and not status:
        raise result.fail("a record without a status")
    told = [(r.word("code"), r.word("message", "no reason given")) for r in reasons]
    told = told or [(status.upper(), "no reason given")]
    code = told[0][0]
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


def person_field(told: Document) -> Field | None:
    """Return one field of the persons' describe, under its REST name; None if only SOAP knows it."""
    rest = told.part("rest")
    if not rest.values:
        return None
    return _field(rest.text("name"), told, not rest.flag("readOnly", False))


def record_fields(told: Document) -> Iterator[Field]:
    """Yield the fields of any other describe, with what identifies a record and what it links to (MK-REST-21)."""
    keys = told.texts("dedupeFields")
    ends = {link.text("field"): link.part("relatedTo") for link in told.parts("relationships")}
    for one in told.parts("fields"):
        name = one.text("name")
        end = ends.get(name)
        yield replace(
            _field(name, one, one.flag("updateable", True)),
            identifies=name in keys,
            managed=one.flag("crmManaged", False),
            reference_to=(_end(end),) if end and end.values else (),
        )


def is_name(text: str) -> bool:
    """Tell whether a field of this name can be asked for: names are sent side by side, with commas between."""
    return _NAME.fullmatch(text) is not None


def _end(related: Document) -> str:
    """Return what a link leads to, in the words of describes: `lead.id`; Marketo's examples say `Lead` and `Id` too."""
    name, field = related.text("name"), related.text("field")
    return f"{name.lower() if name in ('Lead', 'Company') else name}.{'id' if field == 'Id' else field}"


def _field(name: str, told: Document, writable: bool) -> Field:
    kind = told.text("dataType", "string")
    return Field(
        name,
        kind,
        label=told.text("displayName", ""),
        length=told.number("length", 0),
        calculated=kind == "formula",
        updateable=writable,
        createable=writable,
    )
