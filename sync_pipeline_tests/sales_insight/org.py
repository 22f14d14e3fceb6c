"""A CRM, a Marketo and the links between them as plain tables of a lake, for tests of what is made of them.

Records are given as the mirrors keep them; each edit happens a minute after the one before it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.model import id18
from sync_pipeline.sales_insight import feed
from sync_pipeline.sales_insight.duplicates_report import DUPLICATES, Report, report
from sync_pipeline.sales_insight.feed import Fed, Options
from sync_pipeline.sales_insight.people_changes import CHANGES, PEOPLE

Value = str | int | bool | datetime | None
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TEXT, NUMBER, TRUTH, STAMP, DAY = "varchar", "bigint", "boolean", "timestamptz", "date"
USER, QUEUE = "005000000000001AAA", "00G000000000001AAA"

TABLES: dict[str, dict[str, str]] = {
    "salesforce.contact": {
        "Id": TEXT, "AccountId": TEXT, "OwnerId": TEXT, "Email": TEXT, "CreatedDate": STAMP, "LastActivityDate": DAY,
        "HasOptedOutOfEmail": TRUTH, "MasterRecordId": TEXT,
    },
    "salesforce.lead": {
        "Id": TEXT, "OwnerId": TEXT, "IsConverted": TRUTH, "Email": TEXT, "CreatedDate": STAMP, "LastActivityDate": DAY,
        "HasOptedOutOfEmail": TRUTH, "MasterRecordId": TEXT, "ConvertedContactId": TEXT,
    },
    "salesforce.opportunity": {"Id": TEXT, "IsClosed": TRUTH, "SystemModstamp": STAMP},
    "salesforce.opportunity_contact_role": {"Id": TEXT, "ContactId": TEXT, "OpportunityId": TEXT, "IsPrimary": TRUTH},
    "salesforce.task": {
        "Id": TEXT, "WhoId": TEXT, "OwnerId": TEXT, "Subject": TEXT, "Status": TEXT, "Priority": TEXT,
        "ActivityDate": DAY, "Description": TEXT, "TaskSubtype": TEXT, "IsRecurrence": TRUTH, "LastModifiedDate": STAMP,
    },
    "marketo.person": {
        "id": NUMBER, "firstName": TEXT, "lastName": TEXT, "company": TEXT, "title": TEXT, "email": TEXT, "phone": TEXT,
        "linkedInProfileURL": TEXT, "leadSource": TEXT, "leadScore": NUMBER, "externalSalesPersonId": TEXT,
        "externalCompanyId": TEXT, "createdAt": STAMP, "updatedAt": STAMP, "isDeleted": TRUTH, "mergedInto": NUMBER,
    },
    "marketo.activity": {"marketoGUID": TEXT, "leadId": NUMBER, "activityDate": STAMP},
}  # fmt: skip


class Mirrored:
    """The mirrors, and the feed that is made of them."""

    def __init__(
        self, lake: Lake, hidden: dict[str, set[str]] | None = None, tables: dict[str, dict[str, str]] = TABLES
    ) -> None:
        self.lake = lake
        self.minute = 0
        self.options = Options()
        self._kinds = {
            name: {column: kind for column, kind in kinds.items() if column not in (hidden or {}).get(name, set())}
            for name, kinds in tables.items()
        }
        with lake.transaction() as con:
            for name, kinds in self._kinds.items():
                self._create(con, name, kinds)

    def _create(self, con: Connection, name: str, kinds: dict[str, str]) -> None:
        schema, _, bare = name.partition(".")
        con.execute(f"create schema if not exists {quoted('lake', schema)}")
        columns = {**kinds, table.SYNCED_AT: STAMP, table.DELETED_AT: STAMP}
        con.execute(
            f"create table {table.full_name(schema, bare)} ({commas(f'{quoted(n)} {k}' for n, k in columns.items())})"
        )

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(minutes=self.minute)

    def put(self, name: str, key: Value, **values: Value) -> None:
        """Make a record of a mirror, or change the values that are given."""
        self.minute += 1
        with self.lake.transaction() as con:
            self._put(con, name, key, values)

    def _put(self, con: Connection, name: str, key: Value, given: dict[str, Value]) -> None:
        id_column, full = next(iter(self._kinds[name])), table.full_name(*name.split("."))
        values = {**given, id_column: key, table.SYNCED_AT: self.now}
        if con.execute(f"select 1 from {full} where {quoted(id_column)} = ?", [key]).fetchone():
            sets = commas(f"{quoted(column)} = ?" for column in values)
            con.execute(f"update {full} set {sets} where {quoted(id_column)} = ?", [*values.values(), key])
        else:
            places = commas("?" for _ in values)
            con.execute(f"insert into {full} ({commas(map(quoted, values))}) values ({places})", list(values.values()))

    def person(self, key: int, **values: Value) -> None:
        self.put("marketo.person", key, **values)

    def contact(self, key: str, **values: Value) -> None:
        self.put("salesforce.contact", key, **values)

    def lead(self, key: str, **values: Value) -> None:
        self.put("salesforce.lead", key, **values)

    def role(self, contact: str, opportunity: str, primary: bool = False, **values: Value) -> None:
        names: dict[str, Value] = {"ContactId": contact, "OpportunityId": opportunity, "IsPrimary": primary}
        self.put("salesforce.opportunity_contact_role", f"{contact}/{opportunity}", **{**names, **values})

    def opportunity(self, key: str, closed: bool = False, **values: Value) -> None:
        stamp = {"SystemModstamp": self.now}
        self.put("salesforce.opportunity", key, **{"IsClosed": closed, **stamp, **values})

    def link(self, pairing: str, crm_id: str, person: int) -> None:
        self.minute += 1
        with self.lake.transaction() as con:
            self._link(con, pairing, crm_id, person)

    def _link(self, con: Connection, pairing: str, crm_id: str, person: int) -> None:
        con.execute(
            f"insert into {ledger.table('link')} by name select ? as pairing, ? as crm_id, "
            "'person' as marketo_object, ? as marketo_id, ?::timestamptz as linked_at "
            f"where not exists (from {ledger.table('link')} where crm_id = ? and ended_at is null)",
            [pairing, crm_id, str(person), self.now, crm_id],
        )

    def unlink(self, crm_id: str) -> None:
        self.minute += 1
        with self.lake.transaction() as con:
            con.execute(f"update {ledger.table('link')} set ended_at = ? where crm_id = ?", [self.now, crm_id])

    def united(self, side: str, loser: str, winner: str, verdict: str = "accepted") -> None:
        """Have the sync merged or converted a record itself, which no mirror tells yet."""
        own = "marketo_id" if side == "marketo" else "crm_id"
        with self.lake.transaction() as con:
            con.execute(
                f"insert into {ledger.table('outbox')} by name select ? as write_id, ? as side, 'lead' as pairing, "
                f"'merge' as operation, ? as {own}, ? as into_id", [f"{loser}{verdict}", side, loser, winner],
            )  # fmt: skip
            con.execute(
                f"insert into {ledger.table('write_result')} by name select ? as write_id, ? as verdict, "
                "?::timestamptz as answered_at", [f"{loser}{verdict}", verdict, BEGIN],
            )  # fmt: skip

    def linked(self, person: int, pairing: str = "contact", owner: str = USER, **values: Value) -> str:
        """Make a person linked to a lead or contact of its own; return the CRM id."""
        crm_id = id18(f"{'003' if pairing == 'contact' else '00Q'}{person:012d}")
        self.minute += 1
        with self.lake.transaction() as con:
            self._put(con, f"salesforce.{pairing}", crm_id, {"OwnerId": owner, "Email": values.get("email")})
            self._put(con, "marketo.person", person, values)
            self._link(con, pairing, crm_id, person)
        return crm_id

    def activity(self, person: int) -> datetime:
        """Let a person do something; return when."""
        self.put("marketo.activity", f"{person}/{self.minute}", leadId=person, activityDate=self.now)
        return self.now - timedelta(minutes=1)

    def report(self, whole: bool = False) -> Report:
        self.minute += 1
        return report(self.lake, self.options.crm, self.now, whole)

    def doubles(self, columns: str = "email, record_id") -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select {columns} from {DUPLICATES} order by email, system, record_id")

    def start(self) -> Fed:
        self.minute += 1
        return feed.start(self.lake, self.options, f"run{self.minute}", self.now)

    def increment(self) -> Fed:
        self.minute += 1
        return feed.increment(self.lake, self.options, f"run{self.minute}", self.now)

    def fed(self, columns: str = "marketo_id") -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select {columns} from {PEOPLE} order by marketo_id")

    def changes(self, columns: str = "marketo_id, _change") -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select {columns} from {CHANGES} order by _detected_at, marketo_id")
