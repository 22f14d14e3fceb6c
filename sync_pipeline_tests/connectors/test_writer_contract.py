"""The writers' contract, kept by Salesforce on the sandbox, record by record and in bulk, and by one in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.records import Value
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import app_credentials
from sync_pipeline_tests.connectors.memory_writer import MemoryWriter
from sync_pipeline_tests.connectors.writer_contract import Finder, System, WriterContract

CONTACT = catalog.by_name("contact", catalog.objects("salesforce"))
INVOICE = catalog.by_name("Invoice__c", catalog.objects("salesforce", ("Invoice__c",)))


class Names:
    """The objects and fields of the contract in Salesforce."""

    person: Object = CONTACT
    keyed: Object = INVOICE
    required = "LastName"
    text = "Description"
    flag = "DoNotCall"
    key = "External_Number__c"
    number = "Amount__c"


class InMemory(Names):
    def __init__(self) -> None:
        self.memory = MemoryWriter()
        self.memory.require(CONTACT, "LastName")
        self.writer: Finder = self.memory

    def insert(self, obj: Object, values: Mapping[str, Value]) -> str:
        return self.memory.insert(obj.source, values)

    def read(self, obj: Object, record_id: str) -> Mapping[str, object] | None:
        return None if record_id in self.memory.deleted else self.memory.records[obj.source][record_id]

    def count(self, obj: Object) -> int:
        return len(self.memory.records[obj.source].keys() - self.memory.deleted)

    def forbid(self, field: str, value: str) -> None:
        self.memory.forbid(CONTACT, field, value)

    def lock(self, tries: int) -> None:
        self.memory.locks = tries

    @contextmanager
    def lose_answers(self) -> Iterator[None]:
        self.memory.loses_answers = True
        yield
        self.memory.loses_answers = False

    def pass_seconds(self, seconds: float) -> None:
        self.memory.at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.memory.at


class TestInMemory(WriterContract):
    @pytest.fixture
    def system(self) -> System:
        return InMemory()


class OnSandbox(Names):
    """A sandbox org whose clock moves only when told to."""

    def __init__(self, ingest_from: int) -> None:
        self._at = datetime.now(UTC).replace(microsecond=0)
        self.org = Org.open(clock=lambda: self._at)
        self.sandbox = Sandbox(self.org)
        self.sandbox.__enter__()
        org = Salesforce(Credentials(**app_credentials(self.sandbox)), first_wait=0.01)
        self.writer: Finder = SalesforceWriter(org, ingest_from=ingest_from, sleep=briefly)

    def close(self) -> None:
        self.sandbox.close()
        self.org.close()

    def insert(self, obj: Object, values: Mapping[str, Value]) -> str:
        return self.org.insert(obj.source, [values])[0]

    def read(self, obj: Object, record_id: str) -> Mapping[str, object] | None:
        record = self.org.record(obj.source, record_id)
        return None if record is None or record["IsDeleted"] else record

    def count(self, obj: Object) -> int:
        with self.org.cursor() as cursor:
            found = cursor.execute(f'select count(*) from "{obj.source}" where not "IsDeleted"').fetchone()
        return int(found[0]) if found else 0

    def forbid(self, field: str, value: str) -> None:
        self.org.rules.validate("Contact", lambda record: record[field] == value, "Not this: it is odd", field)

    def lock(self, tries: int) -> None:
        self.sandbox.faults.add("lock", times=tries)

    @contextmanager
    def lose_answers(self) -> Iterator[None]:
        """Break off each answer to a write by REST, and each about a bulk job that has its file."""
        self.sandbox.faults.add("drop", path="*/composite/sobjects", times=None, after_bytes=10)
        self.sandbox.faults.add("drop", path=f"*/jobs/ingest/{'?' * 18}", times=None, after_bytes=10, skip=2)
        yield
        self.sandbox.faults.clear()

    def pass_seconds(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._at


def briefly(seconds: float) -> None:
    time.sleep(min(seconds, 0.01))


class TestSalesforceByCollections(WriterContract):
    @pytest.fixture
    def system(self) -> Iterator[System]:
        system = OnSandbox(ingest_from=1_000_000)
        yield system
        system.close()


class TestSalesforceByIngest(WriterContract):
    @pytest.fixture
    def system(self) -> Iterator[System]:
        system = OnSandbox(ingest_from=1)
        yield system
        system.close()
