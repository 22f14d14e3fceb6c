"""One HTTP session: retries with back-off, typed errors, counted calls, and plain http on loopback only."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from sync_pipeline.connectors.errors import FatalError, RetryableError

ATTEMPTS = 6
POOL = 16


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_url(url: str) -> str:
    """Return the address without a trailing slash.

    Raises:
        FatalError: it is not https, and not http on loopback: credentials would travel in the clear.
    """
    scheme = urlsplit(url).scheme
    if scheme == "https" or (scheme == "http" and is_loopback(url)):
        return url.rstrip("/")
    raise FatalError("INSECURE_URL", f"{url} is refused: only https, or http on loopback, may carry credentials")


class PlainOnLoopback(HTTPAdapter):
    """Speaks plain http to `to`, whatever https host was asked for: client libraries hard-wire https."""

    def __init__(self, to: str) -> None:
        super().__init__(pool_maxsize=POOL)
        self._to = urlsplit(to)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit((self._to.scheme, self._to.netloc, str(parts.path), str(parts.query), ""))
        return super().send(request, *args, **kwargs)


def session(user_agent: str, login_url: str) -> requests.Session:
    """Return a session. On loopback nothing is compressed: that would cost more than it saves."""
    loopback = is_loopback(login_url)
    made = requests.Session()
    made.mount("https://", HTTPAdapter(pool_maxsize=POOL))
    made.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity" if loopback else "gzip"})
    return made


def retrying(first_wait: float = 0.2) -> Retrying:
    """Return the retry policy of `RetryableError`s: waits double from `first_wait`, or last as long as asked."""
    backoff = wait_exponential_jitter(multiplier=first_wait, max=60.0, jitter=first_wait)

    def wait(state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.wait_seconds if isinstance(failed, RetryableError) else 0.0
        return max(backoff(state), asked)

    return Retrying(
        retry=retry_if_exception_type(RetryableError), stop=stop_after_attempt(ATTEMPTS), wait=wait, reraise=True
    )


class Http:
    """Sends requests and counts them. `check` turns an answer that is an error into the right exception."""

    def __init__(
        self,
        requests_session: requests.Session,
        check: Callable[[requests.Response], None],
        timeout: float = 120.0,
    ) -> None:
        self.session = requests_session
        self._check = check
        self._timeout = timeout
        self._lock = threading.Lock()
        self.calls = 0
        self.bytes = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], **kwargs: Any) -> requests.Response:
        """Send one request, no retry; the answer is good.

        Raises:
            RetryableError: the connection failed.
            ConnectorError: what `check` made of the answer.
        """
        try:
            with self._lock:
                self.calls += 1
            answer = self.session.request(method, url, headers=dict(headers), timeout=self._timeout, **kwargs)
            self._check(answer)
            if not kwargs.get("stream"):
                self.count_bytes(len(answer.content))
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise connection_failed(url, error) from error
        return answer

    def count_bytes(self, count: int) -> None:
        with self._lock:
            self.bytes += count


def connection_failed(url: str, error: Exception) -> RetryableError:
    return RetryableError("CONNECTION_FAILED", f"{urlsplit(url).netloc}: {type(error).__name__}")
