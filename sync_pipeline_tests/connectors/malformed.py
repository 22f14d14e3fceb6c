"""Answers that are none: of a proxy, cut off, of another kind, without a key, nested without end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sync_pipeline_tests.connectors.tapes import Told

HTML = b"<!DOCTYPE html><html><head><title>Log in to the network</title></head><body><h1>Proxy</h1></body></html>"
DEEP = 200_000
WRONG: tuple[Any, ...] = ({"x": 1}, ["x"], "x", 1, True)
JSON, PAGE, XML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}, {"Content-Type": "text/xml"}


def gross(good: Told) -> Iterator[tuple[str, Told]]:
    """Yield what no client may take for an answer, whatever was asked."""
    yield "HTML", Told(200, PAGE, HTML)
    yield "HTML called JSON", replace(good, body=HTML)
    yield "no content", Told(204, {}, b"")
    yield "empty", replace(good, body=b"")
    for status in (301, 307):
        yield f"redirection {status}", Told(status, {"Location": "https://evil.example/", **PAGE}, HTML)
    for status in (400, 401, 403, 404, 407, 418, 429, 500, 502, 503, 504, 511):
        yield f"HTML {status}", Told(status, PAGE, HTML)
    for said in ("null", "[]", "{}", '"x"', "1", "true", "NaN", "[null]", '["x"]', "[[1]]", '{"errors": ["x"]}'):
        yield f"{said} 200", Told(200, JSON, said.encode())
        yield f"{said} 400", Told(400, JSON, said.encode())
    for code in ("{}", "[]", "1", "null"):
        yield f"a code that is {code}", Told(400, JSON, f'[{{"errorCode": {code}, "message": {code}}}]'.encode())
    for name, opened in (("lists", b"["), ("objects", b'{"a":')):
        yield f"deep {name}", Told(200, JSON, opened * DEEP)
    yield "deep and closed", Told(200, JSON, b"[" * DEEP + b"]" * DEEP)
    yield "deep elements", Told(200, XML, b"<a>" * DEEP + b"</a>" * DEEP)
    yield "an XML page", Told(200, XML, b"<?xml version='1.0'?><html><body>Proxy</body></html>")
    yield "XML of no encoding", Told(200, XML, b"<?xml version='1.0' encoding='none'?><a/>")
    yield "no UTF-8", Told(200, JSON, b'{"success": true, "records": [{"a": "\xff\xfe"}]}')
    yield "a NUL", Told(200, JSON, b'{"success"\0: true}')
    yield "packed, but it is not", Told(200, {**good.headers, "Content-Encoding": "gzip"}, b"not gzip")
    if len(good.body) > 2:
        yield "cut in half", replace(good, body=good.body[: len(good.body) // 2])


def fine(good: Told) -> Iterator[tuple[str, Told]]:
    """Yield the answer without a key, with a value of another kind, a key twice, odd texts, and extra depth."""
    try:
        told = json.loads(good.body)
    except ValueError:
        return
    for place in _places(told):
        name = ".".join(map(str, place))
        yield f"without {name}", _changed(good, told, place, None, remove=True)
        for value in (None, *WRONG, "\ud800", 10**30, -1, "x" * 5_000):
            yield f"{name} is {str(value)[:20]!r}", _changed(good, told, place, value)
    if isinstance(told, dict) and told:
        first = next(iter(told))
        yield "a key twice", replace(good, body=good.body.rstrip()[:-1] + f', "{first}": "twice"}}'.encode())
        extra = b', "extra": ' + b"[" * 500 + b"]" * 500 + b"}"
        yield "a deep key besides", replace(good, body=good.body.rstrip()[:-1] + extra)


def _places(told: Any, place: tuple[str | int, ...] = (), depth: int = 0) -> Iterator[tuple[str | int, ...]]:
    """Yield where values are; of lists the first element only."""
    if depth > 5:
        return
    if isinstance(told, dict):
        for name, value in told.items():
            yield (*place, name)
            yield from _places(value, (*place, name), depth + 1)
    elif isinstance(told, list) and told:
        yield (*place, 0)
        yield from _places(told[0], (*place, 0), depth + 1)


def _changed(good: Told, told: Any, place: tuple[str | int, ...], value: Any, remove: bool = False) -> Told:
    copy = json.loads(json.dumps(told))
    within = copy
    for step in place[:-1]:
        within = within[step]
    if remove:
        del within[place[-1]]
    else:
        within[place[-1]] = value
    return replace(good, body=json.dumps(copy).encode())
