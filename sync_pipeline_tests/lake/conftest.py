"""A lake of its own for each test, and one to share for tests that keep to tables of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.strict import StrictLake


def open_lake(folder: Path, *, read_only: bool = False) -> Lake:
    return StrictLake.open(str(folder / "catalog.sqlite"), str(folder / "files"), read_only=read_only, threads=1)


@pytest.fixture(scope="session")
def new_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the catalog of a lake without any records: to copy it takes a third of the time of making one."""
    folder = tmp_path_factory.mktemp("new")
    open_lake(folder).close()
    return folder / "catalog.sqlite"


@pytest.fixture
def lake(tmp_path: Path, new_catalog: Path) -> Iterator[Lake]:
    shutil.copy(new_catalog, tmp_path)
    with open_lake(tmp_path) as lake:
        yield lake


@pytest.fixture(scope="session")
def shared_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with open_lake(tmp_path_factory.mktemp("lake")) as lake:
        yield lake
