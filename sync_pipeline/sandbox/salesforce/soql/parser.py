"""SOQL text to a `Query`: a parser by recursive descent. What the names mean is found out later, in `soql_sql`."""

from __future__ import annotations

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.soql.ast import (
    Both,
    Call,
    Comparison,
    Condition,
    Expression,
    Group,
    Kind,
    Literal,
    Not,
    Order,
    Path,
    Query,
    Selected,
    Typeof,
)
from sync_pipeline.sandbox.salesforce.soql.dates import NAMED
from sync_pipeline.sandbox.salesforce.soql.lexer import TokenStream, unescaped

# After an expression or a FROM these begin the next clause; any other name is an alias.
_CLAUSES = frozenset(
    [
        "FROM",
        "USING",
        "WHERE",
        "WITH",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FOR",
        "UPDATE",
        "ALL",
        "AND",
        "OR",
    ]
)
MOST_ROWS = 2**31 - 1
_LITERALS = {
    "number": Kind.NUMBER,
    "currency": Kind.CURRENCY,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "relative": Kind.RELATIVE,
    "bind": Kind.BIND,
}
_OPERATORS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def parse(soql: str) -> Query:
    """Return the query.

    Raises:
        ApiError: MALFORMED_QUERY, worded as Salesforce does.
    """
    parser = _Parser(soql)
    first = parser.peek
    if first.word != "SELECT":
        # Recorded without row and column, unlike every other place.
        raise ApiError("MALFORMED_QUERY", f"unexpected token: {first.text}")
    query = parser.query()
    parser.expect_end()
    return query


class _Parser(TokenStream):
    def alias(self) -> str | None:
        token = self.peek
        if token.is_name and token.word not in _CLAUSES and "." not in token.text:
            return self.take().text
        return None

    # Clauses

    def query(self) -> Query:
        at = self.peek.at
        self.expect("SELECT")
        select = self.list_of(self.selected)
        self.expect("FROM")
        source = self.path()
        alias = self.alias()
        joined = self.list_of(self.joined) if self.accept(",") else ()
        scope = self.take().text if self.accept("USING", "SCOPE") else None
        where = self.condition() if self.accept("WHERE") else None
        with_ = self.with_clauses()
        group = self.group() if self.accept("GROUP", "BY") else None
        having = self.condition() if group and self.accept("HAVING") else None
        order = self.list_of(self.order) if self.accept("ORDER", "BY") else ()
        limit = self.count() if self.accept("LIMIT") else None
        offset = self.count() if self.accept("OFFSET") else None
        all_rows = self.accept("ALL", "ROWS")
        return Query(
            select=select,
            source=source,
            alias=alias,
            joined=joined,
            scope=scope,
            where=where,
            with_=with_,
            group=group,
            having=having,
            order=order,
            limit=limit,
            offset=offset,
            all_rows=all_rows,
            purpose=self.purpose(),
            text=self.soql,
            at=at,
        )

    def joined(self) -> tuple[Path, str]:
        path, alias = self.path(), self.alias()
        if alias is None:
            raise self.unexpected()
        return path, alias

    def selected(self) -> Selected | Typeof | Query:
        if self.accept("("):
            query = self.query()
            self.expect(")")
            return query
        if self.peek.word == "TYPEOF":
            return self.typeof()
        return Selected(self.expression(), self.alias())

    def typeof(self) -> Typeof:
        at = self.take().at
        path = self.path()
        whens: list[tuple[str, tuple[Path, ...]]] = []
        otherwise: tuple[Path, ...] = ()
        while self.accept("WHEN"):
            name = self.path()
            self.expect("THEN")
            whens.append((str(name), self.list_of(self.path)))
        if not whens:
            raise self.unexpected()
        if self.accept("ELSE"):
            otherwise = self.list_of(self.path)
        self.expect("END")
        return Typeof(path, tuple(whens), otherwise, at)

    def with_clauses(self) -> tuple[str, ...]:
        """Return the WITH clauses as texts; they filter by category or ask for the user's own rights."""
        found = []
        while self.accept("WITH"):
            start = self.position
            while self.peek.kind != "end" and self.peek.word not in (_CLAUSES - {"AND", "OR"}) | {")"}:
                if self.accept("("):
                    self.list_of(self.path)
                    self.expect(")")
                else:
                    self.take()
            words = [token.text for token in self.since(start)]
            if not words:
                raise self.unexpected()
            found.append(" ".join(words))
        return tuple(found)

    def group(self) -> Group:
        kind = self.peek.word if self.peek.word in ("ROLLUP", "CUBE") else None
        if kind is None:
            return Group(self.list_of(self.expression))
        self.take()
        self.expect("(")
        group = Group(self.list_of(self.expression), kind)
        self.expect(")")
        return group

    def order(self) -> Order:
        expression = self.expression()
        descending = self.accept("DESC") or (self.accept("ASC") and False)
        nulls_last = self.accept("NULLS", "LAST") or (self.accept("NULLS", "FIRST") and False)
        return Order(expression, descending, nulls_last)

    def purpose(self) -> tuple[str, ...]:
        found = []
        while self.peek.word in ("FOR", "UPDATE"):
            if self.accept("FOR"):
                found.append(f"FOR {self.one_of('VIEW', 'REFERENCE', 'UPDATE')}")
            else:
                self.take()
                found.append(f"UPDATE {self.one_of('TRACKING', 'VIEWSTAT')}")
        return tuple(found)

    def one_of(self, *words: str) -> str:
        if self.peek.word not in words:
            raise self.unexpected()
        return self.take().word

    def count(self) -> int:
        token = self.peek
        if token.kind != "number" or not token.text.isdigit() or int(token.text) > MOST_ROWS:
            raise self.unexpected()
        return int(self.take().text)

    # Conditions

    def condition(self) -> Condition:
        """AND and OR may not be mixed without parentheses, as in the real grammar."""
        parts = [self.negation()]
        word = self.peek.word
        if word not in ("AND", "OR"):
            return parts[0]
        while self.accept(word):
            parts.append(self.negation())
        if self.peek.word in ("AND", "OR"):
            raise self.unexpected()
        return Both("AND" if word == "AND" else "OR", tuple(parts))

    def negation(self) -> Condition:
        if self.accept("NOT"):
            return Not(self.negation())
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Comparison:
        left = self.expression()
        operator = self.operator()
        if operator not in ("IN", "NOT IN", "INCLUDES", "EXCLUDES"):
            return Comparison(left, operator, self.literal())
        if self.peek.kind == "bind":
            return Comparison(left, operator, self.literal())
        self.expect("(")
        if self.peek.word == "SELECT":
            inner: Query | tuple[Literal, ...] = self.query()
        else:
            inner = self.list_of(self.literal)
        self.expect(")")
        return Comparison(left, operator, inner)

    def operator(self) -> str:
        token = self.peek
        if token.text in _OPERATORS:
            return _OPERATORS[self.take().text]
        if token.word in ("LIKE", "IN", "INCLUDES", "EXCLUDES"):
            return self.take().word
        if self.accept("NOT", "IN"):
            return "NOT IN"
        raise self.unexpected()

    # Expressions

    def path(self) -> Path:
        token = self.peek
        if not token.is_name or token.word in ("FROM", "WHERE", "SELECT"):
            raise self.unexpected()
        self.take()
        return Path(tuple(token.text.split(".")), token.at)

    def expression(self) -> Expression:
        """A field, a function, or a literal as a function's argument."""
        if self.peek.kind != "name" or self.ahead(1).text != "(":
            return self.path()
        token = self.take()
        self.expect("(")
        arguments = () if self.peek.text == ")" else self.list_of(self.argument)
        self.expect(")")
        return Call(token.text, arguments, token.at)

    def argument(self) -> Expression:
        return self.expression() if self.peek.kind == "name" else self.literal()

    def literal(self) -> Literal:
        token = self.take()
        if token.kind == "string":
            return Literal(Kind.STRING, unescaped(token.text), token.at)
        if token.kind in _LITERALS:
            return Literal(_LITERALS[token.kind], token.text, token.at)
        if token.word in ("TRUE", "FALSE"):
            return Literal(Kind.BOOLEAN, token.word, token.at)
        if token.word == "NULL":
            return Literal(Kind.NULL, token.word, token.at)
        if NAMED.fullmatch(token.word):
            return Literal(Kind.RELATIVE, token.word, token.at)
        raise self.unexpected(token)
