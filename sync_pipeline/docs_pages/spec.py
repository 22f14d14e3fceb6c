"""The page that says of every row of the specification which tests prove it.

`docs/spec.csv` has the rows, with their evidence and the reason where no API can show one. The page is the memory of
what was proved before: a row that it calls tested and that no test names any more is lost, and is complained of.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sync_pipeline.docs_pages.citations import Citation, cited
from sync_pipeline.docs_pages.markdown import NOTE, table

EVIDENCE = {
    "D": "Adobe's documentation",
    "S": "the Salesforce platform",
    "K": "a knowledge base or the community",
    "I": "our own inference",
}
TESTED = re.compile(r"^\| (?P<row>[A-Z-]+-\d+) \|.*\| tested \| (?P<tests>.*) \|$", re.MULTILINE)
HEAD = f"""{NOTE}
# The specification, row by row

What Marketo's own syncs do, as rows of a specification that is not in this repository, and the tests that prove each
here. A test names the rows that it would fail without in its docstring or in a comment, as in `GEN-1`,
`SF-LEAD-1 to 4` or `SF-OPP-3 and 5`; the docstring of a file speaks for all of its tests. A row is **tested**, or
**open**, or **not reproducible**, which `docs/spec.csv` says with the reason. The evidence is
{", ".join(f"{said} ({mark})" for mark, said in EVIDENCE.items())}.

`make check` fails when a row that was tested has no test any more, and `make docs` does not write over the page then:
name the row where it is proved, or give the reason in `docs/spec.csv`; if the citation was wrong, take the row's line
out of this page first. When two branches change this page, run `make docs` on what they were merged into: whatever
stood in it, the page is made from the tests.
"""


@dataclass(frozen=True)
class Row:
    """A row of the specification: what it is about in a few words, why not if it cannot be shown, and what names it."""

    name: str
    evidence: str
    about: str
    reason: str
    citations: tuple[Citation, ...]

    @property
    def group(self) -> str:
        return self.name.rsplit("-", 1)[0]

    @property
    def status(self) -> str:
        return "tested" if self.citations else "not reproducible" if self.reason else "open"

    @property
    def tests(self) -> str:
        """Return the tests by file; for a row without any, the reason."""
        by_file = groupby(self.citations, key=lambda citation: citation.file)
        return "; ".join(_named(file, list(found)) for file, found in by_file) or self.reason


def read(listed: Path, tests: Path) -> list[Row]:
    """Return the rows of a file of rows, each with what the test files below a folder cite."""
    with listed.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = cited(tests, {line["row"] for line in lines})
    return [
        Row(
            line["row"],
            line["evidence"],
            line["about"],
            line["not reproducible"],
            tuple(dict.fromkeys(citation for citation in found if citation.row == line["row"])),
        )
        for line in lines
    ]


def _named(file: str, citations: Sequence[Citation]) -> str:
    tests = ", ".join(f"`{citation.test}`" for citation in citations if citation.test)
    return f"`{file}`: {tests}" if tests else f"`{file}`"


def spec_page(rows: Sequence[Row]) -> str:
    """Return the page: a table for each group of rows, a line a row, so that branches rarely meet in one."""
    parts = [HEAD]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines = [(row.name, row.evidence, row.about, row.status, row.tests) for row in members]
        parts += [f"## {group}\n", table(("row", "", "about", "status", "tests, or why not"), lines)]
    return "\n".join(parts)


def lost(page: str, rows: Sequence[Row]) -> list[str]:
    """Return a complaint for each row that a page calls tested and that has neither test nor reason any more."""
    kept = {row.name for row in rows if row.status != "open"}
    return [
        f"{was['row']} is lost: no test names it any more. It was named by {was['tests']}. Name it where it is proved, "
        "or say in docs/spec.csv why it cannot be."
        for was in TESTED.finditer(page)
        if was["row"] not in kept
    ]


def summary(rows: Sequence[Row]) -> str:
    """Return how many rows there are of each status."""
    count = Counter(row.status for row in rows)
    return f"Of {len(rows)} rows: " + ", ".join(f"{count[status]} {status}" for status in count)
