"""The terms in which resources speak to the server: a call in, an answer out, a table of routes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.http import json_answer
from sync_pipeline.sandbox.salesforce.bulk.bulk import QueryJobs
from sync_pipeline.sandbox.salesforce.bulk.bulk1 import BatchJobs
from sync_pipeline.sandbox.salesforce.bulk.ingest import IngestJobs
from sync_pipeline.sandbox.salesforce.bulk1_answers import refusal
from sync_pipeline.sandbox.salesforce.cursors import Cursors
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.rules.writer import Options, Writer
from sync_pipeline.sandbox.salesforce.sessions import Sessions
from sync_pipeline.sandbox.salesforce.slices import Slice
from sync_pipeline.sandbox.salesforce.soql.scope import Reader

CSV = "text/csv; charset=UTF-8"  # text without a charset is Latin-1 to many a client
_BULK_1 = "/services/async/"


class Host(Protocol):
    """What resources need of the server that they are part of."""

    org: Org
    faults: Faults
    sessions: Sessions
    cursors: Cursors
    bulk: QueryJobs
    ingest: IngestJobs
    bulk1: BatchJobs

    @property
    def url(self) -> str: ...

    def answer_within(self, request: Request) -> Response: ...


@dataclass(frozen=True)
class Call:
    """One request, with the user who makes it (empty where none is needed) and the API version it names."""

    sandbox: Host
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
