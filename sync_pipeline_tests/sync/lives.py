"""Leads and contacts of a CRM and the people they are in Marketo, in memory, with all that can happen to them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from sync_pipeline.connectors.records import Operation, Value
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Describe, Direction, Field, Mapping, Object, Pairing, Rule
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.peopled import Peopled
from sync_pipeline_tests.sync.world import CRM_FIELDS, MAPPINGS, MARKETO_FIELDS

numbers = count()
MASTER = Field("MasterRecordId", "reference", length=18, updateable=False)
CONTACT = (*CRM_FIELDS, MASTER)
LEAD = (*CONTACT, Field("IsConverted", "boolean"), Field("ConvertedContactId", "reference", length=18))
PERSON = (
    *MARKETO_FIELDS,
    Field("isDeleted", "boolean", updateable=False),
    Field("mergedInto", "integer", updateable=False),
    Field("inCrmDeleted", "boolean"),
    Field("demoScore", "integer"),
)
FLAG = Mapping("IsDeleted", "inCrmDeleted", "Deleted", Direction.CRM_TO_MARKETO, rule=Rule.CRM_ONLY)
OWNER = Mapping("OwnerId", "externalSalesPersonId", "Owner", Direction.CRM_TO_MARKETO, rule=Rule.CRM_ONLY)


def paired(deletes: bool = False) -> tuple[Pairing, Pairing]:
    """Return the pairings of contacts and of leads, under names that are used once, so that tests can share a lake."""
    number = next(numbers)
    contact = Object("salesforce", "Contact", f"contact_of_{number}", "", rule=Rule.CRM_WINS)
    lead = Object("salesforce", "Lead", f"lead_of_{number}", "", rule=Rule.MARKETO_WINS)
    person = Object("marketo", "lead", f"person_of_{number}", "", key="id", stamp="updatedAt", deleted="isDeleted",
                    master="mergedInto", tombstones=True)  # fmt: skip
    of = Pairing(contact, person, "externalPersonId", (*MAPPINGS, FLAG, OWNER), deletes=deletes, merges=True)
    became = (contact.name, "ConvertedContactId")
    return of, replace(of, crm=lead, alive='"IsConverted" is distinct from true', becomes=became)


class Lives(Peopled):
    """A Salesforce org and people alone. `contact` and `lead` make a record; it is a person after the next cycle."""

    sources = ("Contact", "Lead")
    two_way: ClassVar = {
        "lastName": "LastName",
        "phone": "Phone",
        "unsubscribed": "HasOptedOutOfEmail",
        "leadSource": "LeadSource",
    }
    one_way: ClassVar = {"externalSalesPersonId": "OwnerId"}
    owners = ("005000000000001AAA", "005000000000002AAA")

    def __init__(self, lake: Lake, folder: Path, deletes: bool = False) -> None:
        self.of_contacts, self.of_leads = paired(deletes)
        sides = {
            "Contact": Describe("Contact", CONTACT),
            "Lead": Describe("Lead", LEAD),
            "lead": Describe("lead", PERSON),
        }
        super().__init__(lake, folder, (self.of_contacts, self.of_leads), sides)
        self.contacts, self.leads = self.crm["Contact"], self.crm["Lead"]

    def contact(self, **values: Value) -> str:
        return self.contacts.edit(None, **{"LastName": "Ada", "HasOptedOutOfEmail": False, **values})

    def lead(self, **values: Value) -> str:
        return self.leads.edit(None, **{"LastName": "Ada", "HasOptedOutOfEmail": False, **values})

    def convert(self, lead: str, contact: str) -> None:
        self.leads.edit(lead, IsConverted=True, ConvertedContactId=contact)

    def hire(self, source: str) -> str:
        return self.contact() if source == "Contact" else self.lead()

    def takes_part(self, source: str, crm_id: str) -> bool:
        return not self.crm[source].records[crm_id].get("IsConverted")

    def qualify(self, which: int, into: int) -> None:
        """Convert a lead into a contact, a new one every third time."""
        contact = self.pick("Contact", into) if into % 3 else self.contact()
        if (lead := self.pick("Lead", which)) and contact:
            self.convert(lead, contact)

    scenes = (qualify,)

    def links(self, *columns: str) -> list[tuple[Any, ...]]:
        names = f"'{self.of_contacts.name}', '{self.of_leads.name}'"
        query = f"select {', '.join(columns)} from {ledger.table('link')} where pairing in ({names}) order by all"
        return self.lake.rows(query)

    def ends(self) -> dict[str, str | None]:
        """Return why the link of each CRM record ended, None where it is open; of several links the last."""
        return {crm_id: because for crm_id, _, because in self.links("crm_id", "linked_at", "ended_because")}

    def asked(self, side: str, *operations: Operation) -> list[Operation]:
        """Return the operations of this kind that were asked of a side."""
        return [operation for _, operation in getattr(self, side).order if operation in operations]

    def pass_with(self, **rules: Any) -> dict[str, Synced]:
        return self.cycle(replace(SyncPolicy(), **rules))
