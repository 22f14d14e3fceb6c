"""Who may call: services with their credentials, and the tokens they hold for an hour (MK-REST-17)."""

from __future__ import annotations

import secrets
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class Service:
    """A custom service: its credentials and the API-only user behind it; `denied` are patterns of closed paths."""

    client_id: str
    client_secret: str
    user: str
    denied: tuple[str, ...] = ()

    def check(self, path: str) -> None:
        """Raise 603 for a path the user's role does not open."""
        if any(fnmatchcase(path, pattern) for pattern in self.denied):
            raise CallError(603, "Access denied")


@dataclass(frozen=True)
class Token:
    text: str
    service: Service
    until: datetime


class Identity:
    """The services of a subscription and the tokens in use; tokens live as long as the server."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}
        first = Service(
            subscription.setting("client_id", lambda: str(uuid.uuid4())),
            subscription.setting("client_secret", lambda: secrets.token_urlsafe(24)),
            "api@sandbox.example",
        )
        self.services = {first.client_id: first}

    def add_service(self, user: str, denied: tuple[str, ...] = ()) -> Service:
        """Let another integration in, with a quota shared and tokens of its own."""
        service = Service(str(uuid.uuid4()), secrets.token_urlsafe(24), user, denied)
        self.services[service.client_id] = service
        return service

    def token(self, service: Service) -> Token:
        """Return the service's token: the one it holds while that lives, else a new one."""
        now = self._subscription.now()
        with self._lock:
            for token in self._tokens.values():
                if token.service == service and token.until > now:
                    return token
            token = Token(f"{uuid.uuid4()}:ab", service, now + LIFETIME)
            self._tokens[token.text] = token
            return token

    def service_of(self, text: str | None) -> Service:
        """Return whose token this is.

        Raises:
            CallError: 601 for none or an unknown one, 602 for one whose hour is over.
        """
        with self._lock:
            token = self._tokens.get(text or "")
        if token is None:
            raise CallError(601, "Access token invalid")
        if token.until <= self._subscription.now():
            raise CallError(602, "Access token expired")
        return token.service

    def expire_all(self) -> None:
        """End every token now; what is then sent is expired, not unknown."""
        with self._lock:
            now = self._subscription.now()
            self._tokens = {text: Token(text, token.service, now) for text, token in self._tokens.items()}
