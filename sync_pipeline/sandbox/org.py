"""What Salesforce does to records: create, update, touch, delete, merge.

Every edit stamps the record as the real system does: CreatedDate/-ById once, LastModifiedDate/-ById when a user
changed it, SystemModstamp whenever anything did (GEN-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.rows import Record, append, column, named, only, renamed, stored
from sync_pipeline.sandbox.schema import SObject
from sync_pipeline.sandbox.sight import Sight
from sync_pipeline.sandbox.store import quote

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


class Org(Sight):
    """One Salesforce org."""

    def begin(self) -> None:
        """Give a new org its Organization record and the user that integrations log in as."""
        if "User" in self.schema:
            prefix, number = self.schema["User"].prefix, self.reserve_ids("User", 1)
            self.setting("user_id", lambda: record_id(prefix, number))
            self.insert("User", [only(self.schema["User"], {**_FIRST_USER, "Id": self.user_id})])
        if "Organization" in self.schema:
            self.insert("Organization", [only(self.schema["Organization"], _ORGANIZATION)])

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
                named(found, {**defaults, "Id": record_id(found.prefix, first + i), **record})
                for i, record in enumerate(records)
            ]
            if rows:
                append(cursor, found, rows)
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
        return {**flags, **declared, **only(found, system)}

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
            self._set(cursor, found, [record], {**renamed(found, old, values), **stamps})

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
        stamp = only(found, {"SystemModstamp": self.now()})
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
        return only(found, {"LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now})

    def _set(self, cursor: duckdb.DuckDBPyConnection, found: SObject, records: Sequence[str], values: Record) -> None:
        if not records or not values:
            return
        assignments = ", ".join(f"{quote(column(found, name))} = ?" for name in values)
        parameters = [stored(found, name, value) for name, value in values.items()]
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
