"""The two records of a person account kept as one: a Contact made with its Account, and each following the other.

Both have the same stamps whichever of them was edited, as Salesforce's own documentation of their change events says.
Every step is one statement over all records concerned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import duckdb

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org import persons
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.org.persons import FLAG, LINK
from sync_pipeline.sandbox.salesforce.org.sight import Sight
from sync_pipeline.sandbox.salesforce.org.store import text

_STAMPS = ("LastModifiedById", "LastModifiedDate", "SystemModstamp")
_BIRTH = ("CreatedById", "CreatedDate", "IsDeleted", FLAG)
_OTHER = {"Account": "Contact", "Contact": "Account"}


class Halves(Sight):
    """An org's sight and store, with person accounts where the schema has them."""

    @property
    def has_persons(self) -> bool:
        return all(name in self.schema and FLAG in self.schema[name].columns for name in _OTHER)

    def person_types(self) -> list[str]:
        """Return the ids of Account's record types for persons, the default one first."""
        if "RecordType" not in self.schema or "IsPersonType" not in self.schema["RecordType"].columns:
            return []
        with self.cursor() as cursor:
            sql = (
                "select Id from \"RecordType\" where SobjectType = 'Account' and IsPersonType and IsActive order by Id"
            )
            return [one for (one,) in cursor.execute(sql).fetchall()]

    # The schema: a custom field of Contact is one of Account too

    def add_field(self, name: str, field: Json) -> None:
        super().add_field(name, field)
        self._show_on_account(name, field["name"])

    def drop_field(self, name: str, field: str) -> None:
        shown = self._shown(name, field)
        super().drop_field(name, field)
        if shown:
            super().drop_field("Account", shown)

    def retype_field(self, name: str, field: str, kind: str, **attributes: object) -> None:
        super().retype_field(name, field, kind, **attributes)
        shown = self._shown(name, field)
        if shown:
            super().retype_field("Account", shown, kind, **attributes)

    def hidden_fields(self, name: str, user: str | None) -> set[str]:
        """What is hidden of a contact is hidden of the account that shows it."""
        hidden = super().hidden_fields(name, user)
        if self.schema[name].name != "Account" or not self.has_persons:
            return hidden
        of_contact = super().hidden_fields("Contact", user)
        both = persons.pairs(persons.personal(self.schema["Account"].fields), of_contact)
        return hidden | both.keys()

    def hidden_records(self, name: str, user: str | None) -> list[str]:
        """Whoever does not see an account that is a person does not see its contact."""
        hidden = super().hidden_records(name, user)
        if name == "Contact" and self.has_persons:
            accounts = super().hidden_records("Account", user)
            hidden += [f'{FLAG} and AccountId in (select Id from "Account" where {one})' for one in accounts]
        return hidden

    def _show_on_account(self, name: str, field: str) -> None:
        described = self.schema[name].fields[field]
        if self.schema[name].name == "Contact" and self.has_persons and described["custom"]:
            super().add_field("Account", persons.person_field(described))

    def _shown(self, name: str, field: str) -> str | None:
        """Return the account's name of a custom field of Contact, if it has it."""
        shown = persons.account_name(field) if self.schema[name].name == "Contact" and field.endswith("__c") else None
        return shown if shown and shown in self.schema["Account"].fields else None

    # The records

    def told_persons(self, name: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return new records, the accounts that are persons among them with type, flag and the id of their contact."""
        if self.schema[name].name != "Account" or not self.has_persons:
            return records
        types = self.person_types()
        are = [persons.is_person(record, types) for record in records]
        numbers = count(self.reserve_ids("Contact", sum(are)))
        prefix, default = self.schema["Contact"].prefix, types[0] if types else None
        return [
            {"RecordTypeId": default, LINK: record_id(prefix, next(numbers)), **record, FLAG: True}
            if is_one
            else record
            for is_one, record in zip(are, records, strict=True)
        ]

    def complete(self, cursor: duckdb.DuckDBPyConnection, name: str, condition: str, *parameters: object) -> int:
        """Make the other halves of the persons of one object (`s`) for which a SQL condition holds; tell how many."""
        source, target = self.schema[name], self.schema[_OTHER[name]]
        flags = {field: "false" for field, kind in target.columns.items() if kind == "boolean"}
        values = {**flags, **self._followed(name, (*_STAMPS, *_BIRTH))}
        if name == "Account":
            values |= {"Id": LINK, "AccountId": "Id"}
        else:
            types = self.person_types()
            master = '(select m.AccountId from "Contact" as m where m.Id = s.MasterRecordId)'
            values |= {LINK: "Id", "Id": "AccountId", "MasterRecordId": master}
            values |= {"RecordTypeId": text(types[0])} if types else {}
        listed = ", ".join(f"{sql} as {quote(field)}" for field, sql in values.items())
        made = cursor.execute(
            f"insert into {quote(target.name)} by name select {listed} from {quote(source.name)} as s"
            f" where {FLAG} and {condition}",
            list(parameters),
        ).fetchone()
        return int(made[0]) if made else 0

    def follow(self, name: str, records: Collection[str], fields: Collection[str] = ()) -> None:
        """Give the other halves of changed records the values of these fields, and the stamps."""
        name = self.schema[name].name
        if name not in _OTHER or not records or not self.has_persons:
            return
        wanted = {quote(field) for field in (*fields, *_STAMPS)}
        followed = self._followed(name, _STAMPS).items()
        sets = ", ".join(f"{quote(target)} = s.{sql}" for target, sql in followed if sql in wanted)
        joined = "t.Id = s.AccountId" if name == "Contact" else f"t.Id = s.{LINK}"
        with self.writing, self.cursor() as cursor:
            cursor.execute(
                f"update {quote(_OTHER[name])} as t set {sets} from {quote(name)} as s"
                f" where {joined} and s.{FLAG} and s.Id in (select unnest(?))",
                [list(records)],
            )

    def _followed(self, name: str, alike: Sequence[str]) -> dict[str, str]:
        """Return for each field of the other half that is the same the quoted column of this one."""
        account, contact = self.schema["Account"].columns, self.schema["Contact"].columns
        both = persons.pairs(account, contact) | {field: field for field in alike}
        if name == "Account":
            return {other: quote(field) for field, other in both.items()}
        return {field: quote(other) for field, other in both.items()}

    def contacts_of(self, name: str, records: Collection[str]) -> dict[str, str]:
        """Return the contacts of those accounts that are persons."""
        if name != "Account" or not self.has_persons:
            return {}
        with self.cursor() as cursor:
            sql = f'select Id, {LINK} from "Account" where {FLAG} and Id in (select unnest(?))'
            return dict(cursor.execute(sql, [list(records)]).fetchall())

    def whole_persons(self, name: str, records: Sequence[str], condition: str) -> tuple[list[str], list[str]]:
        """Part contacts into the accounts (`a`, if a condition holds) of those that are half a person, and the rest."""
        if self.schema[name].name != "Contact" or not records or not self.has_persons:
            return [], list(records)
        with self.cursor() as cursor:
            rows = cursor.execute(
                f'select c.Id, a.Id from "Contact" as c join "Account" as a on a.Id = c.AccountId'
                f" where c.{FLAG} and {condition} and c.Id in (select unnest(?))",
                [list(records)],
            ).fetchall()
        halves = {half for half, _ in rows}
        return [account for _, account in rows], [one for one in records if one not in halves]
