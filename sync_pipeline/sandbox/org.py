"""What Salesforce does to records: create, update, touch, delete, merge. What clients may do: `writer.py`.

Every edit stamps the record as the real system does: CreatedDate/-ById once, LastModifiedDate/-ById when a user
changed it, SystemModstamp whenever anything did (GEN-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.rows import Record, amend, append, column, named, only, renamed, stored
from sync_pipeline.sandbox.rules import Rules
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

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.rules = Rules()  # what `writer.py` asks; edits through this class are not subject to them

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
            defaults = self.born(found, user or self.user_id)
            rows = [
                named(found, {**defaults, "Id": record_id(found.prefix, first + i), **record})
                for i, record in enumerate(records)
            ]
            if rows:
                append(cursor, found, rows)
        return [row["Id"] for row in rows]

    def born(self, found: SObject, user: str) -> dict[str, Any]:
        """Return what a new record has that nobody gives it: stamps, owner, declared defaults, flags that are off."""
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
        with self.transaction():
            old = self.record(name, record)
            if old is None:
                raise LookupError(f"{self.schema[name].name} has no record {record}")
            self.change(name, {record: values}, {record: old}, user)

    def change(
        self, name: str, changes: Mapping[str, Record], olds: Mapping[str, Record], user: str | None = None
    ) -> None:
        """Change fields of many records, by id; `olds` has the first and last names that they had."""
        found = self.schema[name]
        stamps = self._modified(found, user or self.user_id)
        rows = [
            {"Id": record, **renamed(found, olds.get(record, {}), values), **stamps}
            for record, values in changes.items()
        ]
        if rows:
            with self.writing, self.cursor() as cursor:
                amend(cursor, found, rows)

    def touch(self, name: str, records: Sequence[str]) -> None:
        """Move SystemModstamp and nothing else, as a batch job or a recalculation does."""
        self._stamp(name, records, {})

    def look_at(self, name: str, records: Sequence[str], fields: Sequence[str]) -> None:
        """Note in `LastViewedDate` and the like that a user saw records, which modifies nothing else."""
        found = self.schema[name]
        with self.writing, self.cursor() as cursor:
            self._set(cursor, found, records, only(found, dict.fromkeys(fields, self.now())))

    def delete(self, name: str, records: Sequence[str]) -> None:
        """Put records into the recycle bin, still seen by queryAll, and with them the children that cannot be alone.

        An object that knows no bin loses them for good.
        """
        found = self.schema[name]
        if "IsDeleted" not in found.columns:
            self.hard_delete(name, records)
            return
        with self.transaction():
            self._stamp(name, records, {"IsDeleted": True})
            for child, children in self._dependents(found, records, "not c.IsDeleted"):
                self.delete(child, children)

    def undelete(self, name: str, records: Sequence[str]) -> None:
        """Take records out of the bin, and the children that went into it with them."""
        with self.transaction():
            together = "c.IsDeleted and c.SystemModstamp = p.SystemModstamp"
            families = list(self._dependents(self.schema[name], records, together))
            self._stamp(name, records, {"IsDeleted": False})
            for child, children in families:
                self.undelete(child, children)

    def _dependents(self, found: SObject, records: Sequence[str], condition: str) -> Iterable[tuple[str, list[str]]]:
        """Yield, by object, the children (`c`) that live and die with these records (`p`)."""
        for relationship in self.schema.children(found.name) if records else ():
            child = self.schema.get(relationship["childSObject"])
            if child is None or not relationship["cascadeDelete"] or relationship["field"] not in child.columns:
                continue
            if "IsDeleted" not in child.columns:
                condition = "true"
            with self.cursor() as cursor:
                rows = cursor.execute(
                    f"select c.Id from {quote(child.name)} as c join {quote(found.name)} as p"
                    f" on c.{quote(relationship['field'])} = p.Id where p.Id in (select unnest(?)) and {condition}",
                    [list(records)],
                ).fetchall()
            if rows:
                yield child.name, [record for (record,) in rows]

    def _stamp(self, name: str, records: Sequence[str], values: Record) -> None:
        found = self.schema[name]
        stamp = only(found, {"SystemModstamp": self.now()})
        with self.writing, self.cursor() as cursor:
            self._set(cursor, found, records, {**values, **stamp})

    def hard_delete(self, name: str, records: Sequence[str]) -> None:
        """Remove records for good, with the children that cannot be alone; only getDeleted still tells of them."""
        found = self.schema[name]
        deleted_at = "if(IsDeleted, SystemModstamp, ?)" if "IsDeleted" in found.columns else "?"
        with self.transaction(), self.cursor() as cursor:
            families = list(self._dependents(found, records, "true"))
            cursor.execute(
                f"insert into sandbox.gone select ?, Id, {deleted_at} from {quote(found.name)}"
                " where Id in (select unnest(?))",
                [found.name, self.now().replace(tzinfo=None), list(records)],
            )
            cursor.execute(f"delete from {quote(found.name)} where Id in (select unnest(?))", [list(records)])
            for child, children in families:
                self.hard_delete(child, children)

    def merge(self, name: str, winner: str, losers: Sequence[str], user: str | None = None) -> list[str]:
        """Merge records: losers go to the bin with MasterRecordId, their children, whose ids it returns, to the winner.

        Winner and children are modified by it, as in the real system.
        """
        found = self.schema[name]
        author, children_moved = user or self.user_id, list[str]()
        with self.transaction(), self.cursor() as cursor:
            for child, field in self._references(found):
                children = f"select Id from {quote(child.name)} where {quote(field)} in (select unnest(?))"
                moved = [row[0] for row in cursor.execute(children, [list(losers)]).fetchall()]
                self._set(cursor, child, moved, {field: winner, **self._modified(child, author)})
                children_moved += moved
            now = self._modified(found, author)
            self._set(cursor, found, losers, {"IsDeleted": True, "MasterRecordId": winner, **now})
            self._set(cursor, found, [winner], now)
        return children_moved

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
