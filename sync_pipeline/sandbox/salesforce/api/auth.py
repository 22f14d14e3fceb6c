"""OAuth 2: the token endpoint with every grant, and the authorization-code page, which always says yes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import urlencode

import jwt
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.http import Call

_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


class OAuthError(Exception):
    """An OAuth error, which has an envelope of its own."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.answer = json_answer({"error": error, "error_description": description}, status)


def token(call: Call) -> Response:
    grant = _GRANTS.get(call.request.values.get("grant_type", ""))
    try:
        if grant is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        user, refresh = grant(call)
        return _tokens(call, user, refresh)
    except OAuthError as denied:
        return denied.answer


def _tokens(call: Call, user: str, refresh_token: str | None) -> Response:
    sandbox = call.sandbox
    issued_at = str(int(time.time() * 1000))
    identity = f"{sandbox.url}/id/{sandbox.sessions.organization_id}/{user}"
    signed = hmac.new(sandbox.sessions.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
    body = {
        "access_token": sandbox.sessions.start(user),
        "signature": base64.b64encode(signed.digest()).decode(),
        "scope": "refresh_token api",
        "instance_url": sandbox.url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }
    return json_answer(body | ({"refresh_token": refresh_token} if refresh_token else {}))


def _client(call: Call) -> None:
    """Check client id and secret, from the form or from Basic authorization.

    Raises:
        OAuthError: either is wrong.
    """
    sessions, form, basic = call.sandbox.sessions, call.request.values, call.request.authorization
    given = (form.get("client_id"), form.get("client_secret"))
    if basic is not None and basic.type == "basic":
        given = (basic.username, basic.password)
    if given[0] != sessions.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not hmac.compare_digest(given[1] or "", sessions.client_secret):
        raise OAuthError("invalid_client", "invalid client credentials")


def _client_credentials(call: Call) -> tuple[str, str | None]:
    _client(call)
    return call.org.user_id, None


def _password(call: Call) -> tuple[str, str | None]:
    _client(call)
    form = call.request.values
    login = call.sandbox.sessions.log_in(form.get("username", ""), form.get("password", ""))
    if login is None:
        raise OAuthError("invalid_grant", "authentication failure")
    return login.user_id, None


def _refresh_token(call: Call) -> tuple[str, str | None]:
    _client(call)
    sessions, rotates = call.sandbox.sessions, call.sandbox.faults.standing("rotate") is not None
    user = sessions.refreshed(call.request.values.get("refresh_token", ""), rotates)
    if user is None:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    return user, sessions.refresh_token(user) if rotates else None


def _jwt_bearer(call: Call) -> tuple[str, str | None]:
    """A signed assertion: issuer is the client id, subject the user name, audience a login host or this server."""
    sessions = call.sandbox.sessions
    assertion = call.request.values.get("assertion", "")
    try:
        issuer = jwt.decode(assertion, options={"verify_signature": False}).get("iss", "")
        key = sessions.public_keys.get(issuer)
        if key is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audience = [*_AUDIENCES, call.sandbox.url, f"{call.sandbox.url}/services/oauth2/token"]
        claims = jwt.decode(assertion, key, algorithms=["RS256"], audience=audience, leeway=180)
    except jwt.ExpiredSignatureError:
        raise OAuthError("invalid_grant", "expired authorization code") from None
    except (jwt.InvalidTokenError, ValueError):
        raise OAuthError("invalid_grant", "invalid assertion") from None
    login = sessions.logins.get(claims.get("sub", ""))
    if login is None:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    return login.user_id, None


def _authorization_code(call: Call) -> tuple[str, str | None]:
    form = call.request.values
    _client(call)
    found = call.sandbox.sessions.exchange(form.get("code", ""))
    if found is None:
        raise OAuthError("invalid_grant", "invalid authorization code")
    user, redirect_uri, challenge = found
    if form.get("redirect_uri") != redirect_uri:
        raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
        raise OAuthError("invalid_grant", "invalid code verifier")
    return user, call.sandbox.sessions.refresh_token(user)


_GRANTS: dict[str, Callable[[Call], tuple[str, str | None]]] = {
    "client_credentials": _client_credentials,
    "password": _password,
    "refresh_token": _refresh_token,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": _jwt_bearer,
    "authorization_code": _authorization_code,
}


def authorize(call: Call) -> Response:
    """A person would log in and allow access here; the sandbox does both at once and sends the code back."""
    form, sessions = call.request.values, call.sandbox.sessions
    if form.get("response_type") != "code" or form.get("client_id") != sessions.client_id:
        return OAuthError("invalid_client_id", "client identifier invalid").answer
    back = form.get("redirect_uri", "")
    code = sessions.code(call.org.user_id, back, form.get("code_challenge", ""))
    answer = {"code": code} | ({"state": form["state"]} if "state" in form else {})
    return redirect(f"{back}{'&' if '?' in back else '?'}{urlencode(answer)}")


def revoke(call: Call) -> Response:
    call.sandbox.sessions.end(call.request.values.get("token", ""))
    return Response(status=200)


ROUTES = [
    Route("/services/oauth2/token", token, ("POST",), needs_login=False, is_charged=False),
    Route("/services/oauth2/authorize", authorize, ("GET", "POST"), needs_login=False, is_charged=False),
    Route("/services/oauth2/revoke", revoke, ("GET", "POST"), needs_login=False, is_charged=False),
]
