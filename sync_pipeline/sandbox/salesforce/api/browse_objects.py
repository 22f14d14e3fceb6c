"""An object as the pages in the browser show it: kinds of inputs, columns of a list, what a search looks at."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.site.system import Asked, Field, Kind, Object
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import COMPOUND, SObject

COLUMNS = 6
# What one looks for in a list beside the name, if the object has it.
_TELLING = (
    "Company",
    "AccountId",
    "WhoId",
    "LeadId",
    "ContactId",
    "CampaignId",
    "OpportunityId",
    "Email",
    "Title",
    "StageName",
    "Status",
    "Amount",
    "Role",
    "OwnerId",
    "Username",
    "Industry",
    "Type",
    "Phone",
)
_KINDS: dict[str, Kind] = {
    "textarea": "long",
    "boolean": "flag",
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), "number"),
    "date": "date",
    "datetime": "datetime",
    **dict.fromkeys(("picklist", "combobox"), "choice"),
    "multipicklist": "choices",
    "reference": "reference",
}
_SEARCHED = ("text", "long", "choice", "choices")


def shown_object(found: SObject, hidden: Collection[str], locked: Collection[str]) -> Object:
    """Return an object without its hidden fields; those that are locked cannot be written."""
    described = found.describe
    seen = [f for f in found.fields.values() if f["name"] not in hidden and f["type"] not in COMPOUND]
    return Object(
        name=found.name,
        label=described["label"],
        plural=described["labelPlural"],
        fields={f["name"]: _field(f, f["name"] in locked) for f in seen},
        columns=tuple(_columns(seen)),
        newest="SystemModstamp" if "SystemModstamp" in found.columns else "Id",
        can_create=described["createable"],
        can_update=described["updateable"],
        can_delete=described["deletable"],
        has_bin="IsDeleted" in found.columns,
    )


def _field(described: Json, locked: bool) -> Field:
    choices = tuple(entry["value"] for entry in described["picklistValues"] if entry["active"])
    kind = _KINDS.get(described["type"], "text")
    return Field(
        name=described["name"],
        label=described["label"],
        kind="text" if kind in ("choice", "choices") and not choices else kind,
        type=described["type"],
        can_create=described["createable"] and not locked,
        can_update=described["updateable"] and not locked,
        is_required=not (described["nillable"] or described["defaultedOnCreate"] or described["type"] == "boolean"),
        length=described["length"] if described["soapType"] == "xsd:string" else 0,
        choices=choices,
        is_open=not described["restrictedPicklist"],
    )


def _columns(fields: Sequence[Json]) -> list[str]:
    """Return what a list shows: the name, what is telling, of custom objects their own fields, and the last stamp."""
    names = [f["name"] for f in fields]
    named = [f["name"] for f in fields if f["nameField"]] or ["Id"]
    own = [f["name"] for f in fields if f["custom"] and f["type"] != "textarea"]
    chosen = list(dict.fromkeys([*named, *(n for n in _TELLING if n in names), *own]))[:COLUMNS]
    return [*chosen, *(n for n in ("SystemModstamp",) if n in names)]


def condition(obj: Object, asked: Asked) -> tuple[str, list[str]]:
    """Return the SQL condition of what is asked for, and its values."""
    parts, values = ["true"], list[str]()
    if asked.binned:
        parts.append("IsDeleted")
    for name, value in asked.where.items():
        parts.append(f"cast({quote(name)} as varchar) = ?")
        values.append(value)
    if asked.search:
        searched = [n for n in ("Id", "Email", *obj.columns) if n in obj.fields and obj.fields[n].kind in _SEARCHED]
        texts = [f"contains(lower({quote(name)}), lower(?))" for name in dict.fromkeys(searched)]
        parts.append(f"({' or '.join(texts)})")
        values += [asked.search] * len(texts)
    return " and ".join(parts), values


def name_field(found: SObject) -> str:
    return next((f["name"] for f in found.fields.values() if f["nameField"]), "Id")
