"""The Salesforce sandbox as a server: routing, login, quota, faults and compression around the resources.

A further part of the API is a further module with `ROUTES`, named in `RESOURCES`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.forms import as_sent
from sync_pipeline.sandbox.core.http import Route
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.sandbox.core.site import System
from sync_pipeline.sandbox.salesforce import cursors
from sync_pipeline.sandbox.salesforce.api import (
    auth,
    bulk1_http,
    bulk_http,
    collections,
    composite,
    identity,
    ingest_http,
    life,
    query,
    rest,
    soap,
    writes,
)
from sync_pipeline.sandbox.salesforce.api.browse import OrgSystem
from sync_pipeline.sandbox.salesforce.api.drift import drift
from sync_pipeline.sandbox.salesforce.api.subject import subject
from sync_pipeline.sandbox.salesforce.bulk.bulk import QueryJobs
from sync_pipeline.sandbox.salesforce.bulk.bulk1 import BatchJobs
from sync_pipeline.sandbox.salesforce.bulk.ingest import IngestJobs
from sync_pipeline.sandbox.salesforce.errors import ApiError, not_found
from sync_pipeline.sandbox.salesforce.faults import Faults
from sync_pipeline.sandbox.salesforce.http import Call, authorization, error_answer
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.persons import PROFESSIONAL
from sync_pipeline.sandbox.salesforce.org.store import as_is
from sync_pipeline.sandbox.salesforce.sessions import Sessions

RESOURCES: tuple[ModuleType, ...] = (
    rest,
    writes,
    life,
    collections,
    composite,
    query,
    bulk_http,
    ingest_http,
    bulk1_http,
    auth,
    identity,
    soap,
)
LONGEST_URI = 16_384


class Sandbox(Service):
    """A running org. `with Sandbox(org) as sandbox:` serves it at `sandbox.url` until the block ends."""

    faults: Faults

    def __init__(self, org: Org, port: int = 0) -> None:
        super().__init__((route for module in RESOURCES for route in module.ROUTES), org.now, port)
        self.org = org
        self.title = f"{org.schema.crm.title()} sandbox"
        self.faults = Faults(self._object_of, lambda: self.sessions.new_day())
        org.restamp = self.faults.stamp
        org.kept = self.faults.kept
        self.sessions = Sessions(org)
        self.cursors = cursors.Cursors()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.bulk = QueryJobs(org, self.faults, Path(self._folder.name))
        self.ingest = IngestJobs(org, self.faults, Path(self._folder.name))
        self.bulk1 = BatchJobs(org, self.faults, Path(self._folder.name))

    def close(self) -> None:
        self.org.restamp = as_is
        self.org.kept = as_sent
        self.bulk.close()
        self.ingest.close()
        self.bulk1.close()
        super().close()
        self.cursors.close()
        self._folder.cleanup()

    def system(self) -> System:
        return OrgSystem(self.org, self.sessions, self.url)

    def env(self) -> dict[str, str]:
        login = next(iter(self.sessions.logins.values()))
        crm = self.org.schema.crm
        return {
            "CRM": crm,
            **({"VEEVA_PROFESSIONAL_TYPES": PROFESSIONAL} if crm == "veeva" else {}),
            "SALESFORCE_LOGIN_URL": self.url,
            "SALESFORCE_CLIENT_ID": self.sessions.client_id,
            "SALESFORCE_CLIENT_SECRET": self.sessions.client_secret,
            "SALESFORCE_USERNAME": login.username,
            "SALESFORCE_PASSWORD": login.password,
            "SALESFORCE_SECURITY_TOKEN": login.security_token,
        }

    # One request

    def answer(self, request: Request) -> Response:
        about = self._about(request)
        try:
            answer = self._answer(request, about)
        except ApiError as error:
            answer = error_answer(error, request)
        return self.sent(request, drift(self, request.path, about, answer), about)

    def answer_within(self, request: Request) -> Response:
        """Answer a request that is part of another, which has been charged and spoiled already."""
        try:
            route, arguments = self._route(request)
            return self._dispatch(request, route, arguments, is_part=True)
        except ApiError as error:
            return error_answer(error, request)

    def _answer(self, request: Request, about: str) -> Response:
        if len(request.environ.get("REQUEST_URI", "")) > LONGEST_URI:
            body = "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
            return Response(body, 414, content_type="text/html;charset=iso-8859-1")
        early = self._interrupt(request, about)
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
        user = self.sessions.user_of(authorization(request)) if route.needs_login else ""
        if route.is_charged and not is_part:
            self.sessions.count_call()
        version, named = arguments.get("version", ""), {k: v for k, v in arguments.items() if k != "version"}
        if not version.replace(".", "", 1).isdigit() and version:
            raise not_found()
        try:
            answer = route.answer(Call(self, request, user, version), **named)
        except ApiError as error:
            answer = error_answer(error, request)
        if route.needs_login:
            answer.headers["Sforce-Limit-Info"] = self.sessions.limit_info
        return answer

    def _about(self, request: Request) -> str:
        """Return the object that a request is about, if a fault may ask."""
        if not self.faults:
            return ""
        try:
            return subject(self, request, self._route(request)[1])
        except ApiError:
            return ""

    def _object_of(self, record: str) -> str:
        found = self.org.schema.by_prefix(record)
        return found.name if found else ""

    def _interrupt(self, request: Request, about: str) -> Response | None:
        """Apply the faults that come before any answer."""
        path = request.path
        slow = self.faults.take("slow", path, about)
        if slow:
            time.sleep(slow["seconds"])
        if self.faults.take("expire", path, about):
            self.sessions.expire_all()
        quota = self.faults.take("quota", path, about)
        if quota:
            self.sessions.allowed = self.sessions.used + quota["calls"]
        if self.faults.take("lacks", path, about):
            raise not_found()
        error = self.faults.take("error", path, about)
        if error:
            raise ApiError(error["code"], error["message"], error["status"])
        status = self.faults.take("status", path, about)
        return _unavailable(request, status["status"], status["retry_after"]) if status else None


def _unavailable(request: Request, status: int, retry_after: int) -> Response:
    """Return the answer of an org that is down (503), or for other states that of a gateway before it."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        busy = ApiError("SERVER_UNAVAILABLE", "The server cannot answer now; try again later", status)
        answer = error_answer(busy, request)
    else:
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        answer = Response(f"<html><body><h1>{status} {phrase}</h1></body></html>", status, content_type="text/html")
    if retry_after:
        answer.headers["Retry-After"] = str(retry_after)
    return answer
