"""Conditions on fields as administrators write them: `Country in ('DE', 'AT') and not Is_Test__c`. Pure.

Words and meaning are SOQL's: text is compared whatever its case, what is empty differs from every value, and a checkbox
alone means that it is ticked. Only names and values are taken over, so nothing of it is SQL of somebody's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sync_pipeline.lake.sql import quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.scope.predicate import Condition, Value

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')
    | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z]\w*)
    | (?P<sign><=|>=|!=|<>|->|[=<>(),:;])
    | (?P<end>\Z))""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "true", "false", "null"})
_COMPARED = ("=", "!=", "<>", "<", "<=", ">", ">=")


def condition(text: str) -> Condition:
    """Return what a text means.

    Raises:
        ValueError: it is no condition; the message tells where.
    """
    reader = _Reader(text)
    found = reader.either()
    reader.take("end", "and, or, or its end")
    return found


def by_object(text: str) -> dict[str, str]:
    """Return the conditions of `lead: Country = 'DE'; contact: …`, as written, by object.

    Raises:
        ValueError: one of them is none.
    """
    reader, found = _Reader(text), dict[str, str]()
    while not reader.is_next("end"):
        name = reader.take("name", "the name of an object").lower()
        reader.take(":", "a colon")
        begins = reader.at
        reader.either()
        if name in found:
            raise ValueError(f"{name} has two conditions; join them by and")
        found[name] = text[begins : reader.at].strip()
        if not reader.is_next("end"):
            reader.take(";", "a semicolon")
    return found


def by_rule(text: str) -> tuple[tuple[Condition | None, str], ...]:
    """Return the rules of `country = 'Germany' -> 'Europe'; 'Default'`: conditions with what follows from each.

    The last one may do without a condition: it holds of all others.

    Raises:
        ValueError: one of them is none.
    """
    reader, found = _Reader(text), list[tuple[Condition | None, str]]()
    while not reader.is_next("end"):
        if found and found[-1][0] is None:
            raise ValueError(f"{found[-1][1]!r} is for all others, so nothing can follow it")
        when = None if reader.is_next("text") else reader.either()
        if when:
            reader.take("->", "an arrow, ->,")
        found.append((when, _unescaped(reader.take("text", "a name in quotes"))))
        if not reader.is_next("end"):
            reader.take(";", "a semicolon")
    return tuple(found)


def filtered(pairings: Iterable[Pairing], filters: Mapping[str, str]) -> tuple[Pairing, ...]:
    """Return the pairings with these conditions on the records of the CRM's objects (FILT-3)."""
    return tuple(
        replace(pairing, filter=text, alive=f"({pairing.alive}) and {condition(text).sql()}")
        if (text := filters.get(pairing.crm.name))
        else pairing
        for pairing in pairings
    )


# An account takes part if one of its contacts does, an opportunity if its account does: which id says so (FILT-4).
CASCADE = (("account", "Id", "contact", "AccountId"), ("opportunity", "AccountId", "account", "Id"))


def cascaded(pairings: Iterable[Pairing]) -> tuple[Pairing, ...]:
    """Return the pairings, of which accounts without a filter follow contacts, and opportunities accounts (FILT-4)."""
    by_name = {pairing.name: pairing for pairing in pairings}
    for name, own, leader, its in CASCADE:
        follower, led_by = by_name.get(name), by_name.get(leader)
        if not follower or not led_by or follower.filter or not (led_by.filter or led_by.scope_of):
            continue
        members = (
            f"select {quoted(its)} from {full_name(*led_by.crm.table)} where {quoted(DELETED_AT)} is null "
            f"and {quoted(its)} is not null and ({led_by.alive})"
        )
        alive = f"({follower.alive}) and coalesce({quoted(own)} in ({members}), false)"
        by_name[name] = replace(follower, alive=alive, scope_of=leader)
    return tuple(by_name.values())


class _Reader:
    """Reads a text word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def _next(self) -> tuple[str, str, int]:
        match = _TOKEN.match(self._text, self.at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"cannot be read from here: {self._text[self.at :].strip()[:40]!r}")
        word, kind = match[match.lastgroup], match.lastgroup
        if kind == "sign" or (kind == "name" and word.lower() in _KEYWORDS):
            kind = word.lower()
        return kind, word, match.end()

    def is_next(self, kind: str) -> bool:
        """Tell whether a sign, a keyword, or a kind of word comes next."""
        return self._next()[0] == kind

    def took(self, kind: str) -> bool:
        if not self.is_next(kind):
            return False
        self.at = self._next()[2]
        return True

    def take(self, kind: str, wanted: str) -> str:
        found, word, end = self._next()
        if found != kind:
            raise ValueError(f"{wanted} should come before {self._text[self.at :].strip()[:40]!r}")
        self.at = end
        return word

    def either(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._part))

    def _joined(self, word: str, read: Callable[[], Condition]) -> Condition:
        parts = [read()]
        while self.took(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else Condition(word, tuple(parts))

    def _part(self) -> Condition:
        if self.took("not"):
            return Condition("not", (self._part(),))
        if self.took("("):
            inner = self.either()
            self.take(")", "a closing parenthesis")
            return inner
        return self._test()

    def _test(self) -> Condition:
        name = self.take("name", "a field")
        if self.took("not"):
            self.take("in", "in")
            return Condition("not", (self._among(name),))
        if self.took("in"):
            return self._among(name)
        if self.took("like"):
            return Condition("like", (), name, (Value("text", _unescaped(self.take("text", "a text"))),))
        sign = next((one for one in _COMPARED if self.took(one)), "")
        if not sign:
            return Condition("=", (), name, (Value("truth", "true"),))
        value = self._value()
        if value.kind == "null" and sign not in ("=", "!=", "<>"):
            raise ValueError(f"{name} {sign} null means nothing")
        return Condition(sign, (), name, (value,))

    def _among(self, name: str) -> Condition:
        self.take("(", "an opening parenthesis")
        values = [self._value()]
        while self.took(","):
            values.append(self._value())
        self.take(")", "a closing parenthesis")
        return Condition("=", (), name, tuple(values))

    def _value(self) -> Value:
        for word, kind in (("true", "truth"), ("false", "truth"), ("null", "null")):
            if self.took(word):
                return Value(kind, word)
        for kind in ("text", "number", "time", "date"):
            if self.is_next(kind):
                word = self.take(kind, "")
                return Value(kind, _unescaped(word) if kind == "text" else word)
        raise ValueError(f"a value should come before {self._text[self.at :].strip()[:40]!r}")


def _unescaped(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)
