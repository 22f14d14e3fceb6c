"""SOQL text to tokens, and the way a parser takes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sync_pipeline.sandbox.salesforce.errors import ApiError, pointed

Part = TypeVar("Part")

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+ | //[^\n]* | /\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?!\w)
  | (?P<currency>[A-Za-z]{3}-?\d+(?:\.\d+)?(?![\w.]))
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<relative>[A-Za-z_]+:\d+)
  | (?P<bind>:\s*(?:new\s+)?[A-Za-z_][\w.]*(?:<[^>]*>)?(?:\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]|\.[A-Za-z_]\w*)*)
  | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
  | (?P<operator><=|>=|!=|<>|=|<|>)
  | (?P<mark>[(),])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Token:
    kind: str  # a group of the pattern above, or "end"
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.upper()

    @property
    def is_name(self) -> bool:
        """Whether it can name something: an amount like `usd500` can, as an alias or field."""
        return self.kind == "name" or (self.kind == "currency" and self.text.isidentifier())


def tokens(soql: str) -> list[Token]:
    """Return the tokens of a query, with a last one of kind `end`."""
    found: list[Token] = []
    at = 0
    while at < len(soql):
        match = _TOKEN.match(soql, at)
        if match is None:
            raise _stray(soql, at)
        if match.lastgroup != "skip":
            found.append(Token(match.lastgroup or "", match.group(), at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(soql))]


def _stray(soql: str, at: int) -> ApiError:
    if soql[at] == "'":
        return pointed(soql, at, "expecting a right quote, found '<EOF>'", "MALFORMED_QUERY")
    return pointed(soql, at, f"unexpected token: '{soql[at]}'", "MALFORMED_QUERY")


def unescaped(literal: str) -> str:
    r"""Return the value of a quoted string: `\'`, `\\`, `\n`, `\uXXXX`; `\%` and `\_` keep the backslash for LIKE."""

    def one(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter[0] == "u" and len(letter) == 5:
            return chr(int(letter[1:], 16))
        if letter in "%_":
            return "\\" + letter
        return _ESCAPES.get(letter.lower(), letter)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, literal[1:-1], flags=re.DOTALL)


class TokenStream:
    """The tokens of one query, taken one after the other."""

    def __init__(self, soql: str) -> None:
        self.soql = soql
        self.position = 0
        self._tokens = tokens(soql)

    @property
    def peek(self) -> Token:
        return self._tokens[self.position]

    def ahead(self, count: int) -> Token:
        return self._tokens[min(self.position + count, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.peek
        if token.kind != "end":
            self.position += 1
        return token

    def accept(self, *words: str) -> bool:
        """Take these words (or marks) if they come next, all of them."""
        if all(self.ahead(i).word == word for i, word in enumerate(words)):
            self.position += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.unexpected()

    def expect_end(self) -> None:
        if self.peek.kind != "end":
            raise self.unexpected()

    def unexpected(self, token: Token | None = None) -> ApiError:
        token = token or self.peek
        return pointed(self.soql, token.at, f"unexpected token: '{token.text}'", "MALFORMED_QUERY")

    def since(self, position: int) -> list[Token]:
        return self._tokens[position : self.position]

    def list_of(self, part: Callable[[], Part]) -> tuple[Part, ...]:
        parts = [part()]
        while self.accept(","):
            parts.append(part())
        return tuple(parts)
