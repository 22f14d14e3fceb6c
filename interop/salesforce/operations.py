"""The operations of clients that are libraries: a script of theirs speaks, the org is looked at afterwards.

A script is called with an operation's name and prints lines of `["Object", {record}]`: the records that it read, or
what it wrote (`Id`, the fields written, whether it deleted the record in the end).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interop.rows import DifferenceError, arrived, equal
from interop.salesforce.stage import Stage

Command = Callable[[Path], Sequence[str | Path]]


def spoken(command: Command, **environment: Callable[[Path], Path]) -> Mapping[str, Callable[[Stage], str]]:
    """Return the operations of a script; its command and its environment's further variables follow from the tools."""

    def said(stage: Stage, operation: str) -> dict[str, list[dict[str, Any]]]:
        more = {name: str(value(stage.tools)) for name, value in environment.items()}
        return stage.records([*command(stage.tools), operation], **more)

    def describes(stage: Stage) -> str:
        return _as_described(stage, said(stage, "describe"))

    def queries(stage: Stage) -> str:
        return _as_read(stage, said(stage, "query"))

    def writes(stage: Stage) -> str:
        return _as_written(stage, said(stage, "write"))

    def queries_in_bulk(stage: Stage) -> str:
        return _as_read(stage, said(stage, "bulk2_query"), bulk=True)

    def writes_in_bulk(stage: Stage) -> str:
        return _as_written(stage, said(stage, "bulk2_write"))

    def queries_in_bulk_1(stage: Stage) -> str:
        stage.needs_bulk_1()
        return _as_read(stage, said(stage, "bulk1_query"), bulk=True)

    def writes_in_bulk_1(stage: Stage) -> str:
        stage.needs_bulk_1()
        return _as_written(stage, said(stage, "bulk1_write"))

    return {
        "describe": describes,
        "query, page by page": queries,
        "create, update, upsert, delete": writes,
        "bulk 2.0 query": queries_in_bulk,
        "bulk 2.0 insert, update, upsert, delete": writes_in_bulk,
        "bulk 1 query": queries_in_bulk_1,
        "bulk 1 insert, update, upsert, delete": writes_in_bulk_1,
    }


def _as_described(stage: Stage, said: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    for name, fields in said.items():
        for field in fields:
            told = stage.org.schema[name].fields.get(field["name"], {})
            if differ := [key for key, value in field.items() if told.get(key) != value]:
                raise DifferenceError(f"{name}.{field['name']}: the org has other {', '.join(differ)}")
        if missing := stage.org.schema[name].fields.keys() - {field["name"] for field in fields}:
            raise DifferenceError(f"{name}: no {', '.join(sorted(missing))} was described")
    return _joined(f"{len(fields)} fields of {name}" for name, fields in said.items())


def _as_read(stage: Stage, said: Mapping[str, Sequence[Mapping[str, Any]]], bulk: bool = False) -> str:
    return _joined(equal(stage.org, name, rows, bulk=bulk) for name, rows in said.items())


def _as_written(stage: Stage, said: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    return _joined(arrived(stage.org, name, rows) for name, rows in said.items())


def _joined(notes: Any) -> str:
    """Return the notes as one.

    Raises:
        DifferenceError: there is none, the script said nothing.
    """
    listed = list(notes)
    if not listed:
        raise DifferenceError("the client said nothing")
    return "; ".join(listed)
