"""A parsed query to a `Plan`: one DuckDB statement and the shape of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError, pointed
from sync_pipeline.sandbox.salesforce.org.schema import COMPOUND
from sync_pipeline.sandbox.salesforce.org.sight import ROW
from sync_pipeline.sandbox.salesforce.soql.ast import Call, Path, Query, Selected, Typeof
from sync_pipeline.sandbox.salesforce.soql.parser import parse
from sync_pipeline.sandbox.salesforce.soql.plan import Children, Compound, Member, Parent, Plan, Typed, Value
from sync_pipeline.sandbox.salesforce.soql.rules import check, is_aggregate, is_bare_count, is_grouped
from sync_pipeline.sandbox.salesforce.soql.scope import Found, Reader, Scope, Source, children
from sync_pipeline.sandbox.salesforce.soql.terms import Terms, place

MAX_FIELDS_ROWS = 200
MALFORMED = "MALFORMED_QUERY"
_SEEN = {"FOR VIEW": ("LastViewedDate", "LastReferencedDate"), "FOR REFERENCE": ("LastReferencedDate",)}


def compile_soql(reader: Reader, soql: str) -> Plan:
    """Return the plan of a query as this reader may ask it.

    Raises:
        ApiError: the query is malformed, or names what the user cannot see, or asks what cannot be asked.
    """
    query = parse(soql)
    if query.all_rows:
        reader = Reader(reader.org, reader.user, True, reader.late)
    found = reader.object(str(query.source))
    if found is None:
        raise pointed(
            soql,
            query.source.at,
            f"sObject type '{query.source}' is not supported. If you are attempting to use a custom object, be sure"
            " to append the '__c' after the entity name. Please reference your WSDL or the describe call for the"
            " appropriate names.",
            "INVALID_TYPE",
        )
    _check_clauses(query)
    check(query)
    return _Compiler(Scope(reader, query, found)).plan()


def _check_clauses(query: Query) -> None:
    """Refuse clauses that would change the answer and that the sandbox does not act on."""
    if query.scope and query.scope.lower() != "everything":
        raise pointed(query.text, query.at, f"USING SCOPE {query.scope} is not supported by this sandbox", MALFORMED)
    for clause in query.with_:
        if clause.upper() not in ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"):
            raise pointed(query.text, query.at, f"WITH {clause} is not supported by this sandbox", MALFORMED)


class _Compiler:
    """Collects the SQL columns of one select list, and the members of the answer that point at them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.query = scope.query
        self.terms = Terms(scope)
        self.columns: list[str] = []

    def plan(self) -> Plan:
        selected = self.query.select
        if isinstance(selected[0], Selected) and is_bare_count(selected[0].expression) and not self.query.group:
            return self._count_only()
        if is_grouped(self.query):
            return self._aggregate()
        self._add(self.scope.base.column("Id"))
        members = self._members()
        after = self.terms.order() + self.terms.page()
        seen = tuple(field for purpose in self.query.purpose for field in _SEEN.get(purpose, ()))
        return self._plan(members, after, rows=None if after else f"{self.scope.base.alias}.{ROW}", seen=seen)

    def _plan(self, members: list[Member], after: str, **more: Any) -> Plan:
        where = self.terms.where()  # it may join further parents, so it is made before the source
        source = self.scope.from_sql()
        return Plan(self.scope.object.name, tuple(self.columns), source, where, after, members, **more)

    def _count_only(self) -> Plan:
        if len(self.query.select) > 1:
            self.terms.refuse(place(self.query.select[0]), "COUNT() must be the only element in the select list")
        self.terms.order()
        self._add("1")
        return self._plan([], self.terms.page(), count_only=True)

    def _aggregate(self) -> Plan:
        group = self.query.group
        grouped = {self.terms.expression(e)[0] for e in group.expressions} if group else set()
        members: list[Member] = []
        unnamed = 0
        for selected in self.query.select:
            if not isinstance(selected, Selected):
                self.terms.refuse(place(selected), "Grouped query cannot have nested queries or TYPEOF")
            sql, field = self.terms.expression(selected.expression)
            if not is_aggregate(selected.expression) and sql not in grouped:
                self.terms.refuse(place(selected), f"Field must be grouped or aggregated: {field['name']}")
            name = selected.alias or (field["name"] if isinstance(selected.expression, Path) else None)
            if name is None:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if any(member.name.lower() == name.lower() for member in members):
                self.terms.refuse(place(selected), f"duplicate alias: {name}")
            members.append(self._value(name, sql, field["type"]))
        terms = self.terms
        return self._plan(members, terms.group() + terms.having() + terms.order() + terms.page(), aggregate=True)

    # The select list of a plain query

    def _members(self) -> list[Member]:
        roots: list[Member] = []
        for selected in self._selected():
            if isinstance(selected, Query):
                _append(roots, self._children(selected))
            elif isinstance(selected, Typeof):
                _append(roots, self._typeof(selected))
            elif isinstance(selected.expression, Path):
                self._place(roots, self.scope.field(selected.expression))
            else:
                sql, field = self.terms.shown(selected.expression)
                _append(roots, self._value(selected.alias or field["name"], sql, field["type"]))
        return roots

    def _selected(self) -> Iterator[Selected | Typeof | Query]:
        """Yield the select list with FIELDS() spelled out."""
        for selected in self.query.select:
            if isinstance(selected, Query | Typeof):
                yield selected
            elif isinstance(selected.expression, Call) and selected.expression.name.upper() == "FIELDS":
                yield from self._all_fields(selected.expression)
            else:
                yield selected

    def _all_fields(self, call: Call) -> Iterator[Selected]:
        which = str(call.arguments[0]).upper() if call.arguments else ""
        if which not in ("ALL", "STANDARD", "CUSTOM"):
            self.terms.refuse(call.at, f"unexpected token: '{which}'")
        if which != "STANDARD" and (self.query.limit is None or self.query.limit > MAX_FIELDS_ROWS):
            self.terms.refuse(call.at, f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}")
        reader, found = self.scope.reader, self.scope.object
        hidden = reader.org.hidden_fields(found.name, reader.user)
        for name, field in found.fields.items():
            if name not in hidden and (which == "ALL" or field["custom"] == (which == "CUSTOM")):
                yield Selected(Path((name,), call.at))

    def _place(self, roots: list[Member], found: Found) -> None:
        """Put a field among the members of its parent, making the parents on the way."""
        members, name = roots, found.field["name"]
        for relationship, source in found.parents:
            parent = next((m for m in members if isinstance(m, Parent) and m.name == relationship), None)
            if parent is None:
                parent = self._parent(relationship, source)
                _append(members, parent)
            members = parent.members
        is_compound = found.field["type"] in COMPOUND
        _append(members, self._compound(found) if is_compound else self._value(name, found.sql, found.field["type"]))

    def _typeof(self, typeof: Typeof) -> Typed:
        """Each WHEN joins its own object; what no WHEN names is read through the "Name" object, if there is an ELSE."""
        source, passed = self.scope.parents(typeof.path)
        if len(passed) != 1 or not source.is_polymorphic:
            self.terms.refuse(typeof.at, f"TYPEOF needs a polymorphic relationship: {typeof.path}")
        whens: dict[str, list[Member]] = {}
        for name, paths in typeof.whens:
            found = next((o for o in source.objects if o.name.lower() == name.lower()), None)
            if found is None:
                self.terms.refuse(typeof.at, f"{typeof.path} cannot be of type {name}")
            if found.name in whens:
                self.terms.refuse(typeof.at, f"WHEN clause operand [{name}] is not unique")
            whens[found.name] = self._placed(paths, self.scope.narrowed(source, found))
        otherwise = self._placed(typeof.otherwise, source) if typeof.otherwise else None
        places = self._add(source.column("Id")), self._add(source.column("Type"))
        return Typed(passed[0][0], *places, whens, otherwise)

    def _placed(self, paths: tuple[Path, ...], start: Source) -> list[Member]:
        members: list[Member] = []
        for path in paths:
            self._place(members, self.scope.field(path, start))
        return members

    def _parent(self, relationship: str, source: Source) -> Parent:
        id_index = self._add(source.column("Id"))
        if source.is_polymorphic:
            return Parent(relationship, id_index, type_index=self._add(source.column("Type")))
        return Parent(relationship, id_index, source.objects[0].name)

    def _compound(self, found: Found) -> Compound:
        """An address answers with its parts in alphabetical order: `MailingStreet` is `street`."""
        name = found.field["name"]
        parts = {
            _part_name(name, part["name"]): part
            for part in found.source.objects[0].fields.values()
            if part["compoundFieldName"] == name
        }
        values = (self._value(key, found.source.column(p["name"]), p["type"]) for key, p in sorted(parts.items()))
        return Compound(name, tuple(values))

    def _children(self, query: Query) -> Children:
        reader = self.scope.reader
        name, found, reference = children(reader, self.scope.object, query)
        compiler = _Compiler(Scope(reader, query, found, f"{self.scope.base.alias[:-1]}c"))
        key = compiler.scope.base.column(reference["name"])
        return Children(name, compiler.child_plan(key), key)

    def child_plan(self, parent: str) -> Plan:
        """Return the plan of a child subquery: its limit counts per parent."""
        self._add(parent)
        self._add(self.scope.base.column("Id"))
        members = self._members()
        order, limit, first = self.terms.order(), self.query.limit, self.query.offset or 0
        rank = f"row_number() over (partition by {parent}{order})"
        last = f" and {rank} <= {first + limit}" if limit is not None else ""
        paging = f" qualify {rank} > {first}{last}" if last or first else ""
        return self._plan(members, f"{paging}{order}", id_index=1)

    def _value(self, name: str, sql: str, kind: str) -> Value:
        return Value(name, kind, self._add(sql))

    def _add(self, sql: str) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1


def _append(members: list[Member], member: Member) -> None:
    if any(other.name == member.name for other in members):
        raise ApiError("INVALID_FIELD", f"duplicate field selected: {member.name}")
    members.append(member)


def _part_name(compound: str, part: str) -> str:
    if compound.endswith("__c"):  # Place__c has Place__Latitude__s
        return part.removesuffix("__s").rpartition("__")[2].lower()
    name = part.removeprefix(compound.removesuffix("Address"))
    return name[0].lower() + name[1:]
