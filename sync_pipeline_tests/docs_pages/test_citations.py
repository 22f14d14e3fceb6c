"""How tests say which rows of the specification they prove."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipeline.docs_pages.citations import Citation, UnknownRowError, cited, rows

GROUPS = {"GEN", "OPS", "SF-LEAD", "SF-CO", "SF-CONTACT", "SIA-FEED"}
KNOWN = {f"{group}-{number}" for group in GROUPS for number in range(1, 21)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("GEN-1.", "GEN-1"),
        ("Nothing of the kind: UTF-8, MODEL-1, OXY-GEN-1, GEN-, GENERAL-1, SPEC 28.3", ""),
        ("SF-LEAD-1 to 4, SF-CONTACT-3 and 9", "SF-LEAD-1 SF-LEAD-2 SF-LEAD-3 SF-LEAD-4 SF-CONTACT-3 SF-CONTACT-9"),
        ("GEN-11, 15 and 16.", "GEN-11 GEN-15 GEN-16"),
        ("GEN-11, 15, and 16: no loss", "GEN-11 GEN-15 GEN-16"),
        ("SIA-FEED-2 to -4, SIA-FEED-8 and -12", "SIA-FEED-2 SIA-FEED-3 SIA-FEED-4 SIA-FEED-8 SIA-FEED-12"),
        ("OPS-1 to OPS-3; OPS-5…7, OPS-9/10", "OPS-1 OPS-2 OPS-3 OPS-5 OPS-6 OPS-7 OPS-9 OPS-10"),
        ("GEN-1 to 2 and 4 to 5", "GEN-1 GEN-2 GEN-4 GEN-5"),
        ("GEN-16, SF-CO-4 and SF-CONTACT-1", "GEN-16 SF-CO-4 SF-CONTACT-1"),
        ("GEN-1, GEN-1 (again)", "GEN-1"),
        ("SF-LEAD-1 to\n    4, and\n    6.", "SF-LEAD-1 SF-LEAD-2 SF-LEAD-3 SF-LEAD-4 SF-LEAD-6"),
        ("GEN-16 and 3 retries, GEN-15, 2 writes", "GEN-16 GEN-15"),
        ("GEN-3, 5.5 seconds; GEN-4 and 12:17 h; GEN-5 and 2nd", "GEN-3 GEN-4 GEN-5"),
        ("GEN-10", "GEN-10"),
        ("(law 4, GEN-13/SPEC 3)", "GEN-13"),
    ],
)
def test_a_citation_names_a_row_a_list_or_a_range(text: str, named: str) -> None:
    assert rows(text, GROUPS) == named.split()


FILE = '''"""The rhythm (GEN-1)."""

# A constant after GEN-2.
PAUSE = 300


def helper():
    """Not a test: GEN-3."""


# What nobody decides: GEN-4
# to 5.
@parametrize("a", [
    1,  # GEN-6
])
def test_one(a):
    """It holds (SF-LEAD-1 and 3)."""
    text = "GEN-7 in a text"  # GEN-8


class TestBoth:
    """For all of these: OPS-1."""

    def test_two(self):
        """OPS-2."""
'''
SAID = [
    ("GEN-1", ""),
    ("OPS-1", "TestBoth"),
    *((row, "test_one") for row in ("SF-LEAD-1", "SF-LEAD-3", "GEN-4", "GEN-5", "GEN-6", "GEN-8")),
    ("OPS-2", "test_two"),
]


def test_docstrings_and_comments_of_tests_and_of_files_of_tests_count(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/test_it.py").write_text(FILE)
    (tmp_path / "world.py").write_text('"""No test, GEN-9."""\n\n\nclass World:\n    """GEN-10."""\n')
    (tmp_path / "contract.py").write_text(
        'class Contract:\n    """GEN-11."""\n\n    def test_it(self): ...\n\n\nclass Peer:\n    """GEN-12."""\n'
    )
    found = cited(tmp_path, KNOWN)
    assert set(found) == {
        *(Citation(row, "below/test_it.py", test) for row, test in SAID),
        Citation("GEN-11", "contract.py", "Contract"),
    }


def test_a_row_that_is_not_in_the_specification_is_an_error_that_names_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text('def test_one():\n    """GEN-21."""\n')
    with pytest.raises(UnknownRowError, match=r"test_it\.py: test_one names GEN-21"):
        cited(tmp_path, KNOWN)
