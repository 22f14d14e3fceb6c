"""The Salesforce sandbox as a server: login, quota and faults around the resources.

A further part of the API is a further module with `ROUTES`, named in `RESOURCES`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox import (
    admin,
    auth,
    bulk_http,
    collections,
    composite,
    ingest_http,
    life,
    query,
    rest,
    soap,
    writes,
)
from sync_pipeline.sandbox.bulk import BulkJobs
from sync_pipeline.sandbox.errors import ApiError, not_found
from sync_pipeline.sandbox.faults import Faults
from sync_pipeline.sandbox.http import Call, Route, error_answer
from sync_pipeline.sandbox.ingest import IngestJobs
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.service import Service
from sync_pipeline.sandbox.sessions import Sessions

RESOURCES: tuple[ModuleType, ...] = (
    rest,
    writes,
    life,
    collections,
    composite,
    query,
    bulk_http,
    ingest_http,
    auth,
    soap,
    admin,
)
LONGEST_URI = 16_384


class Sandbox(Service):
    """A running org. `with Sandbox(org) as sandbox:` serves it at `sandbox.url` until the block ends."""

    def __init__(self, org: Org, port: int = 0) -> None:
        super().__init__((route for module in RESOURCES for route in module.ROUTES), port)
        self.faults = Faults()
        self.org = org
        self.sessions = Sessions(org)
        self.cursors = query.Cursors()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.bulk = BulkJobs(org, self.faults, Path(self._folder.name))
        self.ingest = IngestJobs(org, self.faults, Path(self._folder.name))

    def close(self) -> None:
        self.bulk.close()
        self.ingest.close()
        super().close()
        self.cursors.close()
        self._folder.cleanup()

    def now(self) -> datetime:
        return self.org.now()

    def env(self) -> dict[str, str]:
        """Return the settings by which this project's own connector finds the sandbox."""
        login = next(iter(self.sessions.logins.values()))
        return {
            "CRM": "salesforce",
            "SALESFORCE_LOGIN_URL": self.url,
            "SALESFORCE_CLIENT_ID": self.sessions.client_id,
            "SALESFORCE_CLIENT_SECRET": self.sessions.client_secret,
            "SALESFORCE_USERNAME": login.username,
            "SALESFORCE_PASSWORD": login.password,
            "SALESFORCE_SECURITY_TOKEN": login.security_token,
        }

    # One request

    def answer(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except ApiError as error:
            return error_answer(error)

    def answer_within(self, request: Request) -> Response:
        """Answer a request that is part of another, which has been charged and spoiled already."""
        try:
            route, arguments = self._route(request)
            return self._dispatch(request, route, arguments, is_part=True)
        except ApiError as error:
            return error_answer(error)

    def _answer(self, request: Request) -> Response:
        if len(request.environ.get("REQUEST_URI", "")) > LONGEST_URI:
            body = "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
            return Response(body, 414, content_type="text/html;charset=iso-8859-1")
        early = self._interrupt(request)
        if early:
            return early
        route, arguments = self._route(request)
        return self._dispatch(request, route, arguments)

    def _route(self, request: Request) -> tuple[Route, Mapping[str, Any]]:
        try:
            return self.match(request)
        except MethodNotAllowed as error:
            allowed = ",".join(error.valid_methods or ())
            message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
            raise ApiError("METHOD_NOT_ALLOWED", message, 405) from None
        except HTTPException:
            raise not_found() from None

    def _dispatch(
        self, request: Request, route: Route, arguments: Mapping[str, Any], is_part: bool = False
    ) -> Response:
        authorization = request.headers.get("Authorization", "")
        user = self.sessions.user_of(authorization) if route.needs_login else ""
        if route.is_charged and not is_part:
            self.sessions.count_call()
        version, named = arguments.get("version", ""), {k: v for k, v in arguments.items() if k != "version"}
        if not version.replace(".", "", 1).isdigit() and version:
            raise not_found()
        try:
            answer = route.answer(Call(self, request, user, version), **named)
        except ApiError as error:
            answer = error_answer(error)
        if route.needs_login:
            answer.headers["Sforce-Limit-Info"] = self.sessions.limit_info
        return answer

    def _interrupt(self, request: Request) -> Response | None:
        """Apply the faults that come before any answer."""
        if request.path.startswith("/sandbox/"):
            return None
        slow = self.faults.take("slow", request.path)
        if slow:
            time.sleep(float(slow["seconds"]))
        if self.faults.take("expire", request.path):
            self.sessions.expire_all()
        quota = self.faults.take("quota", request.path)
        if quota:
            self.sessions.allowed = self.sessions.used + int(quota["calls"])
        error = self.faults.take("error", request.path)
        if error:
            raise ApiError(error["code"], error["message"], int(error["status"]))
        status = self.faults.take("status", request.path)
        if status is None:
            return None
        code = "SERVER_UNAVAILABLE" if status["status"] == 503 else "REQUEST_LIMIT_EXCEEDED"
        answer = error_answer(ApiError(code, "The server cannot answer now; try again later", int(status["status"])))
        if status["retry_after"]:
            answer.headers["Retry-After"] = str(status["retry_after"])
        return answer
