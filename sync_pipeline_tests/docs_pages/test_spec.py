"""The page of the specification's rows, which is also the memory of what was proved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipeline.docs_pages import __main__ as docs_pages
from sync_pipeline.docs_pages.spec import lost, read, spec_page, summary
from sync_pipeline_tests.catalog.spec import shared

LISTED = """row,evidence,about,not reproducible
GEN-1,D,"a cycle, then a pause",
GEN-2,D,first everything,
GEN-3,K,a page of their own,No endpoint does it.
OPS-1,I,jobs,
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of two tests that name three rows; the other pages are left out."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/spec.csv").write_text(LISTED)
    tests = tmp_path / "sync_pipeline_tests"
    tests.mkdir()
    (tests / "test_a.py").write_text('def test_one():\n    """GEN-1 and 2."""\n')
    (tests / "test_b.py").write_text('"""GEN-1."""\n\ndef test_two():\n    """OPS-1."""\n')
    monkeypatch.setattr(docs_pages, "PROJECT", tmp_path)
    monkeypatch.setattr(docs_pages, "FOLDER", tmp_path / "docs")
    monkeypatch.setattr(docs_pages, "pages", lambda rows: {tmp_path / "docs/spec.md": spec_page(rows)})
    return tmp_path


def test_each_row_has_its_line_with_its_tests_or_the_reason(project: Path) -> None:
    rows = read(project / "docs/spec.csv", project / "sync_pipeline_tests")
    lines = [line for line in spec_page(rows).splitlines() if re.match(r"\| [A-Z]+-\d", line)]
    assert lines == [
        "| GEN-1 | D | a cycle, then a pause | tested | `test_a.py`: `test_one`; `test_b.py` |",
        "| GEN-2 | D | first everything | tested | `test_a.py`: `test_one` |",
        "| GEN-3 | K | a page of their own | not reproducible | No endpoint does it. |",
        "| OPS-1 | I | jobs | tested | `test_b.py`: `test_two` |",
    ]
    assert summary(rows) == "Of 4 rows: 3 tested, 1 not reproducible"


def test_a_row_that_lost_its_last_test_is_named_and_the_page_is_not_written_over(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "docs/spec.md"
    assert docs_pages.main([]) == docs_pages.main(["--check"]) == 0
    before = page.read_text()
    (project / "sync_pipeline_tests/test_a.py").write_text("def test_one(): ...\n")
    capsys.readouterr()
    for arguments in (["--check"], [], ["--check"]):
        assert docs_pages.main(arguments) == 1
        complaint = capsys.readouterr().err
        assert "GEN-2 is lost: no test names it any more. It was named by `test_a.py`: `test_one`." in complaint
        assert "GEN-1 is lost" not in complaint  # test_b.py still names it
    assert page.read_text() == before

    (project / "docs/spec.csv").write_text(LISTED.replace("everything,", "everything,Nobody can."))
    assert docs_pages.main([]) == docs_pages.main(["--check"]) == 0


def test_a_page_that_does_not_know_a_new_test_is_out_of_date(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs_pages.main([])
    (project / "sync_pipeline_tests/test_c.py").write_text("def test_three(): ...  # GEN-3\n")
    assert docs_pages.main(["--check"]) == 1
    assert "spec.md is not what it is made from any more: run `make docs`" in capsys.readouterr().err


def test_what_a_merge_left_of_the_page_is_put_right_and_forgets_no_row(project: Path) -> None:
    """Two branches each found a test for one row: their lines stand side by side until the page is made again."""
    rows = read(project / "docs/spec.csv", project / "sync_pipeline_tests")
    before = spec_page([replace(row, citations=()) for row in rows])
    both = before + "".join(line + "\n" for line in spec_page(rows).splitlines() if "| tested |" in line)
    assert lost(both, rows) == []
    assert len(lost(both, [replace(row, citations=()) for row in rows])) == 3


def test_the_rows_are_those_of_the_specification() -> None:
    said = re.findall(r"^\| ([A-Z-]+-\d+) \| \[([DSKI])\] \|", shared("SPEC.md"), re.MULTILINE)
    project = Path(docs_pages.__file__).parents[2]
    rows = read(project / "docs/spec.csv", project / "sync_pipeline_tests")
    assert [(row.name, row.evidence) for row in rows] == said
    assert all(row.about for row in rows)
