"""Where an org's records lie: one DuckDB database, a table per object, a cursor per thread, one clock.

Column names are API names, values are typed, times are UTC timestamps without zone. Compound fields (addresses) are
not stored and formulas are computed when read. What Salesforce does to records is `org.py`, one level up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Self

import duckdb

from sync_pipeline.sandbox.core.database import Database, quote
from sync_pipeline.sandbox.core.database import text as text
from sync_pipeline.sandbox.core.database import utc_now as utc_now
from sync_pipeline.sandbox.core.forms import Kept, as_sent
from sync_pipeline.sandbox.salesforce.org.describe import Json, expand_field
from sync_pipeline.sandbox.salesforce.org.ids import record_id_sql
from sync_pipeline.sandbox.salesforce.org.schema import COLUMN_TYPES, COMPOUND, Schema, SObject

_LEDGER = r"""
create table if not exists sandbox.object (name varchar primary key, described varchar not null);
-- What getDeleted still tells of records that are gone for good.
create table if not exists sandbox.gone (object varchar not null, id varchar not null, deleted_at timestamp not null);
-- Lookups that were emptied when what they pointed to was deleted: `id` of `object` had `parent` in `field`.
create table if not exists sandbox.emptied (object varchar, field varchar, id varchar, parent varchar);
-- Java's Double.toString, which is how Salesforce writes a number: 10000000 is 1.0E7, 0.0001 is 1.0E-4.
create or replace macro sandbox.java_double(x) as case
    when x is null then null
    when x = 0 or (abs(x) >= 1e-3 and abs(x) < 1e7) then x::varchar
    when contains(x::varchar, 'e') then regexp_replace(regexp_replace(
        x::varchar, '^(-?\d+)e', '\1.0e'), 'e\+?(-?)0*(\d+)$', 'E\1\2')
    when abs(x) >= 1e7 then if(x < 0, '-', '')
        || substr(abs(x)::varchar, 1, 1) || '.'
        || coalesce(nullif(substr(rtrim(replace(abs(x)::varchar, '.', ''), '0'), 2), ''), '0')
        || 'E' || (length(split_part(abs(x)::varchar, '.', 1)) - 1)
    else if(x < 0, '-', '')
        || substr(ltrim(split_part(abs(x)::varchar, '.', 2), '0'), 1, 1) || '.'
        || coalesce(nullif(substr(ltrim(split_part(abs(x)::varchar, '.', 2), '0'), 2), ''), '0')
        || 'E-' || (length(split_part(abs(x)::varchar, '.', 2))
                    - length(ltrim(split_part(abs(x)::varchar, '.', 2), '0')) + 1)
end;
"""


Restamp = Callable[[str, datetime], datetime]


def as_is(name: str, now: datetime) -> datetime:
    """Stamp a write of an object's records by the clock."""
    return now


class Store(Database):
    """Tables and schema of one org."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: Schema, clock: Callable[[], datetime]):
        super().__init__(connection, clock)
        self.schema = schema
        self.restamp: Restamp = as_is  # lets a fault stamp writes otherwise
        self.kept: Kept = as_sent  # lets a fault keep values otherwise
        self._opened_at = clock()
        self._changed_at: dict[str, datetime] = {}

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        schema: Schema | None = None,
        clock: Callable[[], datetime] = utc_now,
        memory_limit: str = "1GB",
    ) -> Self:
        """Open the org in a file (created when missing), or a new one in memory.

        `schema` is that of a new org, by default the standard objects; an existing file knows its own.
        """
        connection = cls.connect(path, memory_limit, "org")
        connection.execute(_LEDGER)
        rows = connection.execute("select described from sandbox.object order by rowid").fetchall()
        if rows:
            return cls(connection, Schema(json.loads(describe) for (describe,) in rows), clock)
        store = cls(connection, Schema(), clock)
        store.add_objects(found.describe for found in schema or Schema.standard())
        store.begin()
        return store

    def begin(self) -> None:
        """Put into a new org what every org is born with; `Org` does."""

    def stamp(self, name: str) -> datetime:
        """Return the time by which a write of an object's records is stamped."""
        return self.restamp(self.schema[name].name, self.now())

    # Objects and fields

    def add_object(self, describe: Json) -> None:
        """Add an object, compact or really described, with an empty table."""
        self.add_objects([describe])

    def add_objects(self, describes: Iterable[Json]) -> None:
        with self.writing, self.cursor() as cursor:
            cursor.begin()
            for found in map(self.schema.put, describes):
                columns = ", ".join(f"{quote(name)} {kind}" for name, kind in found.columns.items())
                cursor.execute(f"create table {quote(found.name)} ({columns})")
                self._keep(cursor, found)
            cursor.commit()

    def add_field(self, name: str, field: Json) -> None:
        """Add a field to an object; existing records have null in it, or false for a boolean."""
        full = expand_field(field)
        stored = full["type"] not in COMPOUND and "sql" not in full
        with self.writing, self.cursor() as cursor:
            found = self._redescribe(cursor, name, [*self.schema[name].describe["fields"], full])
            if stored:
                default = " default false" if full["type"] == "boolean" else ""
                kind = found.columns[full["name"]]
                cursor.execute(f"alter table {quote(found.name)} add column {quote(full['name'])} {kind}{default}")

    def drop_field(self, name: str, field: str) -> None:
        """Remove a field with its values, as deleting a custom field does."""
        with self.writing, self.cursor() as cursor:
            found = self.schema[name]
            gone = found.fields[field]
            self._redescribe(cursor, name, [f for f in found.describe["fields"] if f is not gone])
            if field in found.columns:
                cursor.execute(f"alter table {quote(found.name)} drop column {quote(field)}")

    def retype_field(self, name: str, field: str, kind: str, **attributes: object) -> None:
        """Change a field's type and other attributes; values that cannot be converted are lost."""
        with self.writing, self.cursor() as cursor:
            found = self.schema[name]
            kept = ("name", "label", "inlineHelpText", "sql", "convertsTo")
            old = {key: found.fields[field][key] for key in kept if key in found.fields[field]}
            new = expand_field({**old, "type": kind, **attributes})
            self._redescribe(cursor, name, [new if f["name"] == field else f for f in found.describe["fields"]])
            if field in found.columns:
                column, sql_type = quote(field), COLUMN_TYPES.get(kind, "varchar")
                cursor.execute(
                    f"alter table {quote(found.name)} alter {column} type {sql_type}"
                    f" using try_cast({column} as {sql_type})"
                )

    def _redescribe(self, cursor: duckdb.DuckDBPyConnection, name: str, fields: list[Json]) -> SObject:
        found = self.schema.put({**self.schema[name].describe, "fields": fields})
        self._keep(cursor, found)
        return found

    def _keep(self, cursor: duckdb.DuckDBPyConnection, found: SObject) -> None:
        self._changed_at[found.name] = self.now()
        described = json.dumps(found.describe)
        cursor.execute("insert or replace into sandbox.object values (?, ?)", [found.name, described])

    def described_at(self, name: str) -> datetime:
        """Return when the object's describe last changed, as far as this process knows."""
        return self._changed_at.get(self.schema[name].name, self._opened_at)

    # Ids

    def id_sql(self, name: str, number: str) -> str:
        """Return a DuckDB expression: the 18-character id of the record with this (pure, integer) sequence number."""
        return record_id_sql(self.schema[name].prefix, number)

    def reserve_ids(self, name: str, count: int) -> int:
        """Return the first of `count` sequence numbers that nobody else will get."""
        return self.reserve(self.schema[name].name, count)

    def truth(self, name: str) -> str:
        """Return a SQL relation with every stored and computed field of every record, deleted ones included."""
        found = self.schema[name]
        if not found.formulas:
            return quote(found.name)
        computed = ", ".join(f"({sql}) as {quote(field)}" for field, sql in found.formulas.items())
        return f"(select *, {computed} from {quote(found.name)})"
