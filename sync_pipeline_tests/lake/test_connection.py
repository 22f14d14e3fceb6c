from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.lake.connection import attach_statement
from sync_pipeline_tests.lake.conftest import open_lake


def python(code: str, *arguments: str, cwd: Path | None = None) -> str:
    """Run a program in a process of its own and return what it printed."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(lake: Lake, *statements: str | None) -> None:
    """Run statements in one transaction; None is a failure of our own."""
    with lake.transaction() as con:
        for statement in statements:
            if statement is None:
                raise RuntimeError("in the middle")
            con.execute(statement)


def test_a_transaction_that_fails_leaves_nothing(lake: Lake) -> None:
    with lake.transaction() as con:
        con.execute("create table lake.sync.one (a int)")
    with pytest.raises(RuntimeError, match="in the middle"):
        write(lake, "insert into lake.sync.one values (1)", "create table lake.sync.two (a int)", None)
    assert lake.rows("select count(*) from lake.sync.one") == [(0,)]
    with pytest.raises(LakeError, match=r"nothing was written to the lake: .*two"):
        write(lake, "insert into lake.sync.one values (1)", "insert into lake.sync.two values (1)")
    assert lake.rows("select count(*) from lake.sync.one") == [(0,)]
    with lake.transaction() as con:
        con.execute("insert into lake.sync.one values (1)")
    assert lake.rows("select * from lake.sync.one") == [(1,)]


SECOND = """
    import sys
    from sync_pipeline.lake import Lake, LakeInUseError
    with Lake.open(sys.argv[1], sys.argv[2]) as lake:
        try:
            with lake.only_pipeline():
                print("got it")
        except LakeInUseError as error:
            print(lake.in_use(), error)
"""


def test_a_second_pipeline_is_told_and_leaves(lake: Lake) -> None:
    with lake.only_pipeline():
        said = python(SECOND, lake.catalog, lake.data)
        assert said == (f"True another pipeline is syncing into the lake {lake.catalog}; this one leaves it alone")
        assert lake.in_use()
    assert not lake.in_use()
    assert python(SECOND, lake.catalog, lake.data) == "got it"


def test_a_pipeline_that_was_killed_holds_no_lock(lake: Lake) -> None:
    code = SECOND.replace('print("got it")', "import os; os.kill(os.getpid(), 9)")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), lake.catalog, lake.data], check=False, timeout=60
    )
    assert done.returncode == -9
    with lake.only_pipeline():
        pass


@pytest.mark.parametrize("damage", ["garbage", "cut off", "overwritten"])
def test_a_damaged_catalog_is_named(tmp_path: Path, damage: str) -> None:
    open_lake(tmp_path).close()
    catalog = tmp_path / "catalog.sqlite"
    for leftover in tmp_path.glob("catalog.sqlite-*"):
        leftover.unlink()
    whole = catalog.read_bytes()
    broken = {
        "garbage": b"this is no database",
        "cut off": whole[: len(whole) // 2],
        "overwritten": whole[:100] + b"\xff" * (len(whole) - 100),
    }
    catalog.write_bytes(broken[damage])
    with pytest.raises(LakeError, match=r"catalog\.sqlite") as refused:
        open_lake(tmp_path)
    assert "put back a copy" in str(refused.value)
    assert catalog.read_bytes() == broken[damage]


def test_a_lake_that_is_not_there_cannot_be_read_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"there is no lake at .* yet: run a sync first"):
        open_lake(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_lake_opened_for_reading_cannot_be_written(lake: Lake, tmp_path: Path) -> None:
    with open_lake(tmp_path, read_only=True) as reader:
        with pytest.raises(LakeError, match="read-only"):
            write(reader, "create table lake.sync.x (a int)")
        assert reader.rows("select count(*) from lake.sync.run") == [(0,)]


READER = """
    import sys, duckdb
    from pathlib import Path
    con = duckdb.connect()
    for name in ("sqlite_scanner", "ducklake"):
        package = __import__(f"duckdb_extension_{name}")
        con.execute(f"load '{Path(package.__file__).parent}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    con.execute(sys.argv[1])
    seen = []
    print("ready", flush=True)
    while (answer := con.execute("select count(*), count(distinct a) from lake.sync.pairs").fetchone())[0] < 20:
        seen.append(answer)
    print(all(rows == 2 * values for rows, values in seen))
"""


def test_any_duckdb_can_attach_the_lake_from_anywhere_while_a_writer_commits(lake: Lake, tmp_path: Path) -> None:
    with lake.transaction() as con:
        con.execute("create table lake.sync.pairs (a int)")
    statement = attach_statement(lake.catalog, lake.data, read_only=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    reader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(READER), statement], stdout=subprocess.PIPE, text=True, cwd=elsewhere
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    for number in range(10):
        with lake.transaction() as con:
            con.execute("insert into lake.sync.pairs values (?)", [number])
            con.execute("insert into lake.sync.pairs values (?)", [number])
    said, _ = reader.communicate(timeout=60)
    assert (reader.returncode, said) == (0, "True\n")


def test_a_lake_made_with_relative_paths_can_be_read_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Lake.open("catalog.sqlite", "files") as lake, lake.transaction() as con:
        con.execute("create table lake.sync.many as select range as a from range(1000)")
    statement = attach_statement("catalog.sqlite", "files", read_only=True)
    monkeypatch.chdir("/")
    with Lake.open(str(tmp_path / "catalog.sqlite"), str(tmp_path / "files"), read_only=True) as moved:
        assert moved.rows("select count(*) from lake.sync.many") == [(1000,)]
        moved.cursor().execute(statement.replace(" as lake ", " as again "))
        assert moved.rows("select sum(a) from again.sync.many") == [(499500,)]


def test_a_data_folder_with_quotes_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "here"'
    folder.mkdir()
    with open_lake(folder) as lake:
        assert lake.rows("select count(*) from lake.sync.run") == [(0,)]
