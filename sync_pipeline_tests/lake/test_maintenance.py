from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sync_pipeline.lake import Lake
from sync_pipeline.lake.maintenance import tidy
from sync_pipeline_tests.lake.conftest import open_lake

ROWS = "select a, b from lake.sync.many order by a"


def written_often(lake: Lake) -> list[tuple[object, ...]]:
    """Make a table by many commits: inserts large and small, updates, deletes; return its rows."""
    with lake.transaction() as con:
        con.execute("create table lake.sync.many (a bigint, b varchar)")
    for number in range(6):
        with lake.transaction() as con:
            start = number * 1000
            con.execute("insert into lake.sync.many select range, 'x' from range(?, ?)", [start, start + 500])
        with lake.transaction() as con:
            con.execute("insert into lake.sync.many values (?, 'small')", [start + 999])
            con.execute("update lake.sync.many set b = 'y' where a % 7 = ?", [number])
    with lake.transaction() as con:
        con.execute("delete from lake.sync.many where a % 3 = 0")
    return lake.rows(ROWS)


def test_a_tidy_lake_has_the_same_values_in_fewer_files_and_snapshots(lake: Lake) -> None:
    before = written_often(lake)
    done = tidy(lake, keep=timedelta(0), grace=timedelta(0))
    assert lake.rows(ROWS) == before
    assert done.files_after < done.files_before
    assert done.snapshots_after < done.snapshots_before
    again = tidy(lake, keep=timedelta(0), grace=timedelta(0))
    assert again.files_after <= done.files_after
    assert lake.rows(ROWS) == before
    files = [f for f in Path(lake.data).rglob("*.parquet") if "many" in str(f)]
    assert len(files) == 1


def test_snapshots_that_are_young_enough_can_still_be_read(lake: Lake) -> None:
    written_often(lake)
    (version,) = lake.rows("select max(snapshot_id) from ducklake_snapshots('lake')")[0]
    before = lake.rows(ROWS)
    with lake.transaction() as con:
        con.execute("delete from lake.sync.many")
    tidy(lake, keep=timedelta(hours=1))
    assert lake.rows(ROWS) == []
    assert lake.rows(f"select a, b from lake.sync.many at (version => {version}) order by a") == before


def test_a_query_that_began_before_goes_on(lake: Lake, tmp_path: Path) -> None:
    before = written_often(lake)
    with open_lake(tmp_path, read_only=True) as reader:
        con = reader.cursor()
        con.execute(ROWS)
        first = con.fetchmany(10)
        with lake.transaction() as writing:
            writing.execute("delete from lake.sync.many where a > 100")
        tidy(lake, keep=timedelta(hours=1))
        assert first + con.fetchall() == before
        con.close()
    assert len(lake.rows(ROWS)) < len(before)


def test_a_new_lake_can_be_tidied(lake: Lake) -> None:
    done = tidy(lake, keep=timedelta(hours=1))
    assert (done.files_before, done.files_after) == (0, 0)
