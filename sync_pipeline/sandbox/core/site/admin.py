"""The site for programs: faults, edits and the request log as JSON, below /sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from sync_pipeline.sandbox.core.site.visit import Visit


def list_faults(visit: Visit) -> Response:
    return _answer(visit.site.faults.as_list())


def list_kinds(visit: Visit) -> Response:
    return _answer({name: vars(kind) for name, kind in visit.site.faults.kinds.items()})


def add_fault(visit: Visit) -> Response:
    """`{"kind": "status", "status": 503, "path": "*/query*", "times": 3}`."""
    body = visit.request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        return refuse("the body must be a JSON object")
    try:
        fault = visit.site.faults.add(str(body.pop("kind", "")), **body)
    except (TypeError, ValueError) as error:
        return refuse(str(error))
    return _answer(fault.as_dict(), 201)


def clear_faults(visit: Visit) -> Response:
    """Take all faults back, and what they have left behind."""
    visit.site.faults.clear()
    return Response(status=204)


def remove_fault(visit: Visit, number: int) -> Response:
    if not visit.site.faults.remove(number):
        return refuse(f"there is no fault {number} in force", 404)
    return Response(status=204)


def edit(visit: Visit) -> Response:
    """`{"count": 20, "seed": 1}`: let the staff make edits; answers a line for each, without personal data."""
    body = visit.request.get_json(silent=True, force=True)
    given: Mapping[str, Any] = body if isinstance(body, dict) else {}
    try:
        return _answer(list(visit.site.system.work(int(given.get("count", 1)), int(given.get("seed", 1)))))
    except (TypeError, ValueError) as error:
        return refuse(str(error))


def log(visit: Visit) -> Response:
    return _answer([entry.as_dict() for entry in visit.site.log.entries])


def refuse(message: str, status: int = 400) -> Response:
    return _answer([{"message": message, "errorCode": "SANDBOX"}], status)


def _answer(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
