"""A sandbox as a server on loopback: routing, request log, broken connections and compression around its answers.

What is answered is told by `server.py` (Salesforce) and `marketo/server.py`.
"""

from __future__ import annotations

import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from cheroot import wsgi
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.faults import Faults
from sync_pipeline.sandbox.http import Route
from sync_pipeline.sandbox.request_log import RequestLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

WORTH_COMPRESSING = 1_024
THREADS = 16


class Service(ABC):
    """A running server. `with` serves it at `url` until the block ends."""

    faults: Faults

    def __init__(self, routes: Iterable[Route], port: int = 0) -> None:
        self.log = RequestLog()
        self._routes = Map(
            [Rule(route.path, endpoint=route, methods=route.methods) for route in routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._server = wsgi.Server(("127.0.0.1", port), self, numthreads=THREADS)
        self._server.expiration_interval = 0.05  # seconds; stopping waits for it once
        self._thread: threading.Thread | None = None

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer one request, whatever it asks; refusals are answers too."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the sandbox's time, by which clients cut their windows."""

    # Life

    def __enter__(self) -> Self:
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.stop()
        if self._thread:
            self._thread.join()

    @property
    def url(self) -> str:
        host, port = self._server.bind_addr
        return f"http://{host}:{port}"

    # One request

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        answer = self._spoil(request, self._compress(request, self.answer(request)))
        answer.date = self.now()
        self.log.add(request.method, request.path, answer.status_code)
        return answer(environ, start_response)

    def match(self, request: Request, method: str | None = None) -> tuple[Route, Mapping[str, Any]]:
        """Return who answers the request, by its own method or by another, and the path's arguments.

        Raises:
            HTTPException: nobody does.
        """
        route, arguments = self._routes.bind_to_environ(request.environ).match(method=method)
        return route, arguments

    def _compress(self, request: Request, answer: Response) -> Response:
        """Gzip for clients that ask for it; a file is compressed as it is read."""
        if not request.accept_encodings["gzip"] or answer.status_code != 200:
            return answer
        if (answer.content_length or WORTH_COMPRESSING) < WORTH_COMPRESSING:
            return answer
        if "Accept-Ranges" in answer.headers:  # ranges are bytes of the file itself
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
