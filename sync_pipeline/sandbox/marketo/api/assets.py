"""What asset calls (`/rest/asset/v1`) have in common: their envelope, folders, times, pages by offset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import json_answer
from sync_pipeline.sandbox.marketo.errors import CallError, mistyped
from sync_pipeline.sandbox.marketo.http import Call
from sync_pipeline.sandbox.marketo.records.values import stamp

MOST = 200  # assets on a page
_ROOT = {"id": 1, "type": "Folder"}


def answer(call: Call, result: Sequence[Mapping[str, Any]]) -> Response:
    """Return the envelope; without a result it has a warning instead, as the real one."""
    body: dict[str, Any] = {"success": True, "errors": [], "requestId": call.id, "warnings": []}
    if not result:
        return json_answer({**body, "warnings": ["No assets found for the given search criteria."]})
    return json_answer({**body, "result": list(result)})


def offset_and_size(call: Call) -> str:
    """Return the SQL that cuts the page asked for by `offset` and `maxReturn`."""
    size, offset = call.integer("maxReturn", 20) or 20, call.integer("offset", 0) or 0
    if not 0 < size <= MOST:
        raise CallError(701, f"maxReturn must be between 1 and {MOST}")
    if offset < 0:
        raise mistyped(offset, "integer")
    return f"limit {size} offset {offset}"


def stamps(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: moment(row[name]) for name in ("createdAt", "updatedAt")}


def moment(at: datetime) -> str:
    """Return a time as assets write it, with both spellings of UTC."""
    return f"{stamp(at)}+0000"


def folder(spelled: str | None) -> dict[str, Any]:
    """Read the folder of a request, JSON in a form.

    Raises:
        CallError: it names none.
    """
    try:
        found = json.loads(spelled or "")
    except ValueError:
        found = None
    if not isinstance(found, dict) or type(found.get("id")) is not int or not isinstance(found.get("type"), str):
        raise CallError(1001, "Invalid value for 'folder'. Required of type 'folder'")
    return {"id": found["id"], "type": found["type"]}


def spelled(found: Mapping[str, Any]) -> str:
    return json.dumps(found)


def read_folder(kept: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kept) if kept else dict(_ROOT)
    return found
