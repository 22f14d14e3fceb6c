"""What tests of whole processes share."""

from __future__ import annotations

import pytest

from sync_pipeline_tests.sandbox.conftest import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
