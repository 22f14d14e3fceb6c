"""What Salesforce does to records: create, update, touch, delete, merge, and who may see what.

Every edit stamps the record as the real system does: CreatedDate/-ById once, LastModifiedDate/-ById when a user
changed it, SystemModstamp whenever anything did (GEN-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from sync_pipeline.sandbox.describe import Json
from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.schema import SObject
from sync_pipeline.sandbox.store import Store, quote, text

Record = Mapping[str, Any]

ROW = "_row"  # the row number that a relation shows beside the fields; no API name begins so

_ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "varchar": pa.string(),
}


class Org(Store):
    """One Salesforce org."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._hidden_fields: set[tuple[str, str, str | None]] = set()
        self._hidden_objects: set[tuple[str, str | None]] = set()
        self._hidden_records: list[tuple[str, str, str | None]] = []

    def begin(self) -> None:
        """Give a new org its Organization record and the user that integrations log in as."""
        if "User" in self.schema:
            prefix, number = self.schema["User"].prefix, self.reserve_ids("User", 1)
            self.setting("user_id", lambda: record_id(prefix, number))
            self.insert("User", [_only(self.schema["User"], {**_FIRST_USER, "Id": self.user_id})])
        if "Organization" in self.schema:
            self.insert("Organization", [_only(self.schema["Organization"], _ORGANIZATION)])

    @property
    def user_id(self) -> str:
        """Id of the user that integrations log in as; the author of edits that name no other."""
        return self.setting("user_id", lambda: record_id("005", 1))

    # The life of a record

    def insert(self, name: str, records: Sequence[Record], user: str | None = None) -> list[str]:
        """Create records and return their ids in order; system fields that a record brings are kept."""
        found = self.schema[name]
        with self.writing, self.cursor() as cursor:
            first = self.reserve_ids(name, len(records))
            defaults = self._born(found, user or self.user_id)
            rows = [
                _named(found, {**defaults, "Id": record_id(found.prefix, first + i), **record})
                for i, record in enumerate(records)
            ]
            if rows:
                _append(cursor, found, rows)
        return [row["Id"] for row in rows]

    def _born(self, found: SObject, user: str) -> dict[str, Any]:
        now = self.now()
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), now)
        system = {**stamps, **dict.fromkeys(("OwnerId", "CreatedById", "LastModifiedById"), user)}
        declared = {
            field["name"]: field["defaultValue"]
            for field in found.fields.values()
            if field["name"] in found.columns and field["defaultValue"] is not None
        }
        flags = {name: False for name, kind in found.columns.items() if kind == "boolean"}
        return {**flags, **declared, **_only(found, system)}

    def update(self, name: str, record: str, values: Record, user: str | None = None) -> None:
        """Change fields of one record.

        Raises:
            LookupError: there is no such record.
        """
        found = self.schema[name]
        stamps = self._modified(found, user or self.user_id)
        with self.writing, self.cursor() as cursor:
            old = self.record(name, record)
            if old is None:
                raise LookupError(f"{found.name} has no record {record}")
            self._set(cursor, found, [record], {**_renamed(found, old, values), **stamps})

    def touch(self, name: str, records: Sequence[str]) -> None:
        """Move SystemModstamp and nothing else, as a batch job or a recalculation does."""
        self._stamp(name, records, {})

    def delete(self, name: str, records: Sequence[str]) -> None:
        """Put records into the recycle bin: IsDeleted, still seen by queryAll."""
        self._stamp(name, records, {"IsDeleted": True})

    def undelete(self, name: str, records: Sequence[str]) -> None:
        self._stamp(name, records, {"IsDeleted": False})

    def _stamp(self, name: str, records: Sequence[str], values: Record) -> None:
        found = self.schema[name]
        stamp = _only(found, {"SystemModstamp": self.now()})
        with self.writing, self.cursor() as cursor:
            self._set(cursor, found, records, {**values, **stamp})

    def hard_delete(self, name: str, records: Sequence[str]) -> None:
        """Remove records for good; no query shows them any more."""
        found = self.schema[name]
        with self.writing, self.cursor() as cursor:
            cursor.execute(f"delete from {quote(found.name)} where Id in (select unnest(?))", [list(records)])

    def merge(self, name: str, winner: str, losers: Sequence[str], user: str | None = None) -> None:
        """Merge records: losers go to the bin with MasterRecordId, their children move to the winner.

        Winner and children are modified by it, as in the real system.
        """
        found = self.schema[name]
        author = user or self.user_id
        with self.writing, self.cursor() as cursor:
            for child, field in self._references(found):
                children = f"select Id from {quote(child.name)} where {quote(field)} in (select unnest(?))"
                moved = [row[0] for row in cursor.execute(children, [list(losers)]).fetchall()]
                self._set(cursor, child, moved, {field: winner, **self._modified(child, author)})
            now = self._modified(found, author)
            self._set(cursor, found, losers, {"IsDeleted": True, "MasterRecordId": winner, **now})
            self._set(cursor, found, [winner], now)

    def _references(self, parent: SObject) -> Iterable[tuple[SObject, str]]:
        for child in self.schema:
            for field in child.fields.values():
                if parent.name in field["referenceTo"] and field["name"] != "MasterRecordId":
                    yield child, field["name"]

    def _modified(self, found: SObject, user: str) -> dict[str, Any]:
        now = self.now()
        return _only(found, {"LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now})

    def _set(self, cursor: duckdb.DuckDBPyConnection, found: SObject, records: Sequence[str], values: Record) -> None:
        if not records or not values:
            return
        assignments = ", ".join(f"{quote(_column(found, name))} = ?" for name in values)
        parameters = [_value(found, name, value) for name, value in values.items()]
        where = "Id = ?" if len(records) == 1 else "Id in (select unnest(?))"
        which = records[0] if len(records) == 1 else list(records)
        cursor.execute(f"update {quote(found.name)} set {assignments} where {where}", [*parameters, which])

    def record(self, name: str, record: str) -> dict[str, Any] | None:
        """Return all stored and computed values of one record, deleted or not."""
        with self.cursor() as cursor:
            cursor.execute(f"select * from {self.truth(name)} where Id = ?", [record])
            names = [column[0] for column in cursor.description or ()]
            row = cursor.fetchone()
        return dict(zip(names, row, strict=True)) if row else None

    # Who sees what; `user` None means everybody

    def hide_field(self, name: str, field: str, user: str | None = None) -> None:
        """Take away field-level read access: describe and queries no longer know the field."""
        found = self.schema[name]
        self._hidden_fields.add((found.name, found.fields[field]["name"], user))
        self._changed_at[found.name] = self.now()

    def show_field(self, name: str, field: str, user: str | None = None) -> None:
        """Give it back."""
        self._hidden_fields.discard((self.schema[name].name, field, user))
        self._changed_at[self.schema[name].name] = self.now()

    def hide_object(self, name: str, user: str | None = None) -> None:
        self._hidden_objects.add((self.schema[name].name, user))

    def hide_records(self, name: str, condition: str, user: str | None = None) -> None:
        """Hide the records for which a SQL condition over the object's columns is true."""
        self._hidden_records.append((self.schema[name].name, condition, user))

    def hidden_objects(self, user: str | None) -> set[str]:
        return {name for name, whom in self._hidden_objects if whom in (None, user)}

    def hidden_fields(self, name: str, user: str | None) -> set[str]:
        found = self.schema[name].name
        return {field for object_, field, whom in self._hidden_fields if object_ == found and whom in (None, user)}

    def field(self, found: SObject, name: str, user: str | None) -> Json | None:
        """Return the field as this user sees it, None where it is hidden or absent."""
        field = found.field(name)
        return None if field is None or field["name"] in self.hidden_fields(found.name, user) else field

    def relation(self, name: str, user: str | None, deleted: bool = False, late_seconds: float = 0) -> str:
        """Return the SQL relation of the records a user sees.

        `deleted` shows the recycle bin as well; `late_seconds` hides what was stamped less long ago.
        """
        found = self.schema[name]
        hidden = [
            f"not coalesce({condition}, false)"
            for object_, condition, whom in self._hidden_records
            if object_ == found.name and whom in (None, user)
        ]
        if not deleted and "IsDeleted" in found.columns:
            hidden.append("not IsDeleted")
        if late_seconds and "SystemModstamp" in found.columns:
            now = text(self._clock().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
            hidden.append(f"SystemModstamp <= timestamp {now} - interval ({late_seconds}) second")
        computed = [f"({sql}) as {quote(field)}" for field, sql in found.formulas.items()]
        columns = ", ".join(["*", *computed, f"rowid as {ROW}"])
        where = f" where {' and '.join(hidden)}" if hidden else ""
        return f"(select {columns} from {quote(found.name)}{where})"


_FIRST_USER = {
    "Username": "integration@sandbox.example",
    "FirstName": "Sync",
    "LastName": "Integration",
    "Name": "Sync Integration",
    "Email": "integration@sandbox.example",
    "Alias": "sync",
    "UserType": "Standard",
    "IsActive": True,
    "TimeZoneSidKey": "GMT",
    "LocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
    "EmailEncodingKey": "UTF-8",
}
_ORGANIZATION = {
    "Name": "Sandbox",
    "Country": "US",
    "OrganizationType": "Developer Edition",
    "InstanceName": "SANDBOX1",
    "IsSandbox": True,
    "DefaultLocaleSidKey": "en_US",
    "TimeZoneSidKey": "GMT",
    "LanguageLocaleKey": "en_US",
    "FiscalYearStartMonth": 1,
}


def _only(found: SObject, values: Record) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in found.columns}


def _column(found: SObject, name: str) -> str:
    if name not in found.columns:
        raise ValueError(f"{found.name} has no stored field {name!r}")
    return name


def _renamed(found: SObject, old: Record, values: Record) -> dict[str, Any]:
    """Return the values with the full name they imply, where the object composes one."""
    if {"FirstName", "LastName"}.isdisjoint(values):
        return dict(values)
    return {**values, **_only(found, {"Name": _named(found, {**old, "Name": None, **values})["Name"]})}


def _named(found: SObject, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with `Name` composed of first and last name, where the object has all three."""
    if row.get("Name") is None and {"FirstName", "LastName", "Name"} <= found.columns.keys():
        parts = [part for part in (row.get("FirstName"), row.get("LastName")) if part]
        row["Name"] = " ".join(parts) or None
    return row


def _value(found: SObject, name: str, value: Any) -> Any:
    """Return a value as the column takes it: texts of times parsed, aware times in UTC, an empty text as null."""
    kind = found.columns[_column(found, name)]
    if value is None or value == "":
        return None
    if kind == "timestamp":
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if kind == "double":
        return float(value)
    return value


def _append(cursor: duckdb.DuckDBPyConnection, found: SObject, rows: Sequence[Record]) -> None:
    """Insert rows by one Arrow table: typed, and without a statement per row."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: pa.array(
            [_value(found, name, row.get(name)) for row in rows], type=_ARROW[found.columns[_column(found, name)]]
        )
        for name in names
    }
    cursor.register("incoming", pa.table(columns))
    listed = ", ".join(map(quote, names))
    cursor.execute(f"insert into {quote(found.name)} ({listed}) select {listed} from incoming")
    cursor.unregister("incoming")
