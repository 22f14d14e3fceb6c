"""The terms in which Marketo's resources speak to the server: a call in, an answer out, a table of routes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core import http
from sync_pipeline.sandbox.core.http import json_answer
from sync_pipeline.sandbox.marketo.bulk.extract import Extracts
from sync_pipeline.sandbox.marketo.bulk.imports import Imports
from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.faults import Faults
from sync_pipeline.sandbox.marketo.limits import Limits
from sync_pipeline.sandbox.marketo.records import paging
from sync_pipeline.sandbox.marketo.records.fields import ObjectType
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import moment
from sync_pipeline.sandbox.marketo.services import Identity

Json = dict[str, Any]
MOST = 300  # records in a request, values of a filter, records on a page


@dataclass(frozen=True)
class Route(http.Route):
    """As any route; `crm` says what of it a native CRM sync closes (MK-REST-1)."""

    crm: Literal["", "writes", "all"] = ""


class Host(Protocol):
    """What resources need of the server that they are part of."""

    subscription: Subscription
    faults: Faults
    identity: Identity
    limits: Limits
    extracts: Extracts
    imports: Imports
    performance_tier: bool

    @property
    def url(self) -> str: ...

    def now(self) -> datetime: ...

    def spoiled(
        self, path: str, records: Sequence[Json], write: Callable[[Sequence[Json]], list[Json]]
    ) -> list[Json]: ...


@dataclass(frozen=True)
class Call:
    """One request, with the user who makes it (empty where none is needed) and the number it is known by."""

    sandbox: Host
    request: Request
    user: str
    id: str

    @property
    def subscription(self) -> Subscription:
        return self.sandbox.subscription

    def author(self, method: str) -> Author:
        return Author(method, self.user, self.id)

    # Parameters

    @property
    def is_disguised(self) -> bool:
        """Whether this is a GET in a POST (`_method=GET`), for what is too long for an address."""
        return is_disguised(self.request)

    @cached_property
    def parameters(self) -> MultiDict[str, Any]:
        """The query's parameters; of a GET in a POST also those in its body, a form or JSON."""
        given: MultiDict[str, Any] = MultiDict(self.request.args.items(multi=True))
        if self.is_disguised:
            given.update(self.body() if self.request.is_json else self.request.form)
        return given

    def value(self, name: str) -> str | None:
        found = self.parameters.get(name)
        return None if found in (None, "") else str(found)

    def required(self, name: str) -> str:
        found = self.value(name)
        if found is None:
            raise missing(name)
        return found

    def many(self, name: str) -> list[str]:
        """Return the values of a list, which comes comma-separated, repeated, or both."""
        given: Iterable[Any] = self.parameters.getlist(name)
        return [part.strip() for value in given for part in str(value).split(",") if part.strip()]

    def integer(self, name: str, default: int | None = None) -> int | None:
        found = self.value(name)
        return default if found is None else integer(found)

    def integers(self, name: str) -> list[int]:
        return [integer(value) for value in self.many(name)]

    def flag(self, name: str) -> bool:
        return (self.value(name) or "").lower() == "true"

    def time(self, name: str) -> datetime | None:
        found = self.value(name)
        try:
            return moment(found) if found else None
        except (ValueError, OverflowError):
            raise CallError(704, f"Invalid date format for '{name}'") from None

    @property
    def size(self) -> int:
        """How many records a page has: `batchSize`, at most 300."""
        size = self.integer("batchSize", MOST) or MOST
        if size < 1:
            raise mistyped(size, "positive integer")
        return min(size, MOST)

    @property
    def place(self) -> int:
        """Where a page begins, counted in records or by the last id read, as `paged` has told."""
        return paging.place(self.value("nextPageToken"))

    def fields(self, object_type: ObjectType, default: Sequence[str]) -> list[str]:
        """Return the fields asked for.

        Raises:
            CallError: 1006 there is no such field.
        """
        wanted = list(dict.fromkeys(self.many("fields"))) or list(default)
        lower = {name.lower(): name for name in object_type.fields}
        unknown = next((name for name in wanted if name.lower() not in lower), None)
        if unknown:
            raise CallError(1006, f"Field '{unknown}' not found")
        return [lower[name.lower()] for name in wanted]

    # The body

    def body(self) -> dict[str, Any]:
        """Return the JSON object sent.

        Raises:
            CallError: 612 the content type, 609 the body.
        """
        kind = self.request.mimetype
        if kind and kind != "application/json":
            raise CallError(612, f"Invalid Content Type '{kind}'")
        data = self.request.get_data()
        try:
            body = json.loads(data)
            if rb"\u" in data:
                json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise CallError(609, "Invalid JSON") from None
        if not isinstance(body, dict):
            raise CallError(609, "Invalid JSON")
        return body

    def records(self, body: Mapping[str, Any], name: str = "input", most: int = MOST) -> list[dict[str, Any]]:
        """Return the records of a request.

        Raises:
            CallError: there are none, they are no list of objects, or more than may be.
        """
        found = body.get(name)
        if not found:
            raise missing(name)
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            raise mistyped(type(found).__name__, "array of objects")
        at_most(found, most, "records")
        return found

    def text(self, body: Mapping[str, Any], name: str, default: str | None = None) -> str | None:
        """Return a text of the body."""
        found = body.get(name)
        if found is None:
            return default
        if not isinstance(found, str):
            raise mistyped(found, "string")
        return found

    def named(self, body: Mapping[str, Any], name: str) -> str:
        found = self.text(body, name)
        if not found:
            raise missing(name)
        return found

    # Answers

    def answer(self, result: object = None, **more: object) -> Response:
        """Return the envelope of a call that went well."""
        body = {"requestId": self.id, **({} if result is None else {"result": result}), "success": True, **more}
        return json_answer(body)

    def paged(self, records: Sequence[Any], size: int, last: object) -> Response:
        """Return a page: `records` has one more than `size` when others follow, from `last` on."""
        if len(records) <= size:
            return self.answer(records[:size])
        return self.answer(records[:size], nextPageToken=paging.token(last), moreResult=True)


def at_most(values: Sized, most: int, what: str) -> None:
    """Refuse a request that names more than may be named at once."""
    if len(values) > most:
        raise CallError(1003, f"The number of {what} exceeds the maximum of {most}")


def is_disguised(request: Request) -> bool:
    """Tell whether this is a GET in a POST: `_method` stands in the address, or as old clients send it in the form."""
    if request.method != "POST":
        return False
    given = request.args.get("_method")
    if given is None and request.mimetype == "application/x-www-form-urlencoded":
        given = request.form.get("_method")
    return (given or "").upper() == "GET"


def integer(value: object) -> int:
    """Return a number that a parameter or a path names.

    Raises:
        CallError: 1001 it is none.
    """
    try:
        number = int(str(value))
    except ValueError:
        raise mistyped(value, "integer") from None
    if abs(number) >= 2**63:
        raise mistyped(value, "integer")
    return number


def error_answer(request_id: str, error: CallError) -> Response:
    errors = [{"code": error.code, "message": error.message}]
    return json_answer({"requestId": request_id, "success": False, "errors": errors})
