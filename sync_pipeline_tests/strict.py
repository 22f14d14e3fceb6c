"""Lakes in which no condition may be NULL where it is negated, and no flag where it is made.

`not x`, `<>` and `not in` of NULL are NULL, and the record is passed over: of 88 links that came back one opened.
DuckDB's own parser reads each statement, and what is negated in it is rewritten so that it raises on NULL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Self

import duckdb

from sync_pipeline.lake import Lake
from sync_pipeline_tests.plain import Cursor, PlainLake

PARSER = duckdb.connect()
SAID = "NULL is negated near "
NEGATES = re.compile(r"\bnot\b|<>|!=", re.IGNORECASE)
# What a statement does with the rows of its query, which follows.
USE = re.compile(r"\s*(create or replace temp table \w+ as|insert into \S+( by name)?)?\s*(?=\b(select|with|from)\b)")
CHANGE = re.compile(r"\s*(?:update (?P<of>\S+(?: \w+)?) set|delete from)\s")
CLAUSE = re.compile(r"'[^']*'|[(\[{]|[)\]}]|\b(?:from|using|where)\b")
MADE = re.compile(r"\s*create or replace temp table (\w+)")
# Tables of values as the systems gave them: a truth value among these may be missing.
VALUES = frozenset({"staged", "delta", "stranger", "fit", "told"})


class NullError(BaseException):
    """A statement negates NULL, or makes a flag that is NULL; nothing of the product catches it."""


class StrictLake(Lake):
    """A lake on which such a statement raises `NullError`."""

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return _Strict(super().cursor())  # type: ignore[return-value]


class StrictPlainLake(StrictLake, PlainLake):
    """The same of plain tables."""


class _Strict(Cursor):
    """A connection of such a lake."""

    def execute(self, query: str, parameters: Sequence[Any] | None = None) -> Self:
        try:
            if parameters is None and (changed := rows_of(query)):
                self.raw.execute(strict(changed)).fetchall()
            self.raw.execute(strict(query), parameters)
        except duckdb.ConversionException as error:
            said = str(error)
            if SAID in said:
                raise NullError(said[said.index(SAID) :].splitlines()[0]) from None
            raise
        if (made := MADE.match(query)) and made[1] not in VALUES:
            self._check_flags(made[1])
        return self

    def _check_flags(self, table: str) -> None:
        columns = self.raw.execute(f"from {table} limit 0").description or []
        flags = [name for name, kind, *_ in columns if str(kind) == "BOOLEAN"]
        empty = ", ".join(f'count(*) - count("{flag}")' for flag in flags)
        counted = self.raw.execute(f"select {empty} from {table}").fetchone() if flags else ()
        for flag, count in zip(flags, counted or (), strict=False):
            if count:
                raise NullError(f"{table}.{flag} is NULL in {count} rows")


def rows_of(change: str) -> str:
    """Return the query for the rows that an update or a deletion concerns; empty where nothing is negated."""
    if not (begun := CHANGE.match(change)) or not NEGATES.search(change):
        return ""
    rest, depth, places = change[begun.end() :], 0, dict[str, int]()
    for found in CLAUSE.finditer(rest):
        depth += (found[0] in "([{") - (found[0] in ")]}")
        if depth == 0 and found[0].isalpha():
            places.setdefault(found[0], found.start())
    where = places.pop("where", len(rest))
    of = begun["of"] or rest[: min([where, *places.values()])]
    others = "".join(f", {rest[place + len(word) : where]}" for word, place in places.items() if place < where)
    return f"select 1 from {of}{others} {rest[where:]}"


@cache
def strict(statement: str) -> str:
    """Return a statement so that it fails where it negates NULL; as it is where it negates nothing."""
    use = USE.match(statement)
    query = statement[use.end() :] if use else ""
    if not use or not NEGATES.search(query):
        return statement
    tree = json.loads(_parsed("json_serialize_sql(?)", query))
    assert not tree["error"], f"{tree}: {query}"
    return f"{use[0]} {_parsed('json_deserialize_sql(?::json)', json.dumps(_guarded(tree, query)))}"


def _parsed(function: str, text: str) -> str:
    (found,) = PARSER.execute(f"select {function}", [text]).fetchone() or ("",)
    return str(found)


def _guarded(node: Any, query: str, is_told: bool = False) -> Any:
    """Return a part of a parsed query with all that it negates guarded.

    Args:
        is_told: whether `coalesce` around it tells what NULL means.
    """
    if isinstance(node, list):
        return [_guarded(part, query, is_told) for part in node]
    if not isinstance(node, dict):
        return node
    is_told = node.get("type") == "OPERATOR_COALESCE" or (is_told and node.get("class") != "SUBQUERY")
    node = {name: _guarded(part, query, is_told) for name, part in node.items()}
    if is_told:
        return node
    if node.get("type") == "OPERATOR_NOT":
        return node | {"children": [_never_null(child, node["query_location"], query) for child in node["children"]]}
    if node.get("type") in ("COMPARE_NOTEQUAL", "COMPARE_NOT_IN"):
        return _never_null(node, node["query_location"], query)
    return node


def _never_null(test: dict[str, Any], place: int, query: str) -> dict[str, Any]:
    """Return a test that raises where it is NULL.

    It casts a text to a truth value: `error()` has side effects, and what has them may not be named by an alias.
    """
    said = SAID + " ".join(query[max(place - 60, 0) : place + 100].split())
    constant = {"type": {"id": "VARCHAR", "type_info": None}, "is_null": False, "value": said}
    text = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "value": constant}
    cast = {"class": "CAST", "type": "OPERATOR_CAST", "cast_type": {"id": "BOOLEAN", "type_info": None}}
    anywhere = {"alias": "", "query_location": 0}
    raises = {**cast, **anywhere, "child": {**text, **anywhere}, "try_cast": False}
    both = {"class": "OPERATOR", "type": "OPERATOR_COALESCE", "children": [{**test, "alias": ""}, raises]}
    return {**both, **anywhere, "alias": test["alias"]}
