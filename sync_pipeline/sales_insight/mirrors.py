"""Which mirrors and columns there are: a hidden field gives null and a notice, a missing mirror no records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, SYNCED_AT, full_name

# What is read, by table; the type is that of a null in a column's place.
MARKETO = "marketo"
MARKETO_TABLES = ("person", "activity")
TEXT, TRUTH, STAMP = "varchar", "boolean", "timestamptz"
PERSON = {
    "id": "bigint", "email": TEXT, "mergedInto": "bigint", "createdAt": STAMP,
    "externalSalesPersonId": TEXT, "externalCompanyId": TEXT,
}  # fmt: skip
CRM_TABLES: dict[str, dict[str, str]] = {
    "contact": {
        "Id": TEXT, "AccountId": TEXT, "OwnerId": TEXT, "Email": TEXT, "CreatedDate": STAMP, "LastActivityDate": "date",
    },
    "lead": {
        "Id": TEXT, "OwnerId": TEXT, "IsConverted": TRUTH, "Email": TEXT, "CreatedDate": STAMP,
        "LastActivityDate": "date",
    },
    "opportunity": {"Id": TEXT, "IsClosed": TRUTH, "SystemModstamp": STAMP},
    "opportunity_contact_role": {"ContactId": TEXT, "OpportunityId": TEXT, "IsPrimary": TRUTH},
}  # fmt: skip
# What besides is read for the activities of people.
EVENT = {
    "Id": TEXT, "WhoId": TEXT, "OwnerId": TEXT, "Subject": TEXT, "ActivityDate": "date", "Description": TEXT,
    "CreatedDate": STAMP, "LastModifiedDate": STAMP,
}  # fmt: skip
MORE_CRM_TABLES: dict[str, dict[str, str]] = {
    "user": {"Id": TEXT, "Name": TEXT, "Email": TEXT, "Username": TEXT, "IsActive": TRUTH},
    "task": {**EVENT, "Priority": TEXT, "Status": TEXT},
    "event": EVENT,
    "campaign": {"Id": TEXT, "Name": TEXT},
    "campaign_member": {
        "LeadId": TEXT, "ContactId": TEXT, "CampaignId": TEXT, "Status": TEXT, "HasResponded": TRUTH,
        "CreatedDate": STAMP, "LastModifiedDate": STAMP,
    },
}  # fmt: skip
ACTIVITY = {"leadId": "bigint", "activityDate": STAMP}


@dataclass(frozen=True)
class Mirrors:
    """The mirrors of one CRM and of Marketo as they are now.

    Attributes:
        crm: the CRM's schema.
        columns: the columns of each table, by schema and table; a table that is not there is not in it.
    """

    crm: str
    columns: Mapping[tuple[str, str], frozenset[str]]

    def has(self, name: str, column: str = SYNCED_AT) -> bool:
        return column in self.columns.get(self._table(name), frozenset())

    def records(self, name: str, wanted: Mapping[str, str]) -> str:
        """Return SQL for the wanted columns of all records of a mirror, and ours; null for what it lacks."""
        kinds = {**wanted, SYNCED_AT: STAMP, DELETED_AT: STAMP}
        selected = commas(
            f"{quoted(column)}::{kind} as {quoted(column)}"
            if self.has(name, column)
            else f"null::{kind} as {quoted(column)}"
            for column, kind in kinds.items()
        )
        there = self._table(name) in self.columns
        return f"(select {selected}{f' from {full_name(*self._table(name))}' if there else ' where false'})"

    def crm_records(self, name: str) -> str:
        return self.records(name, {**CRM_TABLES, **MORE_CRM_TABLES}[name])

    def synced_at(self, name: str) -> str:
        """Return SQL for the newest stamp of a mirror."""
        return f"select max({quoted(SYNCED_AT)}) from {full_name(*self._table(name))}"

    def _table(self, name: str) -> tuple[str, str]:
        return (MARKETO if name in MARKETO_TABLES else self.crm, name)


def look(con: duckdb.DuckDBPyConnection, crm: str) -> Mirrors:
    """Return the mirrors that are in the lake."""
    found = con.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns() "
        f"where database_name = 'lake' and schema_name in ({literal(crm)}, {literal(MARKETO)}) group by all"
    )
    return Mirrors(crm, {(schema, name): frozenset(columns) for schema, name, columns in found.fetchall()})


def links(pairings: str = "'contact', 'lead'") -> str:
    """Return SQL for the open links of people."""
    return (
        f"(select try_cast(marketo_id as bigint) as marketo_id, pairing, crm_id from {ledger.table('link')} "
        f"where ended_at is null and marketo_object = 'person' and pairing in ({pairings}))"
    )
