"""Rows of a plan as the REST API's JSON, written as text: a record is never a Python dict on its way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring as quoted
from typing import Any

from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.soql.plan import Children, Compound, Member, Parent, Plan, Typed, Value

Row = Sequence[Any]
Renderer = Callable[[Row], str]
Nested = dict[str, dict[str, str]]  # what child subqueries answer, by their name and the parent's id
Keep = Callable[[Plan, list[Row]], str]  # keeps rows for a later call and returns the locator of that


@dataclass(frozen=True)
class Writing:
    """How records are written: whose, in which version's addresses; children above `batch` a parent wait behind `keep`.

    Without `keep` all children are written.
    """

    org: Org
    version: str
    batch: int = 2000
    keep: Keep | None = None


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
    """Return the JSON text of each row, with all its children."""
    return written(Writing(org, version), plan, list(rows))


def written(writing: Writing, plan: Plan, rows: Sequence[Row]) -> list[str]:
    """Return the JSON text of each row; child subqueries are asked once for all rows."""
    nested = {m.name: _children(writing, m, rows, plan.id_index) for m in plan.members if isinstance(m, Children)}
    render = _record(plan, writing.version, nested)
    return [render(row) for row in rows]


def _record(plan: Plan, version: str, nested: Nested) -> Renderer:
    members = [_member(member, version, nested, plan.id_index) for member in plan.members]
    if plan.aggregate:
        return lambda row: f'{{"attributes":{{"type":"AggregateResult"}}{_joined(members, row)}}}'
    attributes, id_index = _attributes(plan.object, version), plan.id_index
    return lambda row: f'{{{attributes}{row[id_index]}"}}{_joined(members, row)}}}'


def _attributes(name: str, version: str) -> str:
    return f'"attributes":{{"type":"{name}","url":"/services/data/v{version}/sobjects/{name}/'


def _joined(members: Sequence[Renderer], row: Row) -> str:
    return "".join([member(row) for member in members])


def _member(member: Member, version: str, nested: Nested, id_index: int = 0) -> Renderer:
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
        return lambda row: name + found.get(row[id_index], "null")
    if isinstance(member, Typed):
        return _typed(member, name, version)
    return _parent(member, name, version)


def _typed(typed: Typed, name: str, version: str) -> Renderer:
    """A record of a WHEN answers with its own type, one of the ELSE as "Name", like any polymorphic parent."""
    whens = {
        found: _parent(Parent(typed.name, typed.id_index, found, members=members), name, version)
        for found, members in typed.whens.items()
    }
    otherwise: Renderer = lambda _: f"{name}null"  # noqa: E731
    if typed.otherwise is not None:
        parent = Parent(typed.name, typed.id_index, type_index=typed.type_index, members=typed.otherwise)
        otherwise = _parent(parent, name, version)
    return lambda row: whens.get(row[typed.type_index], otherwise)(row)


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


def _children(writing: Writing, children: Children, rows: Sequence[Row], id_index: int) -> dict[str, str]:
    """Return the answer of a child subquery by parent id; a parent without children has none."""
    if not rows:
        return {}
    plan = children.plan
    parents = ", ".join(text(row[id_index]) for row in rows)
    with writing.org.cursor() as cursor:
        found = cursor.execute(plan.sql(f"{children.key} in ({parents})")).fetchall()
    of_parent: dict[str, list[Row]] = {}
    for row in found:
        of_parent.setdefault(row[0], []).append(row)
    most = writing.batch if writing.keep else len(found)
    first = [row for siblings in of_parent.values() for row in siblings[:most]]
    records = iter(written(writing, plan, first))
    answers = {}
    for parent, siblings in of_parent.items():
        url = None
        if writing.keep and len(siblings) > most:
            url = next_page(writing.version, writing.keep(plan, siblings), most)
        answers[parent] = query_result(len(siblings), list(islice(records, min(len(siblings), most))), url)
    return answers


def next_page(version: str, locator: str, start: int) -> str:
    """Return the address where a result goes on at row `start`."""
    return f"/services/data/v{version}/query/{locator}-{start}"


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
