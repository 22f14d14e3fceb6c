from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipeline_tests.marketo import Connected, connected


@pytest.fixture
def system() -> Iterator[Connected]:
    with connected() as found:
        yield found
