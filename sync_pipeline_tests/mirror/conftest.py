from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.lake.conftest import lake, new_catalog, shared_lake
from sync_pipeline_tests.mirror.copies import Copy
from sync_pipeline_tests.mirror.followed import Followed

__all__ = ["lake", "new_catalog", "shared_lake"]


@pytest.fixture
def copy(shared_lake: Lake, tmp_path: Path) -> Copy:
    return Copy(shared_lake, tmp_path / "landing")


@pytest.fixture
def followed(shared_lake: Lake, tmp_path: Path) -> Followed:
    return Followed(shared_lake, tmp_path / "landing")
