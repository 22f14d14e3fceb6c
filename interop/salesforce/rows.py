"""What a client read or wrote, set value by value against the org's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from interop.errors import DifferenceError
from interop.rows import Row, Value, compare, folded
from sync_pipeline.sandbox import Org
from sync_pipeline.sandbox.core.database import quote, text
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import COLUMN_TYPES, COMPOUND, SObject


def described(schemas: Mapping[str, Mapping[str, Any]], org: Org) -> str:
    """Say how many objects were described, all of them and with all their fields, as JSON schemas by name.

    Raises:
        DifferenceError: an object or a field is missing or too much.
    """
    for name in {found.name for found in org.schema} ^ schemas.keys():
        raise DifferenceError(f"{name} is described and not in the org, or the reverse")
    for name, schema in schemas.items():
        if odd := schema["properties"].keys() ^ org.schema[name].fields.keys():
            raise DifferenceError(f"{name} is described without, or with unknown, {', '.join(sorted(odd))}")
    return f"{len(schemas)} objects with all their fields"


def equal(
    org: Org, name: str, rows: Sequence[Row], deleted: bool = False, bulk: bool = False, fold: bool = False
) -> str:
    """Say how many records were read, all of them and in all fields as the org has them.

    Args:
        deleted: the recycle bin was read too.
        bulk: compound fields, which Bulk API does not know, are not among the rows.
        fold: the client makes every line break in a text a line feed.

    Raises:
        DifferenceError: a record or a field is missing, too much, or has another value.
    """
    found = org.schema[name]
    wanted = [field for field, told in found.fields.items() if not (bulk and told["type"] in COMPOUND)]
    for row in rows:
        if missing := set(wanted) - row.keys():
            raise DifferenceError(f"{name} {row.get('Id')} came without {', '.join(sorted(missing))}")
    everything = "true" if deleted or "IsDeleted" not in found.columns else "not IsDeleted"
    _compare(org, found, wanted, rows, everything, fold)
    return f"{len(rows):,} {name} x {len(wanted)} fields"


def arrived(org: Org, name: str, rows: Sequence[Row]) -> str:
    """Say how many records were written, each as the org has it in the fields that its row names.

    Raises:
        DifferenceError: nothing was written, or the org has something else.
    """
    if not rows:
        raise DifferenceError(f"no {name} was written")
    _compare(org, org.schema[name], list(rows[0]), rows, f"Id in ({', '.join(text(str(row['Id'])) for row in rows)})")
    return f"{len(rows):,} {name}"


def _compare(
    org: Org, found: SObject, fields: Sequence[str], rows: Sequence[Row], condition: str, fold: bool = False
) -> None:
    values = [value for field in fields for value in _values(found, field)]
    if fold:
        values = [replace(value, sql=folded(value.sql)) if value.type == "varchar" else value for value in values]
    compare(org, found.name, "Id", values, rows, f"{quote(found.name)} where {condition}")


def _values(found: SObject, field: str) -> list[Value]:
    told = found.fields[field]
    if told["type"] not in COMPOUND:
        return [Value(field, _type(told), found.formulas.get(field, quote(field)))]
    parts = (part for part in found.fields.values() if part["compoundFieldName"] == field)
    return [Value(f"{field}.{_part(field, part['name'])}", _type(part), quote(part["name"])) for part in parts]


def _type(field: Json) -> str:
    return COLUMN_TYPES.get(field["type"], "varchar")


def _part(compound: str, part: str) -> str:
    """MailingPostalCode of MailingAddress is `postalCode`."""
    name = part.removeprefix(compound.removesuffix("Address"))
    return name[0].lower() + name[1:]
