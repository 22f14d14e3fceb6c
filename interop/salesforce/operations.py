"""The operations of clients that are libraries: a script of theirs speaks, the org is looked at afterwards.

A script is called with an operation's name and prints lines of `["Object", {record}]`: the records that it read, or
what it wrote (`Id`, the fields written, whether it deleted the record in the end).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from interop.rows import DifferenceError, arrived, equal
from interop.salesforce.stage import Stage
from sync_pipeline.sandbox import Org

Command = Callable[[Path], Sequence[str | Path]]
Verdict = Callable[[Org, str, list[dict[str, Any]]], str]
READ, WRITTEN = ("Lead", "Contact", "Invoice__c"), ("Contact", "Invoice__c")


def spoken(command: Command, **environment: Callable[[Path], Path]) -> Mapping[str, Callable[[Stage], str]]:
    """Return the operations of a script; its command and its environment's further variables follow from the tools."""

    def operation(
        name: str, verdict: Verdict, objects: Sequence[str], needs_bulk_1: bool = False
    ) -> Callable[[Stage], str]:
        def attempt(stage: Stage) -> str:
            if needs_bulk_1:
                stage.needs_bulk_1()
            more = {variable: str(value(stage.tools)) for variable, value in environment.items()}
            said = stage.records([*command(stage.tools), name], **more)
            return "; ".join(verdict(stage.org, object_, said.get(object_, [])) for object_ in objects)

        return attempt

    in_bulk = partial(equal, bulk=True)
    return {
        "describe": operation("describe", _described, READ),
        "query, page by page": operation("query", equal, READ),
        "create, update, upsert, delete": operation("write", arrived, WRITTEN),
        "bulk 2.0 query": operation("bulk2_query", in_bulk, READ),
        "bulk 2.0 insert, update, upsert, delete": operation("bulk2_write", arrived, WRITTEN),
        "bulk 1 query": operation("bulk1_query", in_bulk, READ, needs_bulk_1=True),
        "bulk 1 insert, update, upsert, delete": operation("bulk1_write", arrived, WRITTEN, needs_bulk_1=True),
    }


def _described(org: Org, name: str, fields: Sequence[Mapping[str, Any]]) -> str:
    """Compare the fields of an object, each with the attributes that the script has picked."""
    known = org.schema[name].fields
    if odd := known.keys() ^ {field["name"] for field in fields}:
        raise DifferenceError(f"{name} is described without, or with unknown, {', '.join(sorted(odd))}")
    for field in fields:
        if differ := [key for key, value in field.items() if known[field["name"]].get(key) != value]:
            raise DifferenceError(f"{name}.{field['name']}: the org has other {', '.join(differ)}")
    return f"{len(fields)} fields of {name}"
