"""The Marketo sandbox as a server: sizes, tokens, limits and faults around the resources.

A further part of the API is a further module with `ROUTES`, named in `RESOURCES`.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.sandbox.core.site import System
from sync_pipeline.sandbox.marketo.api import (
    activities_http,
    custom_objects_http,
    custom_types_http,
    extract_http,
    identity,
    imports_http,
    ingestion_http,
    life_http,
    lists_http,
    members_http,
    memberships_http,
    people_http,
    programs_http,
    records_http,
    schema_http,
    stats_http,
)
from sync_pipeline.sandbox.marketo.api.browse import SubscriptionSystem
from sync_pipeline.sandbox.marketo.bulk.extract import Extracts
from sync_pipeline.sandbox.marketo.bulk.imports import Imports
from sync_pipeline.sandbox.marketo.errors import CallError, RecordError, skipped
from sync_pipeline.sandbox.marketo.faults import Faults
from sync_pipeline.sandbox.marketo.http import Call, Json, Route, error_answer, is_disguised
from sync_pipeline.sandbox.marketo.limits import Limits
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.services import Identity

RESOURCES: tuple[ModuleType, ...] = (
    identity,
    people_http,
    life_http,
    schema_http,
    activities_http,
    custom_types_http,
    lists_http,
    programs_http,
    members_http,
    memberships_http,
    records_http,
    custom_objects_http,
    stats_http,
    extract_http,
    imports_http,
    ingestion_http,
)
LONGEST_URI = 8_192
LARGEST_BODY, LARGEST_FILE = 1 << 20, 10 << 20
_LOG = logging.getLogger(__name__)


class MarketoSandbox(Service):
    """A running subscription. `with MarketoSandbox(subscription) as sandbox:` serves it at `sandbox.url`.

    `query_tokens` lets the token come as a parameter, which Adobe ended on 31 July 2026 and old clients still do.
    `performance_tier` is what a subscription needs for the Data Ingestion API.
    """

    title = "Marketo sandbox"
    faults: Faults

    def __init__(
        self, subscription: Subscription, port: int = 0, query_tokens: bool = False, performance_tier: bool = False
    ) -> None:
        super().__init__((route for module in RESOURCES for route in module.ROUTES), subscription.now, port)
        self.faults = Faults(lambda: self.limits.reset())
        self.subscription = subscription
        subscription.kept = self.faults.kept
        self.limits = Limits()
        self.identity = Identity(subscription)
        self.performance_tier = performance_tier
        self._query_tokens = query_tokens
        self._folder = tempfile.TemporaryDirectory(prefix="marketo-")
        self.extracts = Extracts(subscription, self.faults, Path(self._folder.name))
        self.imports = Imports(subscription, self.faults, Path(self._folder.name))
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self.extracts.close()
        self.imports.close()
        super().close()
        self._folder.cleanup()

    def now(self) -> datetime:
        return self.subscription.now()

    def system(self) -> System:
        return SubscriptionSystem(self.subscription, self.limits, self.url)

    def env(self) -> dict[str, str]:
        service = next(iter(self.identity.services.values()))
        return {
            "MARKETO_URL": self.url,
            "MARKETO_CLIENT_ID": service.client_id,
            "MARKETO_CLIENT_SECRET": service.client_secret,
            "MARKETO_FIRST_DAY": self.subscription.first_day().isoformat(),  # no export job for the time before
            "MARKETO_INGESTION_URL": self.url,
            "MARKETO_POLL_SECONDS": "1",  # job states change at once here
            "MARKETO_CALLS_IN_20_SECONDS": "100",  # and nobody else shares the quota
        }

    def spoiled(self, path: str, records: Sequence[Json], write: Callable[[Sequence[Json]], list[Json]]) -> list[Json]:
        """Write records but those that are rejected on command, and return all results in order."""
        rejected: dict[int, Json] = {}
        for position in range(len(records)):
            try:
                self.faults.check(path)
            except RecordError as error:
                rejected[position] = skipped(error.reason)
        results = iter(write([record for i, record in enumerate(records) if i not in rejected]))
        return [rejected[i] if i in rejected else next(results) for i in range(len(records))]

    # One request

    def answer(self, request: Request) -> Response:
        number = f"{next(self._numbers):x}#{int(self.now().timestamp() * 1000):x}"
        try:
            answer = self._too_large(request) or self._interrupt(request) or self._dispatch(request, number)
        except CallError as error:
            self.limits.count_error(error.code, self.now())
            answer = error_answer(number, error)
        except Exception as error:  # as the real one: an unhandled fault is an answer too, and never shows its inside
            _LOG.error("%s %s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)[-1:]))
            answer = error_answer(number, CallError(611, "System error"))
        return self.sent(request, answer)

    def _too_large(self, request: Request) -> Response | None:
        if len(request.environ.get("REQUEST_URI", "")) > LONGEST_URI:
            return Response("<h1>414 Request-URI Too Large</h1>", 414, content_type="text/html")
        is_import = request.path.startswith("/bulk/") and request.mimetype == "multipart/form-data"
        if (request.content_length or 0) > (LARGEST_FILE if is_import else LARGEST_BODY):
            return Response("<h1>413 Request Entity Too Large</h1>", 413, content_type="text/html")
        return None

    def _dispatch(self, request: Request, number: str) -> Response:
        route, arguments = self._route(request)
        if not route.needs_login:
            return self._call(route, arguments, Call(self, request, "", number))
        service = self.identity.service_of(self._token(request))
        entered = self.now()
        self.limits.enter(service.user, entered)
        refused = True
        try:
            service.check(request.path)
            answer = self._call(route, arguments, Call(self, request, service.user, number))
            refused = False
            return answer
        finally:
            self.limits.leave(service.user, entered, refused)

    def _call(self, route: Route, arguments: Mapping[str, Any], call: Call) -> Response:
        if self.subscription.native and (route.crm == "all" or (route.crm == "writes" and "POST" in route.methods)):
            raise CallError(1018, "CRM Enabled")
        return route.answer(call, **arguments)

    def _route(self, request: Request) -> tuple[Route, Mapping[str, Any]]:
        try:
            route, arguments = self.match(request, "GET" if is_disguised(request) else None)
        except MethodNotAllowed:
            raise CallError(605, f"HTTP Method '{request.method}' not supported") from None
        except HTTPException:
            raise CallError(610, "Requested resource not found") from None
        if not isinstance(route, Route):
            raise TypeError(f"{route} is no route of Marketo")
        return route, arguments

    def _token(self, request: Request) -> str | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return token
        return request.values.get("access_token") if self._query_tokens else None

    def _interrupt(self, request: Request) -> Response | None:
        """Apply the faults that come before any answer."""
        path = request.path
        slow = self.faults.take("slow", path)
        if slow:
            time.sleep(float(slow["seconds"]))
        if self.faults.take("expire", path):
            self.identity.expire_all()
        quota = self.faults.take("quota", path)
        if quota:
            self.limits.daily = self.limits.daily - self.limits.left(self.now()) + int(quota["calls"])
        if self.faults.take("lacks", path):
            raise CallError(610, "Requested resource not found")
        error = self.faults.take("error", path)
        if error:
            raise CallError(error["code"], error["message"])
        status = self.faults.take("status", path)
        if status is None:
            return None
        answer = Response(f"<h1>{status['status']}</h1>", int(status["status"]), content_type="text/html")
        if status["retry_after"]:
            answer.headers["Retry-After"] = str(status["retry_after"])
        return answer
