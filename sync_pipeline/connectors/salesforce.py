"""Salesforce and Veeva CRM (both force.com): describe, queries by REST, large ones by Bulk API 2.0.

simple-salesforce logs in (`login`). Answers are read by our own code: pages go to Arrow as they come, without a Python
object per record (DESIGN 9).
"""

from __future__ import annotations

import copy
import email.utils
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import duckdb
import requests

from sync_pipeline.connectors import answers, json_pages, soql
from sync_pipeline.connectors.bulk import Bulk
from sync_pipeline.connectors.errors import FatalError, QuotaError, RejectedError, SessionExpiredError
from sync_pipeline.connectors.extract import Extract, Page, Usage
from sync_pipeline.connectors.http import Http, checked_url, retrying, session
from sync_pipeline.connectors.login import Credentials, Session, login
from sync_pipeline.model import Describe, Object, Window, id18

URL_LIMIT = 16_384  # longer request lines are answered 414
PAGE_ROWS = 2_000  # the most a REST query page can hold
USAGE_IS_NEWS = 600.0  # seconds

NOT_FOR_BULK = frozenset({"INVALIDENTITY", "INVALID_ENTITY", "API_ERROR", "EXCEEDEDQUOTA", "FEATURENOTENABLED"})


@dataclass
class _Org:
    """What all views of one connector share."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    organization_id: str = ""
    calls_used: int = 0
    calls_limit: int = 0
    told_at: float = 0.0
    clock_skew_seconds: float = 0.0


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
    ) -> None:
        """Make a connector; nothing is sent before the first call.

        Args:
            bulk_from: number of records from which a result is read by Bulk API 2.0 instead of REST.
            reserve: share of the day's calls that is left to others; at it, reading stops with `QuotaError`.
        """
        self.system = system
        self._credentials = credentials
        self._version = version
        self._bulk_from = bulk_from
        self._reserve = reserve
        self._first_wait = first_wait
        self._http = Http(session("sync-pipeline", checked_url(credentials.login_url)), self._check)
        self._org = _Org()
        self._json = duckdb.connect()

    def metered(self) -> Salesforce:
        """Return a view of this connector, with the same login, that counts its own calls and bytes."""
        view = copy.copy(self)
        view._http = Http(self._http.session, view._check)
        return view

    # --- what a Connector does

    def organization_id(self) -> str:
        if not self._org.organization_id:
            told = self.get("/services/oauth2/userinfo").json()
            self._org.organization_id = id18(told["organization_id"])
        return self._org.organization_id

    def names(self) -> frozenset[str]:
        told = self.get(self._data("sobjects")).json()
        return frozenset(o["name"] for o in told["sobjects"] if o.get("queryable", True))

    def describe(self, source: str) -> Describe:
        told = self.get(self._data(f"sobjects/{soql.name(source)}/describe")).json()
        fields = tuple(answers.field(f) for f in told["fields"])
        types = tuple(t["developerName"] for t in told.get("recordTypeInfos", ()) if not t["master"])
        return Describe(told["name"], fields, told.get("keyPrefix"), told.get("queryable", True), types)

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        """Read few records by REST, many by Bulk API 2.0; `totalSize` of the first REST page says which.

        A window that reaches back to the first record is counted before: a REST query of everything, made only to be
        given up, costs the server a cursor and seconds.
        """
        query = soql.select(fields, obj.source, soql.in_window(obj.stamp, window))
        if self._is_too_long(query) or (window.start is None and self.count(obj) >= self._bulk_from):
            return self._by_bulk_or_rest(query, fields)
        first = self._first(query, fields)
        if first.total < self._bulk_from or first.done:
            return self._by_rest(query, fields, first)
        return self._by_bulk_or_rest(query, fields)

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str]) -> Extract:
        """Read by REST, `soql.IDS_PER_QUERY` ids a call, where that fits a URL; `expected` is not known, hence -1."""

        def pages() -> Iterator[Page]:
            for start in range(0, len(ids), soql.IDS_PER_QUERY):
                some = ids[start : start + soql.IDS_PER_QUERY]
                query = soql.select(fields, obj.source, soql.in_ids(obj.key, some))
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

    def count(self, obj: Object) -> int:
        query = quote(f"select count() from {soql.name(obj.source)}")
        return int(self.get(self._data(f"query?q={query}")).json()["totalSize"])

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
        return self._data(f"{operation}?q={quote(query)}")

    def _is_too_long(self, query: str) -> bool:
        return len(self._path(query)) > URL_LIMIT

    def _first(self, query: str, fields: Sequence[str], operation: str = "queryAll") -> json_pages.JsonPage:
        return self._json_page(self._path(query, operation), fields)

    def _json_page(self, path: str, fields: Sequence[str]) -> json_pages.JsonPage:
        """Return a page; one that was cut off is asked for again, like any call that failed in passing."""
        headers = {"Sforce-Query-Options": f"batchSize={PAGE_ROWS}"}
        for attempt in retrying(self._first_wait):
            with attempt:
                answer = self._call_logged_in("GET", path, headers)
                return json_pages.parse(self._json.cursor(), answer.content, fields)
        raise AssertionError("unreachable: the retry policy re-raises")

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
            while True:
                if page.rows.num_rows:
                    batches = page.rows.to_batches()
                    yield Page(f"{number:06d}", lambda batches=batches: iter(batches))  # type: ignore[misc]
                if page.done:
                    return
                page = self._json_page(page.next_url, fields)
                number += 1

        return Extract(pages, first.total)

    def _bulk(self) -> Bulk:
        return Bulk(self, self._data("jobs/query"))

    # --- calls

    def _data(self, path: str) -> str:
        return f"/services/data/v{self._version}/{path}"

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.call("GET", path, headers)

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **kwargs: Any) -> requests.Response:
        """Send a request to the org, logged in, again after passing failures.

        An answer that is streamed is asked for once: who reads it starts over when it breaks off.

        Raises:
            RejectedError, QuotaError, FatalError, RetryableError: see `errors`.
        """
        if kwargs.get("stream"):
            return self._call_logged_in(method, path, headers or {}, **kwargs)
        for attempt in retrying(self._first_wait):
            with attempt:
                return self._call_logged_in(method, path, headers or {}, **kwargs)
        raise AssertionError("unreachable: the retry policy re-raises")

    def _call_logged_in(self, method: str, path: str, headers: dict[str, str], **kwargs: Any) -> requests.Response:
        if not path.startswith("/"):
            raise FatalError("STRANGE_ADDRESS", "the org named an address that is not its own")
        current = self._logged_in()
        self._keep_reserve()
        for last in (False, True):
            try:
                bearer = {"Authorization": f"Bearer {current.token}", **headers}
                return self._http.send(method, current.instance_url + path, bearer, **kwargs)
            except SessionExpiredError as error:
                if last:
                    raise FatalError(error.code, error.message) from None
                current = self._logged_in(instead_of=current)
        raise AssertionError("unreachable")

    def _keep_reserve(self) -> None:
        """Stop before the last calls of the day, which are left to others (LIM-4, LIM-5).

        What was told a while ago may be over: then a call goes through, and tells anew.
        """
        used, limit = self.quota()
        is_news = time.monotonic() - self._org.told_at < USAGE_IS_NEWS
        if is_news and limit and limit - used <= limit * self._reserve:
            raise QuotaError(
                "CALL_RESERVE_REACHED",
                f"{used} of the day's {limit} API calls are used and the last {self._reserve:.0%} are left to "
                "others; reading goes on when the day's window moves",
            )

    def count_bytes(self, count: int) -> None:
        self._http.count_bytes(count)

    def quota(self) -> tuple[int, int]:
        """Return the calls used and allowed in the running 24 hours, as the last answer told; (0, 0) before one."""
        return self._org.calls_used, self._org.calls_limit

    def now(self) -> datetime:
        """Return the org's time: windows are cut by its clock, not by ours."""
        return datetime.now(UTC) + timedelta(seconds=self._org.clock_skew_seconds)

    # --- login

    def _logged_in(self, instead_of: Session | None = None) -> Session:
        with self._org.lock:
            if self._org.session is None or self._org.session is instead_of:
                self._http.calls += 1
                self._org.session = login(self._http.session, self._credentials, self._version)
            return self._org.session

    # --- answers

    def _check(self, answer: requests.Response) -> None:
        """Note what the headers tell, and raise what an error answer means."""
        self._note_limits(answer)
        answers.raise_error(answer)

    def _note_limits(self, answer: requests.Response) -> None:
        if date := answer.headers.get("Date"):
            told = email.utils.parsedate_to_datetime(date)
            self._org.clock_skew_seconds = (told - datetime.now(UTC)).total_seconds()
        usage = answer.headers.get("Sforce-Limit-Info", "").removeprefix("api-usage=")
        used, _, limit = usage.partition("/")
        if used.isdigit() and limit.isdigit():
            self._org.calls_used, self._org.calls_limit = int(used), int(limit)
            self._org.told_at = time.monotonic()
