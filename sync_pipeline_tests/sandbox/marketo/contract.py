"""Adobe's own contract, corrected: which operation a request is, and whether an answer is what it promises."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from sync_pipeline_tests.sandbox.conftest import SHARED

FILE = SHARED / "contracts/marketo/mapi.oas3.json"


@cache
def contract() -> dict[str, Any]:
    """Return the contract, or skip where it is absent."""
    if not FILE.exists():
        pytest.skip("no contract here")
    loaded: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return the paths, those with fewer placeholders first."""
    paths = sorted(contract()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths]


def operation(method: str, path: str) -> str | None:
    """Return the contract's path that a request is one of; None for what the contract does not know."""
    if not FILE.exists():
        return None
    found = (
        known
        for pattern, known in _patterns()
        if pattern.fullmatch(path) and method.lower() in contract()["paths"][known]
    )
    return next(found, None)


@cache
def _validator(method: str, path: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = contract()["paths"][path][method.lower()]["responses"]["200"]["content"]["application/json"]["schema"]
    return jsonschema.Draft7Validator({**schema, "components": contract()["components"]})


def complaints(method: str, path: str, body: object) -> list[str]:
    """Return what of an answer's body is not as the contract's operation promises."""
    known = operation(method, path)
    if known is None:
        return []
    return [
        f"{'/'.join(map(str, error.path))}: {error.message}" for error in _validator(method, known).iter_errors(body)
    ]
