"""From the compact facts of an object to a describe answer with every attribute a real one (v5x-v6x) has.

A compact declaration gives only what differs from the defaults in `describe_defaults.json` (of any field, of the
field's type, of a system field); a real describe gives everything and passes through unchanged. Nothing here knows
the org or HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

Json = dict[str, Any]

DEFAULTS: dict[str, Json] = json.loads(
    (resources.files("sync_pipeline.sandbox.salesforce.org") / "describe_defaults.json").read_text(encoding="utf-8")
)
LISTS = (
    "actionOverrides",
    "childRelationships",
    "namedLayoutInfos",
    "recordTypeInfos",
    "supportedScopes",
)
# Attributes that only a full describe has; describeGlobal leaves them out.
FULL_ONLY = frozenset(
    [
        "compactLayoutable",
        "defaultImplementation",
        "extendedBy",
        "extendsInterfaces",
        "fields",
        "implementedBy",
        "implementsInterfaces",
        "listviewable",
        "lookupLayoutable",
        "networkScopeFieldName",
        "searchLayoutable",
        "sobjectDescribeOption",
    ]
).union(LISTS)
# What a declaration may say beside describe attributes: facts of the sandbox that no client sees.
#   sql: the DuckDB expression of a formula field, over the columns of its table
#   childRelationshipName: the name under which the parent sees this reference
#   childCascadeDelete: deleting the parent deletes these children, though the field is no master-detail one
#   childRestrictedDelete: the parent cannot be deleted while it has these children
#   convertsTo: the fields (`Contact.Score__c`) that a lead's custom field becomes when the lead is converted
#   bulk: False for an object that Bulk API refuses
#   guess: True for a field of which no public source tells the type
PRIVATE = frozenset(
    [
        "sql",
        "childRelationshipName",
        "childCascadeDelete",
        "childRestrictedDelete",
        "convertsTo",
        "bulk",
        "flags",
        "guess",
    ]
)
LONG_TEXT = 255  # a textarea above this many characters can be neither filtered nor sorted nor grouped


def expand_object(given: Mapping[str, Any]) -> Json:
    """Return the full describe of an object from compact facts or from a real describe (which says all itself)."""
    name, label = given["name"], given.get("label", given["name"])
    describe = {
        **DEFAULTS["object"],
        **{key: [] for key in LISTS},
        "custom": name.endswith("__c"),
        "keyPrefix": None,
        "label": label,
        "labelPlural": f"{label}s",
        "sobjectDescribeOption": "FULL",
        "urls": {},
        **{key: value for key, value in given.items() if key != "flags"},
        **given.get("flags", {}),
    }
    describe["fields"] = [expand_field(field) for field in given["fields"]]
    return describe


def expand_field(given: Mapping[str, Any]) -> Json:
    """Return the full describe of a field; keys of `PRIVATE` stay for the org and are not answered.

    Raises:
        ValueError: the field's type is none that Salesforce has.
    """
    kind, name = given["type"], given["name"]
    types = DEFAULTS["types"]
    if kind not in types:
        raise ValueError(f"field {name}: no such type {kind!r}; known are {', '.join(types)}")
    field = {
        **DEFAULTS["field"],
        **types[kind],
        **DEFAULTS["system"].get(name, {}),
        **_implied(given),
        **given,
    }
    size = 1 if kind in ("id", "reference", "multipicklist") else 3
    field.setdefault("byteLength", field["length"] * size)
    field["picklistValues"] = [_picklist_value(value) for value in field["picklistValues"]]
    return field


def _implied(given: Mapping[str, Any]) -> Json:
    """Return the attributes that follow from the others."""
    name, kind, targets = given["name"], given["type"], given.get("referenceTo", [])
    implied: Json = {"label": name, "custom": name.endswith(("__c", "__pc"))}
    if given.get("calculated"):
        implied |= {"createable": False, "updateable": False}
    if kind == "textarea" and given.get("length", 0) > LONG_TEXT:
        implied |= {"aggregatable": False, "filterable": False, "groupable": False, "sortable": False}
    if kind == "reference":
        implied["relationshipName"] = name[:-1] + "r" if name.endswith("__c") else name.removesuffix("Id")
        implied |= {"namePointing": len(targets) > 1, "polymorphicForeignKey": len(targets) > 1}
    return implied


def _picklist_value(value: str | Json) -> Json:
    if isinstance(value, dict):
        return value
    return {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}


def child_relationship(child: Json, field: Json, parent: str) -> Json:
    """Return the entry that the parent's describe lists for a child's reference field."""
    return {
        "cascadeDelete": field.get("childCascadeDelete", field["cascadeDelete"]),
        "childSObject": child["name"],
        "deprecatedAndHidden": False,
        "field": field["name"],
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": _child_name(child, field, parent),
        "restrictedDelete": field.get("childRestrictedDelete", field["restrictedDelete"]),
    }


def _child_name(child: Json, field: Json, parent: str) -> str | None:
    """Return the children's name as the parent sees it; None, as often in real orgs, where there is none."""
    if "childRelationshipName" in field:
        name: str | None = field["childRelationshipName"]
        return name
    if field["name"] == "AccountId" and any(other["name"] == "WhatId" for other in child["fields"]):
        return None  # the account of a task or event only follows from what it is about
    # "Opportunity Contact Role" is its own plural in describe, yet the relationship is OpportunityContactRoles.
    singular = child["labelPlural"] == child["label"]
    plural = f"{child['name']}s" if singular else child["labelPlural"].replace(" ", "")
    if field["name"].endswith("__c"):
        return f"{plural}__r"
    if field["name"] in (f"{parent}Id", "WhoId", "WhatId"):
        return str(plural)
    return f"Child{plural}" if field["name"] == "ParentId" and child["name"] == parent else None


def urls(name: str, version: str) -> dict[str, str]:
    """Return the resource addresses of an object under one API version."""
    root = f"/services/data/v{version}/sobjects/{name}"
    return {
        "compactLayouts": f"{root}/describe/compactLayouts",
        "rowTemplate": f"{root}/{{ID}}",
        "describe": f"{root}/describe",
        "layouts": f"{root}/describe/layouts",
        "sobject": root,
    }
