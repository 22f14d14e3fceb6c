"""What SOQL forbids though it is well formed: rules of semi-joins, of grouped queries, of aliases.

The texts are Salesforce's own where public sources quote them; they are MALFORMED_QUERY, all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from sync_pipeline.sandbox.salesforce.errors import pointed
from sync_pipeline.sandbox.salesforce.soql.ast import (
    Both,
    Call,
    Comparison,
    Condition,
    Expression,
    Not,
    Path,
    Query,
    Selected,
)
from sync_pipeline.sandbox.salesforce.soql.functions import AGGREGATES

MOST_SEMI_JOINS = 2
MOST_SUBTOTALS = 3
NOT_IN_SEMI_JOINS = frozenset(
    ["activityhistory", "attachment", "event", "eventattendee", "note", "openactivity", "tag", "task"]
)
_TOP_LEVEL = (
    "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions"
)


def check(query: Query) -> None:
    """Refuse a root query that breaks a rule which needs no knowledge of the schema.

    Raises:
        ApiError: MALFORMED_QUERY.
    """
    _check_semi_joins(query)
    if is_grouped(query):
        _check_grouped(query)
    else:
        _check_plain(query)
    for selected in query.select:
        if isinstance(selected, Query):
            _check_child(selected)


def is_grouped(query: Query) -> bool:
    """Return whether the answer is made of groups, or of a count, instead of records."""
    return bool(query.group) or any(map(is_aggregate, _expressions(query)))


def is_aggregate(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name.upper() in AGGREGATES


def called(expression: Expression) -> str:
    """Return what messages call an expression."""
    return str(expression) if isinstance(expression, Path) else getattr(expression, "name", "")


def is_bare_count(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name.upper() == "COUNT" and not expression.arguments


def refuse(query: Query, at: int, message: str) -> NoReturn:
    raise pointed(query.text, at, message, "MALFORMED_QUERY")


def semi_joins(condition: Condition | None, depth: int = 0, word: str = "AND") -> Iterator[tuple[Query, int, str]]:
    """Yield the sub-selects of a condition, each with how deep in parentheses it lies and what joins it there."""
    if isinstance(condition, Comparison) and isinstance(condition.right, Query):
        yield condition.right, depth, word
    elif isinstance(condition, Not):
        yield from semi_joins(condition.condition, depth + 1, "NOT")
    elif isinstance(condition, Both):
        for part in condition.conditions:
            yield from semi_joins(part, depth + isinstance(part, Both), condition.word if depth == 0 else word)


def _check_semi_joins(query: Query) -> None:
    found = list(semi_joins(query.where))
    for inner, depth, word in found:
        if depth:
            refuse(query, inner.at, _TOP_LEVEL)
        if word == "OR":
            refuse(query, inner.at, "Semi join sub-selects are not allowed with the 'OR' operator")
        _check_inner(query, inner)
    if len(found) > MOST_SEMI_JOINS:
        refuse(query, found[-1][0].at, f"Maximum {MOST_SEMI_JOINS} semi join sub-selects are allowed")


def _check_inner(query: Query, inner: Query) -> None:
    clauses = {
        "GROUP": inner.group,
        "ORDER": inner.order,
        "LIMIT": inner.limit is not None,
        "OFFSET": inner.offset is not None,
        "FOR": inner.purpose,
    }
    for word, is_there in clauses.items():
        if is_there:
            refuse(query, inner.at, f"missing value at '{word}'")
    if next(semi_joins(inner.where), None):
        refuse(query, inner.at, "Nesting of semi join sub-selects is not supported")
    source = str(inner.source)
    if source.lower() in NOT_IN_SEMI_JOINS:
        refuse(query, inner.source.at, f"Entity '{source}' is not supported for semi join inner selects")
    if source.lower() == str(query.source).lower():
        refuse(query, inner.source.at, "The inner and outer selects should not be on the same object type")


def _check_plain(query: Query) -> None:
    for selected in query.select:
        if isinstance(selected, Selected) and isinstance(selected.expression, Path) and selected.alias:
            refuse(query, selected.expression.at, "only aggregate expressions use field aliasing")


def _check_child(child: Query) -> None:
    if is_grouped(child):
        refuse(child, child.at, "only root queries support aggregate expressions")
    check(child)


def _check_grouped(query: Query) -> None:
    group = query.group
    if group is None and not (len(query.select) == 1 and any(map(is_bare_count, _expressions(query)))):
        for word, is_there in (("LIMIT", query.limit is not None), ("OFFSET", query.offset is not None)):
            if is_there:
                said = f"Non-grouped query that uses overall aggregate functions cannot also use {word}"
                refuse(query, query.at, said)
    if group is None:
        return
    if group.kind and len(group.expressions) > MOST_SUBTOTALS:
        refuse(query, query.at, f"GROUP BY {group.kind} must contain {MOST_SUBTOTALS} fields or less")
    for expression in filter(is_aggregate, group.expressions):
        refuse(query, query.at, f"Grouped field should not be aggregated: {called(expression)}")
    names = [str(e).lower() for e in group.expressions if isinstance(e, Path)]
    for name in {name for name in names if names.count(name) > 1}:
        refuse(query, query.at, f"duplicate grouping expression: {name}")
    for call in _expressions(query):
        if isinstance(call, Call) and is_aggregate(call) and call.name.upper() != "GROUPING":
            for argument in call.arguments:
                if str(argument).lower() in names:
                    refuse(query, call.at, f"Grouped field should not be aggregated: {argument}")


def _expressions(query: Query) -> list[Expression]:
    return [selected.expression for selected in query.select if isinstance(selected, Selected)]
