"""The Data Ingestion API: records taken at once with a 202 and no word of what became of each (MK-REST-20).

Only a subscription of the Performance Tier has it. Tokens come in a header of their own, errors in a form of their own.
What cannot be taken is dropped without a word, as there is no Observability Data Stream here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import json_answer
from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.http import Call, Route
from sync_pipeline.sandbox.marketo.records import members, people, records
from sync_pipeline.sandbox.marketo.records.drafts import How

MOST = 1_000
Json = dict[str, Any]


class _RefusedError(Exception):
    """A request is refused as a whole."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = json_answer({"error_code": code, "message": message}, status)


INVALID = 400, "4000802", "Invalid data"


def take(call: Call, munchkin: str, resource: str, name: str = "") -> Response:
    """Take records in; the id of the request is all that comes back."""
    try:
        _check(call)
        body = call.request.get_json(silent=True)
        if not isinstance(body, dict):
            raise _RefusedError(400, "4000801", "Bad request")
        _TAKERS[resource](call, body, name)
    except _RefusedError as refused:
        return refused.answer
    except KeyError:
        return _RefusedError(404, "404040", "Resource not found").answer
    return Response(status=202, headers={"X-Request-Id": uuid.uuid4().hex})


def _check(call: Call) -> None:
    token = call.request.headers.get("X-Mkto-User-Token")
    if not token:
        raise _RefusedError(403, "403010", "Oauth token is missing")
    try:
        call.sandbox.identity.service_of(token)
    except CallError:
        raise _RefusedError(401, "401013", "Oauth token is invalid") from None
    if not call.sandbox.performance_tier:
        raise _RefusedError(403, "4030801", "Unauthorized")


def _listed(body: Mapping[str, Any], *names: str) -> list[Json]:
    found = next((body[name] for name in names if body.get(name)), None)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found) or len(found) > MOST:
        raise _RefusedError(*INVALID)
    return found


def _persons(call: Call, body: Json, _: str) -> None:
    given, fields = _listed(body, "persons"), body.get("dedupeFields") or {"field1": "email"}
    partition = body.get("partitionName")
    number = call.subscription.partitions().get(str(partition)) if partition else None
    if not isinstance(fields, dict) or (partition and number is None):
        raise _RefusedError(*INVALID)
    how = How("createOrUpdate", str(fields.get("field1")), number)
    people.sync(call.subscription, given, how, call.author("ingestPersons"))


def _companies(call: Call, body: Json, _: str) -> None:
    action, by = str(body.get("action") or "createOrUpdate"), str(body.get("dedupeBy") or "dedupeFields")
    if action not in records.ACTIONS or by not in ("dedupeFields", "idField"):
        raise _RefusedError(*INVALID)
    given, author = _listed(body, "input", "companies"), call.author("ingestCompanies")
    records.sync(call.subscription, call.subscription.objects["company"], given, action, by, author)


def _custom(call: Call, body: Json, name: str) -> None:
    by = "idField" if body.get("dedupeBy") == "marketoGUID" else "dedupeFields"
    given, author = _listed(body, "customObjects"), call.author("ingestCustomObjects")
    records.sync(call.subscription, call.subscription.objects[name], given, "createOrUpdate", by, author)


def _members(call: Call, body: Json, _: str) -> None:
    programs = _listed(body, "programs")
    if sum(len(_listed(one, "members", "input")) for one in programs) > MOST:
        raise _RefusedError(*INVALID)
    author = call.author("ingestProgramMembers")
    for one in programs:
        given = _listed(one, "members", "input")
        status = str(one.get("status") or one.get("statusName") or "")
        named = all(isinstance(row.get("leadId"), int) for row in given)
        if not named or status.lower() in ("", "not in program"):
            raise _RefusedError(*INVALID)
        try:
            found = members.program(call.subscription, int(one["programId"]))
            members.set_status(call.subscription, found, status, [row["leadId"] for row in given], author)
        except CallError:
            continue


_TAKERS = {"persons": _persons, "companies": _companies, "customobjects": _custom, "programmembers": _members}

ROUTES = [
    Route("/subscriptions/<munchkin>/<resource>", take, ("POST",), needs_login=False, is_charged=False),
    Route("/subscriptions/<munchkin>/<resource>/<name>", take, ("POST",), needs_login=False, is_charged=False),
]
