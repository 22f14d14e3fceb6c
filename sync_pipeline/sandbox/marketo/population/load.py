"""Loading a directory of CSV files into a subscription: persons, activities, programs, campaigns, any object.

Files are named as data warehouses name what they copy from Marketo (`marketo_lead_data.csv`, `activity_open_email.csv`)
or after the object; headers are REST names or the same in snake case. Ids are kept, values are typed by the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sync_pipeline.sandbox.core.database import quote, text
from sync_pipeline.sandbox.core.rows import Table
from sync_pipeline.sandbox.marketo.records.activity_types import TYPES
from sync_pipeline.sandbox.marketo.records.fields import COLUMN_TYPES, Field
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY, CAMPAIGN, PROGRAM, STATIC_LIST
from sync_pipeline.sandbox.salesforce.population.load_files import LoadError, Stage, stage_csv

__all__ = ["LoadError", "load"]

_PLAIN = {table.name: table for table in (PROGRAM, CAMPAIGN, STATIC_LIST)}
_IGNORED = ("emailTemplateHistory",)  # assets that the sandbox has not
_AFFIXES = re.compile(r"^marketo_|_data$")
_NOT_OURS = re.compile(r"^_")  # columns of the tool that copied
_STEPS = [("Not in Program", 0, False), ("Member", 10, False), ("Success", 20, True)]


@dataclass(frozen=True)
class _Value:
    """A column of a file that becomes one of a table: `sql` is its text as the column's type, null where it is none."""

    column: str
    name: str
    sql: str


def load(subscription: Subscription, directory: Path) -> dict[str, int]:
    """Load every CSV file of a directory in one transaction and return the number of records by table.

    `lead_describe.csv` tells of custom fields; a column of `lead.csv` that no field has becomes one. Columns of the
    tool that copied (`_synced`), and those that a table of programs or campaigns has not, are left out.

    Raises:
        LoadError: something cannot be loaded; nothing was. The message names file, line and column, never a value.
    """
    files = {_camel(_AFFIXES.sub("", path.stem)): path for path in sorted(directory.glob("*.csv"))}
    if not files:
        raise LoadError(f"{directory} has no CSV files")
    counts: dict[str, int] = {}
    with subscription.transaction(), subscription.cursor() as cursor:
        if "leadDescribe" in files:
            _add_described(subscription, stage_csv(cursor, files.pop("leadDescribe"), "leadDescribe"), cursor)
        for name, path in files.items():
            if name not in _IGNORED:
                table, count = _load(subscription, cursor, name, stage_csv(cursor, path, name))
                counts[table] = counts.get(table, 0) + count
        _settle(subscription, cursor)
    return counts


def _load(subscription: Subscription, cursor: duckdb.DuckDBPyConnection, name: str, stage: Stage) -> tuple[str, int]:
    if name.startswith("activity"):
        return ACTIVITY.name, _insert(cursor, ACTIVITY, stage, _activity_values(cursor, stage))
    if name in _PLAIN:
        table: Table = _PLAIN[name]
    elif name in subscription.objects:
        _add_unknown(subscription, name, stage)
        table = subscription.objects[name]
    else:
        raise LoadError(f"{stage.place(1)}: the subscription has no object {name!r}")
    values = [
        _Value(column, _camel(column), _typed(quote(column), table.columns[_camel(column)]))
        for column in stage.columns
        if _camel(column) in table.columns
    ]
    return table.name, _insert(cursor, table, stage, values)


def _insert(cursor: duckdb.DuckDBPyConnection, table: Table, stage: Stage, values: Iterable[_Value]) -> int:
    values = list(values)
    for value in values:
        row = cursor.execute(
            f"select min(_row) from {stage.table} where {quote(value.column)} is not null and {value.sql} is null"
        ).fetchone()
        if row and row[0] is not None:
            raise stage.error(int(row[0]), value.column, "not of the field's type")
    given = {value.name for value in values}
    flags = [f"false as {quote(n)}" for n, kind in table.columns.items() if kind == "boolean" and n not in given]
    columns = [f"{_known(value, table)} as {quote(value.name)}" for value in values]
    cursor.execute(f"insert into {quote(table.name)} by name select {', '.join([*columns, *flags])} from {stage.table}")
    counted = cursor.execute(f"select count(*) from {stage.table}").fetchone()
    return int(counted[0]) if counted else 0


def _known(value: _Value, table: Table) -> str:
    return f"coalesce({value.sql}, false)" if table.columns[value.name] == "boolean" else value.sql


def _typed(column: str, kind: str) -> str:
    if kind == "timestamp":
        return f"try_cast(replace({column}, ' UTC', '') as timestamp)"
    return column if kind == "varchar" else f"try_cast({column} as {kind})"


# Persons' fields


def _add_described(subscription: Subscription, stage: Stage, cursor: duckdb.DuckDBPyConnection) -> None:
    """Add the fields that a file describes and the person has not yet."""
    rows = cursor.execute(
        f"select restname, display_name, data_type, try_cast(id as bigint), try_cast(length as integer),"
        f" try_cast(restread_only as boolean), _row from {stage.table} where restname is not null"
    ).fetchall()
    new = {}
    for name, label, kind, number, length, read_only, row in rows:
        if kind not in COLUMN_TYPES:
            raise stage.error(int(row), "data_type", "no data type of Marketo's")
        if name not in subscription.lead.fields:
            new[name] = Field(name, label or name, kind, number or 0, length or None, bool(read_only), custom=True)
    subscription.add_fields("lead", new.values())


def _add_unknown(subscription: Subscription, name: str, stage: Stage) -> None:
    """Make columns that no field has custom fields, texts."""
    known = subscription.objects[name].fields
    names = [_camel(column) for column in stage.columns if not _NOT_OURS.match(column)]
    new = [Field(one, one, "textarea", subscription.next_field_id(), custom=True) for one in names if one not in known]
    subscription.add_fields(name, new)


# Activities


def _activity_values(cursor: duckdb.DuckDBPyConnection, stage: Stage) -> Iterator[_Value]:
    """Yield the columns that every activity has, and one with all others as the type's attributes."""
    own = [column for column in stage.columns if _camel(column) in ACTIVITY.columns]
    for column in own:
        yield _Value(column, _camel(column), _typed(quote(column), ACTIVITY.columns[_camel(column)]))
    others = [column for column in stage.columns if column not in own and not _NOT_OURS.match(column)]
    row = cursor.execute(f"select any_value(try_cast(activity_type_id as integer)) from {stage.table}").fetchone()
    if row is None or row[0] is None:
        return
    kinds = {_plain(name): (name, kind) for name, kind in _attributes(int(row[0]))}
    pairs = []
    for column in others:
        name, kind = kinds.get(_plain(column), (column.replace("_", " ").title(), "string"))
        sql = _typed(quote(column), {"integer": "bigint", "boolean": "boolean"}.get(kind, "varchar"))
        pairs.append(f"{text(name)}, {sql}")
    # Patching an empty object leaves out what is null, as Marketo does.
    yield _Value(own[0], "attributes", f"json_merge_patch('{{}}', json_object({', '.join(pairs)}))::varchar")


def _attributes(number: int) -> Iterable[tuple[str, str]]:
    return TYPES[number].attributes.items() if number in TYPES else ()


# What else follows from what was loaded


def _settle(subscription: Subscription, cursor: duckdb.DuckDBPyConnection) -> None:
    """Unsubscribe addresses, make the channels that programs name, and begin new numbers after the highest."""
    cursor.execute(
        'insert or replace into "emailStatus" select distinct lower(email), true from lead'
        " where unsubscribed and email is not null"
    )
    cursor.execute(
        'update lead set "leadPartitionId" = coalesce("leadPartitionId", 1), "isLead" = true,'
        ' "mktoName" = coalesce("mktoName", nullif(concat_ws(\' \', "firstName", "lastName"), \'\'))'
    )
    statuses = json.dumps([{"name": name, "step": step, "success": success} for name, step, success in _STEPS])
    cursor.execute(
        "insert into channel select (select coalesce(max(id), 0) from channel) + row_number() over (order by channel),"
        ' channel, \'program\', ?, min("createdAt"), min("createdAt") from program'
        " where channel is not null and channel not in (select name from channel) group by channel",
        [statuses],
    )
    for name, sequence, begin in (
        ("lead", "lead", 0), ("activity", "activity", 0), ("company", "company", 0), ("salesPerson", "salesPerson", 0),
        ("program", "program", 1_000), ("staticList", "staticList", 1_000),
    ):  # fmt: skip
        row = cursor.execute(f"select coalesce(max(id), 0) from {quote(name)}").fetchone()
        subscription.reserve(sequence, max(int(row[0]) - begin, 0) if row else 0)


def _camel(name: str) -> str:
    """Return a name in snake case as REST spells it; other names stay."""
    if "_" not in name.strip("_") or name.endswith("__c") or name != name.lower():
        return name
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
