"""The Salesforce sandbox as a server: routing, login, quota, faults and compression around the resources.

A further part of the API is a further module with `ROUTES`, named in `RESOURCES`.
"""

from __future__ import annotations

import tempfile
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from cheroot import wsgi
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox import (
    admin,
    auth,
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
from sync_pipeline.sandbox.bulk import BulkJobs
from sync_pipeline.sandbox.errors import ApiError, not_found
from sync_pipeline.sandbox.faults import Faults
from sync_pipeline.sandbox.http import Call, Route, error_answer
from sync_pipeline.sandbox.ingest import IngestJobs
from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.request_log import RequestLog
from sync_pipeline.sandbox.sessions import Sessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

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
    identity,
    soap,
    admin,
)
LONGEST_URI = 16_384
WORTH_COMPRESSING = 1_024
THREADS = 16


class Sandbox:
    """A running org. `with Sandbox(org) as sandbox:` serves it at `sandbox.url` until the block ends."""

    def __init__(self, org: Org, port: int = 0) -> None:
        self.org = org
        self.faults = Faults()
        self.log = RequestLog()
        self.sessions = Sessions(org)
        self.cursors = query.Cursors()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.bulk = BulkJobs(org, self.faults, Path(self._folder.name))
        self.ingest = IngestJobs(org, self.faults, Path(self._folder.name))
        routes = [route for module in RESOURCES for route in module.ROUTES]
        self._routes = Map(
            [Rule(route.path, endpoint=route, methods=route.methods) for route in routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._server = wsgi.Server(("127.0.0.1", port), self, numthreads=THREADS)
        self._server.expiration_interval = 0.05  # seconds; stopping waits for it once
        self._thread: threading.Thread | None = None

    # Life

    def __enter__(self) -> Self:
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.bulk.close()
        self.ingest.close()
        self._server.stop()
        if self._thread:
            self._thread.join()
        self.cursors.close()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        host, port = self._server.bind_addr
        return f"http://{host}:{port}"

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

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            answer = self._answer(request)
        except ApiError as error:
            answer = error_answer(error)
        answer = self._spoil(request, self._compress(request, answer))
        answer.date = self.org.now()  # the org's clock, by which clients cut their windows
        self.log.add(request.method, request.path, answer.status_code)
        return answer(environ, start_response)

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
            route, arguments = self._routes.bind_to_environ(request.environ).match()
            return route, arguments
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

    def _compress(self, request: Request, answer: Response) -> Response:
        """Gzip for clients that ask for it; a file is compressed as it is read."""
        if not request.accept_encodings["gzip"] or answer.status_code != 200:
            return answer
        if (answer.content_length or WORTH_COMPRESSING) < WORTH_COMPRESSING:
            return answer
        answer.response = _gzip(answer.iter_encoded())
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Vary"] = "Accept-Encoding"
        answer.headers.pop("Content-Length", None)
        return answer

    def _spoil(self, request: Request, answer: Response) -> Response:
        drop = self.faults.take("drop", request.path) if not request.path.startswith("/sandbox/") else None
        if drop:
            answer.response = _cut(answer.iter_encoded(), int(drop["after_bytes"]))
        return answer


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # the fastest level, in a gzip envelope
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _cut(chunks: Iterable[bytes], left: int) -> Iterator[bytes]:
    """Yield the first bytes, then break the connection off."""
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            break
    raise ConnectionAbortedError("dropped on command")
