"""The objects an org has: read from `objects/<Object>.json`, changed by `Org.add_object`, `add_field` and so on.

Also the two describe answers, for one user's eyes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from importlib import resources
from typing import Any

from sync_pipeline.sandbox.salesforce.org import persons
from sync_pipeline.sandbox.salesforce.org.describe import (
    FULL_ONLY,
    PRIVATE,
    Json,
    child_relationship,
    expand_object,
    urls,
)

COMPOUND = ("address", "location")
COLUMN_TYPES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "bigint",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "date": "date",
    "datetime": "timestamp",  # UTC
}


class SObject:
    """One object of the org: its full describe and quick ways to its fields. Names are found in any letter case."""

    def __init__(self, describe: Json) -> None:
        self.describe = describe
        self.name: str = describe["name"]
        self.prefix: str = describe["keyPrefix"]

    @cached_property
    def fields(self) -> dict[str, Json]:
        """All fields by API name, compound ones included, in describe order."""
        return {field["name"]: field for field in self.describe["fields"]}

    @cached_property
    def _by_lower(self) -> dict[str, Json]:
        return {name.lower(): field for name, field in self.fields.items()}

    @cached_property
    def _by_relationship(self) -> dict[str, Json]:
        named = (f for f in self.fields.values() if f["relationshipName"])
        return {field["relationshipName"].lower(): field for field in named}

    def field(self, name: str) -> Json | None:
        return self._by_lower.get(name.lower())

    def reference(self, relationship: str) -> Json | None:
        """Return the reference field behind a relationship name (`Owner` -> OwnerId)."""
        return self._by_relationship.get(relationship.lower())

    @cached_property
    def columns(self) -> dict[str, str]:
        """Stored columns and their DuckDB types: neither compound fields nor formulas."""
        return {
            name: COLUMN_TYPES.get(field["type"], "varchar")
            for name, field in self.fields.items()
            if field["type"] not in COMPOUND and "sql" not in field
        }

    @cached_property
    def formulas(self) -> dict[str, str]:
        """Formula fields that are computed when read, and their DuckDB expressions."""
        return {name: field["sql"] for name, field in self.fields.items() if "sql" in field}

    @property
    def bulk(self) -> bool:
        """Whether Bulk API knows the object."""
        return bool(self.describe.get("bulk", True))


class Schema:
    """All objects of one org, by API name."""

    def __init__(self, describes: Iterable[Json] = ()) -> None:
        self._objects: dict[str, SObject] = {}
        for describe in describes:
            self.put(describe)

    @classmethod
    def standard(cls, person_accounts: bool = False) -> Schema:
        """Return the objects declared beside this module, on demand with accounts that are persons."""
        schema = cls(_declared())
        if person_accounts:
            schema.enable_persons()
        return schema

    @classmethod
    def veeva(cls) -> Schema:
        """Return the objects of a Veeva org: the standard ones with Veeva's fields and person accounts, and its own.

        A declaration in `objects/veeva` of a standard object adds fields to it, or says otherwise of them.
        """
        schema = cls(describe for describe in _declared() if not describe["name"].endswith("__c"))
        for describe in _declared("veeva"):
            known = schema.get(describe["name"])
            fields = {
                field["name"]: field for field in (*(known.fields.values() if known else ()), *describe["fields"])
            }
            schema.put({**(known.describe if known else {}), **describe, "fields": list(fields.values())})
        schema.enable_persons()
        return schema

    @property
    def crm(self) -> str:
        """Which CRM this is, in the words of the settings: an org with Veeva's calls is a Veeva org."""
        return "veeva" if "Call2_vod__c" in self else "salesforce"

    def enable_persons(self) -> None:
        """Let accounts be persons, which in a real org nobody can take back."""
        for describe in persons.enable({found.name: found.describe for found in self}).values():
            self.put(describe)

    def put(self, describe: Json) -> SObject:
        """Add or replace an object, compact or really described; a missing key prefix is given out."""
        full = expand_object(describe)
        full["keyPrefix"] = full["keyPrefix"] or self._free_prefix(full["name"])
        found = SObject(full)
        self._objects[found.name.lower()] = found
        return found

    def _free_prefix(self, name: str) -> str:
        """Custom objects of a real org are numbered a00, a01, ...; a standard one without a prefix gets one too."""
        old = self.get(name)
        if old:
            return old.prefix
        taken = {o.prefix for o in self}
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        return next(p for p in (f"a{a}{b}" for a in digits for b in digits) if p not in taken)

    def get(self, name: str) -> SObject | None:
        return self._objects.get(name.lower())

    def __getitem__(self, name: str) -> SObject:
        found = self.get(name)
        if found is None:
            raise KeyError(f"the org has no object {name!r}; it has {', '.join(o.name for o in self)}")
        return found

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._objects

    def __iter__(self) -> Iterator[SObject]:
        return iter(list(self._objects.values()))

    def by_prefix(self, record_id: str) -> SObject | None:
        return next((o for o in self if o.prefix == record_id[:3]), None)

    def children(self, parent: str) -> list[Json]:
        """Return the child relationships of an object: those it describes itself, else those other objects imply."""
        told = {(c["childSObject"], c["field"]): c for c in self[parent].describe["childRelationships"]}
        implied = {
            (child.name, field["name"]): child_relationship(child.describe, field, parent)
            for child in self
            for field in child.fields.values()
            if self[parent].name in field["referenceTo"] and field["name"] != "MasterRecordId"
        }
        return list({**implied, **told}.values())


def _declared(folder: str = "") -> Iterator[Json]:
    """Yield what is declared in `schema`, or in a folder of it, by name."""
    files = (resources.files("sync_pipeline.sandbox.salesforce.org") / "objects" / folder).iterdir()
    for file in sorted((f for f in files if f.name.endswith(".json")), key=lambda f: f.name):
        yield json.loads(file.read_text(encoding="utf-8"))


def describe_object(schema: Schema, name: str, version: str, hidden: Collection[str] = ()) -> Json:
    """Return the describe answer of an object without the fields hidden from the asking user."""
    answer = _public(schema[name].describe)
    answer["fields"] = [
        {k: v for k, v in field.items() if k not in PRIVATE}
        for field in answer["fields"]
        if field["name"] not in hidden
    ]
    answer["childRelationships"] = schema.children(name)
    answer["urls"] = urls(answer["name"], version)
    return answer


def describe_global(schema: Schema, version: str, hidden: Collection[str] = ()) -> Json:
    """Return the describeGlobal answer without the objects hidden from the asking user."""
    seen = sorted((o for o in schema if o.name not in hidden), key=lambda o: o.name)
    objects = [
        {k: v for k, v in _public(o.describe).items() if k not in FULL_ONLY} | {"urls": urls(o.name, version)}
        for o in seen
    ]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}


def _public(describe: Json) -> dict[str, Any]:
    return {k: v for k, v in describe.items() if k not in PRIVATE}
