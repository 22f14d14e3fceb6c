"""The declared objects against what real orgs and public catalogues say of them (recorded describes, SPEC tables)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.sandbox.schema import Schema

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
PAYLOADS = SHARED / "payloads" / "salesforce"

needs_shared = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded describes are not on this machine")

DESCRIBES = {
    "Lead": "describe_cumulusci/Lead_describe.json",
    "Contact": "describe_cumulusci/Contact_describe.json",
    "Account": "describe_cumulusci/Account_describe.json",
    "Opportunity": "describe_cumulusci/Opportunity_describe.json",
    "OpportunityContactRole": "describe_cumulusci/OpportunityContactRole_describe.json",
    "Event": "describe_cumulusci/Event_describe.json",
    "Campaign": "describe_grouparoo_v42/Campaign.json",
}
CATALOGUED = ("User", "Group", "CampaignMember", "CampaignMemberStatus", "Task", "RecordType", "Organization")

# Fields that we declare though the recorded org does not show them, and why.
BEYOND_DESCRIBE = {
    "HasOptedOutOfEmail": "hidden from the recording user by field-level security; SPEC 11.1 asks for it",
    "HasOptedOutOfFax": "hidden from the recording user by field-level security",
    "DoNotCall": "hidden from the recording user by field-level security",
}
# Attributes in which a declaration may differ from the recorded describe, and why.
DEVIATIONS: dict[tuple[str, str, str], str] = {
    ("Event", "WhatId", "referenceTo"): "of the eighty objects it may point to, those the sandbox has",
}
# Attributes of a field that are no fact of it, and why they are not compared as they stand.
NOT_COMPARED = {
    "picklistValues": "ours are a representative choice, compared as a subset",
    "inlineHelpText": "prose",
    "filteredLookupInfo": "set up by the recorded org",
}
NOT_COMPARED_OF_OBJECT = {"deepCloneable": "differs between the recorded versions", "urls": "of one version"}
# Catalogue fields that are left out, by pattern, and why.
LEFT_OUT = {
    r"User(Preferences|Permissions)\w+": "some ninety switches of the user interface",
    r"EmailPreferences\w+|StayInTouch\w+|Offline\w+": "features that Salesforce has retired",
    r"PreferencesS1BrowserEnabled": "retired with the Salesforce1 browser",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.standard()


def _read(path: str) -> Any:
    return json.loads((PAYLOADS / path).read_text(encoding="utf-8"))


@needs_shared
@pytest.mark.parametrize("name", DESCRIBES)
def test_a_described_object_agrees_with_the_recorded_describe(schema: Schema, name: str) -> None:
    real, ours = _read(DESCRIBES[name]), schema[name]
    fields = {field["name"]: field for field in real["fields"] if not field["name"].endswith("__c")}
    declared = {f for f in ours.fields if not f.endswith("__c")}
    assert declared - fields.keys() <= BEYOND_DESCRIBE.keys()
    assert fields.keys() - declared == set()
    differing = {
        (name, field, attribute): (ours.fields[field][attribute], fields[field][attribute])
        for field in fields
        for attribute in fields[field].keys() - NOT_COMPARED.keys()
        if ours.fields[field][attribute] != fields[field][attribute]
    }
    assert {key: what for key, what in differing.items() if key not in DEVIATIONS} == {}
    flags = {
        flag: (ours.describe[flag], value)
        for flag, value in real.items()
        if flag not in NOT_COMPARED_OF_OBJECT and not isinstance(value, list) and ours.describe[flag] != value
    }
    assert flags == {}
    for field, described in fields.items():
        values = {value["value"] for value in ours.fields[field]["picklistValues"]}
        assert values <= {value["value"] for value in described["picklistValues"]}
        assert bool(values) == bool(described["picklistValues"])


@needs_shared
def test_no_deviation_is_listed_that_does_not_exist(schema: Schema) -> None:
    for name, field, attribute in DEVIATIONS:
        real = {f["name"]: f for f in _read(DESCRIBES[name])["fields"]}
        assert schema[name].fields[field][attribute] != real[field][attribute]


@needs_shared
@pytest.mark.parametrize("name", CATALOGUED)
def test_an_object_without_a_recorded_describe_agrees_with_the_catalogues(schema: Schema, name: str) -> None:
    catalogue = {field["name"]: field for field in _read("field_catalogue_sharpforce_v29.json")[name]}
    newer = _read("field_list_jsforce_standard_schema.json")[name]["fields"]
    ours = schema[name].fields
    missing = catalogue.keys() - ours.keys()
    assert [field for field in missing if not any(re.fullmatch(left, field) for left in LEFT_OUT)] == []
    # CompletedDateTime came to Task after both catalogues were drawn (API 56).
    assert ours.keys() - catalogue.keys() - newer.keys() <= {"CompletedDateTime"}
    for field in catalogue.keys() & ours.keys():
        old, new = catalogue[field], ours[field]
        kinds = {"Subject": {"combobox", "picklist"}}
        assert new["type"] in kinds.get(field, {old["type"]}), field
        assert new["label"] == old["label"]
        if old["length"] and new["type"] != "reference":
            assert new["length"] == old["length"], field
        if field not in ("Label", "Country", "IsRecurrence", "SobjectType"):
            assert new["updateable"] == old["editable"], field
        if field in newer and new["type"] != "boolean" and old["type"] != "boolean":
            assert new["nillable"] == ("null" in newer[field]), field


@needs_shared
def test_every_field_that_the_specification_names_is_declared(schema: Schema) -> None:
    """SPEC 2.1, 2.2, 8.1 and 11.1 name the fields that the sync reads and writes."""
    spec = (SHARED / "SPEC.md").read_text(encoding="utf-8")
    required = spec.split("### 2.1 ")[1].split("### 2.2 ")[0]
    for name, visible in re.findall(r"^\| (\w+) \| ([^|]+) \|", required, re.MULTILINE):
        if name in schema:
            names = re.findall(r"\b[A-Z]\w+\b(?![.\w])", re.sub(r"\w+\.\w+|\([^)]*\)|name parts", "", visible))
            assert [field for field in names if field not in schema[name].fields] == []
    marketo = re.findall(r"^\| `(mkto71_\w+__c)` \| (\w+)", spec, re.MULTILINE)
    assert len(marketo) == 16
    kinds = {"Number": "double", "Text": "string", "DateTime": "datetime"}
    for field, kind in marketo:
        assert {schema[name].fields[field]["type"] for name in ("Lead", "Contact")} == {kinds[kind]}
    tables = spec.split("### 11.1 ")[1].split("**Person account**")[0]
    for name in ("Lead", "Contact", "Account"):
        table = tables.split(f"**{name}**")[1].split("\n**")[0]
        mapped = re.findall(r"^\| [^|]+ \| (\w+) \| (\w+)(?:\((\d+)[,)])?", table, re.MULTILINE)
        assert len(mapped) >= 16
        for field, kind, length in mapped:
            declared = schema[name].fields[field]
            assert declared["type"] == {"number": "double"}.get(kind, kind), f"{name}.{field}"
            assert not length or str(declared["length"] or declared["precision"]) == length, f"{name}.{field}"
    opportunity = spec.split("### 8.1 ")[1].split("Role:")[0]
    for field in re.findall(r"^\| ([A-Z]\w+) \| `", opportunity, re.MULTILINE):
        assert field in schema["Opportunity"].fields


def test_declarations_are_compact_one_field_a_line() -> None:
    """Files are kept by hand: no attribute that expansion would add anyway, no picklist dump."""
    from sync_pipeline.sandbox.describe import DEFAULTS, expand_field

    folder = Path(__file__).resolve().parents[2] / "sync_pipeline" / "sandbox" / "schema"
    for path in folder.glob("*.json"):
        lines = path.read_text(encoding="utf-8").splitlines()
        compact = json.loads("\n".join(lines))
        assert sum(line.lstrip().startswith('{"name"') for line in lines) == len(compact["fields"])
        for flag, value in compact.get("flags", {}).items():
            assert DEFAULTS["object"][flag] != value, f"{path.name}: {flag} is the default"
        for field in compact["fields"]:
            assert len(field.get("picklistValues", [])) <= 14
            for attribute in set(field) - {"name", "type", "label"}:
                without = {key: value for key, value in field.items() if key != attribute}
                assert expand_field(without) != expand_field(field), f"{path.name}: {field['name']}.{attribute}"


def test_key_prefixes_are_the_real_ones_and_unique(schema: Schema) -> None:
    real = {"Lead": "00Q", "Contact": "003", "Account": "001", "User": "005", "Group": "00G", "Opportunity": "006"}
    real |= {"Campaign": "701", "CampaignMember": "00v", "CampaignMemberStatus": "01Y", "Task": "00T", "Event": "00U"}
    real |= {"OpportunityContactRole": "00K", "RecordType": "012", "Organization": "00D"}
    assert {name: schema[name].prefix for name in real} == real
    assert len({found.prefix for found in schema}) == len(list(schema))
