"""Conditions on fields as administrators write them: `Country in ('DE', 'AT') and not Is_Test__c`. Pure.

Words and meaning are SOQL's: text is compared whatever its case, what is empty differs from every value, and a checkbox
alone means that it is ticked. Only names and values are taken over, so nothing of it is SQL of somebody's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.types import TEXT, column_type
from sync_pipeline.model import Describe, Pairing

Column = Callable[[str], str]
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
_TIMES = ("DATE", "TIMESTAMP WITH TIME ZONE")
# What a value is called, the type in which it is compared, and the columns whose fields it fits.
_KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "text": ("text", TEXT, (TEXT,)),
    "number": ("a number", "DOUBLE", ("BIGINT", "DOUBLE")),
    "truth": ("true or false", "BOOLEAN", ("BOOLEAN",)),
    "date": ("a date", "DATE", _TIMES),
    "time": ("a time", "TIMESTAMP WITH TIME ZONE", _TIMES),
}


@dataclass(frozen=True)
class Value:
    """A value as written, unescaped; its `kind` is text, number, truth, date, time or null."""

    kind: str
    said: str


@dataclass(frozen=True)
class Condition:
    """A test of a `name`d field by a sign against values, or, without a name, parts joined by `and`, `or`, `not`."""

    word: str
    parts: tuple[Condition, ...] = ()
    name: str = ""
    values: tuple[Value, ...] = field(default=())

    def sql(self, column: Column = quoted) -> str:
        """Return SQL that is true or false, never null.

        Args:
            column: gives the SQL for the value of a field.
        """
        if self.name:
            tests = [_compared(self.word, column(self.name), value) for value in self.values]
            return f"({' or '.join(tests)})"
        if self.word == "not":
            return f"(not {self.parts[0].sql(column)})"
        return f"({f' {self.word} '.join(part.sql(column) for part in self.parts)})"

    def tests(self) -> Iterator[Condition]:
        """Yield the tests of fields."""
        if self.name:
            yield self
        for part in self.parts:
            yield from part.tests()

    def misfit(self, described: Describe) -> str:
        """Return why it cannot be told of the records of an object; empty if it can."""
        types = {known.name.lower(): column_type(known) for known in described.fields}
        for test in self.tests():
            kind = types.get(test.name.lower())
            if kind is None:
                return f"{described.source} has no field {test.name} that this user can see"
            for value in test.values:
                if value.kind != "null" and kind not in _KINDS[value.kind][2]:
                    return f"{described.source}.{test.name} cannot be compared with {_KINDS[value.kind][0]}"
        return ""


def _compared(sign: str, column: str, value: Value) -> str:
    if value.kind == "null":
        return f"{column} is {'' if sign == '=' else 'not '}null"
    kind = _KINDS[value.kind][1]
    left, right = (f"try_cast({one} as {kind})" for one in (column, literal(value.said)))
    if value.kind == "text":
        left, right = f"lower({left})", literal(value.said.lower())
    if sign in ("!=", "<>"):
        return f"{left} is distinct from {right}"
    return f"coalesce({left} {sign} {right}, false)"


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
