"""A real organization, through Dagster: every record and every value of the NPSP data set arrives in the lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from sync_pipeline.assembly import declarations
from sync_pipeline.lake import Lake, table
from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Object
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.orchestration.partitions import monthly
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.population.load import load
from sync_pipeline_tests.npsp import NPSP, write_under_api_names
from sync_pipeline_tests.pipeline import differences, told
from sync_pipeline_tests.sandbox.conftest import Clock

pytestmark = pytest.mark.skipif(not NPSP.is_dir(), reason="the recorded data set is not on this machine")


@pytest.fixture
def counts(tmp_path: Path) -> dict[str, int]:
    (tmp_path / "npsp").mkdir()
    return {name: len(rows) for name, rows in write_under_api_names(tmp_path / "npsp").items()}


@pytest.fixture
def org(tmp_path: Path, counts: dict[str, int]) -> Iterator[Org]:
    """An org that took the data set in a minute ago, so that every window reaches over it."""
    clock = Clock()
    with Org.open(clock=clock) as org:
        assert load(org, tmp_path / "npsp") == dict(sorted(counts.items()))
        clock.pass_seconds(60)
        yield org


@pytest.fixture
def sync(org: Org, tmp_path: Path, counts: dict[str, int]) -> Iterator[SyncResource]:
    """What Dagster needs to sync the org, the objects that no catalog declares included."""
    with Sandbox(org) as sandbox:
        settings = {name.lower(): value for name, value in sandbox.env().items()}
        yield SyncResource(
            overrides={
                **settings,
                "lake_catalog": str(tmp_path / "catalog.sqlite"),
                "lake_data": str(tmp_path / "files"),
                "lake_landing": str(tmp_path / "landing"),
                "sync_custom_objects": ",".join(name for name in counts if name.endswith("__c")),
            }
        )


def test_every_record_and_value_of_the_npsp_org_arrives_through_dagster(
    org: Org, sync: SyncResource, counts: dict[str, int]
) -> None:
    objects = declarations.objects(sync.settings())
    run = run_job("cycle", sync, objects)
    assert run.success
    with sync.lake(read_only=True) as lake:
        loaded = [obj for obj in objects if obj.source in counts]
        assert {obj.source for obj in loaded} == set(counts)
        for obj in loaded:
            assert lake.rows(f"select count(*) from {full_name(*obj.table)}") == [(counts[obj.source],)]
            assert differences(org, lake, obj) == []
            assert fields_with_values(org, obj) <= set(mirror_columns(lake, obj))


def run_job(name: str, sync: SyncResource, objects: Sequence[Object]) -> dg.ExecuteInProcessResult:
    """Run a job of the definitions for the current month, in this process."""
    found = definitions(objects, sync.settings())
    with dg.DagsterInstance.ephemeral() as instance:
        job = found.resolve_job_def(name)
        month = monthly(sync.settings().sync_first_month).get_last_partition_key()
        return job.execute_in_process(instance=instance, resources={"sync": sync}, partition_key=month)


def fields_with_values(org: Org, obj: Object) -> set[str]:
    """Return the fields that the org itself has a value of: all that must not be missing from the mirror."""
    held = told(org, obj.source, sorted(org.schema[obj.source].columns))
    return {name for name, column in zip(held.column_names, held.columns, strict=True) if column.null_count < len(held)}


def mirror_columns(lake: Lake, obj: Object) -> Iterable[str]:
    with lake.reading() as con:
        return [*table.fields_kept(con, obj), *obj.unread]
