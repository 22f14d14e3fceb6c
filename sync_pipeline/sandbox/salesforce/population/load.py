"""Loading a directory of records into an org: CSV files, one per object, or the JSON trees of the Salesforce CLI.

Values are kept to the letter and ids where they are real; anything else that identifies a record gets a new id, and
what points to it follows. Objects and fields the org does not know become custom ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.ids import BASE62, DIGITS, record_id
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.store import text
from sync_pipeline.sandbox.salesforce.population.load_files import LoadError, Stage, described, stage_directory
from sync_pipeline.sandbox.salesforce.population.load_types import (
    SYSTEM,
    converted,
    custom_object,
    id18_sql,
    inferred,
    is_id_sql,
)

__all__ = ["LoadError", "load"]

STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
ORDER = {  # where a record without some stamp takes it from
    "CreatedDate": ("CreatedDate", "LastModifiedDate", "SystemModstamp"),
    "LastModifiedDate": ("LastModifiedDate", "SystemModstamp", "CreatedDate"),
    "SystemModstamp": ("SystemModstamp", "LastModifiedDate", "CreatedDate"),
}


def load(org: Org, directory: Path) -> dict[str, int]:
    """Load every file of the directory in one transaction and return the number of records by object.

    A CSV file is named after its object and has API names in its header; an empty field is null. A JSON tree is what
    `sf data export tree` writes, with or without a plan. `<Object>.describe.json`, a real describe, tells of an object
    that the org does not know; without it types are inferred. CreatedDate, LastModifiedDate, SystemModstamp, IsDeleted
    and the like are taken when given. A record whose real id the org has already is replaced. Columns of formulas and
    of compound addresses are left out: the org computes them.

    Raises:
        LoadError: something cannot be loaded; nothing was. The message names file, line and column.
    """
    if not directory.is_dir():
        raise LoadError(f"{directory} is no directory")
    with org.writing, org.cursor() as cursor:
        stages = stage_directory(cursor, directory, org.schema)
        _list_ids(cursor, stages)
        _declare(org, cursor, stages, described(directory))
        loads = [_Load(org, cursor, stage, org.schema[stage.object]) for stage in stages]
        for one in loads:
            one.give_ids()
        statements = [statement for one in loads for statement in (one.replacement(), one.statement())]
        cursor.begin()
        try:
            for statement in statements:
                cursor.execute(statement)
            cursor.commit()
        except duckdb.Error:
            cursor.rollback()
            raise
        return {one.found.name: one.count() for one in loads}


def _list_ids(cursor: duckdb.DuckDBPyConnection, stages: list[Stage]) -> None:
    """Make the table of all ids in the files: of which object, what they become, and in which row they stand."""
    cursor.execute("create or replace temp table load_id (object varchar, old varchar, new varchar, _row bigint)")
    for stage in stages:
        column = _id_column(stage)
        old = quote(column) if column else "null"
        cursor.execute(f"insert into load_id select {text(stage.object)}, {old}, null, _row from {stage.table}")


def _id_column(stage: Stage) -> str | None:
    return next((column for column in stage.columns if column.lower() == "id"), None)


def _declare(org: Org, cursor: duckdb.DuckDBPyConnection, stages: list[Stage], describes: dict[str, Json]) -> None:
    """Add the objects and fields that the files have and the org has not."""
    for name, describe in describes.items():
        if name not in org.schema:
            org.add_object(describe)
    bare = cursor.execute(
        "select object, coalesce(bool_and(regexp_full_match(old, '[0-9]+')), false) from load_id group by object"
    ).fetchall()
    ids = {str(object_): bool(numbers) for object_, numbers in bare}
    system = {name.lower() for name in SYSTEM}
    for stage in stages:
        found = org.schema.get(stage.object)
        if found:
            unknown = [column for column in stage.columns if found.field(column) is None]
        else:
            unknown = [column for column in stage.columns if column.lower() not in system]
        fields = inferred(cursor, stage, unknown, ids)
        if found:
            for field in fields:
                org.add_field(found.name, field)
        else:
            org.add_object(custom_object(stage.object, _prefix(org, cursor, stage), fields))


def _prefix(org: Org, cursor: duckdb.DuckDBPyConnection, stage: Stage) -> str | None:
    """Return the key prefix that all ids of an unknown object share, None when they are not ids or it is taken."""
    rows = cursor.execute(
        f"select left(old, 3), bool_and({is_id_sql('old')}) from load_id where object = ? group by 1", [stage.object]
    ).fetchall()
    if len(rows) != 1 or not rows[0][1] or org.schema.by_prefix(rows[0][0]):
        return None
    return str(rows[0][0])


@dataclass(frozen=True)
class _Load:
    """One object's file on its way into the org."""

    org: Org
    cursor: duckdb.DuckDBPyConnection
    stage: Stage
    found: SObject

    def give_ids(self) -> None:
        """Keep real ids of the object in their 18-character form and number all other records.

        Raises:
            LoadError: two records of the file have one id.
        """
        name, prefix = self.stage.object, self.found.prefix
        self.cursor.execute(
            f"update load_id set new = {id18_sql('old')} where object = ? and {is_id_sql('old', prefix)}", [name]
        )
        twice = self.cursor.execute(
            "select min(_row) from (select _row, row_number() over (partition by coalesce(new, old) order by _row)"
            " as nth from load_id where object = ? and old is not null) where nth = 2",
            [name],
        ).fetchone()
        if twice and twice[0]:
            raise self.stage.error(twice[0], "Id", "another record of the file has this id already")
        self._pass_numbers_of_kept_ids()
        number = f"({self.org.reserve_ids(name, self.count())} + _row - 1)"
        self.cursor.execute(
            f"update load_id set new = {self.org.id_sql(name, number)} where object = ? and new is null", [name]
        )

    def _pass_numbers_of_kept_ids(self) -> None:
        """Reserve the numbers up to the greatest kept id that this org could have given out itself."""
        own = record_id(self.found.prefix, 0)[: 15 - DIGITS]
        row = self.cursor.execute(
            "select max(new) from load_id where object = ? and starts_with(new, ?)", [self.stage.object, own]
        ).fetchone()
        if row and row[0]:
            number = 0
            for digit in row[0][15 - DIGITS : 15]:
                number = number * 62 + BASE62.index(digit)
            self.org.reserve_ids(self.found.name, max(number + 1 - self.org.reserve_ids(self.found.name, 0), 0))

    def count(self) -> int:
        row = self.cursor.execute(f"select count(*) from {self.stage.table}").fetchone()
        return int(row[0]) if row else 0

    def replacement(self) -> str:
        """Return the delete of the records that come again under the same id."""
        return (
            f"delete from {quote(self.found.name)} where Id in"
            f" (select new from load_id where object = {text(self.stage.object)})"
        )

    def statement(self) -> str:
        """Return the insert of all records.

        Raises:
            LoadError: a value does not fit its field, or points to a record that is nowhere.
        """
        given = {field["name"]: column for column in self.stage.columns if (field := self.found.field(column))}
        stored = {name: column for name, column in given.items() if name in self.found.columns and name != "Id"}
        joins, values = [], {}
        for name, column in stored.items():
            if self.found.fields[name]["type"] == "reference":
                join, values[name] = self._pointed(name, column)
                joins.append(join)
            else:
                values[name] = converted(f"s.{quote(column)}", self.found.columns[name])
        self._refuse_misfits(values, stored)
        values |= self._filled(values)
        values["Id"] = "own.new"
        if self.found.fields.get("Name", {}).get("nameField") and self.found.name.endswith("__c"):
            # Salesforce names a custom record that came without a name after its id.
            values["Name"] = f"coalesce({values.get('Name', 'null')}, {values['Id']})"
        listed = ", ".join(map(quote, values))
        return (
            f"insert into {quote(self.found.name)} ({listed}) select {', '.join(values.values())}"
            f" from {self.stage.table} as s"
            f" join load_id as own on own.object = {text(self.stage.object)} and own._row = s._row"
            f" {' '.join(joins)} order by s._row"
        )

    def _pointed(self, name: str, column: str) -> tuple[str, str]:
        """Return the join and the value of a reference: what the id became, or itself when it is a real id."""
        targets = ", ".join(text(target) for target in self.found.fields[name]["referenceTo"]) or "null"
        old, alias = f"s.{quote(column)}", quote(f"to {name}")
        ambiguous = self.cursor.execute(
            f"select min(s._row) from {self.stage.table} as s where (select count(*) from load_id"
            f" where old = {old} and object in ({targets})) > 1"
        ).fetchone()
        if ambiguous and ambiguous[0]:
            raise self.stage.error(ambiguous[0], column, "records of more than one object have this id")
        join = f"left join load_id as {alias} on {alias}.old = {old} and {alias}.object in ({targets})"
        dangling = self.cursor.execute(
            f"select min(s._row) from {self.stage.table} as s {join}"
            f" where {old} is not null and {alias}.new is null and not {is_id_sql(old)}"
        ).fetchone()
        if dangling and dangling[0]:
            raise self.stage.error(dangling[0], column, f"no file has a record of {targets} with this id")
        return join, f"coalesce({alias}.new, case when {is_id_sql(old)} then {id18_sql(old)} end)"

    def _refuse_misfits(self, values: dict[str, str], stored: dict[str, str]) -> None:
        checks = {}
        for name, column in stored.items():
            old, field = f"s.{quote(column)}", self.found.fields[name]
            if self.found.columns[name] != "varchar":
                checks[name] = f"{old} is not null and ({values[name]}) is null"
            elif field["length"] and field["type"] != "reference":
                checks[name] = f"length({old}) > {field['length']}"
        if not checks:
            return
        firsts = ", ".join(f"min(s._row) filter ({check})" for check in checks.values())
        rows = self.cursor.execute(f"select {firsts} from {self.stage.table} as s").fetchone() or ()
        for name, row in zip(checks, rows, strict=True):
            if row:
                field = self.found.fields[name]
                texts = self.found.columns[name] == "varchar"
                what = f"longer than {field['length']} characters" if texts else f"this is no {field['type']}"
                raise self.stage.error(row, stored[name], what)

    def _filled(self, values: dict[str, str]) -> dict[str, str]:
        """Return what Salesforce fills in: stamps, owner and authors, false, declared defaults, the full name."""
        now = f"timestamp {text(self.org.now().strftime('%Y-%m-%d %H:%M:%S'))}"
        author = text(self.org.user_id)
        filled = {name: f"coalesce({', '.join([*_present(values, ORDER[name]), now])})" for name in STAMPS}
        for name in ("OwnerId", "CreatedById", "LastModifiedById"):
            filled[name] = f"coalesce({', '.join([*_present(values, (name,)), author])})"
        for name, kind in self.found.columns.items():
            default = self.found.fields[name]["defaultValue"]
            if kind == "boolean":
                filled[name] = f"coalesce({', '.join([*_present(values, (name,)), str(bool(default)).lower()])})"
            elif default is not None and name not in values:
                filled[name] = text(str(default))
        if "Name" not in values and "LastName" in values:
            parts = ", ".join(_present(values, ("FirstName", "LastName")))
            filled["Name"] = f"concat_ws(' ', {parts})"
        return {name: value for name, value in filled.items() if name in self.found.columns}


def _present(values: dict[str, str], names: tuple[str, ...]) -> list[str]:
    return [values[name] for name in names if name in values]
