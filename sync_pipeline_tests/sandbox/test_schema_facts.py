"""The declared objects against what real orgs and public catalogues say of them (recorded describes, SPEC tables)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sync_pipeline.sandbox import Org
from sync_pipeline.sandbox.salesforce.org.schema import Schema, SObject, describe_global
from sync_pipeline.sandbox.salesforce.rules import record_types

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
PAYLOADS = SHARED / "payloads" / "salesforce"

needs_shared = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded describes are not on this machine")

DESCRIBES = {
    "Lead": "describe_cumulusci/Lead_describe.json",
    "Contact": "describe_cumulusci/Contact_describe.json",
    "Contact of API 42": "describe_grouparoo_v42/Contact.json",
    "Account": "describe_cumulusci/Account_describe.json",
    "Account with persons": "describe_cumulusci/Account_PersonAccount_describe.json",
    "Opportunity": "describe_cumulusci/Opportunity_describe.json",
    "OpportunityContactRole": "describe_cumulusci/OpportunityContactRole_describe.json",
    "Event": "describe_cumulusci/Event_describe.json",
    "Campaign": "describe_grouparoo_v42/Campaign.json",
}
# In neither catalogue; its fields are those that Salesforce's own field reference lists.
UNLISTED = {"UserPermissionAccess"}
STANDARD = sorted(f.name for f in Schema.standard() if not f.describe["custom"] and f.name not in UNLISTED)

# Fields on which we and a source differ, as patterns of `source: object.field`, and why. Every one of them is needed.
FIELDS_BEYOND = {
    r"describe: (Lead|Contact.*)\.(HasOptedOutOf(Email|Fax)|DoNotCall)": "hidden from the recording users; SPEC 11.1",
    r"describe: Account with persons\.(IsPartner|IsCustomerPortal|Channel\w+)": "that org has no portals or partners",
    r"describe: Account with persons\.OperatingHoursId": "a feature that org has not",
    r"catalogue: Task\.CompletedDateTime": "came after both catalogues were drawn (API 56)",
}
FIELDS_LEFT_OUT = {
    r"describe: Account with persons\.Person(Pronouns|GenderIdentity)": "of Contact since API 56; our Contact is older",
    r"catalogue: User\.User(Preferences|Permissions)\w+": "some hundred switches of the user interface",
    r"catalogue: User\.(EmailPreferences\w+|StayInTouch\w+|Offline\w+)": "features that Salesforce has retired",
    r"catalogue: Organization\.PreferencesS1BrowserEnabled": "retired with the Salesforce1 browser",
    r"catalogue: Organization\.PreferencesIndividualAutoCreateEnabled": "not in the recorded Organization",
    r"catalogue: (User\.(PortalRole|IsPortal\w+)|Contact\.CanAllowPortalSelfReg)": "only in orgs with portals",
    r"catalogue: User\.BadgeText": "only in orgs with communities",
    r"catalogue: (Account|Contact|Lead|Opportunity)\.\w+__c": "custom fields of the developer org it was drawn from",
}
# What a source says otherwise of a field, as patterns of `source: object.field.attribute`, and why. Likewise.
DIFFERENCES = {
    r"describe: Event\.WhatId\.referenceTo": "of the eighty objects it may point to, those the sandbox has",
    r"describe: Contact of API 42\.LeadSource\.(length|byteLength)": "longer in the newer describe",
    r"describe: Account with persons\.\w+\.(length|byteLength)": "that org has longer picklists (255 instead of 40)",
    r"catalogue: (Contact|Lead|Opportunity)\.\w+\.length": "picklists of 40 in API 29, of 255 in the newer describes",
    r"catalogue: Campaign\.\w+\.label": "the newer describe, which we follow, says `... in Campaign`",
    r"catalogue: Event\.\w+\.label": "labels that the newer describe, which we follow, has in other words",
    r"catalogue: CampaignMemberStatus\.Label\.editable": "newer orgs let statuses be renamed",
    r"catalogue: Organization\.Country\.editable": "not so in newer orgs",
}
# Attributes of a field that are no fact of it, and why they are not compared as they stand.
NOT_COMPARED = {
    "picklistValues": "ours are a representative choice, compared as a subset",
    "inlineHelpText": "prose",
    "filteredLookupInfo": "set up by the recorded org",
}
NOT_COMPARED_OF_OBJECT = {
    "deepCloneable": "differs between the recorded versions",
    "urls": "of one version",
    "keyPrefix": "absent for objects that the recording user may not open; see the test of prefixes",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.standard()


def _read(path: str) -> Any:
    return json.loads((PAYLOADS / path).read_text(encoding="utf-8"))


class Differences(NamedTuple):
    """Where our declaration of an object and a source part: `source: object.field`, or of a field's attributes."""

    beyond: list[str]
    left_out: list[str]
    differing: list[str]

    def unexplained(self) -> list[str]:
        reasons = (FIELDS_BEYOND, FIELDS_LEFT_OUT, DIFFERENCES)
        return [one for found, of in zip(self, reasons, strict=True) for one in found if not _reasons(one, of)]


def _reasons(difference: str, reasons: Mapping[str, str]) -> set[str]:
    return {pattern for pattern in reasons if re.fullmatch(pattern, difference.partition(" = ")[0])}


def _standard(fields: Iterable[str]) -> set[str]:
    return {name for name in fields if not name.endswith(("__c", "__pc"))}


def _described(key: str) -> tuple[SObject, dict[str, Any]]:
    real = _read(DESCRIBES[key])
    return Schema.standard(person_accounts="persons" in key)[real["name"]], real


def _from_describe(key: str) -> Differences:
    ours, real = _described(key)
    fields = {field["name"]: field for field in real["fields"]}
    there, declared, source = _standard(fields), _standard(ours.fields), f"describe: {key}"
    return Differences(
        [f"{source}.{name}" for name in declared - there],
        [f"{source}.{name}" for name in there - declared],
        [
            f"{source}.{name}.{attribute} = {fields[name][attribute]!r}, ours {ours.fields[name][attribute]!r}"
            for name in there & declared
            for attribute in fields[name].keys() - NOT_COMPARED.keys()
            if ours.fields[name][attribute] != fields[name][attribute]
        ],
    )


def _from_catalogues(name: str) -> Differences:
    old = {field["name"]: field for field in _read("field_catalogue_sharpforce_v29.json")[name]}
    newer = _read("field_list_jsforce_standard_schema.json")[name]["fields"]
    ours, source = Schema.standard()[name].fields, f"catalogue: {name}"
    declared = _standard(ours)
    # The describes are newer than both catalogues: what is beyond these is compared with those.
    beyond = set() if name in DESCRIBES else declared - old.keys() - newer.keys()
    differing = []
    for field in old.keys() & declared:
        facts = {fact: ours[field][fact] for fact in ("type", "label", "length")}
        facts["editable"] = ours[field]["updateable"]
        if not old[field]["length"] or ours[field]["type"] == "reference":
            del facts["length"]
        differing += [
            f"{source}.{field}.{fact} = {old[field][fact]!r}, ours {value!r}"
            for fact, value in facts.items()
            if old[field][fact] != value
        ]
    missing = (old.keys() | newer.keys()) - declared
    return Differences([f"{source}.{f}" for f in beyond], [f"{source}.{f}" for f in missing], differing)


@needs_shared
@pytest.mark.parametrize("key", DESCRIBES)
def test_a_described_object_agrees_with_the_recorded_describe(key: str) -> None:
    assert _from_describe(key).unexplained() == []
    ours, real = _described(key)
    assert _differing_flags(ours.describe, real) == {}
    for field in real["fields"]:
        if field["name"] in ours.fields:
            values = {value["value"] for value in ours.fields[field["name"]]["picklistValues"]}
            recorded = {value["value"] for value in field["picklistValues"]}
            assert bool(values) == bool(recorded)
            if key in STANDARD:  # the two other orgs have picklists of their own
                assert values <= recorded


def _differing_flags(ours: dict[str, Any], real: dict[str, Any]) -> dict[str, Any]:
    return {
        flag: (ours[flag], value)
        for flag, value in real.items()
        if flag not in NOT_COMPARED_OF_OBJECT and not isinstance(value, list) and ours[flag] != value
    }


@needs_shared
@pytest.mark.parametrize("key", [key for key in DESCRIBES if "persons" not in key])
def test_an_object_knows_its_children_as_the_recorded_describe_does(schema: Schema, key: str) -> None:
    real = _read(DESCRIBES[key])
    known = {
        (child["childSObject"], child["field"]): child
        for child in real["childRelationships"]
        if child["childSObject"] in schema and not child["field"].endswith("__c")
    }
    ours = {(c["childSObject"], c["field"]): c for c in schema.children(real["name"]) if c["childSObject"] in STANDARD}
    if "API 42" not in key:
        assert ours.keys() == known.keys()
    compared = ("relationshipName", "cascadeDelete", "restrictedDelete")
    assert {k: [ours[k][a] for a in compared] for k in known} == {k: [known[k][a] for a in compared] for k in known}


@needs_shared
def test_record_types_are_listed_where_the_recorded_describes_list_them(schema: Schema) -> None:
    with Org.open(schema=Schema.standard()) as org:
        for key, path in DESCRIBES.items():
            real = _read(path)
            listed = record_types.infos(org, org.schema[real["name"]], "59.0")
            masters = [info for info in real["recordTypeInfos"] if info["master"]]
            assert [info["recordTypeId"] for info in listed] == [info["recordTypeId"] for info in masters], key
            for info in masters:
                assert info.keys() <= listed[0].keys()
        invoice = record_types.infos(org, org.schema["Invoice__c"], "59.0")
    assert invoice == _read("describe_cumulusci/Custom__c_describe.json")["recordTypeInfos"]


@needs_shared
def test_the_global_describe_agrees_with_the_recorded_one(schema: Schema) -> None:
    real = {entry["name"]: entry for entry in _read("describe_cumulusci/Global_describe.json")["sobjects"]}
    ours = {entry["name"]: entry for entry in describe_global(schema, "59.0")["sobjects"]}
    common = real.keys() & ours.keys()
    assert len(common) >= 9
    # In that older org activities had no feed and could not be merged; the describe of Event itself is the newer.
    older = {"Event": {"feedEnabled", "mergeable"}}
    for name in common:
        assert ours[name].keys() == real[name].keys()
        assert _differing_flags(ours[name], real[name]).keys() == older.get(name, set()), name


@needs_shared
@pytest.mark.parametrize("name", STANDARD)
def test_every_standard_object_agrees_with_both_catalogues(schema: Schema, name: str) -> None:
    assert _from_catalogues(name).unexplained() == []
    newer = _read("field_list_jsforce_standard_schema.json")[name]
    ours = {name: field for name, field in schema[name].fields.items() if name in newer["fields"]}
    kinds = dict.fromkeys(("int", "double", "currency", "percent"), "number")
    kinds |= {"boolean": "boolean", "date": "DateString", "datetime": "DateString", "address": "Address"}
    for field in ours.values():
        kind = kinds.get(field["type"], "string")
        nillable = field["nillable"] and kind != "boolean"
        assert newer["fields"][field["name"]] == (f"{kind} | null" if nillable else kind), field["name"]
    parents = {one for one in newer["parentReferences"] if f"{one}Id" in ours}
    assert parents <= {field["relationshipName"] for field in ours.values()}


@needs_shared
def test_a_custom_object_is_described_like_a_recorded_one(schema: Schema) -> None:
    real = _read("describe_cumulusci/Custom__c_describe.json")
    told = {"name", "label", "labelPlural"}
    # The recorded one is a custom setting, which has no layouts, triggers or recent records.
    setting = {"customSetting", "compactLayoutable", "mruEnabled", "triggerable"}
    assert _differing_flags(schema["Invoice__c"].describe, real).keys() == told | setting
    key = next(field for field in real["fields"] if field["name"] == "Id")
    assert {name: schema["Invoice__c"].fields["Id"][name] for name in key} == key


@needs_shared
def test_no_difference_is_listed_that_does_not_exist() -> None:
    found = [*map(_from_describe, DESCRIBES), *map(_from_catalogues, STANDARD)]
    for i, reasons in enumerate((FIELDS_BEYOND, FIELDS_LEFT_OUT, DIFFERENCES)):
        met = {pattern for one in found for difference in one[i] for pattern in _reasons(difference, reasons)}
        assert reasons.keys() - met == set()


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
    from sync_pipeline.sandbox.salesforce.org.describe import DEFAULTS, expand_field

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
