"""What Salesforce does to records: create, update, touch, delete, merge. What clients may do: `writer.py`.

Every edit stamps the record as the real system does: CreatedDate/-ById once, LastModifiedDate/-ById when a user
changed it, SystemModstamp whenever anything did (GEN-13).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.rows import Record, amend, append
from sync_pipeline.sandbox.salesforce.org import persons
from sync_pipeline.sandbox.salesforce.org.bin import RecycleBin
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.org.persons import FLAG, LINK, LINKS
from sync_pipeline.sandbox.salesforce.org.records import assign, named, only, renamed
from sync_pipeline.sandbox.salesforce.org.rules import Rules
from sync_pipeline.sandbox.salesforce.org.schema import SObject

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
    "UserPermissionsMarketingUser": True,
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
# The record type for persons that an org is born with, by CRM.
_PERSON_TYPES = {
    "salesforce": {"Name": "Person Account", "DeveloperName": persons.TYPE_NAME},
    "veeva": {"Name": "Professional", "DeveloperName": persons.PROFESSIONAL},
}
_PERSON_TYPE = {"SobjectType": "Account", "IsPersonType": True, "IsActive": True}


class Org(RecycleBin):
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
            own = {**_ORGANIZATION, "Id": self.organization_id}
            self.insert("Organization", [only(self.schema["Organization"], own)])
        if "UserPermissionAccess" in self.schema:
            self.insert("UserPermissionAccess", [{}])  # all that is declared, and the same for every user
        if self.has_persons and "RecordType" in self.schema:
            born_with = {**_PERSON_TYPES[self.schema.crm], **_PERSON_TYPE}
            self.insert("RecordType", [only(self.schema["RecordType"], born_with)])

    @property
    def user_id(self) -> str:
        """Id of the user that integrations log in as; the author of edits that name no other."""
        return self.setting("user_id", lambda: record_id("005", 1))

    @property
    def organization_id(self) -> str:
        """Id of this org, which no other has and which it keeps for good."""
        if "Organization" in self.schema:
            with self.cursor() as cursor:  # one of an older sandbox has an id like a record's
                if row := cursor.execute('select Id from "Organization"').fetchone():
                    return str(row[0])
        return self.setting("organization_id", lambda: record_id("00D", secrets.randbelow(62**6)))

    # The life of a record

    def insert(self, name: str, records: Sequence[Record], user: str | None = None) -> list[str]:
        """Create records and return their ids in order; system fields that a record brings are kept."""
        found = self.schema[name]
        with self.transaction(), self.cursor() as cursor:
            records = self.told_persons(name, records)
            first = self.reserve_ids(name, len(records))
            defaults = self.born(found, user or self.user_id, self.stamp(found.name))
            rows = [
                named(found, {**defaults, "Id": record_id(found.prefix, first + i), **record})
                for i, record in enumerate(records)
            ]
            if rows:
                append(cursor, found, rows)
            born = [row["Id"] for row in rows if LINK in row]
            if born:
                self.complete(cursor, found.name, "s.Id in (select unnest(?))", born)
        return [row["Id"] for row in rows]

    def born(self, found: SObject, user: str, at: datetime | None = None) -> dict[str, Any]:
        """Return what a new record has that nobody gives it: stamps, owner, declared defaults, flags that are off."""
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), at or self.now())
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
        if not changes:
            return
        found = self.schema[name]
        stamps = self._modified(found, user or self.user_id)
        rows = [
            {"Id": record, **renamed(found, olds.get(record, {}), values), **stamps}
            for record, values in changes.items()
        ]
        if rows:
            with self.transaction(), self.cursor() as cursor:
                amend(cursor, found, rows)
                self.follow(name, list(changes), {field for row in rows for field in row})

    def touch(self, name: str, records: Sequence[str]) -> None:
        """Move SystemModstamp and nothing else, as a batch job or a recalculation does."""
        self._stamp(name, records, {})

    def look_at(self, name: str, records: Sequence[str], fields: Sequence[str]) -> None:
        """Note in `LastViewedDate` and the like that a user saw records, which modifies nothing else."""
        found = self.schema[name]
        with self.transaction(), self.cursor() as cursor:
            assign(cursor, found, records, only(found, dict.fromkeys(fields, self.now())))

    def merge(self, name: str, winner: str, losers: Sequence[str], user: str | None = None) -> list[str]:
        """Merge records: losers go to the bin with MasterRecordId, their children, whose ids it returns, to the winner.

        Winner and children are modified by it, as in the real system. Of persons both halves are merged.
        """
        found = self.schema[name]
        author, children_moved = user or self.user_id, list[str]()
        with self.transaction(), self.cursor() as cursor:
            halves = self.contacts_of(found.name, [winner, *losers])
            if halves:
                children_moved += self.merge("Contact", halves[winner], [halves[one] for one in losers], user)
            for child, field in self._references(found):
                children = f"select Id from {quote(child.name)} where {quote(field)} in (select unnest(?))"
                if (child.name, field) in LINKS and FLAG in child.columns:
                    children += f" and not {FLAG}"  # a person's halves stay with one another
                moved = [row[0] for row in cursor.execute(children, [list(losers)]).fetchall()]
                assign(cursor, child, moved, {field: winner, **self._modified(child, author)})
                self.follow(child.name, moved)
                children_moved += moved
                if child.name == "CampaignMember" and field in ("LeadId", "ContactId"):
                    self.unite_members(field, winner)
            now = self._modified(found, author)
            assign(cursor, found, losers, {"IsDeleted": True, "MasterRecordId": winner, **now})
            assign(cursor, found, [winner], now)
        return children_moved

    def unite_members(self, field: str, person: str) -> None:
        """Leave a lead or contact once in each campaign: the member that has responded, else the oldest, stays."""
        if "CampaignMember" not in self.schema:
            return
        ranked = "row_number() over (partition by CampaignId order by HasResponded desc, CreatedDate, Id)"
        sql = f"select Id from (from CampaignMember where not IsDeleted and {quote(field)} = ? qualify {ranked} > 1)"
        with self.cursor() as cursor:
            twice = [record for (record,) in cursor.execute(sql, [person]).fetchall()]
        self.delete("CampaignMember", twice)

    def _references(self, parent: SObject) -> Iterable[tuple[SObject, str]]:
        for child in self.schema:
            for field in child.fields.values():
                if parent.name in field["referenceTo"] and field["name"] != "MasterRecordId":
                    yield child, field["name"]

    def _modified(self, found: SObject, user: str) -> dict[str, Any]:
        now = self.stamp(found.name)
        return only(found, {"LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now})

    def record(self, name: str, record: str) -> dict[str, Any] | None:
        """Return all stored and computed values of one record, deleted or not."""
        with self.cursor() as cursor:
            cursor.execute(f"select * from {self.truth(name)} where Id = ?", [record])
            names = [column[0] for column in cursor.description or ()]
            row = cursor.fetchone()
        return dict(zip(names, row, strict=True)) if row else None
