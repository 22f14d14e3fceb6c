"""Routes and JSON answers, as both sandboxes have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Response

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Route:
    """An address, the function that answers there, and whether one must be logged in and is charged a call."""

    path: str
    answer: Callable[..., Response]
    methods: tuple[str, ...] = ("GET",)
    needs_login: bool = True
    is_charged: bool = True


def json_answer(body: object, status: int = 200) -> Response:
    """Return an answer of a body, or of text that is JSON already."""
    encoded = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(encoded, status, content_type=JSON)
