"""Logging in to Salesforce, by every grant; the only module that knows simple-salesforce, which does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import requests
from jwt import InvalidKeyError
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync_pipeline import redactor
from sync_pipeline.connectors.document import TOKEN, Document, kind_of, request_of
from sync_pipeline.connectors.errors import (
    ConnectorError,
    CredentialsError,
    FatalError,
    MalformedAnswerError,
    RetryableError,
)
from sync_pipeline.connectors.http import PlainOnLoopback, checked_url, connection_failed, is_loopback
from sync_pipeline.connectors.salesforce import soap
from sync_pipeline.connectors.salesforce.answers import (
    API_CLOSED,
    LIMIT,
    NO_API,
    PASSING,
    PASSING_STATUSES,
    is_soap,
    over_limit,
    redirection,
)

SYSTEM = "Salesforce"  # Veeva CRM, too, logs in there
WITHOUT_SOAP_LOGIN = 65.0  # the first version
SOAP_ENDS = (
    "the login by username and password is SOAP's login(), which API versions from 65.0 on do not have and which ends "
    "for all versions in Summer '27: log in by an app instead, with client credentials, a refresh token or a key "
    "(docs/setup.md)"
)
EXPIRED = "expired access/refresh token"
ANEW = (
    "Either it was revoked, or the app's tokens rotate and another lake or program has used it since: each needs a "
    "token of its own; `sync-pipeline login` gets a new one"
)
# Where an org may be, whatever its My Domain: Salesforce's own domains, those of its government and China clouds too.
OWN_DOMAINS = (".salesforce.com", ".force.com", ".salesforce.mil", ".sfcrmproducts.cn", ".cloudforce.com")
PASSING_LOGIN = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})
# What simple-salesforce raises of an answer of another shape than it expects.
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, RecursionError, ExpatError)


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

    @property
    def uses_soap(self) -> bool:
        """Whether the login is SOAP's: by username and password, where nothing better is given."""
        return bool(self.username and self.password and not self.private_key_file and not self.refresh_token)


@dataclass(frozen=True)
class Session:
    token: str = field(repr=False)
    instance_url: str

    def __post_init__(self) -> None:
        redactor.keep_token(self.token)


class Slot(Protocol):
    """A refresh token that is held for one login; `keep` has the one that replaces it safe when it returns."""

    token: str

    def keep(self, token: str) -> None: ...


class Tokens(Protocol):
    """Where the newest refresh token of an app is kept; see `lake.tokens`."""

    def held(self, app: str, first: str) -> AbstractContextManager[Slot]: ...


class OwnTokens:
    """Tokens that this process alone knows, for a connector without a lake."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Remembered] = {}

    @contextmanager
    def held(self, app: str, first: str) -> Iterator[Slot]:
        yield self._kept.setdefault((app, first), _Remembered(first))


@dataclass
class _Remembered:
    token: str = field(repr=False)

    def keep(self, token: str) -> None:
        self.token = token


def login(http: requests.Session, given: Credentials, version: str, tokens: Tokens) -> Session:
    """Log in and return the session.

    Raises:
        CredentialsError: the login was refused, or the credentials are incomplete; no message holds a secret.
        RetryableError: nobody answered, or not as a login does (a busy server's error page, say).
    """
    if not (given.username and given.password) and not given.client_id:
        raise CredentialsError("NO_CREDENTIALS", "there are no credentials to log in with: see docs/settings.md")
    if given.uses_soap and _number(version) >= WITHOUT_SOAP_LOGIN:
        raise CredentialsError("NO_SOAP_LOGIN", f"{SOAP_ENDS}; or set SALESFORCE_API_VERSION to 64.0 for now")
    try:
        if given.refresh_token and not given.private_key_file:
            return _refreshed(http, given, tokens)
        return _by_library(http, given, version)
    except SalesforceAuthenticationFailed as error:
        raise refused(given, str(error.code), str(error).removeprefix(f"{error.code}: ")) from None
    except requests.RequestException as error:
        raise connection_failed(given.login_url, error) from None
    except OSError as error:
        raise CredentialsError("PRIVATE_KEY_FILE", f"{given.private_key_file}: {error.strerror}") from None
    except InvalidKeyError:
        raise CredentialsError("PRIVATE_KEY_FILE", f"{given.private_key_file} holds no private key") from None
    except UNREADABLE:  # by simple-salesforce, of an answer that `_Door` let through and it cannot read
        raise MalformedAnswerError(given.login_url, "the login", "what is none of a login") from None


def _by_library(http: requests.Session, given: Credentials, version: str) -> Session:
    loopback = is_loopback(given.login_url)
    # simple-salesforce puts https:// before and .salesforce.com behind the domain that it is given.
    domain = "loopback" if loopback else (urlsplit(given.login_url).hostname or "").removesuffix(".salesforce.com")
    if loopback:
        http.mount("https://loopback.salesforce.com", PlainOnLoopback(given.login_url))
    by_key, by_password = bool(given.private_key_file), given.uses_soap
    token, instance = SalesforceLogin(
        session=_Door(http),  # type: ignore[arg-type]  # all that it does with a session is to post
        # With a key, the domain is the audience that is signed, and `instance_url` says where to post.
        domain="login" if by_key and loopback else domain,
        instance_url=domain,
        sf_version=version,
        username=given.username if by_password or by_key else None,
        password=given.password if by_password else None,
        security_token=(given.security_token or "") if by_password else None,
        consumer_key=given.client_id,
        consumer_secret=given.client_secret if not by_password and not by_key else None,
        privatekey_file=given.private_key_file,
    )
    return Session(token, own_instance(given, f"http://{instance}" if loopback else f"https://{instance}"))


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0


def _refreshed(http: requests.Session, given: Credentials, tokens: Tokens) -> Session:
    """Log in by a refresh token; the one that comes in its place, of an app that rotates them, is kept at once."""
    try:
        with tokens.held(f"{given.login_url} {given.client_id}", given.refresh_token or "") as slot:
            told = exchanged(http, given, {"grant_type": "refresh_token", "refresh_token": slot.token})
            slot.keep(told.text("refresh_token", "") or slot.token)
    except OSError as error:
        said = f"the newest refresh token cannot be kept: {error.filename}: {error.strerror}"
        raise FatalError("TOKEN_STORE", said) from None
    except CredentialsError as error:
        raise CredentialsError(
            error.code, f"{error.message}. {ANEW}" if EXPIRED in error.message else error.message
        ) from None
    return Session(told.token("access_token"), own_instance(given, told.text("instance_url")))


def own_instance(given: Credentials, url: str) -> str:
    """Return the address of the org that a login named, to which its token is sent from then on.

    Raises:
        FatalError: it is neither where we logged in nor an address of Salesforce's, or would carry the token in clear.
    """
    address = urlsplit(checked_url(url))
    host, login = address.hostname or "", urlsplit(given.login_url).hostname or ""
    is_ours = is_loopback(url) if is_loopback(given.login_url) else host == login or host.endswith(OWN_DOMAINS)
    if not is_ours or address.username or address.query:
        raise FatalError(
            "STRANGE_INSTANCE",
            f"the login at {login} named {host[:200]} as the org's address, which is none of Salesforce's, so that the "
            "token is not sent there",
        )
    return f"{address.scheme}://{address.netloc}"


def exchanged(http: requests.Session, given: Credentials, form: Mapping[str, str]) -> Document:
    """Return what the token endpoint gives for what a form holds, as the app that has these credentials.

    Raises:
        CredentialsError: it gives nothing.
        RetryableError: nobody answered, or something that is no login.
    """
    own = {"client_id": given.client_id, "client_secret": given.client_secret}
    sent = {**form, **{name: value for name, value in own.items() if value}}
    try:
        answer = http.post(f"{given.login_url.rstrip('/')}/services/oauth2/token", data=sent)
    except requests.RequestException as error:
        raise connection_failed(given.login_url, error) from None
    told = _told(answer)
    tokens = (told.values.get(name) for name in ("access_token", "refresh_token", "id_token"))
    redactor.keep(*(token for token in tokens if isinstance(token, str)))
    if answer.status_code != requests.codes.ok:
        raise refused(given, told.text("error"), told.text("error_description", ""))
    return told


def _told(answer: requests.Response) -> Document:
    """Return what a token endpoint said; whether it is a token or a refusal, it is an object that says so.

    Raises:
        RetryableError: it said something else: a page of a proxy or of an org that is down is an outage, and tells
            nothing about credentials.
    """
    _no_outage(answer)
    told = Document.of(answer, SYSTEM)
    if answer.status_code == requests.codes.ok:
        told.token("access_token"), told.text("instance_url")
    else:
        told.text("error"), told.text("error_description", "")
    return told


def _no_outage(answer: requests.Response) -> None:
    if redirected := redirection(answer):
        raise redirected
    if answer.status_code in PASSING_STATUSES and not is_soap(answer):
        said = (
            f"{request_of(answer)} got {kind_of(answer, 'an answer to a login')}: the org is down, or a proxy before it"
        )
        raise RetryableError(f"HTTP_{answer.status_code}", said)


class _Door:
    """What simple-salesforce sends and is answered through: only what reads as an answer to a login comes in."""

    def __init__(self, http: requests.Session) -> None:
        self._http = http

    def post(self, url: str, data: object, headers: Mapping[str, str] | None, **_: object) -> requests.Response:
        answer = self._http.post(url, data=data, headers=headers)  # type: ignore[arg-type]
        if "/services/Soap/" not in url:
            _told(answer)
            return answer
        _no_outage(answer)
        told = soap.texts(answer.content)
        if not (
            (TOKEN.fullmatch(told.get("sessionId", "")) and "serverUrl" in told)
            or "exceptionCode" in told
            or "faultcode" in told
        ):
            raise MalformedAnswerError(SYSTEM, request_of(answer), kind_of(answer, "XML of a login"))
        return answer


def refused(given: Credentials, code: str, said: str) -> ConnectorError:
    """Return the error of a login that was refused; in plain words where the org is closed to programs (CONN-1)."""
    if code == LIMIT:
        return over_limit(said)
    if code in PASSING | PASSING_LOGIN or "rate exceeded" in said:
        return RetryableError(code, f"the login at {given.login_url} was not possible: {said}")
    plain = f". {NO_API}" if code in API_CLOSED else ""
    return CredentialsError(code, f"the login at {given.login_url} was refused: {said}{plain}")
