"""What was asked of a system and answered, on tape: recorded once from a sandbox, played without one, in no time."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

_ID = re.compile(r"[0-9]+|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{15,18}(-[0-9]+)?|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}")
_NAMED = ("sobjects", "customobjects", "type", "custom")  # the next part of a path is a name of an object


@dataclass(frozen=True)
class Told:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Endless = Callable[[int], Told]  # the answer to the first, second ... request of a kind


def shape(method: str, path: str) -> str:
    """Return what tells a request from others of another kind: method and path, without ids and names of objects."""
    parts: list[str] = []
    for part in path.partition("?")[0].split("/"):
        named = parts and parts[-1] in _NAMED and "." not in part
        parts.append("*" if named or _ID.fullmatch(part.partition(".")[0]) else part)
    return f"{method} {'/'.join(parts)}"


@dataclass
class Tape:
    """What one operation asked, by shape, in order, and how each was answered."""

    told: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))


class _Recorder(BaseAdapter):
    def __init__(self, inner: BaseAdapter, tape: Tape) -> None:
        super().__init__()
        self._inner, self._tape = inner, tape

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        given = self._inner.send(request, **options)
        headers = {name: value for name, value in given.headers.items() if name.lower() not in _OF_THE_WIRE}
        told = Told(given.status_code, headers, given.content)
        self._tape.told[shape(request.method or "", request.path_url)].append(told)
        return answer(request, told)

    def close(self) -> None:
        self._inner.close()


_OF_THE_WIRE = ("content-length", "transfer-encoding", "content-encoding", "connection")
NOT_ON_TAPE = Told(404, {"Content-Type": "text/plain"}, b"not on tape")


class _Player(BaseAdapter):
    """Answers from a tape; the last answer of a kind is given for ever. One kind of request gets another answer."""

    def __init__(self, tape: Tape, spoilt: str, instead: Told | Endless | None) -> None:
        super().__init__()
        self._tape, self._spoilt, self._instead = tape, spoilt, instead
        self.asked: dict[str, int] = defaultdict(int)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        kind = shape(request.method or "", request.path_url)
        number = self.asked[kind]
        self.asked[kind] += 1
        if kind == self._spoilt and self._instead:
            return answer(request, self._instead if isinstance(self._instead, Told) else self._instead(number))
        told = self._tape.told.get(kind) or [NOT_ON_TAPE]
        return answer(request, told[min(number, len(told) - 1)])

    def close(self) -> None:
        """There is nothing to close."""


def answer(request: requests.PreparedRequest, told: Told) -> requests.Response:
    raw = HTTPResponse(
        io.BytesIO(told.body), headers=dict(told.headers), status=told.status, reason="told", preload_content=False
    )
    return HTTPAdapter().build_response(request, raw)


def record(session: requests.Session, tape: Tape) -> None:
    """Let all that a session asks be put on tape."""
    there: Callable[..., BaseAdapter] = session.get_adapter
    session.get_adapter = lambda url: _Recorder(there(url=url), tape)  # type: ignore[method-assign]


def play(
    session: requests.Session, tape: Tape, spoilt: str = "", instead: Told | Endless | None = None
) -> Mapping[str, int]:
    """Let a session be answered from a tape, and one kind of request otherwise; return how often each is asked."""
    player = _Player(tape, spoilt, instead)
    session.get_adapter = lambda url: player  # type: ignore[method-assign]
    return player.asked
