"""The specification's tables, read from the file itself, so that the catalog is held against its text."""

from __future__ import annotations

import re
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def shared(relative: str) -> str:
    """Return the text of a file beside the repository; skips the test where there is none."""
    path = SHARED / relative
    if not path.is_file():
        pytest.skip(f"{relative} is not beside this repository")
    return path.read_text(encoding="utf-8")


def section(number: str, title: str = "") -> str:
    """Return the text below `### number`, from `**title**` on, up to the next heading."""
    below = shared("SPEC.md").split(f"\n### {number} ")[1].split("\n## ")[0].split("\n### ")[0]
    return below.split(f"\n**{title}**")[1] if title else below


def table(number: str, title: str = "") -> list[dict[str, str]]:
    """Return the first table of a section: per row a dict of its cells by heading, back-quotes taken off."""
    lines = dropwhile(lambda line: not line.startswith("|"), section(number, title).splitlines())
    heading, _, *rows = (cells(line) for line in takewhile(lambda line: line.startswith("|"), lines))
    return [dict(zip(heading, row, strict=True)) for row in rows]


def cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def listed(cell: str) -> set[str]:
    """Return the names of a comma-separated cell, without what stands in brackets; a dash is no name."""
    return {name.strip() for name in re.sub(r"\(.*?\)", "", cell).split(",")} - {"\N{EN DASH}"}


def synced_in_veeva(source: str) -> list[dict[str, str]]:
    """Return what Marketo's own sync takes of a Veeva object: label, API name and type of each field."""
    below = shared("VEEVA.md").split(f"\n## {source} fields synced\n")[1]
    heading, _, *rows = (cells(line) for line in takewhile(lambda line: line.startswith("|"), below.splitlines()))
    return [dict(zip(heading, row, strict=True)) for row in rows]


def veeva_labels(part: str) -> set[str]:
    """Return Marketo's labels of the fields that its Veeva sync maps by default, of the Contact or Account part."""
    text = shared("VEEVA.md").split(f"\n{part} part: ")[1].split(".\n")[0].rstrip(".\n")
    names = (one.split("->")[-1].strip() for one in text.split(";"))
    groups = (name.split("/") for name in names)
    return {label for first, *rest in groups for label in (first, *(f"Billing {other}" for other in rest))}
