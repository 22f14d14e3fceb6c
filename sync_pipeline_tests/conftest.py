"""What tests of whole processes share, and how long a property may take: as long as it takes, machines differ."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from sync_pipeline_tests.lake.conftest import new_catalog
from sync_pipeline_tests.sandbox.conftest import Clock

__all__ = ["new_catalog"]

settings.register_profile("sync_pipeline", deadline=None)
settings.load_profile("sync_pipeline")
# Tests have few records and many queries, which cost twice as much on two threads; `make bench` uses all of them.
os.environ.setdefault("LAKE_THREADS", "1")


@pytest.fixture
def clock() -> Clock:
    return Clock()
