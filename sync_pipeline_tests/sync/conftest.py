from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.lake.conftest import lake as real_lake
from sync_pipeline_tests.lake.conftest import new_catalog, open_lake
from sync_pipeline_tests.plain import PlainLake
from sync_pipeline_tests.strict import StrictPlainLake
from sync_pipeline_tests.sync.lives import Lives
from sync_pipeline_tests.sync.peopled import Peopled
from sync_pipeline_tests.sync.practice import Practice
from sync_pipeline_tests.sync.world import World

__all__ = ["new_catalog", "real_lake"]
Made = TypeVar("Made", bound=Peopled)


def lake_in(folder: Path) -> Lake:
    """Return plain tables: rules are the same on them, and five times as fast; with `REAL_LAKE=1` a real lake.

    They are strict, which costs half as much again; in the long runs only with `STRICT=1`.
    """
    if os.environ.get("REAL_LAKE"):
        return open_lake(folder)
    is_long = "LAWS_EXAMPLES" in os.environ and not os.environ.get("STRICT")
    return (PlainLake if is_long else StrictPlainLake)(folder)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with lake_in(tmp_path) as lake:
        yield lake


@pytest.fixture(scope="session")
def shared_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with lake_in(tmp_path_factory.mktemp("lake")) as lake:
        yield lake


@pytest.fixture
def world(shared_lake: Lake, tmp_path: Path) -> World:
    """Give two systems of contacts and people; the pairing has a name of its own, so that tests can share a lake."""
    return World(shared_lake, tmp_path / "landing")


@contextmanager
def worlds(kind: Callable[[Lake, Path], Made], within: Path) -> Iterator[Callable[[], Made]]:
    """Give what makes a world with tables of its own; the world made before is closed."""
    numbers = count()
    with ExitStack() as opened:

        def make() -> Made:
            opened.close()
            folder = within / str(next(numbers))
            folder.mkdir()
            return kind(opened.enter_context(lake_in(folder)), folder / "landing")

        yield make


@pytest.fixture(params=[Lives, Practice], ids=["salesforce", "veeva"])
def new_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Peopled]]:
    """Give what makes a world of either CRM, see `worlds`."""
    with worlds(request.param, tmp_path) as make:
        yield make
