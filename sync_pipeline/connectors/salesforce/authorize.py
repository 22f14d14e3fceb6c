"""The web-server flow: somebody allows access in a browser, once, and a refresh token comes of it (CONN-11).

With PKCE always, and with the client secret where there is one: apps that ask for either, both or none take it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from sync_pipeline.connectors.errors import CredentialsError
from sync_pipeline.connectors.http import checked_url, session
from sync_pipeline.connectors.salesforce.login import Credentials, exchanged

CALLBACK = "/OauthRedirect"
SCOPES = "api refresh_token"
DONE = b"Access is allowed. You may close this window."


@dataclass(frozen=True)
class Asked:
    """A request for access: `url` is for a browser, the rest is kept until the answer comes."""

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def of(cls, given: Credentials, redirect_uri: str) -> Self:
        verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(16)
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": given.client_id or "",
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = f"{given.login_url.rstrip('/')}/services/oauth2/authorize?{urlencode(query)}"
        return cls(url, redirect_uri, state, verifier)


def allow(given: Credentials, port: int, show: Callable[[str], None], patience: float = 300.0) -> str:
    """Wait until somebody has allowed access in a browser; return the refresh token.

    Args:
        port: of this machine, where the browser is sent back to; the app's callback URL is
            http://localhost:PORT/OauthRedirect. 0 for any that is free.
        show: is given the address that is to be opened.
        patience: seconds that somebody may take.

    Raises:
        CredentialsError: access was denied, nobody came, or the app gives no refresh token.
    """
    if not given.client_id:
        raise CredentialsError("NO_CLIENT_ID", "an app is needed that access is allowed to: SALESFORCE_CLIENT_ID")
    with _Listener(port) as listener:
        asked = Asked.of(given, f"http://localhost:{listener.server_port}{CALLBACK}")
        show(asked.url)
        answer = listener.wait(patience)
    if "error" in answer:
        raise CredentialsError(answer["error"], answer.get("error_description", "access was not allowed"))
    if not secrets.compare_digest(answer.get("state", ""), asked.state):
        raise CredentialsError("STATE_DIFFERS", "what came back is no answer to what was asked")
    form = {
        "grant_type": "authorization_code",
        "code": answer.get("code", ""),
        "redirect_uri": asked.redirect_uri,
        "code_verifier": asked.verifier,
    }
    http = session("sync-pipeline", checked_url(given.login_url))
    token = exchanged(http, given, form).text("refresh_token", "")
    if not token:
        raise CredentialsError("NO_REFRESH_TOKEN", "the app gives none: its scopes must hold refresh_token")
    return token


class _Listener(HTTPServer):
    """Takes the browser's return, on this machine alone."""

    def __init__(self, port: int) -> None:
        self.answer: Mapping[str, str] = {}
        super().__init__(("127.0.0.1", port), _Return)

    def wait(self, patience: float) -> Mapping[str, str]:
        end = time.monotonic() + patience
        while not self.answer:
            self.timeout = end - time.monotonic()
            if self.timeout <= 0:
                raise CredentialsError("NOBODY_CAME", f"nobody allowed access within {patience:.0f} seconds")
            self.handle_request()
        return self.answer


class _Return(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        found = urlsplit(self.path)
        is_ours = found.path == CALLBACK
        self.send_response(HTTPStatus.OK if is_ours else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        if is_ours:
            self.server.answer = dict(parse_qsl(found.query)) or {"error": "no answer"}
            self.wfile.write(DONE if "code" in self.server.answer else b"Access is not allowed.")

    def log_message(self, *args: object) -> None:
        """Say nothing: the address holds the code."""
