"""Small mistakes in SQL conditions, made on DuckDB's own tree: a part dropped or negated, null forgotten, and more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb

Node = dict[str, Any]
NEGATED = {
    "COMPARE_EQUAL": "COMPARE_NOTEQUAL",
    "COMPARE_DISTINCT_FROM": "COMPARE_NOT_DISTINCT_FROM",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHANOREQUALTO",
    "OPERATOR_IS_NULL": "OPERATOR_IS_NOT_NULL",
}
NEGATED |= {other: one for one, other in NEGATED.items()}
BORDER = {"COMPARE_GREATERTHAN": "COMPARE_GREATERTHANOREQUALTO", "COMPARE_LESSTHAN": "COMPARE_LESSTHANOREQUALTO"}
BORDER |= {other: one for one, other in BORDER.items()}
NULL_FORGOTTEN = {"COMPARE_DISTINCT_FROM": "COMPARE_NOTEQUAL", "COMPARE_NOT_DISTINCT_FROM": "COMPARE_EQUAL"}
OTHER_WORD = {"CONJUNCTION_AND": "CONJUNCTION_OR", "CONJUNCTION_OR": "CONJUNCTION_AND"}


def mutants(con: duckdb.DuckDBPyConnection, condition: str) -> Iterator[str]:
    """Yield the condition with one mistake in it, once for each that can be made."""
    (told,) = con.execute("select json_serialize_sql(?::varchar)", [f"select {condition}"]).fetchone() or ("",)
    tree = json.loads(told)
    seen = {_said(con, tree)}
    for path in _paths(tree["statements"][0]["node"]["select_list"][0]):
        for change in CHANGES:
            changed = copy.deepcopy(tree)
            holder, last = changed["statements"][0]["node"]["select_list"], 0
            for step in path:
                holder, last = holder[last], step
            for mutated in change(holder[last]):
                holder[last] = mutated
                if (said := _said(con, changed)) not in seen:
                    seen.add(said)
                    yield said


def _said(con: duckdb.DuckDBPyConnection, tree: Node) -> str:
    (said,) = con.execute("select json_deserialize_sql(?::json)", [json.dumps(tree)]).fetchone() or ("",)
    return str(said).removeprefix("SELECT ")


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every expression of a tree."""
    if isinstance(node, dict):
        if "class" in node:
            yield path
        for key, part in node.items():
            yield from _paths(part, (*path, key))
    elif isinstance(node, list):
        for place, part in enumerate(node):
            yield from _paths(part, (*path, place))


def _drop(node: Node) -> Iterator[Node]:
    """A part of a conjunction, or what stands in for null, is forgotten."""
    parts = node.get("children", [])
    if node["class"] == "CONJUNCTION":
        for place in range(len(parts)):
            left = parts[:place] + parts[place + 1 :]
            yield left[0] if len(left) == 1 else {**node, "children": left}
    if node["type"] == "OPERATOR_COALESCE":
        yield parts[0]


def _negate(node: Node) -> Iterator[Node]:
    if node["type"] in NEGATED:
        yield {**node, "type": NEGATED[node["type"]]}
    elif node["type"] == "OPERATOR_NOT":
        yield node["children"][0]


def _negate_parts(node: Node) -> Iterator[Node]:
    """A part of a conjunction that is a flag, or another conjunction, is negated."""
    for place, part in enumerate(node.get("children", []) if node["class"] == "CONJUNCTION" else []):
        if part["class"] in ("COLUMN_REF", "CONJUNCTION", "FUNCTION"):
            yield {**node, "children": [*node["children"][:place], _not(part), *node["children"][place + 1 :]]}


def _negate_guarded(node: Node) -> Iterator[Node]:
    """A flag that is never null is negated."""
    if node["type"] == "OPERATOR_COALESCE":
        yield _not(node)


def _not(node: Node) -> Node:
    return {"class": "OPERATOR", "type": "OPERATOR_NOT", "alias": "", "query_location": 0, "children": [node]}


def _retype(types: dict[str, str]) -> Callable[[Node], Iterator[Node]]:
    def change(node: Node) -> Iterator[Node]:
        if node["type"] in types:
            yield {**node, "type": types[node["type"]]}

    return change


CHANGES: tuple[Callable[[Node], Iterator[Node]], ...] = (
    _drop,
    _negate,
    _negate_parts,
    _negate_guarded,
    _retype(BORDER),
    _retype(NULL_FORGOTTEN),
    _retype(OTHER_WORD),
)
