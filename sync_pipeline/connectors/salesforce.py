"""Salesforce and Veeva CRM (both force.com): login, describe, queries by REST, large ones by Bulk API 2.0.

Only this module knows simple-salesforce, which logs in. Answers are read by our own code: pages go to Arrow as they
come, without a Python object per record (DESIGN 9).
"""

from __future__ import annotations

import copy
import email.utils
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import duckdb
import requests
from jwt import InvalidKeyError
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync_pipeline.connectors import json_pages, soql
from sync_pipeline.connectors.bulk import Bulk
from sync_pipeline.connectors.errors import (
    FatalError,
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
)
from sync_pipeline.connectors.extract import Extract, Page, Usage
from sync_pipeline.connectors.http import (
    Http,
    PlainOnLoopback,
    checked_url,
    connection_failed,
    is_loopback,
    retrying,
    session,
)
from sync_pipeline.model import Describe, Field, Object, Window, id18

URL_LIMIT = 16_384  # longer request lines are answered 414
PAGE_ROWS = 2_000  # the most a REST query page can hold

PASSING = frozenset(
    {"UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG"}
)
NO_MORE_CALLS = frozenset({"REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_NO_ACCESS"})
NOBODY_CAN = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INACTIVE_ORGANIZATION", "INACTIVE_USER"})
NOT_FOR_BULK = frozenset({"INVALIDENTITY", "INVALID_ENTITY", "API_ERROR", "EXCEEDEDQUOTA", "FEATURENOTENABLED"})


@dataclass(frozen=True)
class Credentials:
    """What a login needs; which grant is used follows from what is given (SPEC 31, decision 25).

    A private key: JWT bearer. A refresh token: that. Username and password: the legacy SOAP login.
    Client id and secret alone: client credentials. Secrets are never part of a repr.
    """

    login_url: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    private_key_file: str | None = None


@dataclass(frozen=True)
class Session:
    token: str = field(repr=False)
    instance_url: str


@dataclass
class _Org:
    """What all views of one connector share."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    organization_id: str = ""
    calls_used: int = 0
    calls_limit: int = 0
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
        self._login_url = checked_url(credentials.login_url)
        self._credentials = credentials
        self._version = version
        self._bulk_from = bulk_from
        self._reserve = reserve
        self._loopback = is_loopback(self._login_url)
        self._first_wait = first_wait
        self._http = Http(session("sync-pipeline", self._loopback), self._check)
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
        fields = tuple(_field(f) for f in told["fields"])
        return Describe(told["name"], fields, told.get("keyPrefix"), told.get("queryable", True))

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

        Raises:
            RejectedError, QuotaError, FatalError, RetryableError: see `errors`.
        """
        for attempt in retrying(self._first_wait):
            with attempt:
                return self._call_logged_in(method, path, headers or {}, **kwargs)
        raise AssertionError("unreachable: the retry policy re-raises")

    def _call_logged_in(self, method: str, path: str, headers: dict[str, str], **kwargs: Any) -> requests.Response:
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
        """Stop before the last calls of the day, which are left to others (LIM-4, LIM-5)."""
        used, limit = self.quota()
        if limit and limit - used <= limit * self._reserve:
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
                self._org.session = self._login()
            return self._org.session

    def _login(self) -> Session:
        given = self._credentials
        if not (given.username and given.password) and not given.client_id:
            raise FatalError("NO_CREDENTIALS", "there are no credentials to log in with: see docs/settings.md")
        try:
            if given.refresh_token and not given.private_key_file:
                return self._refreshed()
            return self._logged_in_by_library()
        except SalesforceAuthenticationFailed as error:
            said = str(error).removeprefix(f"{error.code}: ")
            raise FatalError(str(error.code), f"the login at {self._login_url} was refused: {said}") from None
        except requests.RequestException as error:
            raise connection_failed(self._login_url, error) from None
        except OSError as error:
            raise FatalError("PRIVATE_KEY_FILE", f"{given.private_key_file}: {error.strerror}") from None
        except InvalidKeyError:
            raise FatalError("PRIVATE_KEY_FILE", f"{given.private_key_file} holds no private key") from None

    def _logged_in_by_library(self) -> Session:
        given, host = self._credentials, urlsplit(self._login_url).hostname or ""
        # simple-salesforce puts https:// before and .salesforce.com behind the domain that it is given.
        domain = "loopback" if self._loopback else host.removesuffix(".salesforce.com")
        if self._loopback:
            self._http.session.mount("https://loopback.salesforce.com", PlainOnLoopback(self._login_url))
        by_key = bool(given.private_key_file)
        by_password = bool(given.username and given.password and not by_key)
        self._http.calls += 1
        token, instance = SalesforceLogin(
            session=self._http.session,
            # With a key, the domain is the audience that is signed, and `instance_url` says where to post.
            domain="login" if by_key and self._loopback else domain,
            instance_url=domain,
            sf_version=self._version,
            username=given.username if by_password or by_key else None,
            password=given.password if by_password else None,
            security_token=(given.security_token or "") if by_password else None,
            consumer_key=given.client_id,
            consumer_secret=given.client_secret if not by_password and not by_key else None,
            privatekey_file=given.private_key_file,
        )
        return Session(token, f"http://{instance}" if self._loopback else f"https://{instance}")

    def _refreshed(self) -> Session:
        given = self._credentials
        form = {
            "grant_type": "refresh_token",
            "refresh_token": given.refresh_token,
            "client_id": given.client_id,
            **({"client_secret": given.client_secret} if given.client_secret else {}),
        }
        self._http.calls += 1
        answer = self._http.session.post(f"{self._login_url}/services/oauth2/token", data=form, timeout=60)
        told = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        if answer.status_code != requests.codes.ok:
            raise SalesforceAuthenticationFailed(
                told.get("error", answer.status_code), told.get("error_description", "")
            )
        return Session(told["access_token"], checked_url(told["instance_url"]))

    # --- answers

    def _check(self, answer: requests.Response) -> None:
        """Note what the headers tell, and raise what an error answer means."""
        self._note_limits(answer)
        if answer.status_code < 300:
            return
        code, message = _told(answer)
        if answer.status_code == 401 or code == "INVALID_SESSION_ID":
            raise SessionExpiredError(code, message)
        if code in NO_MORE_CALLS:
            raise QuotaError(code, message)
        if code in NOBODY_CAN:
            raise FatalError(code, message)
        if answer.status_code in (429, 500, 502, 503, 504) or code in PASSING:
            wait = answer.headers.get("Retry-After", "0")
            raise RetryableError(code, message, float(wait) if wait.isdigit() else 0.0)
        raise RejectedError(code, message)

    def _note_limits(self, answer: requests.Response) -> None:
        if date := answer.headers.get("Date"):
            told = email.utils.parsedate_to_datetime(date)
            self._org.clock_skew_seconds = (told - datetime.now(UTC)).total_seconds()
        usage = answer.headers.get("Sforce-Limit-Info", "").removeprefix("api-usage=")
        used, _, limit = usage.partition("/")
        if used.isdigit() and limit.isdigit():
            self._org.calls_used, self._org.calls_limit = int(used), int(limit)


def _told(answer: requests.Response) -> tuple[str, str]:
    """Return the error code and text of an answer; gateways answer with HTML, which is not repeated."""
    try:
        told = answer.json()
    except ValueError:
        return f"HTTP_{answer.status_code}", f"{answer.reason or 'no reason given'} at {urlsplit(answer.url).path}"
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, dict):
        return f"HTTP_{answer.status_code}", str(answer.reason)
    code = first.get("errorCode") or first.get("error") or f"HTTP_{answer.status_code}"
    return str(code), " ".join(str(first.get("message") or first.get("error_description") or "").split())


def _field(told: dict[str, Any]) -> Field:
    return Field(
        name=told["name"],
        type=told["type"],
        label=told.get("label") or "",
        length=told.get("length") or 0,
        nillable=told.get("nillable", True),
        calculated=told.get("calculated", False),
        updateable=told.get("updateable", True),
        createable=told.get("createable", True),
        custom=told.get("custom", False),
        precision=told.get("precision") or 0,
        scale=told.get("scale") or 0,
        reference_to=tuple(told.get("referenceTo") or ()),
        picklist=tuple(v["value"] for v in told.get("picklistValues") or () if v.get("active", True)),
    )
