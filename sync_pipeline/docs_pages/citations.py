"""What the tests say they prove: rows of the specification, named in docstrings and comments.

A citation is a row, or several of one group: `GEN-1`, `SF-LEAD-1 to 4`, `FLOW-1…7`, `SF-OPP-3 and 5`, `DEDUP-5/6`,
`SIA-FEED-2 to -4`, `OPS-1 to OPS-5`, `GEN-11, 15 and 16`. After a comma or an "and", a number goes on with the group
only where no word follows it: in "GEN-16 and 3 retries" there is one row.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

# What a row's number is not: the beginning of 2nd, 5.5 or 12:17, nor a count of what the next word says.
ONE = r"(?P<number>\d+)(?!\w|[.:]\d)"
ALONE = r"(?!\s+(?!and\b|to\b)[^\W\d])"


@dataclass(frozen=True)
class Citation:
    """A row, the file that names it, and the test, or the class of tests; no test where the file's docstring does."""

    row: str
    file: str
    test: str


class UnknownRowError(ValueError):
    """A test names a row that the specification has not."""


def rows(text: str, groups: Collection[str]) -> list[str]:
    """Return the rows that a text names, in its order: `GEN-1 and 3` gives GEN-1, GEN-3."""
    names = "|".join(sorted(groups, key=len, reverse=True))
    head = re.compile(rf"(?<![\w-])(?P<group>{names})-{ONE}")
    said = " ".join(text.split())
    found: list[str] = []
    for match in head.finditer(said):
        group, number = match["group"], int(match["number"])
        found += [f"{group}-{n}" for n in (number, *_further(said, match.end(), group, number))]
    return list(dict.fromkeys(found))


def _further(text: str, at: int, group: str, last: int) -> Iterator[int]:
    """Yield the numbers that go on after a row of a group."""
    again = rf"(?:{group}-|-)?"
    up_to = re.compile(rf"\s*(?:to|through|…|\N{{EN DASH}})\s*{again}{ONE}")
    one_more = re.compile(rf"\s*(?:,\s*and|,|and\b|/)\s*-?{ONE}{ALONE}")
    while True:
        if match := up_to.match(text, at):
            yield from range(last + 1, int(match["number"]) + 1)
        elif match := one_more.match(text, at):
            yield int(match["number"])
        else:
            return
        at, last = match.end(), int(match["number"])


def cited(folder: Path, known: Collection[str]) -> list[Citation]:
    """Return what all test files below a folder cite; raise UnknownRowError for a row that is not among the known."""
    groups = {row.rsplit("-", 1)[0] for row in known}
    return [
        citation
        for path in sorted(folder.rglob("*.py"))
        for citation in cited_in(path.read_text("utf-8"), path.relative_to(folder).as_posix(), known, groups)
    ]


def cited_in(source: str, file: str, known: Collection[str], groups: Collection[str]) -> Iterator[Citation]:
    """Yield what one file of tests cites; other files prove nothing, whatever they mention."""
    if not rows(source, groups) or not any(map(_proves, ast.walk(tree := ast.parse(source)))):
        return
    comments = _comments(source)
    for name, text in _said(tree, comments, tests_file=Path(file).name.startswith("test_")):
        for row in rows(text, groups):
            if row not in known:
                raise UnknownRowError(f"{file}: {name or 'the module'} names {row}, which is no row of docs/spec.csv")
            yield Citation(row, file, name)


def _said(tree: ast.Module, comments: dict[int, str], tests_file: bool) -> Iterator[tuple[str, str]]:
    """Yield tests with what their docstrings and comments say; "" stands for the file."""
    yield "", ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (tests_file or any(map(_proves, node.body))):
            yield node.name, ast.get_docstring(node) or ""
        elif _proves(node):
            yield node.name, f"{ast.get_docstring(node) or ''}\n{_beside(node, comments)}"


def _proves(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def _beside(test: ast.FunctionDef, comments: dict[int, str]) -> str:
    """Return the comments in a test, and those right above it."""
    first = min([test.lineno, *(decorator.lineno for decorator in test.decorator_list)])
    while first - 1 in comments:
        first -= 1
    return "\n".join(comments[line] for line in range(first, (test.end_lineno or first) + 1) if line in comments)


def _comments(source: str) -> dict[int, str]:
    """Return the comments by line, without the sign."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
