"""Where in a request's JSON a value stands, which Salesforce tells of one that it cannot read. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


def place(text: str, name: str, value: object) -> tuple[int, int]:
    """Return line and column, both from 1, just after the value of a member; of an object or list after its bracket.

    That is where Salesforce's parser stands then: `{"SETTINGS":{` is refused at [line:1, column:14]. Of several such
    members the first counts; without any the place is after the first character.
    """
    for key, start, end in _members(text):
        if key.lower() == name.lower() and _is(text[start:end], value):
            before = text[:end]
            return before.count("\n") + 1, end - before.rfind("\n")
    return 1, 2


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield of each member its name and where the first token of its value begins and ends."""
    tokens = list(_TOKEN.finditer(text))
    for key, colon, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if key[0][0] == '"' and colon[0] == ":":
            yield json.loads(key[0], strict=False), value.start(), value.end()


def _is(written: str, value: object) -> bool:
    if isinstance(value, dict | list):
        return written == ("{" if isinstance(value, dict) else "[")
    return written not in ("{", "[") and bool(json.loads(written, strict=False) == value)
