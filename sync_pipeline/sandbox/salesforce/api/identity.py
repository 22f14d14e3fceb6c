"""Who am I: the OpenID userinfo, and the identity URL that a login brings along: the same facts under other names."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.errors import not_found
from sync_pipeline.sandbox.salesforce.http import Call


def userinfo(call: Call) -> Response:
    user = call.org.record("User", call.user) or {}
    return json_answer(
        {
            "sub": _url(call),
            **_common(call, user),
            "preferred_username": user.get("Username"),
            "nickname": user.get("Alias"),
            "name": user.get("Name"),
            "given_name": user.get("FirstName"),
            "family_name": user.get("LastName"),
            "zoneinfo": "GMT",
            "is_app_installed": True,
        }
    )


def identity(call: Call, organization: str, user: str) -> Response:
    if user != call.user:
        raise not_found()
    record = call.org.record("User", user) or {}
    modified_at = record.get("LastModifiedDate")
    return json_answer(
        {
            "id": _url(call),
            "asserted_user": True,
            **_common(call, record),
            "username": record.get("Username"),
            "nick_name": record.get("Alias"),
            "display_name": record.get("Name"),
            "first_name": record.get("FirstName"),
            "last_name": record.get("LastName"),
            "timezone": "GMT",
            "mobile_phone": record.get("MobilePhone"),
            "mobile_phone_verified": False,
            "is_lightning_login_user": False,
            "status": {"created_date": None, "body": None},
            "last_modified_date": modified_at and f"{modified_at.isoformat(timespec='milliseconds')}+0000",
        }
    )


def _url(call: Call) -> str:
    return f"{call.sandbox.url}/id/{call.sandbox.sessions.organization_id}/{call.user}"


def _common(call: Call, user: dict[str, Any]) -> dict[str, Any]:
    url, organization = call.sandbox.url, call.sandbox.sessions.organization_id
    return {
        "user_id": call.user,
        "organization_id": organization,
        "email": user.get("Email"),
        "email_verified": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "active": True,
        "urls": {
            "enterprise": f"{url}/services/Soap/c/{{version}}/{organization[:15]}",
            "partner": f"{url}/services/Soap/u/{{version}}/{organization[:15]}",
            "rest": f"{url}/services/data/v{{version}}/",
            "sobjects": f"{url}/services/data/v{{version}}/sobjects/",
            "query": f"{url}/services/data/v{{version}}/query/",
        },
    }


ROUTES = [
    Route("/services/oauth2/userinfo", userinfo, ("GET", "POST"), is_charged=False),
    Route("/id/<organization>/<user>", identity, is_charged=False),
]
