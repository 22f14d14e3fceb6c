"""What every Salesforce library is asked to do; see `interop.spoken` for how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interop.errors import DifferenceError
from interop.salesforce.rows import arrived, equal
from interop.salesforce.stage import CROWDED, OrgStage
from interop.spoken import Records, Step

READ, WRITTEN = ("Lead", "Contact", "Invoice__c"), ("Contact", "Invoice__c")


def _described(stage: OrgStage, name: str, fields: Sequence[Mapping[str, Any]]) -> str:
    """Compare the fields of an object, each with the attributes that the script has picked."""
    known = stage.org.schema[name].fields
    if odd := known.keys() ^ {field["name"] for field in fields}:
        raise DifferenceError(f"{name} is described without, or with unknown, {', '.join(sorted(odd))}")
    for field in fields:
        if differ := [key for key, value in field.items() if known[field["name"]].get(key) != value]:
            raise DifferenceError(f"{name}.{field['name']}: the org has other {', '.join(differ)}")
    return f"{len(fields)} fields of {name}"


def _read(stage: OrgStage, name: str, rows: Records) -> str:
    return equal(stage.org, name, rows)


def _read_in_bulk(stage: OrgStage, name: str, rows: Records) -> str:
    return equal(stage.org, name, rows, bulk=True)


def _wrote(stage: OrgStage, name: str, rows: Records) -> str:
    return arrived(stage.org, name, rows)


STEPS: Mapping[str, Step[OrgStage]] = {
    "describe": Step("describe", _described, READ),
    "query, page by page": Step("query", _read, READ),
    "create, update, upsert, delete": Step("write", _wrote, WRITTEN),
    "bulk 2.0 query": Step("bulk2_query", _read_in_bulk, READ),
    "bulk 2.0 query, page by page": Step("bulk2_pages", _read_in_bulk, [CROWDED], OrgStage.crowd),
    "bulk 2.0 insert, update, upsert, delete": Step("bulk2_write", _wrote, WRITTEN),
    "bulk 1 query": Step("bulk1_query", _read_in_bulk, READ, OrgStage.needs_bulk_1),
    "bulk 1 insert, update, upsert, delete": Step("bulk1_write", _wrote, WRITTEN, OrgStage.needs_bulk_1),
}
