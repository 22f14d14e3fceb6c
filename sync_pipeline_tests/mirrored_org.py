"""A small org that is mirrored, of Salesforce or of Veeva."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from sync_pipeline import catalog
from sync_pipeline.catalog.salesforce import names
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.org.schema import Schema
from sync_pipeline_tests.mirrored import Mirrored
from sync_pipeline_tests.mortal import ByBulk
from sync_pipeline_tests.pipeline import differences

THING = {
    "name": "Thing__c",
    "label": "Thing",
    "labelPlural": "Things",
    "keyPrefix": "a0T",
    "fields": [
        {"name": "Id", "type": "id"},
        {"name": "IsDeleted", "type": "boolean"},
        {"name": "Name", "type": "string"},
        {"name": "Account__c", "type": "reference", "referenceTo": ["Account"]},
        {"name": "Note__c", "type": "string"},
        {"name": "Spare__c", "type": "string"},
        {"name": "Count__c", "type": "int"},
        {"name": "CreatedDate", "type": "datetime"},
        {"name": "LastModifiedDate", "type": "datetime"},
        {"name": "LastModifiedById", "type": "reference", "referenceTo": ["User"]},
        {"name": "SystemModstamp", "type": "datetime"},
    ],
}
# Of the standard objects a few fields are enough: those that edits, merges and conversions touch.
FIELDS = frozenset(
    names(
        "Id IsDeleted MasterRecordId Name FirstName LastName Company Status Email Phone AccountId ParentId OwnerId "
        "Username AnnualRevenue NumberOfEmployees IsConverted ConvertedDate ConvertedAccountId ConvertedContactId "
        "ConvertedOpportunityId IsUnreadByOwner CreatedDate CreatedById LastModifiedDate LastModifiedById "
        "SystemModstamp"
    )
)
STANDARD = ("Account", "Contact", "Lead", "Opportunity", "Organization", "User")
CALL, MESSAGE = "Call2_vod__c", "Call2_Key_Message_vod__c"
OF_VEEVA = ("Account", "Contact", "Organization", "User", "RecordType", CALL, MESSAGE)
FIELDS_OF_VEEVA = FIELDS | set(
    names(
        "IsPersonAccount PersonContactId PersonEmail RecordTypeId DeveloperName SobjectType IsPersonType IsActive "
        "Account_vod__c Parent_Call_vod__c Is_Parent_Call_vod__c Call2_vod__c Next_Call_Notes_vod__c "
        "Key_Message_Name_vod__c"
    )
)
PAGE_ROWS = 200  # the smallest page that the org gives
THINGS = 450


def mirrored(crm: str, *sources: str) -> tuple[Object, ...]:
    return tuple(obj for obj in catalog.objects(crm, ("Thing__c",)) if obj.source in (*sources, "Thing__c"))


def small_schema(whole: Schema, objects: Collection[str], fields: Collection[str]) -> Schema:
    described = [found.describe for found in whole if found.name in objects]
    kept = [{**one, "fields": [f for f in one["fields"] if f["name"] in fields]} for one in described]
    return Schema([*kept, THING])


class MirroredOrg(Mirrored):
    """An org of a few people and some pages of things."""

    objects = mirrored("salesforce", "Account", "Contact", "Lead")
    sandbox: Sandbox

    def serve(self, stack: ExitStack) -> None:
        self.database = self.org = stack.enter_context(Org.open(clock=self.clock, schema=self.schema()))
        self.fill()
        self.org.insert("Thing__c", [{"Name": f"t{i}", "Count__c": i} for i in range(THINGS)])
        self.sandbox = stack.enter_context(Sandbox(self.org))

    def schema(self) -> Schema:
        return small_schema(Schema.standard(), STANDARD, FIELDS)

    def fill(self) -> None:
        accounts = self.org.insert("Account", [{"Name": name} for name in ("Acme", "Beta", "Ceta")])
        self.org.insert("Contact", [{"LastName": f"c{i}", "AccountId": account} for i, account in enumerate(accounts)])
        self.org.insert("Lead", [{"LastName": f"l{i}", "Company": "Co"} for i in range(3)])

    def new_process(self) -> None:
        sandbox, env = self.sandbox, self.sandbox.env()
        credentials = Credentials(sandbox.url, env["SALESFORCE_CLIENT_ID"], env["SALESFORCE_CLIENT_SECRET"])
        how: dict[str, Any] = {"system": env["CRM"], "first_wait": 0.001, "page_rows": PAGE_ROWS}
        self._by_rest, self._by_bulk = Salesforce(credentials, **how), ByBulk(credentials, **how)

    def new_day(self) -> None:
        self.sandbox.sessions.new_day()

    def connector(self, bulk: bool) -> Connector:
        return self._by_bulk if bulk else self._by_rest

    def unlike(self, obj: Object, without: Collection[str], before: datetime | None) -> list[str]:
        return differences(self.org, self.lake, obj, without=without, before=before)


class MirroredVeeva(MirroredOrg):
    """A Veeva org of a few person accounts, each with a call and its key message, and some pages of things."""

    objects = mirrored("veeva", "Account", CALL, MESSAGE)

    def schema(self) -> Schema:
        return small_schema(Schema.veeva(), OF_VEEVA, FIELDS_OF_VEEVA)

    def fill(self) -> None:
        people = self.org.insert("Account", [{"LastName": f"p{i}"} for i in range(3)])
        calls = self.org.insert(CALL, [{"Account_vod__c": person} for person in people])
        self.org.insert(MESSAGE, [{"Call2_vod__c": call} for call in calls])
