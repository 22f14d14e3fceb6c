"""What the texts of a loaded file mean: their SQL conversion to a field's type, and the type of an unknown column."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import duckdb

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.ids import SUFFIX
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.population.load_files import Stage

LONGEST_STRING = 255
LONG_TEXT = 32_768  # characters; what a new long text area of Salesforce holds

_MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"
# In the order of trying. A number is one only if writing it again gives the same text: "01742" is a zip code.
_SHAPES = {
    "boolean": "lower({v}) in ('true', 'false')",
    "double": r"regexp_full_match({v}, '-?(0|[1-9]\d{{0,14}})(\.\d{{1,15}})?')",
    "date": r"regexp_full_match({v}, '\d{{4}}-\d\d-\d\d') and try_cast({v} as date) is not null",
    "datetime": "regexp_full_match({v}, '" + _MOMENT.replace("{", "{{").replace("}", "}}") + "')"
    " and try_cast({v} as timestamptz) is not null",
}
_CONVERSIONS = {
    "boolean": "case when lower({v}) in ('true', '1') then true when lower({v}) in ('false', '0') then false end",
    "integer": r"case when regexp_full_match({v}, '[+-]?\d+(\.0*)?') then try_cast({v} as integer) end",
    "bigint": r"case when regexp_full_match({v}, '[+-]?\d+(\.0*)?') then try_cast({v} as bigint) end",
    "double": "try_cast({v} as double)",
    "date": "try_cast({v} as date)",
    "timestamp": "date_trunc('second', try_cast({v} as timestamptz) at time zone 'UTC')",
    "varchar": "{v}",
}


def converted(column: str, kind: str) -> str:
    """Return the SQL expression of a text column as DuckDB type `kind`; null where it cannot be."""
    return _CONVERSIONS[kind].format(v=column)


def id18_sql(column: str) -> str:
    """Return the SQL expression of the 18-character id for a column of 15- or 18-character ids (GEN-19)."""
    letters = []
    for start in (1, 6, 11):
        bits = " + ".join(
            f"(case when substr({column}, {start + i}, 1) between 'A' and 'Z' then {1 << i} else 0 end)"
            for i in range(5)
        )
        letters.append(f"substr('{SUFFIX}', {bits} + 1, 1)")
    return f"(left({column}, 15) || {' || '.join(letters)})"


def is_id_sql(column: str, prefix: str | None = None) -> str:
    """Return the SQL condition that a text is a record id, of the object with this key prefix if one is given."""
    shape = f"regexp_full_match({column}, '[a-zA-Z0-9]{{15}}|[a-zA-Z0-9]{{18}}')"
    suffix = f"(length({column}) = 15 or {column} = {id18_sql(column)})"
    return f"({shape} and {suffix}" + (f" and left({column}, 3) = {text(prefix)})" if prefix else ")")


def inferred(
    cursor: duckdb.DuckDBPyConnection, stage: Stage, columns: Collection[str], ids: Mapping[str, bool]
) -> list[Json]:
    """Return compact field declarations for columns that no describe knows.

    Args:
        ids: the loaded objects, and whether their ids are bare numbers, which alone prove nothing.
    """
    return [_inferred(cursor, stage, column, ids) for column in columns]


def _inferred(cursor: duckdb.DuckDBPyConnection, stage: Stage, column: str, ids: Mapping[str, bool]) -> Json:
    field: Json = {"name": column, "label": label(column), "custom": True}
    value = quote(column)
    target = _reference(cursor, stage, column, ids)
    if target:
        return {**field, "type": "reference", "referenceTo": [target]}
    shapes = ", ".join(f"bool_and({shape.format(v=value)})" for shape in _SHAPES.values())
    found = (
        cursor.execute(
            f"select {shapes}, max(length({value})), max(length(split_part({value}, '.', 2))) from {stage.table}"
        ).fetchone()
        or ()
    )
    *fits, longest, decimals = found
    kind = next((kind for kind, fit in zip(_SHAPES, fits, strict=True) if fit), None)
    if kind == "double":
        return {**field, "type": kind, "scale": decimals}
    if kind:
        return {**field, "type": kind}
    if (longest or 0) <= LONGEST_STRING:
        return {**field, "type": "string", "length": LONGEST_STRING}
    return {**field, "type": "textarea", "length": max(LONG_TEXT, longest)}


def _reference(cursor: duckdb.DuckDBPyConnection, stage: Stage, column: str, ids: Mapping[str, bool]) -> str | None:
    """Return the one loaded object that all values are ids of.

    Bare numbers are ids of anything: for them the column must be named after the object (`Household_Account__c`).
    """
    value = quote(column)
    rows = cursor.execute(
        f"select object from (select distinct {value} as old from {stage.table} where {value} is not null) as v"
        f" join load_id using (old) group by object"
        f" having count(*) = (select count(distinct {value}) from {stage.table})"
    ).fetchall()
    fitting = [object_ for (object_,) in rows if not ids[object_] or _bare(object_) in _bare(column)]
    longest = sorted(fitting, key=lambda object_: len(_bare(object_)), reverse=True)
    if not longest or (len(longest) > 1 and not ids[longest[0]]):
        return None
    return str(longest[0])


def _bare(name: str) -> str:
    """Return a name without namespace, suffix, underscores and letter case."""
    return re.sub(r"^[A-Za-z0-9]+__", "", re.sub(r"__[a-z]+$", "", name)).replace("_", "").lower()


def label(name: str) -> str:
    return re.sub(r"__[a-z]+$", "", name).replace("_", " ").strip()


def custom_object(name: str, prefix: str | None, fields: list[Json]) -> Json:
    """Return the compact describe of a custom object with its system fields and these."""
    user, named = {"type": "reference", "referenceTo": ["User"]}, {field["name"] for field in fields}
    system: list[Json] = [
        {"name": "Id", "type": "id", "label": "Record ID"},
        {"name": "OwnerId", "type": "reference", "label": "Owner ID", "referenceTo": ["Group", "User"]},
        {"name": "IsDeleted", "type": "boolean", "label": "Deleted"},
        {"name": "Name", "type": "string", "label": label(name), "nameField": True, "idLookup": True},
        {"name": "CreatedDate", "type": "datetime", "label": "Created Date"},
        {"name": "CreatedById", "label": "Created By ID", **user},
        {"name": "LastModifiedDate", "type": "datetime", "label": "Last Modified Date"},
        {"name": "LastModifiedById", "label": "Last Modified By ID", **user},
        {"name": "SystemModstamp", "type": "datetime", "label": "System Modstamp"},
    ]
    own = [field for field in system if field["name"] not in named]
    return {"name": name, "label": label(name), "keyPrefix": prefix, "custom": True, "fields": [*own, *fields]}


SYSTEM = frozenset(field["name"] for field in custom_object("x", None, [])["fields"])
