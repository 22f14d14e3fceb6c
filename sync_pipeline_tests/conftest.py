"""What tests of whole processes share."""

from __future__ import annotations

import pytest

from sync_pipeline_tests.lake.conftest import new_catalog
from sync_pipeline_tests.sandbox.conftest import Clock

__all__ = ["new_catalog"]


@pytest.fixture
def clock() -> Clock:
    return Clock()
