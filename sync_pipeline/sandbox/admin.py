"""Addresses that no real org has: faults, edits, the request log. Loopback only, so without login."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sync_pipeline.sandbox import live
from sync_pipeline.sandbox.errors import ApiError
from sync_pipeline.sandbox.http import Call, Route, json_answer


def list_faults(call: Call) -> Response:
    return json_answer(call.sandbox.faults.as_list())


def add_fault(call: Call) -> Response:
    """`{"kind": "status", "status": 503, "path": "*/query*", "times": 3}`."""
    body = call.body()
    try:
        fault = call.sandbox.faults.add(str(body.pop("kind", "")), **body)
    except (TypeError, ValueError) as error:
        raise ApiError("INVALID_FAULT", str(error)) from None
    return json_answer(fault.as_dict(), 201)


def clear_faults(call: Call) -> Response:
    """Take all faults back; a used-up quota is whole again."""
    call.sandbox.faults.clear()
    call.sandbox.sessions.new_day()
    return Response(status=204)


def edit(call: Call) -> Response:
    """`{"count": 20, "seed": 1}`: let the staff make edits; answers a line for each, without personal data."""
    body = call.body()
    try:
        done = live.edit(call.org, int(body.get("count", 1)), int(body.get("seed", 1)))
    except (TypeError, ValueError) as error:
        raise ApiError("INVALID_EDIT", str(error)) from None
    return json_answer([str(one) for one in done])


def log(call: Call) -> Response:
    return json_answer([vars(entry) for entry in call.sandbox.log.entries])


ROUTES = [
    Route("/sandbox/faults", list_faults, needs_login=False, is_charged=False),
    Route("/sandbox/faults", add_fault, ("POST",), needs_login=False, is_charged=False),
    Route("/sandbox/faults", clear_faults, ("DELETE",), needs_login=False, is_charged=False),
    Route("/sandbox/edits", edit, ("POST",), needs_login=False, is_charged=False),
    Route("/sandbox/log", log, needs_login=False, is_charged=False),
]
