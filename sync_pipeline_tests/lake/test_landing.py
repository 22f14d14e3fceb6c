from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from sync_pipeline.lake.landing import ROWS, Landing, LandingError, Manifest, split_by_month
from sync_pipeline.model import Window

END = datetime(2026, 3, 1, tzinfo=UTC)
MANIFEST = Manifest(Window(None, END), ("Id", "Name", "At"), "750x")


def batch(*records: tuple[str, str | None, str | None]) -> pa.RecordBatch:
    ids, names, stamps = zip(*records, strict=True) if records else ((), (), ())
    columns = {"Id": ids, "Name": names, "At": stamps}
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


ONE = batch(("1", "Ann", "2026-02-01T00:00:00Z"), ("2", None, "2026-01-31T23:59:59Z"), ("3", "Cy", None))
TWO = batch(("4", "Dee", "2026-01-01T00:00:00Z"), ("5", "Eve", "1700-05-01T00:00:00Z"), ("6", "Flo", "garbage"))


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    landing = Landing(tmp_path / "lead", "At")
    landing.begin(MANIFEST)
    return landing


def ids(landing: Landing) -> list[str]:
    return list(landing.reader().read_all().column("Id").to_pylist())


def test_pages_are_read_month_after_month(landing: Landing) -> None:
    assert landing.add("a", [ONE]) == 3
    assert landing.add("b", [TWO]) == 3
    assert ids(landing)[:4] == ["5", "2", "4", "1"]
    assert sorted(ids(landing)) == list("123456")
    assert landing.key_table("Id").num_rows == landing.rows == 6


def test_what_is_filled_is_counted_by_field(landing: Landing) -> None:
    landing.add("a", [ONE, TWO])
    assert landing.filled() == {ROWS: 6, "Id": 6, "Name": 5, "At": 5}


def test_a_split_loses_and_doubles_nothing() -> None:
    pieces = dict(split_by_month(TWO, "At"))
    assert sorted(pieces) == ["1700-05", "2026-01", "none"]
    assert sum(piece.num_rows for piece in pieces.values()) == 3
    assert list(split_by_month(batch(), "At")) == []
    assert [month for month, _ in split_by_month(ONE, "No_Such_Field")] == ["none"]


def test_a_page_that_broke_off_does_not_count_and_can_land_again(landing: Landing) -> None:
    def cut_off() -> Iterator[pa.RecordBatch]:
        yield ONE
        raise ConnectionError("cut off")

    with pytest.raises(ConnectionError):
        landing.add("a", cut_off())
    assert (landing.has("a"), landing.rows, landing.schema()) == (False, 0, None)
    landing.add("a", [ONE])
    assert (landing.has("a"), landing.rows) == (True, 3)


def test_another_process_finds_the_whole_pages_and_what_was_asked_for(landing: Landing) -> None:
    landing.add("a", [ONE])
    (landing.folder / "page-b.part").mkdir()
    again = Landing(landing.folder, "At")
    assert again.manifest == MANIFEST
    assert (again.has("a"), again.has("b"), again.filled()) == (True, False, landing.filled())
    again.add("b", [TWO])
    assert sorted(ids(again)) == list("123456")


def test_a_manifest_of_a_window_with_a_start(landing: Landing) -> None:
    window = Window(datetime(2026, 2, 1, 0, 0, 0, 1, tzinfo=UTC), END)
    landing.begin(Manifest(window, ("Id",), ""))
    assert Landing(landing.folder, "At").manifest == Manifest(window, ("Id",), "")


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"start": 1}'])
def test_a_manifest_that_cannot_be_read_is_none(landing: Landing, text: str) -> None:
    (landing.folder / "manifest.json").write_text(text, "utf-8")
    assert landing.manifest is None


def test_to_begin_and_to_clear_leave_nothing_behind(landing: Landing) -> None:
    landing.add("a", [ONE])
    landing.begin(MANIFEST)
    assert (landing.rows, landing.has("a")) == (0, False)
    landing.clear()
    assert not landing.folder.exists()
    assert landing.manifest is None


def test_pages_of_different_fields_are_refused(landing: Landing) -> None:
    landing.add("a", [ONE])
    landing.add("b", [TWO.select(["Id", "At"])])
    with pytest.raises(LandingError, match="different fields"):
        ids(landing)


def test_nothing_landed_has_no_rows_to_read(landing: Landing) -> None:
    landing.add("a", [])
    assert (landing.rows, landing.key_table("Id").num_rows) == (0, 0)
    with pytest.raises(LandingError, match="nothing landed"):
        landing.reader()
