from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.lake.conftest import lake, new_catalog, shared_lake
from sync_pipeline_tests.sync.world import World

__all__ = ["lake", "new_catalog", "shared_lake"]


@pytest.fixture
def world(shared_lake: Lake, tmp_path: Path) -> World:
    """Give two systems of contacts and people; the pairing has a name of its own, so that tests can share a lake."""
    return World(shared_lake, tmp_path / "landing")
