"""`definitions` loads without network and without secrets, and shows every declared object."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from sync_pipeline import catalog
from sync_pipeline.assembly import declarations
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.orchestration.partitions import monthly
from sync_pipeline.settings import Settings

OTHERS = (
    "salesforce/thing__c",
    "sync/lake_files",
    "actions/people",
    "actions/duplicates",
    "actions/unsubscribe",
    "marketo/person",
)
LOAD = """
import socket
def refuse(*_): raise AssertionError("definitions must load without the network")
socket.socket.connect = refuse
from sync_pipeline.definitions import defs
keys = sorted("/".join(k.path) for k in defs.resolve_all_asset_keys())
print(len(keys), "salesforce/contact" in keys, "salesforce/thing__c" in keys)
"""


def test_definitions_load_without_network_and_secrets(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SALESFORCE_", "LAKE_", "SYNC_"))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=tmp_path,
        env={**clean, "SYNC_CUSTOM_OBJECTS": "Thing__c"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(catalog.objects("salesforce")) + len(OTHERS)), "True", "True"]


def test_the_first_month_and_the_current_one_are_partitions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    months = monthly(Settings(sync_first_month="2026-01-15").sync_first_month)
    keys = months.get_partition_keys(current_time=datetime(2026, 3, 2, tzinfo=UTC))
    assert keys == ["2026-01-01", "2026-02-01", "2026-03-01"]


def test_every_mirror_has_description_owner_kinds_and_six_checks() -> None:
    from sync_pipeline.definitions import defs

    graph = defs.resolve_asset_graph()
    for obj in catalog.objects("salesforce"):
        node = graph.get(dg.AssetKey(list(obj.table)))
        assert node.description == obj.description
        assert node.owners
        assert node.kinds == {"salesforce", "duckdb", "parquet"}
        assert len(node.check_keys) == 6


@pytest.mark.parametrize("crm", ["salesforce", "veeva"])
def test_all_of_it_can_be_served_as_one_repository(crm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names that clash are found only when Dagster serves the whole, not when a job of it runs."""
    monkeypatch.chdir(tmp_path)
    systems = {"salesforce_client_id": "x", "salesforce_client_secret": "x", "marketo_url": "https://x.mktorest.com"}
    settings = Settings(crm=crm, veeva_professional_types="P", actions_reminders=True, **systems)  # type: ignore[arg-type]
    served = definitions(declarations.objects(settings), settings, pairings=declarations.pairings(settings))
    dg.Definitions.validate_loadable(served)
