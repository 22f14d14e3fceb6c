"""Who is logged in, by which credentials one may, and how many calls are left today."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.org import Org

LIFETIME = timedelta(hours=2)
DAILY_CALLS = 100_000


@dataclass(frozen=True)
class Login:
    """A user's credentials."""

    username: str
    password: str
    security_token: str
    user_id: str

    def fits(self, password: str) -> bool:
        """A client appends the security token, or comes from a trusted network and does not."""
        return password in (self.password, self.password + self.security_token)


class Sessions:
    """The tokens in use. They and the daily count live as long as the server."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._refresh: dict[str, str] = {}
        self._codes: dict[str, tuple[str, str, str]] = {}
        self.used = 0
        self.allowed = DAILY_CALLS
        self.client_id = org.setting("client_id", lambda: f"3MVG9{secrets.token_urlsafe(24)}")
        self.client_secret = org.setting("client_secret", lambda: secrets.token_hex(32))
        self.logins = {login.username: login for login in [self._first_login()]}
        self.public_keys: dict[str, str] = {}  # PEM (public key or certificate) by client id, for JWT bearer

    def _first_login(self) -> Login:
        return Login(
            self._org.setting("username", lambda: "integration@sandbox.example"),
            self._org.setting("password", lambda: secrets.token_urlsafe(12)),
            self._org.setting("security_token", lambda: secrets.token_hex(12)),
            self._org.user_id,
        )

    def add_login(self, username: str, password: str, security_token: str, user_id: str) -> Login:
        """Let another user in, for tests of what different users see."""
        self.logins[username] = Login(username, password, security_token, user_id)
        return self.logins[username]

    def log_in(self, username: str, password: str) -> Login | None:
        login = self.logins.get(username)
        return login if login and login.fits(password) else None

    @property
    def organization_id(self) -> str:
        return self._org.organization_id

    def start(self, user_id: str) -> str:
        """Return a new session token for the user."""
        token = f"{self.organization_id[:15]}!AQ{secrets.token_urlsafe(48)}"
        with self._lock:
            self._tokens[token] = (user_id, self._org.now() + LIFETIME)
        return token

    def user_of(self, authorization: str) -> str:
        """Return the id of the user whose token an Authorization header brings.

        Raises:
            ApiError: INVALID_SESSION_ID for an unknown, expired or missing token.
        """
        scheme, _, token = authorization.partition(" ")
        with self._lock:
            found = self._tokens.get(token)
        if scheme not in ("Bearer", "OAuth") or found is None or found[1] <= self._org.now():
            raise ApiError("INVALID_SESSION_ID", "Session expired or invalid", 401)
        return found[0]

    def expire_all(self) -> None:
        with self._lock:
            self._tokens.clear()

    def end(self, token: str) -> None:
        with self._lock:
            self._tokens.pop(token, None)
            self._refresh.pop(token, None)

    # Long-lived tokens and authorization codes

    def refresh_token(self, user_id: str) -> str:
        token = f"5Aep861{secrets.token_urlsafe(48)}"
        with self._lock:
            self._refresh[token] = user_id
        return token

    def refreshed(self, token: str, rotates: bool = False) -> str | None:
        """Return whose token this is, None if nobody's; one that rotates is good for this once."""
        with self._lock:
            return self._refresh.pop(token, None) if rotates else self._refresh.get(token)

    def code(self, user_id: str, redirect_uri: str, challenge: str) -> str:
        """Return an authorization code, good for one exchange with this redirect address and PKCE challenge."""
        code = f"aPrx{secrets.token_urlsafe(32)}"
        with self._lock:
            self._codes[code] = (user_id, redirect_uri, challenge)
        return code

    def exchange(self, code: str) -> tuple[str, str, str] | None:
        with self._lock:
            return self._codes.pop(code, None)

    # The daily quota

    def count_call(self) -> None:
        """Count one API call.

        Raises:
            ApiError: REQUEST_LIMIT_EXCEEDED when the day's calls are used up.
        """
        with self._lock:
            if self.used >= self.allowed:
                raise ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403)
            self.used += 1

    def new_day(self) -> None:
        """Give the whole quota back."""
        with self._lock:
            self.used, self.allowed = 0, DAILY_CALLS

    @property
    def limit_info(self) -> str:
        return f"api-usage={self.used}/{self.allowed}"
