"""Rows of a plan as the REST API's JSON, written as text: a record is never a Python dict on its way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any

from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.plan import Children, Compound, Member, Parent, Plan, Value
from sync_pipeline.sandbox.store import text

Row = Sequence[Any]
Renderer = Callable[[Row], str]


def java_double(value: float) -> str:
    """Return a number as Java's Double.toString does, which Salesforce answers with: 10000000.0 is `1.0E7`."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    shortest = repr(value)
    if "e" in shortest:
        mantissa, _, exponent = shortest.partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"
    sign = "-" if value < 0 else ""
    whole, _, fraction = shortest.lstrip("-").partition(".")
    if abs(value) >= 1:
        digits, power = (whole + fraction).rstrip("0"), len(whole) - 1
    else:
        digits = fraction.lstrip("0")
        power = len(digits) - len(fraction) - 1
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"


def _string(value: Any) -> str:
    return quoted(str(value))


_RENDER: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false",
    "int": lambda value: str(int(value)),
    "long": lambda value: str(int(value)),
    **dict.fromkeys(("double", "currency", "percent"), java_double),
    "date": lambda value: f'"{value.isoformat()}"',
    "datetime": lambda value: f'"{value.isoformat(timespec="milliseconds")}+0000"',
}


def write_records(org: Org, plan: Plan, rows: Iterable[Row], version: str) -> list[str]:
    """Return the JSON text of each row; child subqueries are asked once for all rows."""
    rows = list(rows)
    nested = {m.name: _children(org, m, rows, version) for m in plan.members if isinstance(m, Children)}
    render = _record(plan, version, nested)
    return [render(row) for row in rows]


def _record(plan: Plan, version: str, nested: dict[str, dict[str, str]], id_index: int = 0) -> Renderer:
    members = [_member(member, version, nested) for member in plan.members]
    if plan.aggregate:
        return lambda row: f'{{"attributes":{{"type":"AggregateResult"}}{_joined(members, row)}}}'
    attributes = _attributes(plan.object, version)
    return lambda row: f'{{{attributes}{row[id_index]}"}}{_joined(members, row)}}}'


def _attributes(name: str, version: str) -> str:
    return f'"attributes":{{"type":"{name}","url":"/services/data/v{version}/sobjects/{name}/'


def _joined(members: Sequence[Renderer], row: Row) -> str:
    return "".join([member(row) for member in members])


def _member(member: Member, version: str, nested: dict[str, dict[str, str]]) -> Renderer:
    """Return the renderer of one member, the comma before it and its name included."""
    name = f',"{member.name}":'
    if isinstance(member, Value):
        write, index = _RENDER.get(member.type, _string), member.index
        return lambda row: f"{name}null" if row[index] is None else name + write(row[index])
    if isinstance(member, Compound):
        parts = [_member(part, version, nested) for part in member.parts]
        places = [part.index for part in member.parts]
        return lambda row: name + ("null" if all(row[i] is None for i in places) else f"{{{_joined(parts, row)[1:]}}}")
    if isinstance(member, Children):
        found = nested[member.name]
        return lambda row: name + found.get(row[0], "null")
    return _parent(member, name, version)


def _parent(parent: Parent, name: str, version: str) -> Renderer:
    members = [_member(member, version, {}) for member in parent.members]
    id_index, type_index = parent.id_index, parent.type_index
    if type_index is None:
        attributes = _attributes(parent.object, version)
        return lambda row: (
            name + ("null" if row[id_index] is None else f'{{{attributes}{row[id_index]}"}}{_joined(members, row)}}}')
        )

    def polymorphic(row: Row) -> str:
        if row[id_index] is None:
            return f"{name}null"
        # The reference names a record of some object; what is read of it is the "Name" object.
        url = f"/services/data/v{version}/sobjects/{row[type_index]}/{row[id_index]}"
        return f'{name}{{"attributes":{{"type":"Name","url":"{url}"}}{_joined(members, row)}}}'

    return polymorphic


def _children(org: Org, children: Children, rows: Sequence[Row], version: str) -> dict[str, str]:
    """Return the answer of a child subquery by parent id; a parent without children has none."""
    if not rows:
        return {}
    plan = children.plan
    parents = ", ".join(text(row[0]) for row in rows)
    with org.cursor() as cursor:
        found = cursor.execute(plan.sql(f"{children.key} in ({parents})")).fetchall()
    render = _record(plan, version, {}, id_index=1)
    of_parent: dict[str, list[str]] = {}
    for row in found:
        of_parent.setdefault(row[0], []).append(render(row))
    return {parent: query_result(len(records), records) for parent, records in of_parent.items()}


def query_result(total: int, records: Sequence[str], next_url: str | None = None) -> str:
    """Return the answer of a query, or of a subquery, around its records."""
    more = f'"done":false,"nextRecordsUrl":"{next_url}"' if next_url else '"done":true'
    return f'{{"totalSize":{total},{more},"records":[{",".join(records)}]}}'


def flat(members: Sequence[Member], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the dotted name and value of each member of a plan without compounds and children, as CSV has them."""
    for member in members:
        if isinstance(member, Value):
            yield prefix + member.name, member
        elif isinstance(member, Parent):
            yield from flat(member.members, f"{prefix}{member.name}.")
