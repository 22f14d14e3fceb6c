"""The operations of clients that are libraries: a script of theirs speaks, the org is looked at afterwards.

A script is called with an operation's name and prints lines of `["Object", {record}]`: the records that it read, or
what it wrote (`Id`, the fields written, whether it deleted the record in the end).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from interop.errors import DifferenceError, SkipError
from interop.salesforce.rows import arrived, equal
from interop.salesforce.stage import CROWDED, OrgStage
from sync_pipeline.sandbox import Org

Command = Callable[[Path], Sequence[str | Path]]
Verdict = Callable[[Org, str, list[dict[str, Any]]], str]
READ, WRITTEN = ("Lead", "Contact", "Invoice__c"), ("Contact", "Invoice__c")


def spoken(
    command: Command,
    environment: Callable[[Path], Mapping[str, str]] = lambda tools: {},
    unable: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Callable[[OrgStage], str]]:
    """Return the operations of a script.

    Args:
        command: how to call it, given the client's tools; and
        environment: the further variables that it needs.
        unable: why it cannot do an operation, by the name that the script would have for it.
    """

    def operation(
        name: str, verdict: Verdict, objects: Sequence[str], first: Callable[[OrgStage], None] | None = None
    ) -> Callable[[OrgStage], str]:
        def attempt(stage: OrgStage) -> str:
            if name in unable:
                raise SkipError(unable[name])
            if first:
                first(stage)
            said = stage.records([*command(stage.tools), name], **environment(stage.tools))
            return "; ".join(verdict(stage.org, object_, said.get(object_, [])) for object_ in objects)

        return attempt

    in_bulk = partial(equal, bulk=True)
    return {
        "describe": operation("describe", _described, READ),
        "query, page by page": operation("query", equal, READ),
        "create, update, upsert, delete": operation("write", arrived, WRITTEN),
        "bulk 2.0 query": operation("bulk2_query", in_bulk, READ),
        "bulk 2.0 query, page by page": operation("bulk2_pages", in_bulk, [CROWDED], first=OrgStage.crowd),
        "bulk 2.0 insert, update, upsert, delete": operation("bulk2_write", arrived, WRITTEN),
        "bulk 1 query": operation("bulk1_query", in_bulk, READ, first=OrgStage.needs_bulk_1),
        "bulk 1 insert, update, upsert, delete": operation(
            "bulk1_write", arrived, WRITTEN, first=OrgStage.needs_bulk_1
        ),
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
