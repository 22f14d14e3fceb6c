"""Expressions and conditions of one query in SQL."""

from __future__ import annotations

from datetime import date
from typing import NoReturn

from sync_pipeline.sandbox.salesforce.errors import ApiError, pointed
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import COMPOUND
from sync_pipeline.sandbox.salesforce.soql.ast import (
    Call,
    Comparison,
    Condition,
    Expression,
    Literal,
    Not,
    Path,
    Query,
    Selected,
    Typeof,
)
from sync_pipeline.sandbox.salesforce.soql.functions import function_sql, label_sql, localised_sql, misuse
from sync_pipeline.sandbox.salesforce.soql.rules import called, is_aggregate, is_grouped
from sync_pipeline.sandbox.salesforce.soql.scope import Scope
from sync_pipeline.sandbox.salesforce.soql.where import IDS, compare

MAX_OFFSET = 2000
# Sorted, like compared, without regard to case.
TEXTS = frozenset(
    {"string", "picklist", "multipicklist", "combobox", "textarea", "phone", "email", "url", "encryptedstring"}
)


class Terms:
    """What the clauses of a query say, in the terms of its scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.query = scope.query
        self.today: date = scope.reader.org.now().date()

    def refuse(self, at: int, message: str, code: str = "MALFORMED_QUERY") -> NoReturn:
        raise pointed(self.query.text, at, message, code)

    def expression(self, expression: Expression) -> tuple[str, Json]:
        """Return the SQL of an expression and a field that tells its type and what may be done with it."""
        if isinstance(expression, Path):
            alias = self._by_alias(expression)
            if alias is not None:
                return self.expression(alias)
            found = self.scope.field(expression)
            return found.sql, found.field
        if isinstance(expression, Literal):
            self.refuse(expression.at, f"unexpected token: '{expression.value}'")
        return self._call(expression, expression.name.upper())

    def shown(self, expression: Expression) -> tuple[str, Json]:
        """Return an expression of the select list, where FORMAT() is known too."""
        if isinstance(expression, Call) and expression.name.upper() == "FORMAT" and len(expression.arguments) == 1:
            sql, field = self.expression(expression.arguments[0])
            return localised_sql(sql, field), {**field, "type": "string"}
        return self.expression(expression)

    def _call(self, call: Call, name: str) -> tuple[str, Json]:
        if any(isinstance(inner, Call) and inner.name.upper() != "CONVERTTIMEZONE" for inner in call.arguments):
            said = "nested functional syntax can only be used in the following manner:"
            self.refuse(call.at, f"{said} date_function(convertTimezone(columnName)): {call.name}")
        arguments = [self.expression(argument) for argument in call.arguments]
        if name == "TOLABEL" and len(arguments) == 1:
            return label_sql(*arguments[0]), {**arguments[0][1], "type": "string"}
        if name == "CONVERTTIMEZONE" and len(arguments) == 1:
            return arguments[0]  # the org's zone is UTC
        wrong = misuse(name, arguments)
        if wrong:
            self.refuse(call.at, wrong)
        made = function_sql(name, arguments)
        if made is None:
            self.refuse(call.at, f"Invalid function name or arguments: {call.name}")
        sql, kind = made
        return sql, {"name": call.name, "type": kind}

    def _by_alias(self, path: Path) -> Expression | None:
        """HAVING and ORDER BY of a grouped query may use the aliases of its select list."""
        if not self.query.group or len(path.names) > 1 or self.scope.object.field(path.names[0]):
            return None
        named = (s for s in self.query.select if isinstance(s, Selected) and s.alias)
        return next((s.expression for s in named if (s.alias or "").lower() == path.names[0].lower()), None)

    def where(self) -> str:
        return self.condition(self.query.where) if self.query.where else "true"

    def _check_grouped(self, expression: Expression, sql: str, clause: str) -> None:
        """Of a grouped query, everything must be grouped or aggregated."""
        if not is_grouped(self.query) or self._is_aggregate(expression):
            return
        grouped = {self.expression(e)[0] for e in self.query.group.expressions} if self.query.group else set()
        if sql not in grouped:
            self.refuse(place(expression), f"{clause} field must be grouped or aggregated: {called(expression)}")

    def _is_aggregate(self, expression: Expression) -> bool:
        by_alias = self._by_alias(expression) if isinstance(expression, Path) else None
        return is_aggregate(by_alias or expression)

    def condition(self, condition: Condition, of_groups: bool = False) -> str:
        if isinstance(condition, Not):
            return f"(not coalesce({self.condition(condition.condition, of_groups)}, false))"
        if not isinstance(condition, Comparison):
            parts = (self.condition(part, of_groups) for part in condition.conditions)
            return f"({f' {condition.word.lower()} '.join(parts)})"
        sql, field = self.expression(condition.left)
        if of_groups:
            self._check_grouped(condition.left, sql, "Having")
        elif self._is_aggregate(condition.left):
            self.refuse(place(condition.left), "unexpected token: '('")
        if not field.get("filterable", True) or field["type"] in COMPOUND:
            message = f"field '{field['name']}' can not be filtered in a query call"
            self.refuse(place(condition.left), message, "INVALID_FIELD")
        if isinstance(condition.right, Query):
            if field["type"] not in IDS or of_groups:
                self._refuse_semi_join(condition.left, field)
            return self._semi_join(sql, condition.operator, condition.right)
        literals = condition.right if isinstance(condition.right, tuple) else (condition.right,)
        return compare(sql, field["type"], field["name"], condition.operator, literals, self.query.text, self.today)

    def _semi_join(self, sql: str, operator: str, query: Query) -> str:
        reader = self.scope.reader
        found = reader.object(str(query.source))
        if found is None:
            self.refuse(query.source.at, f"sObject type '{query.source}' is not supported.", "INVALID_TYPE")
        selected = query.select[0]
        if len(query.select) != 1 or not isinstance(selected, Selected) or not isinstance(selected.expression, Path):
            self.refuse(query.at, "semi join sub-selects must have exactly one field")
        inner = Terms(Scope(reader, query, found, f"{self.scope.base.alias[:-1]}s"))
        chosen = inner.scope.field(selected.expression)
        if chosen.parents:
            self.refuse(query.at, "inner select field cannot have more than one level of relationships")
        if chosen.field["type"] not in IDS:
            self._refuse_semi_join(selected.expression, chosen.field)
        value = chosen.sql
        where = inner.where()
        rows = f"select {value} from {inner.scope.from_sql()} where {where} and {value} is not null"
        return f"({sql} is not null and {sql} {'in' if operator == 'IN' else 'not in'} ({rows}))"

    def _refuse_semi_join(self, expression: Expression, field: Json) -> NoReturn:
        self.refuse(place(expression), f"semi join sub selects can only query id fields, cannot use: '{field['name']}'")

    def order(self) -> str:
        if not self.query.order:
            return ""
        keys = []
        for order in self.query.order:
            sql, field = self.expression(order.expression)
            self._check_grouped(order.expression, sql, "Ordered")
            if not field.get("sortable", True):
                message = f"field '{field['name']}' can not be sorted in a query call"
                self.refuse(place(order.expression), message, "INVALID_FIELD")
            sql = f"lower({sql})" if field["type"] in TEXTS else sql
            nulls = "last" if order.nulls_last else "first"
            keys.append(f"{sql} {'desc' if order.descending else 'asc'} nulls {nulls}")
        return f" order by {', '.join(keys)}"

    def page(self) -> str:
        limit, offset = self.query.limit, self.query.offset
        if offset is not None and offset > MAX_OFFSET:
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        return (f" limit {limit}" if limit is not None else "") + (f" offset {offset}" if offset else "")

    def group(self) -> str:
        group = self.query.group
        if group is None:
            return ""
        keys = []
        for expression in group.expressions:
            sql, field = self.expression(expression)
            if not field.get("groupable", True) and isinstance(expression, Path):
                self.refuse(place(expression), f"field '{field['name']}' can not be grouped in a query call")
            keys.append(sql)
        listed = f"{group.kind.lower()}({', '.join(keys)})" if group.kind else ", ".join(keys)
        return f" group by {listed}"

    def having(self) -> str:
        return f" having {self.condition(self.query.having, of_groups=True)}" if self.query.having else ""


def place(part: Expression | Selected | Typeof | Query) -> int:
    """Return where in the query's text a part begins."""
    return place(part.expression) if isinstance(part, Selected) else part.at
