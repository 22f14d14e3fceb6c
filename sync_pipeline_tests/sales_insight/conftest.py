from __future__ import annotations

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.lake.conftest import lake, new_catalog
from sync_pipeline_tests.sales_insight.org import Mirrored

__all__ = ["lake", "new_catalog"]


@pytest.fixture
def mirrored(lake: Lake) -> Mirrored:
    return Mirrored(lake)
