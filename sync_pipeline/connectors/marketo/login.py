"""Logging in to Marketo: a custom service's id and secret against a token that lives an hour (MK-REST-17)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from sync_pipeline import redactor
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import CredentialsError, RetryableError
from sync_pipeline.connectors.http import checked_url, connection_failed
from sync_pipeline.connectors.salesforce.answers import PASSING_STATUSES, redirection

SYSTEM = "Marketo"
_MUNCHKIN = re.compile(r"\d{3}-[A-Za-z]{3}-\d{3}")


@dataclass(frozen=True)
class Credentials:
    """A custom service of one subscription; `url` is its REST address, with or without `/rest` at the end.

    The identity service lies beside it unless `identity_url` says where.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    identity_url: str = ""

    @property
    def site(self) -> str:
        """The subscription's address without a path.

        Raises:
            FatalError: credentials would travel in the clear.
        """
        return checked_url(self.url).removesuffix("/rest")

    @property
    def identity(self) -> str:
        return checked_url(self.identity_url) if self.identity_url else f"{self.site}/identity"

    @property
    def subscription(self) -> str:
        """What tells one subscription from another: the Munchkin id in its address, else (a sandbox) the service's."""
        host = urlsplit(self.url).hostname or ""
        label = host.partition(".")[0]
        return label.upper() if _MUNCHKIN.fullmatch(label) else self.client_id


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)

    def __post_init__(self) -> None:
        redactor.keep_token(self.text)


def log_in(http: requests.Session, given: Credentials, timeout: float) -> tuple[Token, requests.Response]:
    """Return a token, and the answer that brought it. The identity service counts against no quota.

    Raises:
        CredentialsError: the service is unknown or its secret wrong; no message holds a secret.
        RetryableError: nobody answered, or with an error of the gateway.
    """
    if not given.client_id or not given.client_secret:
        raise CredentialsError("NO_CREDENTIALS", "there are no credentials for Marketo: see docs/settings.md")
    form = {
        "grant_type": "client_credentials",
        "client_id": given.client_id,
        "client_secret": given.client_secret,
    }
    address = f"{given.identity}/oauth/token"
    try:
        # In the body, not in the address: addresses end in the logs of proxies.
        answer = http.post(address, data=form, timeout=timeout)
    except requests.RequestException as error:
        raise connection_failed(address, error) from None
    if redirected := redirection(answer):
        raise redirected
    if answer.status_code in PASSING_STATUSES or answer.status_code >= 500:
        raise RetryableError(f"HTTP_{answer.status_code}", f"the identity service at {given.identity} is out of order")
    told = Document.of(answer, SYSTEM)
    if answer.status_code == requests.codes.ok:
        return Token(told.token("access_token")), answer
    # Only an object that says so refuses; a page of a proxy, whatever its status, tells nothing about credentials.
    said = told.text("error_description", "no reason given")
    raise CredentialsError(told.text("error"), f"the login at {given.identity} was refused: {said}")
