"""How a bulk query's records are written: SQL expressions that make a record's whole text, so DuckDB writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync_pipeline.sandbox.salesforce.answers import flat
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.soql.plan import Member, Parent, Plan, Value
from sync_pipeline.sandbox.salesforce.xml import NAMESPACE, XML_HEAD


@dataclass(frozen=True)
class Lines:
    """A format: `line` is the SQL expression of one record's text, the rest goes around and between the records.

    Each record's text begins with `between`, of which the first record of a page is relieved.
    """

    line: str
    header: bytes = b""
    footer: bytes = b""
    between: bytes = b""


_PLAIN = ("id", "reference", "boolean", "int", "long", "date")  # of these types no text needs quoting or escaping
_NUMBERS = ("double", "currency", "percent")
_NUMBER = "sandbox.java_double({})"
_ISO = "strftime({}, '%Y-%m-%dT%H:%M:%S.000Z')"

_CSV = {**dict.fromkeys(_PLAIN, "{}"), **dict.fromkeys(_NUMBERS, _NUMBER), "datetime": _ISO}
_CSV_TEXT = """if(contains({0}, '"'), replace({0}, '"', '""'), {0})"""


def csv_lines(plan: Plan, delimiter: str = ",") -> Lines:
    """Return the CSV of a plan: every value quoted, a null an empty field.

    DuckDB concatenates whole lines and Arrow hands their bytes on, at less than half the cost of its CSV writer,
    and with the place of every row for free.
    """
    values = [_CSV.get(v.type, _CSV_TEXT).format(plan.columns[v.index]) for _, v in flat(plan.members)]
    between = text(f'"{delimiter}"')
    header = delimiter.join(f'"{name}"' for name, _ in flat(plan.members)).encode() + b"\n"
    return Lines(f"concat('\"', {f', {between}, '.join(values)}, '\"\n')", header)


# JSON, as Bulk API 1 writes it: datetimes are milliseconds since 1970, all else is as in the REST API.

_JSON = {
    **dict.fromkeys(("boolean", "int", "long"), "({})::varchar"),
    **dict.fromkeys(_NUMBERS, _NUMBER),
    "date": "'\"' || {} || '\"'",
    "datetime": "epoch_ms({})::varchar",
}
_JSON_TEXT = "to_json({})::varchar"


def json_lines(plan: Plan, version: str) -> Lines:
    """Return the JSON array of a plan's records."""
    kind = text(plan.object)
    record = _json_record(plan, plan.members, kind, kind, plan.columns[0], version)
    return Lines(f"concat(',', {record})", b"[", b"]", b",")


def _json_record(plan: Plan, members: Sequence[Member], kind: str, place: str, record: str, version: str) -> str:
    """Return the SQL of a JSON object; `kind`, `place` (the type in its address) and `record` (its id) are SQL too."""
    root = text(f'","url":"/services/data/v{version}/sobjects/')
    parts = [text('{"attributes":{"type":"'), kind, root, place, "'/'", record, text('"}')]
    for member in members:
        parts.append(text(f',"{member.name}":'))
        if isinstance(member, Parent):
            parts.append(_json_parent(plan, member, version))
        elif isinstance(member, Value):
            value = _JSON.get(member.type, _JSON_TEXT).format(plan.columns[member.index])
            parts.append(f"coalesce({value}, 'null')")
    return f"concat({', '.join(parts)}, '}}')"


def _json_parent(plan: Plan, parent: Parent, version: str) -> str:
    record = plan.columns[parent.id_index]
    if parent.type_index is None:
        kind = place = text(parent.object)
    else:  # the reference names a record of some object; what is read of it is the "Name" object
        kind, place = "'Name'", plan.columns[parent.type_index]
    return f"if({record} is null, 'null', {_json_record(plan, parent.members, kind, place, record, version)})"


# XML, as Bulk API 1 writes it: `Id` comes first whether asked for or not, and once more where it is asked for.

_XML = {**dict.fromkeys(_PLAIN, "({})::varchar"), **dict.fromkeys(_NUMBERS, _NUMBER), "datetime": _ISO}
# XML 1.0 has no way to write most control characters, and reads a bare carriage return as a line feed.
_XML_TEXT = (
    r"replace(replace(replace(replace(regexp_replace({}, '[\x00-\x08\x0B\x0C\x0E-\x1F]', '', 'g'),"
    r" '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), chr(13), '&#13;')"
)
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def xml_lines(plan: Plan) -> Lines:
    """Return the XML document of a plan's records."""
    head = f'{XML_HEAD}<queryResult xmlns="{NAMESPACE}" xmlns:xsi="{_XSI}">'
    line = _xml_record(plan, "records", plan.members, text(plan.object))
    return Lines(line, head.encode(), b"</queryResult>")


def _xml_record(plan: Plan, name: str, members: Sequence[Member], kind: str) -> str:
    known = next((m for m in members if isinstance(m, Value) and m.name == "Id"), None)
    parts = [text(f'<{name} xsi:type="sObject"><type>'), kind, "'</type>'"]
    parts.append(_xml_value(plan, known) if known else _nil("Id"))
    for member in members:
        if isinstance(member, Parent):
            parts.append(_xml_parent(plan, member))
        elif isinstance(member, Value):
            parts.append(_xml_value(plan, member))
    return f"concat({', '.join(parts)}, {text(f'</{name}>')})"


def _xml_value(plan: Plan, value: Value) -> str:
    content = _XML.get(value.type, _XML_TEXT).format(plan.columns[value.index])
    element = f"{text(f'<{value.name}>')} || {content} || {text(f'</{value.name}>')}"
    return f"coalesce({element}, {_nil(value.name)})"


def _xml_parent(plan: Plan, parent: Parent) -> str:
    kind = text(parent.object) if parent.type_index is None else "'Name'"
    record = _xml_record(plan, parent.name, parent.members, kind)
    return f"if({plan.columns[parent.id_index]} is null, {_nil(parent.name)}, {record})"


def _nil(name: str) -> str:
    return text(f'<{name} xsi:nil="true"/>')
