"""A CRM and a Marketo in memory for tests of flow actions; nothing is mirrored, as nothing needs to be."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Unpack

import pyarrow as pa

from sync_pipeline import catalog
from sync_pipeline.catalog import marketo, salesforce
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Extract, Page, Usage
from sync_pipeline.connectors.records import Answer, Operation, Record, Value
from sync_pipeline.connectors.salesforce.convert import Converted
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Describe, Field, Object, id18
from sync_pipeline.on_demand.actions import Outcome, Request, request
from sync_pipeline.on_demand.perform import Flow, Rules
from sync_pipeline.on_demand.sides import Conversion, Sides
from sync_pipeline_tests.connectors.memory_writer import MemoryWriter

PREFIXES = {"Account": "001", "Lead": "00Q", "Contact": "003", "Task": "00T", "CampaignMember": "00v"}
USER, OTHER_USER, QUEUE, CAMPAIGN = (
    id18(f"{prefix}00000000000{number}") for number, prefix in enumerate(("005", "005", "00G", "701"))
)
BEGIN = datetime(2026, 5, 17, 10, tzinfo=UTC)


def _fields(*names: str, **kinds: str) -> tuple[Field, ...]:
    return (*(Field(name, "string", length=255) for name in names), *(Field(n, kind) for n, kind in kinds.items()))


PERSON = ("Id", "LastName", "FirstName", "Email", "Phone", "OwnerId", "MasterRecordId")
DESCRIBES = {
    "Lead": _fields(*PERSON, "Company", "ConvertedContactId", SystemModstamp="datetime", IsDeleted="boolean",
                    IsConverted="boolean", HasOptedOutOfEmail="boolean", mkto71_Lead_Score__c="double"),
    "Contact": _fields(*PERSON, SystemModstamp="datetime", IsDeleted="boolean", HasOptedOutOfEmail="boolean",
                       mkto71_Lead_Score__c="double"),
}  # fmt: skip
IN_MARKETO = (
    Field("id", "integer", updateable=False), Field("updatedAt", "datetime", updateable=False),
    Field("externalPersonId", "string", length=255), Field("lastName", "string", "Last Name", 255),
    Field("firstName", "string", "First Name", 255), Field("email", "email", "Email Address", 255),
    Field("company", "string", "Company Name", 255), Field("phone", "phone", length=255),
    Field("unsubscribed", "boolean"), Field("leadScore", "integer"),
)  # fmt: skip


class Memory(MemoryWriter):
    """A system whose records can be read by id too; what is in `before` is raised instead of the next writes."""

    def __init__(self, system: str, at: datetime) -> None:
        super().__init__(at=at)
        self.system = system
        self.hidden: set[str] = set()
        self.reads = 0
        self.before: list[Exception] = []

    def metered(self) -> Memory:
        return self

    def usage(self) -> Usage:
        return Usage(self.reads + len(self.calls), 0)

    def now(self) -> datetime:
        return self.at

    def insert(self, source: str, values: Mapping[str, Value]) -> str:
        number = next(iter(self._numbers)) + 1
        record_id = id18(f"{PREFIXES[source]}{number:012d}") if self.system == "salesforce" else str(number)
        self.records.setdefault(source, {})[record_id] = dict(values)
        self.made_at[record_id] = self.at
        return record_id

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        if self.before:
            raise self.before.pop()
        return super().write(obj, operation, records, key)

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        self.reads += 1
        rows = [
            {**values, obj.key: one, obj.stamp: self.at.isoformat(), obj.deleted: one in self.deleted}
            for one, values in self.records.get(obj.source, {}).items()
            if one not in self.hidden and (self.system == "salesforce" or one not in self.deleted)
        ]
        # Marketo splits at commas whatever it is asked for, and compares without accents; both compare without case.
        asked = ",".join(ids).split(",") if self.system == "marketo" else ids
        wanted = {_folded(one, self.system) for one in asked}
        found = [row for row in rows if _folded(str(row.get(by or obj.key)), self.system) in wanted]
        columns = {name: pa.array([_text(row.get(name)) for row in found], pa.string()) for name in fields}
        batch = pa.record_batch(columns)
        return Extract(lambda: iter([Page("one", lambda: iter([batch] if found else []))]), -1)

    def convert(self, lead_id: str, converted_status: str, **wanted: Unpack[Conversion]) -> Converted:
        lead = self.records["Lead"][lead_id]
        if lead.get("IsConverted"):
            raise RejectedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        contact = self.insert("Contact", {**lead, "Wanted": str(wanted)})
        lead |= {"IsConverted": True, "ConvertedContactId": contact, "Status": converted_status}
        return Converted(lead_id, wanted["account_id"] or "001000000000001AAA", contact, wanted["opportunity_name"])


@dataclass
class FlowWorld:
    """People in Marketo, some of them leads or contacts; `ask` carries out a request."""

    lake: Lake
    at: datetime = BEGIN

    def __post_init__(self) -> None:
        self.crm, self.marketo = Memory("salesforce", self.at), Memory("marketo", self.at)
        self.pairings = [p for p in catalog.pairings() if p.name in ("lead", "contact")]
        self._ids = count()
        with self.lake.transaction() as con:
            for obj in (salesforce.LEAD, salesforce.CONTACT):
                ledger.remember_describe(con, obj, Describe(obj.source, DESCRIBES[obj.source]), self.at)
            ledger.remember_describe(con, marketo.PERSON, Describe("lead", IN_MARKETO), self.at)

    def flow(self, **rules: Any) -> Flow:
        sides = Sides(self.crm, self.crm, self.marketo)
        return Flow(self.lake, sides, self.pairings, Rules(**rules), sleep=self.pass_seconds)

    def pass_seconds(self, seconds: float) -> None:
        self.crm.at = self.marketo.at = self.crm.at + timedelta(seconds=seconds)

    def person(self, **values: Value) -> str:
        """Make a person that only Marketo knows."""
        return self.marketo.insert("lead", {"lastName": "Ada", "company": "Acme", "email": "ada@x.example", **values})

    def lead(self, source: str = "Lead", **values: Value) -> tuple[str, str]:
        """Make a person that is a lead, or a contact, and equal to it; return both ids."""
        person = self.person()
        same = {"LastName": "Ada", "Company": "Acme", "Email": "ada@x.example", "OwnerId": USER}
        crm_id = self.crm.insert(source, {**same, **values})
        agreed = {"lastName": "Ada", "company": "Acme", "email": "ada@x.example"}
        with self.lake.transaction() as con:
            con.execute(
                f"insert into {ledger.table('link')} by name select ? as pairing, ? as crm_id, "
                "'person' as marketo_object, ? as marketo_id, map(?::varchar[], ?::varchar[]) as agreed",
                [source.lower(), crm_id, person, list(agreed), list(agreed.values())],
            )
        self.marketo.records["lead"][person]["externalPersonId"] = crm_id
        self.marketo.calls.clear()
        return person, crm_id

    def ask(self, action: str, person: str, request_id: str = "", rules: Any = None, **given: object) -> Outcome:
        return self.flow(**(rules or {})).run(self.request(action, person, request_id, **given))

    def request(self, action: str, person: str, request_id: str = "", **given: object) -> Request:
        return request(request_id or f"r{next(self._ids)}", action, person, given)

    def written(self, source: str) -> list[dict[str, Value]]:
        """Return the living records of an object, in the order of their making."""
        return [v for one, v in self.crm.records.get(source, {}).items() if one not in self.crm.deleted]

    def links(self, person: str) -> list[tuple[Any, ...]]:
        return self.lake.rows(
            f"select pairing, crm_id from {ledger.table('link')} where marketo_id = ? and ended_at is null", [person]
        )


def _folded(text: str, system: str) -> str:
    bare = unicodedata.normalize("NFD", text) if system == "marketo" else text
    return "".join(sign for sign in bare if not unicodedata.combining(sign)).strip().lower()


def _text(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else str(value).lower()
