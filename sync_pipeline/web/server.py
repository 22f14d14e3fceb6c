"""A server for endpoints: routes, the token, JSON or forms in, JSON out. What is answered, endpoints decide.

Uvicorn serves a Starlette app; `protocol` bounds what a connection may cost, `gate` asks for the token before anything
else is looked at, and a body is read only up to `MOST_BYTES`.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Self

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from werkzeug.formparser import parse_form_data

from sync_pipeline.redactor import clean
from sync_pipeline.texts import from_json
from sync_pipeline.web.gate import Gate
from sync_pipeline.web.protocol import HEAD_BYTES, Protocol

THREADS = 10
MOST_BYTES = 65_536
BODY_SECONDS = 20.0
IDLE_SECONDS = 5  # of a connection between two requests
STOP_SECONDS = 30  # that requests at work have to end when the server is told to stop
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

Fields = Mapping[str, object]


@dataclass(frozen=True)
class Reply:
    """What an endpoint answers; `retry_after` seconds tell the asker when to send the same again."""

    body: Mapping[str, object]
    status: int = 200
    retry_after: int = 0


@dataclass(frozen=True)
class Endpoint:
    """Who answers at a path, which may hold variables: `/flow/<action>`.

    `answer` gets the fields of the body, the variables of the path and, as `request_id`, the header `Idempotency-Key`
    where the body names none.
    """

    path: str
    answer: Callable[[Fields], Reply]


def application(endpoints: Iterable[Endpoint], token: str) -> Starlette:
    """Return the app of these endpoints, none of which answers without the token."""
    at_once = anyio.CapacityLimiter(THREADS)
    routes = [
        Route(path + slash, partial(_answer, endpoint, at_once), methods=["POST"])
        for endpoint in sorted(endpoints, key=lambda one: "<" in one.path)  # one of its own goes before a variable
        for path in [endpoint.path.replace("<", "{").replace(">", "}")]
        for slash in ("", "/")
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Gate, token=token, refusal=_response(*_UNAUTHORIZED))],
        exception_handlers={HTTPException: _told},
    )


class Server:
    """Endpoints being served: `with` serves them at `url` until the block ends."""

    def __init__(self, endpoints: Iterable[Endpoint], token: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Make a server; it takes a free port where none is given.

        Args:
            token: every request must bear it (`Authorization: Bearer …`).

        Raises:
            OSError: the address is taken, or not this machine's.
        """
        if not token:
            raise ValueError("a server without a token would answer everybody")
        self._socket = socket.create_server((host, port), family=_family(host), backlog=1024)
        self._host, self._port = self._socket.getsockname()[:2]
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(endpoints, token),
                http=Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=HEAD_BYTES,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        serving = partial(self._server.run, sockets=[self._socket])
        self._thread = threading.Thread(target=serving, name="web", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._thread:
            self._thread.join()

    @property
    def url(self) -> str:
        return f"http://[{self._host}]:{self._port}" if ":" in self._host else f"http://{self._host}:{self._port}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _answer(endpoint: Endpoint, at_once: anyio.CapacityLimiter, request: Request) -> Response:
    fields = _fields(request, await _body(request))
    given = {**fields, **request.path_params}
    try:
        reply = await anyio.to_thread.run_sync(endpoint.answer, given, limiter=at_once)
    except Exception as error:  # the asker is told no more than that; the message may hold somebody's values
        where = "".join(traceback.format_tb(error.__traceback__))
        logging.getLogger(__name__).error("%s at %s\n%s", type(error).__name__, request.url.path, where)
        reply = Reply({"error": "Internal Server Error"}, 500)
    return _response(reply)


async def _body(request: Request) -> bytes:
    """Return the body, unless it is too large or too slow: of a large one not even the beginning is kept."""
    told = request.headers.get("Content-Length", "0")
    if not told.isdecimal() or int(told) > MOST_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise _too_large()
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408, f"the body did not come within {BODY_SECONDS:.0f} seconds") from None
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(413, f"a body has at most {MOST_BYTES} bytes")


def _fields(request: Request, body: bytes) -> Fields:
    """Return what the body says, as JSON or as a form."""
    kind = request.headers.get("Content-Type", "")
    told: object
    if kind.partition(";")[0].strip().lower() in FORMS:
        environ = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
        told = parse_form_data(environ | {"REQUEST_METHOD": "POST"})[1].to_dict()
    else:
        try:
            told = from_json(body.decode("utf-8", "replace").encode() or b"{}")
        except ValueError:
            raise HTTPException(400, "the body is no JSON") from None
    if not isinstance(told, dict):
        raise HTTPException(400, "the body is no JSON object")
    key = request.headers.get("Idempotency-Key")
    return {"request_id": key, **told} if key else told


async def _told(_: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return _response(Reply({"error": HTTPStatus(status).phrase, "message": detail}, status))


def _response(reply: Reply, headers: Mapping[str, str] | None = None) -> Response:
    again = {"Retry-After": str(reply.retry_after)} if reply.retry_after else {}
    body = clean(json.dumps(reply.body))
    return Response(body, reply.status, {**again, **(headers or {})}, media_type="application/json")


_UNAUTHORIZED = (
    Reply({"error": "Unauthorized", "message": "the token of HTTP_TOKEN is needed: Authorization: Bearer …"}, 401),
    {"WWW-Authenticate": "Bearer"},
)
