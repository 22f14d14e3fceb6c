"""What tests of whole processes share, and how properties are tried: as long as it takes, as machines differ."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import settings

from sync_pipeline import redactor
from sync_pipeline_tests.lake.conftest import new_catalog
from sync_pipeline_tests.sandbox.conftest import Clock

__all__ = ["new_catalog"]

# The same code gives the same answer each time; the long runs, in which more is asked for, search at random.
SEARCHES = ("LAWS_EXAMPLES", "SYNC_PIPELINE_COURSES", "FUZZ_EXAMPLES")
settings.register_profile("sync_pipeline", deadline=None, derandomize=not os.environ.keys() & SEARCHES)
settings.load_profile("sync_pipeline")
# Tests have few records and many queries, which cost twice as much on two threads; `make bench` uses all of them.
os.environ.setdefault("LAKE_THREADS", "1")

# The files that take longest begin first, so that no worker is left with one of them in the end.
LONGEST = (
    "/sync/test_cycle.py",
    "/mirror/test_marketo.py",
    "/test_restart.py",
    "/test_readers.py",
    "/commands/test_commands.py",
    "/sync/test_systems.py",
    "/test_veeva.py",
    "/orchestration/test_assets.py",
    "/orchestration/test_marketo.py",
    "/sales_insight/test_feed.py",
    "/sync/test_veeva.py",
    "/sync/test_lives.py",
    "/sync/test_opportunities.py",
    "/activity_log/test_systems.py",
)


# Of a test's cases that are marked `matrix`, `make test` tries one in so many; who names tests or files gets all.
ONE_IN = int(os.environ.get("MATRIX_ONE_IN", "1"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], left = _sampled(items)
    config.hook.pytest_deselected(items=left)
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


def _sampled(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return what is tried of large matrices, the first case of each test and always the same others, and the rest."""
    kept, left, tests = list[pytest.Item](), list[pytest.Item](), set[str]()
    for item in items:
        test, _, case = item.nodeid.partition("[")
        is_tried = test not in tests or item.get_closest_marker("matrix") is None or not case
        tests.add(test)
        (kept if is_tried or zlib.crc32(item.nodeid.encode()) % ONE_IN == 0 else left).append(item)
    return kept, left


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors: a test also waits, for the disk and for its processes."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def secrets() -> Iterator[None]:
    """A test's secrets are its own: what one calls a token may be a word that another expects."""
    with redactor.forgetting():
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()
