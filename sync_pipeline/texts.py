"""Texts from outside as they can be kept: DuckLake's catalog cannot hold a NUL, and UTF-8 no half of a character."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

VISIBLE_NUL = "\u2400"  # what a NUL is kept as (decision 1)
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Return a text with U+FFFD for each half of a character, which JSON can write and no file can."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def from_json(body: bytes, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Return the data of a JSON text in UTF-8, its texts `whole`.

    Raises:
        ValueError: it is none, or is nested too deep.
    """
    try:
        told = json.loads(body, parse_constant=parse_constant)
        if _ESCAPED_HALF.search(body):
            told = json.loads(whole(json.dumps(told, ensure_ascii=False)))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return told
