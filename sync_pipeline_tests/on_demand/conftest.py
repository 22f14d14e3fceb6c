from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipeline_tests.lake.conftest import lake, new_catalog, open_lake
from sync_pipeline_tests.on_demand.world import FlowWorld

__all__ = ["lake", "new_catalog"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowWorld]:
    """Give two systems and a lake to all tests of a file; each makes its own people."""
    with open_lake(tmp_path_factory.mktemp("flow")) as lake:
        yield FlowWorld(lake)
