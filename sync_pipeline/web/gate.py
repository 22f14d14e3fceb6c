"""The token is asked for before anything else: without it no route is looked up and no body is read."""

from __future__ import annotations

import hmac

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Gate:
    """Lets requests with the token through to an app, and refuses all others."""

    def __init__(self, app: ASGIApp, token: str, refusal: Response) -> None:
        self._app = app
        self._token = token.encode()
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        through = scope["type"] == "http" and self._is_told(scope)
        await (self._app if through else self._refusal)(scope, receive, send)

    def _is_told(self, scope: Scope) -> bool:
        told = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = (told[0] if len(told) == 1 else b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)
