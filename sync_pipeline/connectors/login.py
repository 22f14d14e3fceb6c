"""Logging in to Salesforce, by every grant; the only module that knows simple-salesforce, which does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from jwt import InvalidKeyError
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync_pipeline.connectors.answers import API_CLOSED, NO_API
from sync_pipeline.connectors.errors import CredentialsError, RetryableError
from sync_pipeline.connectors.http import PlainOnLoopback, checked_url, connection_failed, is_loopback


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


def login(http: requests.Session, given: Credentials, version: str) -> Session:
    """Log in and return the session.

    Raises:
        CredentialsError: the login was refused, or the credentials are incomplete; no message holds a secret.
        RetryableError: nobody answered, or not as a login does (a busy server's error page, say).
    """
    if not (given.username and given.password) and not given.client_id:
        raise CredentialsError("NO_CREDENTIALS", "there are no credentials to log in with: see docs/settings.md")
    try:
        if given.refresh_token and not given.private_key_file:
            return _refreshed(http, given)
        return _by_library(http, given, version)
    except SalesforceAuthenticationFailed as error:
        raise refused(given, str(error.code), str(error).removeprefix(f"{error.code}: ")) from None
    except requests.RequestException as error:
        raise connection_failed(given.login_url, error) from None
    except (AttributeError, KeyError):  # by simple-salesforce too, when an answer has another shape
        raise RetryableError("LOGIN_ANSWER", f"{given.login_url} did not answer as a login does") from None
    except OSError as error:
        raise CredentialsError("PRIVATE_KEY_FILE", f"{given.private_key_file}: {error.strerror}") from None
    except InvalidKeyError:
        raise CredentialsError("PRIVATE_KEY_FILE", f"{given.private_key_file} holds no private key") from None


def _by_library(http: requests.Session, given: Credentials, version: str) -> Session:
    loopback = is_loopback(given.login_url)
    # simple-salesforce puts https:// before and .salesforce.com behind the domain that it is given.
    domain = "loopback" if loopback else (urlsplit(given.login_url).hostname or "").removesuffix(".salesforce.com")
    if loopback:
        http.mount("https://loopback.salesforce.com", PlainOnLoopback(given.login_url))
    by_key = bool(given.private_key_file)
    by_password = bool(given.username and given.password and not by_key)
    token, instance = SalesforceLogin(
        session=http,
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
    return Session(token, checked_url(f"http://{instance}" if loopback else f"https://{instance}"))


def _refreshed(http: requests.Session, given: Credentials) -> Session:
    told = exchanged(http, given, {"grant_type": "refresh_token", "refresh_token": given.refresh_token or ""})
    return Session(told["access_token"], checked_url(told["instance_url"]))


def exchanged(http: requests.Session, given: Credentials, form: Mapping[str, str]) -> dict[str, str]:
    """Return what the token endpoint gives for what a form holds, as the app that has these credentials.

    Raises:
        CredentialsError: it gives nothing.
        RetryableError: nobody answered.
    """
    own = {"client_id": given.client_id, "client_secret": given.client_secret}
    sent = {**form, **{name: value for name, value in own.items() if value}}
    try:
        answer = http.post(f"{given.login_url.rstrip('/')}/services/oauth2/token", data=sent, timeout=60)
    except requests.RequestException as error:
        raise connection_failed(given.login_url, error) from None
    told: dict[str, str] = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
    if answer.status_code != requests.codes.ok:
        raise refused(given, told.get("error", str(answer.status_code)), told.get("error_description", ""))
    return told


def refused(given: Credentials, code: str, said: str) -> CredentialsError:
    """Return the error of a login that was refused; in plain words where the org is closed to programs (CONN-1)."""
    plain = f". {NO_API}" if code in API_CLOSED else ""
    return CredentialsError(code, f"the login at {given.login_url} was refused: {said}{plain}")
