"""Files of records as tables of texts: CSV with API names in the header, and the JSON trees of `sf data export tree`.

Only reading happens here; what the texts mean is decided by `load.py` and `load_types.py`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import Schema
from sync_pipeline.sandbox.salesforce.org.store import text

LONGEST_LINE = 50_000_000  # bytes; DuckDB's own default of two million is less than sixteen full text areas


class LoadError(ValueError):
    """A file that cannot be loaded; the message names file, line and column, never a value."""


@dataclass(frozen=True)
class Stage:
    """The records of one object as texts: a temporary table with `_row`, counted from 1, and a column per header.

    `place` tells where a row came from, for error messages.
    """

    object: str
    columns: tuple[str, ...]
    place: Callable[[int], str]

    @property
    def table(self) -> str:
        return quote(f"load_{self.object}")

    def error(self, row: int, column: str, what: str) -> LoadError:
        return LoadError(f"{self.place(row)}, column {column}: {what}")


def stage_directory(cursor: duckdb.DuckDBPyConnection, directory: Path, schema: Schema) -> list[Stage]:
    """Read every CSV file and every tree of a directory into temporary tables.

    Raises:
        LoadError: a file is no well-formed CSV or JSON, or the directory holds nothing to load.
    """
    stages = [stage_csv(cursor, path, _object_named(schema, path)) for path in sorted(directory.glob("*.csv"))]
    trees = _trees(directory)
    if trees:
        stages += _stage_trees(cursor, trees, schema)
    if not stages:
        raise LoadError(f"{directory} has neither <Object>.csv files nor JSON trees")
    names = [stage.object for stage in stages]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise LoadError(f"{directory}: {twice} comes both as CSV and as a JSON tree")
    return stages


def described(directory: Path) -> dict[str, Json]:
    """Return the real describes lying beside the records as `<Object>.describe.json`, by object."""
    return {path.name.removesuffix(".describe.json"): _json(path) for path in directory.glob("*.describe.json")}


# CSV


def _object_named(schema: Schema, path: Path) -> str:
    known = schema.get(path.stem)  # in any letter case
    return known.name if known else path.stem


def stage_csv(cursor: duckdb.DuckDBPyConnection, path: Path, name: str) -> Stage:
    """Read one CSV file into a temporary table.

    Raises:
        LoadError: it is not well-formed.
    """
    stage = Stage(name, _header(path), lambda row: f"{path.name}, line {_line(path, row)}")
    types = ", ".join(f"{text(column)}: 'varchar'" for column in stage.columns)
    try:
        # Nothing is sniffed and nothing trimmed: every value is a text, and only an empty field is null.
        cursor.execute(
            f"create or replace temp table {stage.table} as select row_number() over () as _row, * from read_csv("
            f"{text(str(path))}, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', nullstr='',"
            f" strict_mode=true, max_line_size={LONGEST_LINE}, columns={{{types}}})"
        )
    except duckdb.Error as error:
        raise _malformed(path, str(error)) from None
    return stage


def _malformed(path: Path, message: str) -> LoadError:
    """Return DuckDB's complaint without the line it quotes, which may hold personal data.

    What DuckDB calls a line is a record, the header being the first.
    """
    record = re.search(r"on Line: (\d+)", message)
    line = f", line {_line(path, int(record[1]) - 1)}" if record else ""
    reasons = (
        "Expected Number of Columns: [0-9]+ Found: [0-9]+",
        "unterminated quote",
        "not utf-8",
        "Maximum line size",
    )
    why = next((found[0] for reason in reasons if (found := re.search(reason, message))), "not well-formed")
    return LoadError(f"{path.name}{line}: {why}")


def _header(path: Path) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = next(csv.reader(line.replace("\0", "") for line in file), [])
    lower = [name.lower() for name in names]
    for position, name in enumerate(lower, 1):
        if not name or lower.count(name) > 1:
            raise LoadError(f"{path.name}, line 1: column {position} has no name of its own")
    if not names:
        raise LoadError(f"{path.name}: the file is empty; it needs a header of field names")
    return tuple(names)


def _line(path: Path, row: int) -> int:
    """Return the line on which the row-th record begins; a record may span many."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(line.replace("\0", "") for line in file)
        begins = 1
        for number, _ in enumerate(reader):
            if number == row:
                return begins
            begins = reader.line_num + 1
    raise IndexError(row)


# JSON trees


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise LoadError(f"{path.name}{line}: not well-formed JSON") from None


def _trees(directory: Path) -> list[Path]:
    """Return the tree files: those a plan names, in its order, or all when there is no plan."""
    found = {path: _json(path) for path in sorted(directory.glob("*.json")) if not path.name.endswith(".describe.json")}
    plans = [content for content in found.values() if isinstance(content, list)]
    if plans:
        return [directory / name for plan in plans for step in plan for name in step["files"]]
    stray = next((path for path, content in found.items() if "records" not in content), None)
    if stray:
        raise LoadError(f"{stray.name}: neither a tree with records nor a plan nor a describe")
    return list(found)


def _stage_trees(cursor: duckdb.DuckDBPyConnection, paths: list[Path], schema: Schema) -> list[Stage]:
    rows: dict[str, list[dict[str, str | None]]] = {}
    places: dict[str, list[str]] = {}
    for path in paths:
        for number, record in enumerate(_json(path)["records"], 1):
            place = f"{path.name}, record {number}"
            for name, row in _flatten(record, place, schema):
                rows.setdefault(name, []).append(row)
                places.setdefault(name, []).append(place)
    return [_stage_rows(cursor, name, rows[name], places[name]) for name in rows]


def _stage_rows(
    cursor: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, str | None]], places: list[str]
) -> Stage:
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    stage = Stage(name, columns, lambda row: places[row - 1])
    arrays = {column: pa.array([row.get(column) for row in rows], pa.string()) for column in columns}
    cursor.register("tree", pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **arrays}))
    cursor.execute(f"create or replace temp table {stage.table} as select * from tree")
    cursor.unregister("tree")
    return stage


def _flatten(
    record: Json, place: str, schema: Schema, parent: tuple[str, str] | None = None
) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield the record and, below it, its nested children, each with its object's name.

    A record's own reference id serves as its Id, with the `@` by which others name it.
    """
    attributes = record.get("attributes", {})
    if "type" not in attributes:
        raise LoadError(f"{place}: the record has no attributes.type")
    name = attributes["type"]
    row: dict[str, str | None] = {"Id": f"@{attributes['referenceId']}"} if "referenceId" in attributes else {}
    row |= dict([parent] if parent else [])
    children: list[tuple[str, Json]] = []
    for field, value in record.items():
        if field == "attributes":
            continue
        if isinstance(value, dict) and "records" in value:
            children += [(field, child) for child in value["records"]]
        else:
            row[field] = _text(value, f"{place}, column {field}")
    yield name, row
    for relationship, child in children:
        reference = _child_field(schema, name, relationship)
        if reference is None or row.get("Id") is None:
            raise LoadError(f"{place}, column {relationship}: no field of the children is known to point to {name}")
        yield from _flatten(child, place, schema, (reference, str(row["Id"])))


def _child_field(schema: Schema, parent: str, relationship: str) -> str | None:
    children = schema.children(parent) if parent in schema else []
    return next((str(c["field"]) for c in children if c["relationshipName"] == relationship), None)


def _text(value: Any, place: str) -> str | None:
    """Return a JSON value as the text a CSV would hold."""
    if isinstance(value, dict | list):
        raise LoadError(f"{place}: a value within a value has no column to go to")
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)
