"""The session by which everything is sent, by us or by a library: no redirections, a time and a size for each answer.

`requests` bounds the time between two bytes, not that of an answer: a server that drips would hold us for days.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sync_pipeline.connectors.bounds import Bounds
from sync_pipeline.connectors.errors import OverdueError

POOL = 16
CHUNK = 1 << 16
Clock = Callable[[], float]

Ends = tuple[tuple[float, Clock], ...]  # times, each by the clock that it was told by

_ENDS: ContextVar[Ends] = ContextVar("ends", default=())


@contextmanager
def ending(at: float, clock: Clock) -> Iterator[None]:
    """Let all that is sent meanwhile, in this thread, be over at a time; other ends that hold already stand."""
    token = _ENDS.set((*_ENDS.get(), (at, clock)))
    try:
        yield
    finally:
        _ENDS.reset(token)


class OverdueAnswerError(TimeoutError):
    """An answer was not there whole at its time."""


class _Clocked(io.RawIOBase):
    """What arrives by a socket until the first of several times."""

    def __init__(self, sock: socket.socket, ends: Ends) -> None:
        super().__init__()
        self._sock, self._ends = sock, ends
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._idle = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = min(end - clock() for end, clock in self._ends)
        if left <= 0:
            raise OverdueAnswerError("the answer took too long")
        if self._idle is not None and left >= self._idle:
            return self._read(buffer)
        self._sock.settimeout(left)
        try:
            return self._read(buffer)
        except TimeoutError:
            raise OverdueAnswerError("the answer took too long") from None
        finally:
            self._sock.settimeout(self._idle)

    def _read(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read until the end that held when it was asked for, its headers too."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        if ends := _ENDS.get():
            self.fp.close()
            self.fp = io.BufferedReader(_Clocked(sock, ends), CHUNK)


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class Adapter(HTTPAdapter):
    """Connects so that each answer has an end."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=POOL)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self._clock_answers(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(*arguments, **options)
        self._clock_answers(manager)
        return manager

    @staticmethod
    def _clock_answers(manager: urllib3.PoolManager) -> None:
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the token in place: without this, `requests` puts what a .netrc has for the host instead."""
    return request


class Session(requests.Session):
    """Sends requests, each within its bounds. An answer that is streamed has a job's time, any other a request's."""

    def __init__(self, bounds: Bounds, clock: Clock = time.monotonic) -> None:
        super().__init__()
        self._bounds, self._clock = bounds, clock
        self.auth = _as_it_is
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter())

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow nothing: a redirection would carry what was sent, or the token, to whom the answer names."""
        return None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request.

        Raises:
            OverdueError: its answer is larger than may be taken into memory.
            requests.RequestException: as usual; a `Timeout` if the answer was not there whole at its time.
        """
        wants_stream = options.get("stream", False)
        options["timeout"] = options.get("timeout") or self._bounds.idle
        seconds = self._bounds.job if wants_stream else self._bounds.request
        with ending(self._clock() + seconds, self._clock):
            answer = super().send(request, **{**options, "stream": True})
            answer.encoding = "utf-8"  # of JSON, XML and CSV alike, whatever charset a gateway names
            if not wants_stream:
                self._take(answer)
        return answer

    def _take(self, answer: requests.Response) -> None:
        """Take the body into memory, piece by piece: packed, a few bytes may be gigabytes."""
        parts, size = [], 0
        for part in answer.iter_content(CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._bounds.answer:
                answer.close()
                where, most = urlsplit(answer.url).path, self._bounds.answer
                raise OverdueError(
                    "ANSWER_TOO_LARGE", f"the answer at {where} has more than {most:,} bytes (SYNC_ANSWER_MEGABYTES)"
                )
        answer._content = b"".join(parts)


def is_overdue(error: BaseException | None) -> bool:
    """Tell whether an error came about because an answer's time was over."""
    seen = 0
    while error is not None and seen < 20:
        nested = [one for one in (*error.args, getattr(error, "reason", None)) if isinstance(one, BaseException)]
        if isinstance(error, OverdueAnswerError) or any(isinstance(one, OverdueAnswerError) for one in nested):
            return True
        error, seen = error.__cause__ or error.__context__ or next(iter(nested), None), seen + 1
    return False
