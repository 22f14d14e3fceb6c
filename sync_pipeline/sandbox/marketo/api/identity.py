"""The identity service: a token for the credentials of a service (MK-REST-17)."""

from __future__ import annotations

import secrets

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import json_answer
from sync_pipeline.sandbox.marketo.http import Call, Route


def grant(call: Call) -> Response:
    """The token endpoint; of a POST too the parameters may stand in the address."""
    given = call.request.values
    if given.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type", f"Unsupported grant type: {given.get('grant_type')}", 400)
    service = call.sandbox.identity.services.get(given.get("client_id", ""))
    if service is None:
        return _refused("unauthorized", f"No client with requested id: {given.get('client_id')}", 401)
    if not secrets.compare_digest(service.client_secret.encode(), given.get("client_secret", "").encode()):
        return _refused("unauthorized", "Bad client credentials", 401)
    token = call.sandbox.identity.token(service)
    return json_answer(
        {
            "access_token": token.text,
            "token_type": "bearer",
            "expires_in": max(int((token.until - call.subscription.now()).total_seconds()) - 1, 0),
            "scope": service.user,
        }
    )


def _refused(error: str, description: str, status: int) -> Response:
    return json_answer({"error": error, "error_description": description}, status)


ROUTES = [Route("/identity/oauth/token", grant, ("GET", "POST"), needs_login=False, is_charged=False)]
