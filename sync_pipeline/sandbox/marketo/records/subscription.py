"""A Marketo subscription: its objects with their fields, its records, its clock. What calls do to it stands beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import duckdb

from sync_pipeline.sandbox.core.database import Database, quote, utc_now
from sync_pipeline.sandbox.core.forms import Kept, as_sent
from sync_pipeline.sandbox.core.rows import Table, append
from sync_pipeline.sandbox.marketo.records import standard
from sync_pipeline.sandbox.marketo.records.fields import Field, ObjectType
from sync_pipeline.sandbox.marketo.records.tables import PARTITION, TABLES
from sync_pipeline.sandbox.marketo.records.values import stamp

_LEDGER = """
create table if not exists sandbox.object (name varchar primary key, described varchar not null);
create table if not exists sandbox.draft (name varchar primary key, described varchar not null);
"""
FIRST_CUSTOM_FIELD = 1_000  # number of the first field that somebody adds


class Subscription(Database):
    """Tables, objects and settings of one subscription.

    `native` tells that a CRM's own sync is on: what comes from the CRM is then closed to calls (MK-REST-1).
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, clock: Callable[[], datetime]) -> None:
        super().__init__(connection, clock)
        self.objects: dict[str, ObjectType] = {}
        self.drafts: dict[str, ObjectType] = {}  # of custom objects, by name
        self.native = False
        self.kept: Kept = as_sent  # on command

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
        native: bool = False,
        memory_limit: str = "1GB",
    ) -> Self:
        """Open the subscription in a file (created when missing), or a new one in memory."""
        connection = cls.connect(path, memory_limit, "subscription")
        connection.execute(_LEDGER)
        found = cls(connection, clock)
        found.native = found.setting("native", lambda: str(native)) == "True"
        found.objects = _kept(connection, "object")
        found.drafts = _kept(connection, "draft")
        if not found.objects:
            found._begin()
        return found

    def _begin(self) -> None:
        with self.transaction(), self.cursor() as cursor:
            for table in TABLES:
                cursor.execute(table.ddl)
            append(cursor, PARTITION, [{"id": 1, "name": "Default", "description": "Initial system lead partition"}])
            for object_type in standard.objects():
                self.add_object(object_type)

    def present(self) -> datetime:
        """Return the present as tables keep it: UTC without zone."""
        return self.now().replace(tzinfo=None)

    # Objects and fields

    @property
    def lead(self) -> ObjectType:
        return self.objects["lead"]

    def add_object(self, object_type: ObjectType) -> None:
        """Add an object with an empty table."""
        columns = ", ".join(map(_column, object_type.fields.values()))
        object_type.created_at = object_type.updated_at = stamp(self.present())
        with self.transaction(), self.cursor() as cursor:
            cursor.execute(f"create table {quote(object_type.name)} ({columns})")
            self.keep(object_type)
            self.objects[object_type.name] = object_type

    def add_fields(self, name: str, fields: Iterable[Field]) -> None:
        """Add fields to an object; existing records have null in them, or false."""
        object_type = self.objects[name]
        with self.transaction(), self.cursor() as cursor:
            for found in fields:
                cursor.execute(f"alter table {quote(name)} add column {_column(found)}")
                object_type.add(found)
            object_type.updated_at = stamp(self.present())
            self.keep(object_type)

    def keep(self, object_type: ObjectType) -> None:
        """Save an object's describe after a change of it."""
        with self.writing, self.cursor() as cursor:
            described = json.dumps(object_type.as_json())
            cursor.execute("insert or replace into sandbox.object values (?, ?)", [object_type.name, described])

    def drop_object(self, name: str) -> None:
        with self.transaction(), self.cursor() as cursor:
            cursor.execute(f"drop table {quote(name)}")
            cursor.execute("delete from sandbox.object where name = ?", [name])
            del self.objects[name]

    def keep_draft(self, draft: ObjectType) -> None:
        with self.writing, self.cursor() as cursor:
            described = json.dumps(draft.as_json())
            cursor.execute("insert or replace into sandbox.draft values (?, ?)", [draft.name, described])
            self.drafts[draft.name] = draft

    def forget_draft(self, name: str) -> None:
        with self.writing, self.cursor() as cursor:
            cursor.execute("delete from sandbox.draft where name = ?", [name])
            self.drafts.pop(name, None)

    def next_field_id(self) -> int:
        return FIRST_CUSTOM_FIELD + self.reserve("field", 1)

    # Records

    def known(self, leads: Iterable[int]) -> set[int]:
        """Return which of these persons there are."""
        rows = self.rows("select id from lead where id in (select unnest(?::bigint[]))", [list(leads)])
        return {row["id"] for row in rows}

    def first_day(self) -> date:
        """Return the UTC day of the oldest record or activity; today, where there is none."""
        made = [name for name, object_type in self.objects.items() if "createdAt" in object_type.fields]
        times = ['select min("activityDate") as told from activity']
        times += [f'select min("createdAt") from {quote(name)}' for name in made]
        (found,) = self.rows(f"select min(told) as oldest from ({' union all '.join(times)})")
        first: datetime = found["oldest"] or self.present()
        return first.date()

    def partitions(self) -> dict[str, int]:
        """Return the ids of the partitions by name."""
        return {row["name"]: row["id"] for row in self.rows('select id, name from "partition"')}

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows as they are, for populations and tests; no activity is logged."""
        if rows:
            with self.transaction(), self.cursor() as cursor:
                append(cursor, table, rows)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return what a query finds, by column name."""
        with self.cursor() as cursor:
            found = cursor.execute(sql, list(parameters))
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _kept(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, ObjectType]:
    rows = connection.execute(f"select described from sandbox.{table} order by rowid").fetchall()
    found = [ObjectType.from_json(json.loads(described)) for (described,) in rows]
    return {object_type.name: object_type for object_type in found}


def _column(found: Field) -> str:
    default = " default false" if found.column == "boolean" else ""
    return f"{quote(found.name)} {found.column}{default}"
