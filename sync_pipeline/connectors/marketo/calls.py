"""Calls to one subscription: logged in, within its limits, again after passing failures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.bounds import LOG, Bounds, Chain, Patience
from sync_pipeline.connectors.clock import Clock
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import (
    OverdueError,
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    ThrottledError,
    UnknownOutcomeError,
)
from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.http import Http, Login, checked_url, repeat, session
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.limits import Limits
from sync_pipeline.connectors.marketo.login import SYSTEM, Credentials, Token, log_in

T = TypeVar("T")
# Addresses may have 8,192 characters (MK-REST-5); what is longer goes as a POST that says it is a GET.
LONGEST_QUERY = 6_000
COMMA = ","  # between the values of a list; there is no way to escape one
UNAUTHORIZED = "HTTP_401"  # of the Data Ingestion API; the REST API tells it in the body of an answer
TIMEOUT = 200.0  # seconds: a merge may take 180 (MK-REST-6)
LOGIN_TIMEOUT = 30.0


@dataclass
class _Shared:
    """What all views of one connector share."""

    login: Login[Token] = field(default_factory=Login)


class Calls:
    """Makes calls and counts them; safe to share between threads. `metered` gives a view with a count of its own."""

    def __init__(
        self,
        credentials: Credentials,
        limits: Limits,
        first_wait: float = 0.5,
        timeout: float = TIMEOUT,
        bounds: Bounds | None = None,
    ) -> None:
        self.limits = limits
        self.credentials = credentials
        bounds = replace(bounds or Bounds(), idle=timeout)
        self.patience = Patience(bounds, first_wait, limits.sleep, limits.clock)
        self._site = credentials.site
        self._http = Http(session("sync-pipeline", self._site, self.patience), answers.raise_status, self.patience)
        self._shared = _Shared()
        self.clock = Clock(limits.utc)

    def metered(self) -> Calls:
        view = copy.copy(self)
        view._http = Http(self._http.session, answers.raise_status, self.patience, is_work=True)
        return view

    def usage(self) -> Usage:
        return Usage(self._http.calls, self._http.bytes)

    def now(self) -> datetime:
        """Return Marketo's time."""
        return self.clock.now()

    def connect(self) -> None:
        """Log in if nobody has.

        Raises:
            FatalError: the login was refused.
        """
        repeat(lambda: self._shared.login.current(self._log_in), self.patience)

    def get(self, path: str, parameters: Mapping[str, object] | None = None) -> Document:
        """Return the body of a GET; one too long for an address travels as a POST (`_method=GET`)."""
        given = _spelled(parameters)
        if len(urlencode(given)) > LONGEST_QUERY:
            return self._ask("POST", path, params={"_method": "GET"}, data=given)
        return self._ask("GET", path, params=given)

    def post(
        self, path: str, body: Json | None = None, parameters: Mapping[str, object] | None = None, *, once: bool = False
    ) -> Document:
        """Return the body of a POST.

        Args:
            once: for what must not be done twice; it is sent again only where it certainly was not done.

        Raises:
            UnknownOutcomeError: `once`, and whether it was done is not known.
        """
        return self._ask("POST", path, once, params=_spelled(parameters), **({} if body is None else {"json": body}))

    def delete(self, path: str, body: Json) -> Document:
        return self._ask("DELETE", path, json=body)

    def upload(self, path: str, parameters: Mapping[str, object], file: bytes, name: str) -> Document:
        files = {"file": (name, file, "text/csv")}
        return self._ask("POST", path, once=True, params=_spelled(parameters), files=files)

    def _ask(self, method: str, path: str, once: bool = False, **options: Any) -> Document:
        def ask() -> Document:
            with _done_or_not(once):
                return self._in_turn(method, path, answers.body_of, **options)

        return repeat(ask, self.patience)

    def ingest(self, url: str, path: str, body: Json) -> None:
        """Hand records over to the Data Ingestion API, which has an address and limits of its own.

        Raises:
            ConnectorError: it did not take them.
        """
        address = f"{checked_url(url)}/subscriptions/{quote(self.credentials.subscription, safe='')}/{path}"

        def send(token: Token) -> None:
            try:
                answer = self._http.send("POST", address, {"X-Mkto-User-Token": token.text}, json=body)
            except RejectedError as error:
                if error.code == UNAUTHORIZED:
                    raise SessionExpiredError(error.code, error.message) from None
                raise
            if answer.status_code != requests.codes.accepted:
                raise RejectedError(f"HTTP_{answer.status_code}", f"{path} was not accepted by the Data Ingestion API")

        repeat(lambda: self._shared.login.use(self._log_in, send), self.patience)

    def stream(self, path: str) -> requests.Response:
        """Return a file whose body is still to be read; it is asked for once.

        Raises:
            ConnectorError: it is no file but a refusal.
        """
        return self._in_turn("GET", path, _file, stream=True)

    def text(self, path: str) -> str:
        """Return a file as text: the failures or warnings of an import."""
        return repeat(lambda: self._in_turn("GET", path, _file).content.decode("utf-8", "replace"), self.patience)

    def chain(self, what: str) -> Chain:
        """Return what follows the pages of a result."""
        return Chain(what, SYSTEM, self.patience.bounds.pages)

    def _in_turn(self, method: str, path: str, read: Callable[[requests.Response], T], **options: Any) -> T:
        """Send a request when the limits allow, and again when somebody else had used them up meanwhile.

        Raises:
            OverdueError: others have used them up for as long as a request may take.
        """
        refusals, clock = 0, self.patience.clock
        end = clock() + self.patience.bounds.request
        while True:
            try:
                with self.limits.turn(self.now):
                    return self._logged_in(method, path, read, **options)
            except ThrottledError as error:
                refusals += 1
                if clock() + error.wait_seconds > end:
                    said = f"{path} was refused {refusals:,} times ({error.message}): others use the same limits"
                    raise OverdueError(error.code, f"{said} (SYNC_REQUEST_SECONDS)", may_be_done=False) from error
                LOG.info("waiting for others: %s was refused %d times: %s", path, refusals, error)
                self.limits.refused(error, refusals)
            except QuotaError as error:
                if error.code == answers.NO_MORE_TODAY:
                    self.limits.pause(self.now())
                raise

    def _logged_in(self, method: str, path: str, read: Callable[[requests.Response], T], **options: Any) -> T:
        def send(token: Token) -> T:
            bearer = {"Authorization": f"Bearer {token.text}"}
            answer = self._http.send(method, self._site + path, bearer, **options)
            self.clock.note(answer.headers)
            return read(answer)

        return self._shared.login.use(self._log_in, send)

    def _log_in(self) -> Token:
        token, answer = log_in(self._http.session, self.credentials, min(self.patience.bounds.idle, LOGIN_TIMEOUT))
        self.clock.note(answer.headers)
        return token

    def count_bytes(self, count: int) -> None:
        self._http.count_bytes(count)


@contextmanager
def _done_or_not(once: bool) -> Iterator[None]:
    """Turn a failure that leaves open whether the call was done into an error that says so, where that matters."""
    try:
        yield
    except RetryableError as error:
        if not once or (isinstance(error, OverdueError) and not error.may_be_done):
            raise
        raise UnknownOutcomeError(error.code, error.message) from error


def _file(answer: requests.Response) -> requests.Response:
    """Return an answer that is a file; a refusal is JSON even where a file was asked for."""
    if "json" in headers.media_type(answer.headers):
        with answer:
            answers.body_of(answer)
    return answer


def _spelled(parameters: Mapping[str, object] | None) -> dict[str, str]:
    """Return parameters as text: lists with commas, truth values in lower case; those without a value are left out.

    Raises:
        RejectedError: a value of a list holds a comma: Marketo would take it for two, and answer about another record.
    """
    found = {}
    for name, value in (parameters or {}).items():
        if isinstance(value, list | tuple):
            texts = [str(one) for one in value]
            if any(COMMA in text for text in texts):
                raise RejectedError(
                    "VALUE_WITH_COMMA", f"a value of {name} holds a comma, which Marketo cannot be asked"
                )
            found[name] = COMMA.join(texts)
        elif value is not None:
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
