"""dlt's Salesforce source, by Bulk API 1 into DuckDB; the recycle bin is read too."""

from __future__ import annotations

from pathlib import Path

from interop.clients import Client
from interop.environments import Python
from interop.salesforce.rows import equal
from interop.salesforce.stage import OrgStage, stage

HERE = Path(__file__).parent
OBJECTS = ("Contact", "Lead", "Campaign", "User", "Invoice__c")


def load(stage: OrgStage) -> str:
    stage.needs_bulk_1()
    tables = stage.records([stage.tools / "python", HERE / "speak.py"])
    return "; ".join(equal(stage.org, name, tables.get(name, []), deleted=True, bulk=True) for name in OBJECTS)


CLIENT = Client("dlt-salesforce", Python(HERE / "requirements.txt"), stage, {"load by Bulk 1 into DuckDB": load})
