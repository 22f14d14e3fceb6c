"""The terms in which resources speak to the server: a call in, an answer out, a table of routes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.bulk1_answers import refusal
from sync_pipeline.sandbox.bulk_parts import Slice
from sync_pipeline.sandbox.errors import ApiError
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.soql_scope import Reader
from sync_pipeline.sandbox.writer import Options, Writer

if TYPE_CHECKING:
    from sync_pipeline.sandbox.server import Sandbox

JSON = "application/json;charset=UTF-8"
CSV = "text/csv; charset=UTF-8"  # text without a charset is Latin-1 to many a client
_BULK_1 = "/services/async/"


@dataclass(frozen=True)
class Call:
    """One request, with the user who makes it (empty where none is needed) and the API version it names."""

    sandbox: Sandbox
    request: Request
    user: str
    version: str

    @property
    def org(self) -> Org:
        return self.sandbox.org

    def reader(self, deleted: bool = False) -> Reader:
        """Return whose eyes a query sees with."""
        return Reader(self.org, self.user, deleted, self.sandbox.faults.lateness)

    def writer(self) -> Writer:
        """Return whose hand writes, with the options that the request's headers set."""
        spoil = self.sandbox.faults.spoil(self.request.path)
        return Writer(
            self.org,
            self.user,
            options=_options(self.request),
            spoil=spoil,
            sent=lambda: self.request.get_data(as_text=True),
        )

    def body(self) -> dict[str, Any]:
        """Return the JSON object sent.

        Raises:
            ApiError: JSON_PARSER_ERROR.
        """
        try:
            body = json.loads(self.request.get_data())
        except ValueError as error:
            raise ApiError("JSON_PARSER_ERROR", f"The request body is not valid JSON: {error}") from None
        if not isinstance(body, dict):
            raise ApiError("JSON_PARSER_ERROR", "The request body must be a JSON object")
        return body


def _options(request: Request) -> Options:
    """`Sforce-Auto-Assign` is TRUE, FALSE or the id of a rule; other spellings of false do not count as such."""
    assign = request.headers.get("Sforce-Auto-Assign")
    duplicates = request.headers.get("Sforce-Duplicate-Rule-Header", "").replace(" ", "").lower()
    return Options(
        assign=None if assign is None else assign.upper() != "FALSE", allow_duplicates="allowsave=true" in duplicates
    )


@dataclass(frozen=True)
class Route:
    """An address, the function that answers there, and whether one must be logged in and is charged a call."""

    path: str
    answer: Callable[..., Response]
    methods: tuple[str, ...] = ("GET",)
    needs_login: bool = True
    is_charged: bool = True


def json_answer(body: object, status: int = 200) -> Response:
    """Return an answer of a body, or of text that is JSON already."""
    encoded = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(encoded, status, content_type=JSON)


def file_answer(path: Path, content_type: str) -> Response:
    """Return a file that streams from disk."""
    size = path.stat().st_size
    answer = Response(Slice(path, 0, size).chunks(), content_type=content_type, direct_passthrough=True)
    answer.content_length = size
    return answer


def error_answer(error: ApiError, request: Request) -> Response:
    """Return a refusal as the API that the request addresses words it."""
    if request.path.startswith(_BULK_1):
        return refusal(error, request)
    return json_answer(error.body(), error.status)


def authorization(request: Request) -> str:
    """Return the Authorization header of a request, of which Bulk API 1 has one of its own."""
    if request.path.startswith(_BULK_1):
        return f"Bearer {request.headers.get('X-SFDC-Session', '')}"
    return request.headers.get("Authorization", "")
