"""The JSON of an answer as plain data: read by name and kind, or an error that says what is wrong.

No other code of the connectors may index what a system sent: a key that is missing, a text where a number is due or a
page of a proxy is then a `MalformedAnswerError`, never a KeyError or TypeError (law 8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import requests

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.errors import MalformedAnswerError
from sync_pipeline.texts import from_json

T = TypeVar("T")
LARGEST = 2**63
KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # what may become part of an address
TOKEN = re.compile(r"[!-~]{1,8192}")
KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


class _Required:
    """Stands for no default: the key must be there."""


REQUIRED: Final = _Required()


def plain(body: bytes) -> Any:
    """Return the data of a JSON text.

    Raises:
        ValueError: it is none, or holds what is no JSON (NaN), or is nested deeper than any answer.
    """
    return from_json(body, parse_constant=_no_number)  # half a character is no sign of an id or a token


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def request_of(answer: requests.Response) -> str:
    """Return method and path of the request that an answer belongs to; the query may hold personal data."""
    sent: requests.PreparedRequest | None = getattr(answer, "request", None)
    return f"{sent.method if sent else 'a request to'} {urlsplit(answer.url or '').path}"


def kind_of(answer: requests.Response, wanted: str = "JSON") -> str:
    """Return in words what came instead of what was wanted; a page is not repeated."""
    name = headers.media_type(answer.headers)[:60] or "an unnamed type"
    return f"HTTP {answer.status_code} and {len(answer.content):,} bytes of {name} that are not {wanted}"


class Document:
    """An object in an answer. A key that is null counts as missing."""

    __slots__ = ("_place", "_request", "_system", "_values")

    def __init__(self, values: Mapping[str, Any], system: str = "", request: str = "", place: str = "") -> None:
        self._values, self._system, self._request, self._place = values, system, request, place

    @classmethod
    def of(cls, answer: requests.Response, system: str) -> Document:
        """Return the object that an answer is.

        Raises:
            MalformedAnswerError: it is none.
        """
        return cls.all_of(answer, system, is_list=False)[0]

    @classmethod
    def all_of(cls, answer: requests.Response, system: str, *, is_list: bool = True) -> list[Document]:
        """Return the objects in the list that an answer is."""
        request = request_of(answer)
        try:
            told = plain(answer.content)
        except ValueError:
            raise MalformedAnswerError(system, request, kind_of(answer)) from None
        values = told if is_list and isinstance(told, list) else [told]
        if is_list is not isinstance(told, list) or not all(isinstance(one, dict) for one in values):
            raise MalformedAnswerError(
                system, request, f"{_kind(told)} instead of {'a list' if is_list else 'an object'}"
            )
        return [cls(one, system, request) for one in values]

    def fail(self, reason: str) -> MalformedAnswerError:
        """Return the error that the answer is not as it must be."""
        return MalformedAnswerError(self._system, self._request, reason)

    @property
    def request(self) -> str:
        """What was answered, in words."""
        return self._request

    # --- values, by kind

    def text(self, name: str, default: str | _Required = REQUIRED) -> str:
        return self._read(name, default, _text, "a text")

    def word(self, name: str, default: str | _Required = REQUIRED) -> str:
        """Return a text, number or truth value as text."""
        return self._read(name, default, _word, "a text")

    def key(self, name: str) -> str:
        """Return an id that may become part of an address."""
        return self._read(name, REQUIRED, lambda v: v if isinstance(v, str) and KEY.fullmatch(v) else None, "an id")

    def token(self, name: str) -> str:
        """Return what is sent back in a header, which can have only signs of ASCII without blanks."""
        return self._read(name, REQUIRED, lambda v: v if isinstance(v, str) and TOKEN.fullmatch(v) else None, "a token")

    def number(self, name: str, default: int | _Required = REQUIRED) -> int:
        """Return a whole number; Marketo writes some as text."""
        return self._read(name, default, _number, "a whole number")

    def amount(self, name: str) -> float:
        return self._read(name, REQUIRED, _amount, "a number")

    def flag(self, name: str, default: bool | _Required = REQUIRED) -> bool:
        return self._read(name, default, lambda v: v if isinstance(v, bool) else None, "a truth value")

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty where it is missing."""
        return self._read(name, [], _texts, "a list of texts")

    def part(self, name: str) -> Document:
        """Return an object; one without keys where it is missing."""
        return self._below(name, self._read(name, {}, lambda v: v if isinstance(v, dict) else None, "an object"))

    def parts(self, name: str, *, required: bool = False) -> list[Document]:
        """Return a list of objects; empty where it is missing, unless it is required."""
        default: list[dict[str, Any]] | _Required = REQUIRED if required else []
        found = self._read(name, default, _objects, "a list of objects")
        return [self._below(f"{name}[{place}]", one) for place, one in enumerate(found)]

    def only(self, name: str) -> Document:
        """Return the first object of a list that must have one."""
        found = self.parts(name, required=True)
        if not found:
            raise self.fail(f"an empty list {self._place}{name}")
        return found[0]

    @property
    def values(self) -> Mapping[str, Any]:
        """All values as they came: of a record, whose fields are named by describe."""
        return self._values

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def _below(self, name: str, values: Mapping[str, Any]) -> Document:
        return Document(values, self._system, self._request, f"{self._place}{name}.")

    def _read(self, name: str, default: T | _Required, read: Callable[[Any], T | None], kind: str) -> T:
        value = self._values.get(name)
        if value is None:
            if isinstance(default, _Required):
                raise self.fail(f"no {self._place}{name}")
            return default
        found = read(value)
        if found is None:
            raise self.fail(f"{_kind(value)} as {self._place}{name} instead of {kind}")
        return found


def _kind(value: object) -> str:
    return KINDS.get(type(value), "a number")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool | int | float) else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = int(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < LARGEST and (isinstance(value, str) or found == value) else None


def _amount(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(value: object) -> list[str] | None:
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def _objects(value: object) -> list[dict[str, Any]] | None:
    return value if isinstance(value, list) and all(isinstance(one, dict) for one in value) else None
