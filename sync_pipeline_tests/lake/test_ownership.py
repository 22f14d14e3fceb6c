"""What deletes or overwrites proves first that it is its own (law 11): places, and what others have there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake, LakeError, OwnershipError
from sync_pipeline.lake.landing import Landing, Manifest
from sync_pipeline.lake.maintenance import tidy
from sync_pipeline.lake.ownership import MARK, Folder
from sync_pipeline.model import Window
from sync_pipeline_tests.lake.conftest import open_lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)

DAYS = 3 * 86_400


def grow(lake: Lake) -> None:
    """Write enough rows for a Parquet file of their own."""
    with lake.transaction() as con:
        con.execute("create table if not exists lake.sync.many (a bigint)")
        con.execute("insert into lake.sync.many select range from range(1000)")


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def age(folder: Path) -> None:
    """Make every file look three days old."""
    for path in folder.rglob("*"):
        os.utime(path, (path.stat().st_atime - DAYS, path.stat().st_mtime - DAYS))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Give the folder of another lake, which has files that are three days old."""
    folder = tmp_path / "other"
    folder.mkdir()
    with open_lake(folder) as lake:
        grow(lake)
    age(folder / "files")
    return folder


def missing(other: Path, catalog: Path) -> None:
    """Leave the catalog to be made."""


def empty(other: Path, catalog: Path) -> None:
    catalog.touch()


def unmarked(other: Path, catalog: Path) -> None:
    """Make a lake of before the marks, whose files are elsewhere."""
    with Lake.open(str(catalog), str(catalog.parent / "own"), threads=1) as lake:
        grow(lake)


def without_files(other: Path, catalog: Path) -> None:
    Lake.open(str(catalog), str(catalog.parent / "own"), threads=1).close()


def of_something_else(other: Path, catalog: Path) -> None:
    with sqlite3.connect(catalog) as con:
        con.execute("create table mine (a int)")
    con.close()


def the_lake(other: Path) -> Path:
    return other / "files"


def an_unmarked_lake(other: Path) -> Path:
    (other / "files" / MARK).unlink()
    return other / "files"


def around_a_lake(other: Path) -> Path:
    return other


def inside_a_lake(other: Path) -> Path:
    (other / "files" / "sync" / "inside").mkdir()
    return other / "files" / "sync" / "inside"


def a_link_into_a_lake(other: Path) -> Path:
    (other / "files" / "sync" / "inside").mkdir()
    (other.parent / "link").symlink_to(other / "files" / "sync" / "inside")
    return other.parent / "link"


def documents(other: Path) -> Path:
    (other / "documents" / "old").mkdir(parents=True)
    (other / "documents" / "old" / "letter.parquet").write_text("dear")
    return other / "documents"


def an_unreadable_mark(other: Path) -> Path:
    (other / "files" / MARK).write_text("who knows\n")
    return other / "files"


@pytest.mark.parametrize("catalog", [missing, empty, unmarked, without_files, of_something_else])
@pytest.mark.parametrize(
    "place",
    [the_lake, an_unmarked_lake, around_a_lake, inside_a_lake, a_link_into_a_lake, documents, an_unreadable_mark],
)
def test_a_folder_of_others_is_refused_and_stays_as_it_is(
    tmp_path: Path, other: Path, catalog: Callable[[Path, Path], None], place: Callable[[Path], Path]
) -> None:
    folder, file = place(other), tmp_path / "mine.sqlite"
    catalog(other, file)
    before, was = content(other), file.read_bytes() if file.exists() else None
    with pytest.raises(LakeError, match=r"LAKE_DATA|LAKE_CATALOG|lake-id") as refused:
        Lake.open(str(file), str(folder), threads=1)
    assert str(folder) in str(refused.value) or str(file) in str(refused.value)
    assert content(other) == before
    if was is None or catalog in (empty, of_something_else):
        assert (file.read_bytes() if file.exists() else None) == was


def test_a_lake_of_before_is_taken_over_once_where_its_files_are(tmp_path: Path, other: Path) -> None:
    (other / "files" / MARK).unlink()
    with open_lake(other) as lake:
        assert Folder(lake.data).mark() == lake.id
        assert lake.rows("select count(*) from lake.sync.many") == [(1000,)]
    shutil.move(other, tmp_path / "moved")
    with open_lake(tmp_path / "moved") as moved:  # the mark moves along
        assert moved.rows("select count(*) from lake.sync.many") == [(1000,)]


def test_a_lake_read_by_the_wrong_catalog_is_refused_and_one_of_before_is_not(tmp_path: Path, other: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    open_lake(mine).close()
    with pytest.raises(OwnershipError):
        Lake.open(str(mine / "catalog.sqlite"), str(other / "files"), read_only=True)
    (other / "files" / MARK).unlink()
    open_lake(other, read_only=True).close()
    assert not (other / "files" / MARK).exists()


KILLED = """
    import os, signal, sys
    from sync_pipeline.lake import Lake
    with Lake.open(sys.argv[1], sys.argv[2], threads=1) as lake, lake.transaction() as con:
        con.execute("insert into lake.sync.many select range from range(1000)")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_tidying_removes_what_a_killed_transaction_left_and_nothing_else(lake: Lake, tmp_path: Path) -> None:
    grow(lake)
    files, table = Path(lake.data), Path(lake.data, "sync", "many")
    own = set(table.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), lake.catalog, lake.data], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    (left,) = set(table.iterdir()) - own
    # A copy of the catalog of before: what was committed since then is in no snapshot that it knows.
    copy = Path(lake.catalog).read_bytes()
    grow(lake)
    (committed,) = set(table.iterdir()) - own - {left}
    lake.close()
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    Path(lake.catalog).write_bytes(copy)
    strangers = [
        files / "letter.parquet",
        table / "report.parquet",
        table / "ducklake-0192e0a0-0000-7000-8000-000000000000.parquet",
        table / left.name.replace("ducklake-", "backup-"),
        files / "elsewhere" / "year=2024" / "x.parquet",
    ]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    age(files)
    with open_lake(tmp_path) as again:
        told = tidy(again, keep=timedelta(0))
        assert again.rows("select count(*) from lake.sync.many") == [(1000,)]
    assert not left.exists()
    assert [path.read_text() for path in strangers] == ["mine"] * len(strangers)
    assert committed.exists()
    assert told.strangers == len(strangers) + 1


def landed(folder: Path) -> Landing:
    landing = Landing(folder / "salesforce" / "lead" / "window", "At")
    landing.begin(Manifest(Window(None, NOW), ("Id",), ""))
    return landing


def test_a_landing_removes_only_what_a_landing_makes(tmp_path: Path) -> None:
    landing = landed(tmp_path)
    page = landing.folder / "page-1"
    strangers = [landing.folder / "notes.txt", page / "notes.txt", page / "sums.arrow", landing.folder / "sub" / "x"]
    own = [landing.folder / "manifest.json", page / "2024-01.arrow", page / "none.arrow", page / "filled.json"]
    for path in (*strangers, *own[1:]):
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    landing.clear()
    assert [path.exists() for path in strangers] == [True] * len(strangers)
    assert [path.exists() for path in own] == [False] * len(own)
