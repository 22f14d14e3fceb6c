"""Dagster's definitions over a small sandbox org whose clock only moves when told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from sync_pipeline.assembly import declarations
from sync_pipeline.lake import Lake
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline_tests.sandbox.conftest import Clock

FIRST_MONTH = "2025-12-01"


@dataclass
class Deployment:
    """What an analytics engineer has: definitions, an instance with history, and the org behind them."""

    org: Org
    clock: Clock
    sandbox: Sandbox
    overrides: dict[str, str]
    instance: dg.DagsterInstance

    @property
    def sync(self) -> SyncResource:
        return SyncResource(overrides=self.overrides)

    @property
    def definitions(self) -> dg.Definitions:
        settings = self.sync.settings()
        return definitions(declarations.objects(settings), settings, self.sync, declarations.pairings(settings))

    def run(self, job: str, **options: object) -> dg.ExecuteInProcessResult:
        """Run a job in this process, on the newest month where it has partitions."""
        found = self.definitions.resolve_job_def(job)
        if found.partitions_def and "tags" not in options:
            options["partition_key"] = found.partitions_def.get_last_partition_key()
        return found.execute_in_process(instance=self.instance, raise_on_error=False, **options)  # type: ignore[arg-type]

    def lake(self) -> Lake:
        return Lake.open(self.overrides["lake_catalog"], self.overrides["lake_data"], read_only=True)


@contextmanager
def deployed(folder: Path, schema: Schema | None = None) -> Iterator[Deployment]:
    """Give a deployment whose lake is in a folder, which is the working folder meanwhile."""
    clock = Clock()
    with (
        chdir(folder),  # a developer's own .env must not reach the test
        Org.open(None, schema, clock) as org,
        Sandbox(org) as sandbox,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        overrides = {name.lower(): value for name, value in sandbox.env().items()}
        overrides |= {
            "lake_catalog": str(folder / "catalog.sqlite"),
            "lake_data": str(folder / "files"),
            "lake_landing": str(folder / "landing"),
            "sync_first_month": FIRST_MONTH,
        }
        yield Deployment(org, clock, sandbox, overrides, instance)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment
