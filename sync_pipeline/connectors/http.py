"""One HTTP session: retries with back-off, typed errors, counted calls, and plain http on loopback only."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter
from urllib3.exceptions import HTTPError, NewConnectionError

from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.errors import FatalError, OverdueError, RetryableError, SessionExpiredError
from sync_pipeline.connectors.transport import Adapter, Session, ending, is_overdue

S = TypeVar("S")
T = TypeVar("T")
ATTEMPTS = 6


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


class PlainOnLoopback(Adapter):
    """Speaks plain http to `to`, whatever https host was asked for: client libraries hard-wire https."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self._to = urlsplit(to)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit((self._to.scheme, self._to.netloc, str(parts.path), str(parts.query), ""))
        return super().send(request, *args, **kwargs)


def session(user_agent: str, login_url: str, patience: Patience | None = None) -> Session:
    """Return a session. On loopback nothing is compressed: that would cost more than it saves."""
    loopback, patience = is_loopback(login_url), patience or Patience()
    made = Session(patience.bounds, patience.clock)
    made.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity" if loopback else "gzip"})
    return made


def repeat(do: Callable[[], T], patience: Patience, seconds: float = 0.0) -> T:
    """Return what `do` does, done again after a `RetryableError` while its time lasts.

    Waits double from the first one, or last as long as the system asks for.

    Args:
        seconds: how long all of it may take; the time of a request where it is 0.

    Raises:
        OverdueError: the time is over, or the system asks to wait for longer; with what was wrong.
    """
    backoff = wait_exponential_jitter(multiplier=patience.first_wait, max=60.0, jitter=patience.first_wait)
    seconds = seconds or patience.bounds.request
    end = patience.clock() + seconds

    def wait(state: RetryCallState) -> float:
        return max(backoff(state), _failure(state).wait_seconds)

    def give_up(state: RetryCallState) -> T:
        error = _failure(state)
        if state.attempt_number >= ATTEMPTS:
            raise error
        said = f"{error.message}; to wait {state.upcoming_sleep:,.0f} s and try again would take more than the "
        said += f"{seconds:,.0f} s that a request may take (SYNC_REQUEST_SECONDS)"
        raise OverdueError(error.code, said, error.may_be_done) from error

    policy = Retrying(
        retry=retry_if_exception(
            lambda error: isinstance(error, RetryableError) and not isinstance(error, OverdueError)
        ),
        stop=lambda state: state.attempt_number >= ATTEMPTS or patience.clock() + state.upcoming_sleep > end,
        wait=wait,
        sleep=lambda _: None,
        before_sleep=lambda state: patience.wait(state.upcoming_sleep, str(_failure(state))),
        retry_error_callback=give_up,
    )
    with ending(end, patience.clock):
        return policy(do)


def _failure(state: RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetryableError):
        raise AssertionError("only what is retryable is waited for")
    return error


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


class Http:
    """Sends requests and counts them. `check` turns an answer that is an error into the right exception.

    `is_work` gives it the time of one object in one cycle (`Bounds.work`): afterwards nothing more is sent.
    """

    def __init__(
        self,
        requests_session: requests.Session,
        check: Callable[[requests.Response], None],
        patience: Patience | None = None,
        *,
        is_work: bool = False,
    ) -> None:
        self.session = requests_session
        self.patience = patience or Patience()
        self._check = check
        self._end = self.patience.clock() + self.patience.bounds.work if is_work else math.inf
        self._lock = threading.Lock()
        self.calls = 0
        self.bytes = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], **kwargs: Any) -> requests.Response:
        """Send one request, no retry; the answer is good.

        Raises:
            OverdueError: the time of the request, or of the work that it is part of, is over.
            RetryableError: the connection failed.
            ConnectorError: what `check` made of the answer.
        """
        clock = self.patience.clock
        if clock() >= self._end:
            hours = self.patience.bounds.work / 3600
            said = f"{hours:,.1f} hours are over, the most for one object in a cycle (SYNC_OBJECT_SECONDS)"
            raise OverdueError("OBJECT_OVERDUE", f"{said}; the next cycle goes on", may_be_done=False)
        try:
            with self._lock:
                self.calls += 1
            with ending(self._end, clock):
                answer = self.session.request(method, url, headers=dict(headers), **kwargs)
            self._check(answer)
            if not kwargs.get("stream"):
                self.count_bytes(len(answer.content))
        # An answer that its own headers contradict breaks off with errors of several libraries.
        except (requests.RequestException, OSError, OverflowError, HTTPException, HTTPError) as error:
            raise connection_failed(url, error, may_be_done=_was_sent(error)) from error
        return answer

    def count_bytes(self, count: int) -> None:
        with self._lock:
            self.bytes += count


def connection_failed(url: str, error: Exception, may_be_done: bool = False) -> RetryableError:
    """Return what it means that no answer came, or none to its end."""
    parts = urlsplit(url)
    if is_overdue(error):
        said = f"{parts.netloc}{parts.path}: the answer was not there whole at its time (SYNC_REQUEST_SECONDS; of a "
        return OverdueError("REQUEST_OVERDUE", f"{said}file SYNC_JOB_SECONDS)", may_be_done)
    return RetryableError("CONNECTION_FAILED", f"{parts.netloc}: {type(error).__name__}", may_be_done=may_be_done)


def _was_sent(error: Exception) -> bool:
    """Tell whether the request may have arrived; it has not where no connection came about."""
    unmade = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return not isinstance(error, unmade) and not isinstance(reason, NewConnectionError)
