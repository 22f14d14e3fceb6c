"""One HTTP session: retries with back-off, typed errors, counted calls, and plain http on loopback only."""

from __future__ import annotations

import email.utils
import ipaddress
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import NewConnectionError

from sync_pipeline.connectors.errors import FatalError, RetryableError, SessionExpiredError

S = TypeVar("S")
T = TypeVar("T")
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


def retrying(first_wait: float = 0.2, sleep: Callable[[float], None] = time.sleep) -> Retrying:
    """Return the retry policy of `RetryableError`s: waits double from `first_wait`, or last as long as asked."""
    backoff = wait_exponential_jitter(multiplier=first_wait, max=60.0, jitter=first_wait)

    def wait(state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.wait_seconds if isinstance(failed, RetryableError) else 0.0
        return max(backoff(state), asked)

    return Retrying(
        retry=retry_if_exception_type(RetryableError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )


class Login(Generic[S]):
    """One login that all threads share: made for the first call, and once more when a call is told that it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: S | None = None

    def use(self, log_in: Callable[[], S], send: Callable[[S], T]) -> T:
        """Return what `send` does, logged in.

        Raises:
            FatalError: the new login is over as well.
        """
        current = self.current(log_in)
        try:
            return send(current)
        except SessionExpiredError:
            renewed = self.current(log_in, instead_of=current)
        try:
            return send(renewed)
        except SessionExpiredError as error:
            raise FatalError(error.code, error.message) from None

    def current(self, log_in: Callable[[], S], instead_of: S | None = None) -> S:
        """Return the login there is; another thread may have renewed the one that is over."""
        with self._lock:
            if self._current is None or self._current is instead_of:
                self._current = log_in()
            return self._current


def utc_now() -> datetime:
    return datetime.now(UTC)


def clock_skew_seconds(answer: requests.Response, now: datetime) -> float | None:
    """Return how far the system's clock, as the answer's `Date` tells it, is ahead of ours, which shows `now`."""
    date = answer.headers.get("Date")
    return (email.utils.parsedate_to_datetime(date) - now).total_seconds() if date else None


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
            raise connection_failed(url, error, may_be_done=_was_sent(error)) from error
        return answer

    def count_bytes(self, count: int) -> None:
        with self._lock:
            self.bytes += count


def connection_failed(url: str, error: Exception, may_be_done: bool = False) -> RetryableError:
    told = f"{urlsplit(url).netloc}: {type(error).__name__}"
    return RetryableError("CONNECTION_FAILED", told, may_be_done=may_be_done)


def _was_sent(error: requests.RequestException) -> bool:
    """Tell whether the request may have arrived; it has not where no connection came about."""
    unmade = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return not isinstance(error, unmade) and not isinstance(reason, NewConnectionError)
