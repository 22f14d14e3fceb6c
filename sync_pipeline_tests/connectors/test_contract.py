"""The contract, kept by Salesforce on the sandbox and by a connector in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors import memory
from sync_pipeline_tests.connectors.conftest import app_credentials
from sync_pipeline_tests.connectors.contract import ConnectorContract, System

ACCOUNT = catalog.by_name("account", catalog.objects("salesforce"))


@dataclass
class InMemory:
    org: memory.Org = field(default_factory=lambda: memory.Org(ACCOUNT.source))
    obj: Object = ACCOUNT

    def __post_init__(self) -> None:
        self.connector: Connector = memory.Memory(self.org)

    def insert(self, name: str, description: str | None = None) -> str:
        return self.org.insert(Name=name, Description=description)

    def delete(self, record_id: str) -> None:
        self.org.delete(record_id)

    def pass_seconds(self, seconds: float) -> None:
        self.org.at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.org.at


class TestInMemory(ConnectorContract):
    @pytest.fixture
    def system(self) -> System:
        return InMemory()


class OnSandbox:
    """Accounts of a sandbox org whose clock moves only when told to."""

    obj = ACCOUNT

    def __init__(self, bulk_from: int) -> None:
        self._at = datetime.now(UTC).replace(microsecond=0)
        self.org = Org.open(clock=lambda: self._at)
        self.sandbox = Sandbox(self.org)
        self.sandbox.__enter__()
        self.connector: Connector = Salesforce(
            Credentials(**app_credentials(self.sandbox)), bulk_from=bulk_from, first_wait=0.01
        )

    def close(self) -> None:
        self.sandbox.close()
        self.org.close()

    def insert(self, name: str, description: str | None = None) -> str:
        (record_id,) = self.org.insert("Account", [{"Name": name, "Description": description}])
        return record_id

    def delete(self, record_id: str) -> None:
        self.org.delete("Account", [record_id])

    def pass_seconds(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._at


class TestSalesforceByRest(ConnectorContract):
    @pytest.fixture
    def system(self) -> Iterator[System]:
        system = OnSandbox(bulk_from=1_000_000)
        yield system
        system.close()
