"""Salesforce and Veeva CRM (both force.com): describe, queries by REST, large ones by Bulk API 2.0.

simple-salesforce logs in (`login`). Answers are read by our own code: pages go to Arrow as they come, without a Python
object per record (DESIGN 9).
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import duckdb
import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.bounds import Chain, Patience
from sync_pipeline.connectors.clock import Clock, utc_now
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import ConnectorError, FatalError, QuotaError, RejectedError
from sync_pipeline.connectors.extract import Extract, Page, Usage
from sync_pipeline.connectors.http import Http, Login, checked_url, repeat, session
from sync_pipeline.connectors.salesforce import answers, json_pages, permissions, soql
from sync_pipeline.connectors.salesforce.bulk import NOT_FOUND, Bulk
from sync_pipeline.connectors.salesforce.login import SOAP_ENDS, Credentials, OwnTokens, Session, Tokens, login
from sync_pipeline.model import Describe, Object, Window, id18

URL_LIMIT = 16_384  # longer request lines are answered 414
PAGE_ROWS = 2_000  # the most a REST query page can hold
USAGE_IS_NEWS = 600.0  # seconds
DAY = timedelta(days=1)
VERSIONS = "/services/data"

# No job for this object, none left for today, or none at all: then the result is read by REST.
NOT_FOR_BULK = frozenset(
    {"INVALIDENTITY", "INVALID_ENTITY", "API_ERROR", "EXCEEDEDQUOTA", "LIMIT_EXCEEDED", "FEATURENOTENABLED", NOT_FOUND}
)


@dataclass
class _Org:
    """What all views of one connector share."""

    login: Login[Session] = field(default_factory=Login)
    identity: tuple[str, str] | None = None
    usage: tuple[headers.Usage, ...] = ()
    told_at: float = 0.0
    versions: tuple[str, ...] | None = None
    looking: threading.Lock = field(default_factory=threading.Lock)


class Salesforce:
    """A connector to one org as one sync user; safe to share between threads."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        system: str = "salesforce",
        version: str = "62.0",
        bulk_from: int = 20_000,
        reserve: float = 0.05,
        first_wait: float = 0.2,
        page_rows: int = PAGE_ROWS,
        patience: Patience | None = None,
        utc: Callable[[], datetime] = utc_now,
        tokens: Tokens | None = None,
    ) -> None:
        """Make a connector; nothing is sent before the first call.

        Args:
            bulk_from: number of records from which a result is read by Bulk API 2.0 instead of REST.
            reserve: share of the day's calls that is left to others; at it, reading stops with `QuotaError`.
            page_rows: records of a REST page.
            patience: how long is waited and how much is taken; `first_wait` stands for its own.
            utc: our own clock.
            tokens: where a refresh token that rotates is kept; this process alone knows it if that is not given.
        """
        self.system = system
        self._credentials = credentials
        self._tokens = tokens or OwnTokens()
        self._version = version
        self._bulk_from = bulk_from
        self._reserve = reserve
        self.patience = patience or Patience(first_wait=first_wait)
        self._page_rows = page_rows
        to = session("sync-pipeline", checked_url(credentials.login_url), self.patience)
        self._http = Http(to, self._check, self.patience)
        self._org = _Org()
        self.clock = Clock(utc)
        self._json = duckdb.connect()

    def metered(self) -> Salesforce:
        """Return a view of this connector, with the same login, that counts its own calls, bytes and time."""
        view = copy.copy(self)
        view._http = Http(self._http.session, view._check, self.patience, is_work=True)
        return view

    # --- what a Connector does

    def begin(self) -> None:
        self.clock.begin()

    def organization_id(self) -> str:
        return self._identity()[0]

    def user_id(self) -> str:
        """Return the id of the sync user."""
        return self._identity()[1]

    def _identity(self) -> tuple[str, str]:
        if not self._org.identity:
            try:
                told = self.read("/services/oauth2/userinfo")
                self._org.identity = _id(told, "organization_id"), _id(told, "user_id")
            except RejectedError as error:
                if error.code != NOT_FOUND:
                    raise
                self._org.identity = _ids(self.read(self.resource("")))
        return self._org.identity

    def names(self) -> frozenset[str]:
        told = self.read(self.resource("sobjects")).parts("sobjects", required=True)
        return frozenset(one.text("name") for one in told if one.flag("queryable", True))

    def describe(self, source: str) -> Describe:
        told = self.read(self.resource(f"sobjects/{soql.name(source)}/describe"))
        fields = [answers.field(one) for one in told.parts("fields", required=True)]
        usable = tuple(one for one in fields if soql.is_name(one.name))
        odd = tuple(one.name for one in fields if not soql.is_name(one.name))
        types = tuple(t.text("developerName") for t in told.parts("recordTypeInfos") if not t.flag("master", False))
        key_prefix = told.text("keyPrefix", "") or None
        return Describe(told.text("name"), usable, key_prefix, told.flag("queryable", True), types, odd)

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        """Read few records by REST, many by Bulk API 2.0; `totalSize` of the first REST page says which.

        A window that reaches back to the first record is counted before: a REST query of everything, made only to be
        given up, costs the server a cursor and seconds.
        """
        query = soql.select(fields, obj.source, soql.in_window_or_later(obj.stamp, window, self.now() + DAY))
        if self._is_too_long(query) or (window.start is None and self.count(obj) >= self._bulk_from):
            return self._by_bulk_or_rest(query, fields)
        first = self._first(query, fields)
        if first.total < self._bulk_from or first.done:
            return self._by_rest(query, fields, first)
        return self._by_bulk_or_rest(query, fields)

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        """Read by REST, `soql.IDS_PER_QUERY` ids a call, where that fits a URL; `expected` is not known, hence -1."""

        def pages() -> Iterator[Page]:
            for start in range(0, len(ids), soql.IDS_PER_QUERY):
                some = ids[start : start + soql.IDS_PER_QUERY]
                query = soql.select(fields, obj.source, soql.in_texts(by, some) if by else soql.in_ids(obj.key, some))
                too_long = self._is_too_long(query)
                extract = self._by_bulk_or_rest(query, fields) if too_long else self._by_rest(query, fields)
                for page in extract.pages():
                    yield Page(f"{start:07d}-{page.name}", page.read)

        return Extract(pages, expected=-1)

    def extract_alive(self, obj: Object, fields: Sequence[str]) -> Extract:
        query = soql.select(fields, obj.source)
        if self.count(obj) < self._bulk_from and not self._is_too_long(query):
            return self._by_rest(query, fields, operation="query")
        return self._by_bulk_or_rest(query, fields, "query")

    def resume(self, obj: Object, fields: Sequence[str], token: str) -> Extract | None:
        return self._bulk().resume(fields, token) if token else None

    def count(self, obj: Object, before: datetime | None = None) -> int:
        where = f" where {soql.in_window(obj.stamp, Window(None, before))}" if before else ""
        query = quote(f"select count() from {soql.name(obj.source)}{where}")
        return self.read(self.resource(f"query?q={query}")).number("totalSize")

    def usage(self) -> Usage:
        return Usage(self._http.calls, self._http.bytes)

    # --- queries

    def _by_bulk_or_rest(self, query: str, fields: Sequence[str], operation: str = "queryAll") -> Extract:
        try:
            return self._bulk().run(query, fields, operation)
        except RejectedError as error:
            if error.code not in NOT_FOR_BULK:
                raise
            return self._by_rest(query, fields, operation=operation)

    def _path(self, query: str, operation: str = "queryAll") -> str:
        return self.resource(f"{operation}?q={quote(query)}")

    def _is_too_long(self, query: str) -> bool:
        return len(self._path(query)) > URL_LIMIT

    def _first(self, query: str, fields: Sequence[str], operation: str = "queryAll") -> json_pages.JsonPage:
        return self._json_page(self._path(query, operation), fields)

    def _json_page(self, path: str, fields: Sequence[str]) -> json_pages.JsonPage:
        """Return a page; one that was cut off is asked for again, like any call that failed in passing."""
        wanted = {"Sforce-Query-Options": f"batchSize={self._page_rows}"}

        def read() -> json_pages.JsonPage:
            answer = self._call_logged_in("GET", path, wanted)
            return json_pages.parse(self._json.cursor(), answer.content, fields)

        return repeat(read, self.patience)

    def _by_rest(
        self,
        query: str,
        fields: Sequence[str],
        first: json_pages.JsonPage | None = None,
        operation: str = "queryAll",
    ) -> Extract:
        """Return the pages that follow one another, in turn: each tells where the next one is."""
        first = first or self._first(query, fields, operation)

        def pages() -> Iterator[Page]:
            page, number = first, 0
            chain = self.chain(f"GET {self.resource(operation)}", first.total)
            while True:
                if page.rows.num_rows:
                    batches = page.rows.to_batches()
                    yield Page(f"{number:06d}", lambda batches=batches: iter(batches))  # type: ignore[misc]
                if page.done:
                    return
                page = self._json_page(chain.follow(page.next_url, page.rows.num_rows), fields)
                number += 1

        return Extract(pages, first.total)

    def _bulk(self) -> Bulk:
        return Bulk(self, self.resource("jobs/query"))

    def chain(self, what: str, announced: int = -1) -> Chain:
        """Return what follows the pages of a result."""
        return Chain(what, self.system, self.patience.bounds.pages, announced)

    # --- calls

    def resource(self, path: str) -> str:
        """Return the address of a REST resource in the version that is spoken."""
        return f"/services/data/v{self._version}/{path}".rstrip("/")

    @property
    def soap_address(self) -> str:
        return f"/services/Soap/u/{self._version}"

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, *, once: bool = False, **kwargs: Any
    ) -> requests.Response:
        """Send a request to the org, logged in, again after passing failures.

        An answer that is streamed is asked for once: who reads it starts over when it breaks off.

        Args:
            once: do not send it again by itself: who writes decides what may be written twice.

        Raises:
            RejectedError, QuotaError, FatalError, RetryableError: see `errors`.
        """
        if once or kwargs.get("stream"):
            return self._call_logged_in(method, path, headers or {}, **kwargs)
        return repeat(lambda: self._call_logged_in(method, path, headers or {}, **kwargs), self.patience)

    def read(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **kwargs: Any) -> Document:
        """Return the object that a request is answered with, asked for again while something else comes.

        Raises:
            MalformedAnswerError: it never came.
        """
        return repeat(
            lambda: Document.of(self._call_logged_in(method, path, headers or {}, **kwargs), self.system), self.patience
        )

    def _call_logged_in(self, method: str, path: str, headers: dict[str, str], **kwargs: Any) -> requests.Response:
        if not path.startswith("/") or path.startswith("//"):
            raise RejectedError("STRANGE_ADDRESS", f"{self.system} named an address that is not the org's own")

        def send(current: Session) -> requests.Response:
            self._keep_reserve()
            bearer = {"Authorization": f"Bearer {current.token}", **headers}
            return self._http.send(method, current.instance_url + path, bearer, **kwargs)

        try:
            return self._org.login.use(self._log_in, send)
        except RejectedError as error:
            if error.code == NOT_FOUND and path.startswith(f"{VERSIONS}/v"):
                self._check_version()
            raise

    def _check_version(self) -> None:
        """Look, once, whether the org speaks our version of its interfaces, after it did not know an address.

        Raises:
            FatalError: it does not.
        """
        with self._org.looking:
            if self._org.versions is None:
                self._org.versions = ()
                with suppress(ConnectorError):
                    told = self._http.send("GET", self._org.login.current(self._log_in).instance_url + VERSIONS, {})
                    self._org.versions = tuple(
                        one.text("version") for one in Document.all_of(told, self.system, is_list=True)
                    )
        spoken = self._org.versions
        if spoken and self._version not in spoken:
            raise FatalError(
                "API_VERSION",
                f"the org does not speak version {self._version} of its interfaces, but {spoken[0]} to {spoken[-1]}: "
                "set SALESFORCE_API_VERSION to one of these",
            )

    def _keep_reserve(self) -> None:
        """Stop before the last calls of the day, which are left to others (LIM-4, LIM-5).

        What was told a while ago may be over: then a call goes through, and tells anew.
        """
        if time.monotonic() - self._org.told_at >= USAGE_IS_NEWS:
            return
        for told in self._org.usage:
            if told.limit - told.used <= told.limit * self._reserve:
                of = f" of the connected app {told.app}" if told.app else ""
                raise QuotaError(
                    "CALL_RESERVE_REACHED",
                    f"{told.used} of the day's {told.limit} API calls{of} are used and the last {self._reserve:.0%} "
                    "are left to others; reading goes on when the day's window moves",
                )

    def count_bytes(self, count: int) -> None:
        self._http.count_bytes(count)

    def quota(self) -> tuple[int, int]:
        """Return the calls used and allowed in the running 24 hours, as the last answer told; (0, 0) before one."""
        of_org = next((told for told in self._org.usage if not told.app), None)
        return (of_org.used, of_org.limit) if of_org else (0, 0)

    def remarks(self) -> Sequence[str]:
        soap = (SOAP_ENDS,) if self._credentials.uses_soap else ()
        return (*soap, *permissions.remarks(self, self.system))

    def now(self) -> datetime:
        """Return the org's time: windows are cut by its clock, not by ours."""
        return self.clock.now()

    def _log_in(self) -> Session:
        self._http.calls += 1
        return login(self._http.session, self._credentials, self._version, self._tokens)

    # --- answers

    def _check(self, answer: requests.Response) -> None:
        """Note what the headers tell, and raise what an error answer means."""
        self._note_limits(answer)
        answers.raise_error(answer)

    def _note_limits(self, answer: requests.Response) -> None:
        self.clock.note(answer.headers)
        if usage := headers.limit_usage(answer.headers):
            self._org.usage, self._org.told_at = usage, time.monotonic()


def _ids(told: Document) -> tuple[str, str]:
    """Return the ids of organization and user as the root of every version tells them, in an address."""
    organization, _, user = told.text("identity").rpartition("/id/")[2].partition("/")
    if {len(organization), len(user)} - {15, 18}:
        raise told.fail("no address of an identity")
    return id18(organization), id18(user)


def _id(told: Document, name: str) -> str:
    """Return an id in its long form."""
    found = told.key(name)
    if len(found) not in (15, 18):
        raise told.fail(f"{found!r} as {name} instead of an id")
    return id18(found)
