"""A sandbox as a server on loopback: routing, request log and its own pages around a system's answers.

What is answered is told by `server.py` (Salesforce) and `marketo/api/server.py`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from cheroot import wsgi
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.http import Route
from sync_pipeline.sandbox.core.misbehaviour import Misbehaviour
from sync_pipeline.sandbox.core.request_log import RequestLog
from sync_pipeline.sandbox.core.site import Site, System
from sync_pipeline.sandbox.core.transport import compressed, cut, plain_path

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 16


class Service(ABC):
    """A running server. `with` serves it at `url` until the block ends; `title` names the system for people."""

    title: str
    faults: Misbehaviour

    def __init__(self, routes: Iterable[Route], clock: Callable[[], datetime], port: int = 0) -> None:
        self.log = RequestLog(clock)
        self._clock = clock
        self._routes = Map(
            [Rule(route.path, endpoint=route, methods=route.methods) for route in routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._server = wsgi.Server(("127.0.0.1", port), self, numthreads=THREADS)
        self._server.expiration_interval = 0.05  # seconds; stopping waits for it once
        self._thread: threading.Thread | None = None
        self.site: Site | None = None  # from the start on, when the address is known

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer one request, whatever it asks; refusals are answers too."""

    @abstractmethod
    def env(self) -> dict[str, str]:
        """Return the settings by which this project's own connector finds the sandbox."""

    @abstractmethod
    def system(self) -> System:
        """Return what its pages in the browser show."""

    # Life

    def __enter__(self) -> Self:
        self._server.prepare()
        self.site = Site(self.system(), self.faults, self.log)
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
        environ["PATH_INFO"] = plain_path(environ["PATH_INFO"])
        request, began = Request(environ), time.perf_counter()
        own = self.site.answer(request) if self.site else None
        if own:
            return own(environ, start_response)  # not the system's: without faults, and not in the log
        answer = self.answer(request)
        answer.date = self._clock()  # by which clients cut their windows
        if header := self.faults.take("header", request.path):
            answer.headers[header["name"]] = header["value"]
        self.log.add(request.method, request.path, answer.status_code, time.perf_counter() - began)
        return answer(environ, start_response)

    def match(self, request: Request, method: str | None = None) -> tuple[Route, Mapping[str, Any]]:
        """Return who answers the request, by its own method or by another, and the path's arguments.

        Raises:
            HTTPException: nobody does.
        """
        route, arguments = self._routes.bind_to_environ(request.environ).match(method=method)
        return route, arguments

    def sent(self, request: Request, answer: Response, about: str = "") -> Response:
        """Return the answer as it goes over the wire: compressed if that is asked for, cut off if that is commanded."""
        answer = compressed(request, answer)
        drop = self.faults.take("drop", request.path, about)
        if drop:
            answer.response = cut(answer.iter_encoded(), drop["after_bytes"])
        return answer
