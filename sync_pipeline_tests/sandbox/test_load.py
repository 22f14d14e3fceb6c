"""Directories of records in an org: values to the letter, ids kept or mapped, one clear message on bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.model import id18
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.population.load import LoadError, load
from sync_pipeline.sandbox.salesforce.population.populate import populate
from sync_pipeline_tests.npsp import Rows, write_under_api_names

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "salesforce"
DESCRIBES = SHARED.parents[1] / "payloads" / "salesforce"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded data sets are not on this machine")


@pytest.fixture
def org() -> Iterator[Org]:
    with Org.open(None) as org:
        yield org


def _rows(org: Org, sql: str) -> list[tuple[Any, ...]]:
    with org.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def _csv(directory: Path, name: str, text: str) -> None:
    (directory / f"{name}.csv").write_bytes(text.encode())


# Values and ids


def test_values_arrive_to_the_letter(org: Org, tmp_path: Path) -> None:
    long = ("Zeile ü 行\n" * 4_000)[:30_000]
    values = [
        "NA",
        "null",
        " spaces ",
        'a "quoted", text',
        "line\r\nbreak\nand\rmore",
        "\tжйл 😀",
        "\0nul",
        "007",
        long,
    ]
    with (tmp_path / "Lead.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["LastName", "Company", "Description", "Street"])
        writer.writerows([f"n{i}", "c", value, ""] for i, value in enumerate(values))
    assert load(org, tmp_path) == {"Lead": len(values)}
    assert _rows(org, 'select Description, Street, Name from "Lead" order by LastName') == [
        (value, None, f"n{i}") for i, value in enumerate(values)
    ]


def test_types_are_those_of_the_describe_and_dates_reach_from_1700_to_4000(org: Org, tmp_path: Path) -> None:
    _csv(
        tmp_path,
        "Contact",
        "LastName,Birthdate,HasOptedOutOfEmail,mkto71_Lead_Score__c,mkto71_Acquisition_Date__c\n"
        "a,1700-01-01,TRUE,12.0,2020-10-22T21:03:23.000+0000\n"
        "b,4000-12-31,0,-3,2020-10-22T23:03:23+02:00\n"
        "c,,,,\n",
    )
    load(org, tmp_path)
    at = datetime(2020, 10, 22, 21, 3, 23)  # noqa: DTZ001
    assert _rows(
        org,
        "select Birthdate, HasOptedOutOfEmail, mkto71_Lead_Score__c, mkto71_Acquisition_Date__c"
        ' from "Contact" order by LastName',
    ) == [(date(1700, 1, 1), True, 12.0, at), (date(4000, 12, 31), False, -3.0, at), (None, False, None, None)]


def test_real_ids_are_kept_in_their_long_form_and_others_mapped_with_all_that_points_to_them(
    org: Org, tmp_path: Path
) -> None:
    _csv(tmp_path, "Account", "Id,Name,ParentId\n001B000000A1b2C,Real,\nx1,Mapped,001B000000A1b2C\nx2,Child,x1\n")
    _csv(tmp_path, "Contact", "LastName,AccountId,OwnerId\nOne,x1,005B0000001AbCd\nTwo,001B000000A1b2C,\n")
    load(org, tmp_path)
    ids = dict(_rows(org, 'select Name, Id from "Account"'))
    assert ids["Real"] == id18("001B000000A1b2C")
    assert all(id18(record[:15]) == record and record.startswith("001") for record in ids.values())
    assert _rows(org, 'select Name, ParentId from "Account" order by Name') == [
        ("Child", ids["Mapped"]),
        ("Mapped", ids["Real"]),
        ("Real", None),
    ]
    assert _rows(org, 'select LastName, AccountId, OwnerId from "Contact" order by LastName') == [
        ("One", ids["Mapped"], id18("005B0000001AbCd")),
        ("Two", ids["Real"], org.user_id),
    ]


def test_ids_given_out_later_are_new(org: Org, tmp_path: Path) -> None:
    _csv(tmp_path, "account", "Id,Name\nx1,A\nx2,B\n,C\n")
    load(org, tmp_path)
    later = org.insert("Account", [{"Name": "D"}, {"Name": "E"}])
    assert len({record for (record,) in _rows(org, 'select Id from "Account"')} | set(later)) == 5


def test_stamps_and_the_recycle_bin_are_taken_when_given(org: Org, tmp_path: Path) -> None:
    _csv(
        tmp_path,
        "Lead",
        "LastName,Company,CreatedDate,SystemModstamp,IsDeleted\n"
        "old,c,2019-01-02T03:04:05.000Z,2020-01-02T03:04:05.000Z,true\n"
        "new,c,,,\n",
    )
    load(org, tmp_path)
    (new, old) = _rows(
        org, 'select CreatedDate, LastModifiedDate, SystemModstamp, IsDeleted from "Lead" order by LastName'
    )
    assert old[0] < old[1] == old[2] == datetime(2020, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert old[3] is True
    assert new[0] == new[1] == new[2]
    assert new[0] >= datetime(2026, 1, 1)  # noqa: DTZ001
    assert new[3] is False


def test_an_org_written_out_and_loaded_elsewhere_is_the_same_org(org: Org, tmp_path: Path) -> None:
    populate(org, 200, 5)
    names = [
        found.name for found in org.schema if found.name not in ("Organization", "Group")
    ]  # which have ids of this org
    with org.cursor() as cursor:
        for name in names:
            target = (tmp_path / f"{name}.csv").as_posix()
            cursor.execute(
                f"copy (from {org.truth(name)}) to '{target}' (header, timestampformat '%Y-%m-%dT%H:%M:%S.000Z')"
            )
    with Org.open(None) as other:
        load(other, tmp_path)
        for name in names:
            columns = ", ".join(f'"{column}"' for column in org.schema[name].columns)
            query = f'select {columns} from "{name}" order by Id'
            assert _rows(other, query) == _rows(org, query), name
        assert other.insert("Lead", [{"LastName": "x", "Company": "c"}])[0] not in dict(
            _rows(org, 'select Id, 1 from "Lead"')
        )


def test_loading_again_replaces_records_with_real_ids(org: Org, tmp_path: Path) -> None:
    for name in ("Before", "After"):
        _csv(tmp_path, "Account", f"Id,Name\n001B000000A1b2C,{name}\n")
        load(org, tmp_path)
    assert _rows(org, 'select Name from "Account"') == [("After",)]


# What the org does not know


def test_unknown_objects_and_fields_become_custom_ones_of_the_type_their_values_have(org: Org, tmp_path: Path) -> None:
    _csv(tmp_path, "Account", "Id,Name,Region__c\nacc-1,A,North\nacc-2,B,\n")
    _csv(
        tmp_path,
        "Visit__c",
        "Id,Zip__c,Count__c,Price__c,Done__c,Day__c,At__c,Shop__c,Text__c,Empty__c\n"
        f"a0X000000000001,01742,3,1.50,true,2020-02-29,2020-02-29T10:00:00Z,acc-1,{'x' * 300},\n"
        "a0X000000000002,10001,-4,2,false,2021-01-01,2020-02-29T10:00:00Z,acc-2,NA,\n",
    )
    load(org, tmp_path)
    fields = org.schema["Visit__c"].fields
    assert {name: field["type"] for name, field in fields.items() if name.endswith("__c")} == {
        "Zip__c": "string",  # a leading zero would be lost in a number
        "Count__c": "double",
        "Price__c": "double",
        "Done__c": "boolean",
        "Day__c": "date",
        "At__c": "datetime",
        "Shop__c": "reference",
        "Text__c": "textarea",
        "Empty__c": "string",
    }
    assert fields["Shop__c"]["referenceTo"] == ["Account"]
    assert org.schema["Visit__c"].prefix == "a0X"
    assert org.schema["Account"].fields["Region__c"]["custom"]
    assert _rows(
        org, 'select v.Id, v.Name, a.Name, Zip__c, Price__c from "Visit__c" as v join "Account" as a on a.Id = Shop__c'
    ) == [
        (id18("a0X000000000001"), id18("a0X000000000001"), "A", "01742", 1.5),
        (id18("a0X000000000002"), id18("a0X000000000002"), "B", "10001", 2.0),
    ]


@needs_shared
def test_a_describe_beside_the_file_tells_of_an_unknown_object(org: Org, tmp_path: Path) -> None:
    described = json.loads((DESCRIBES / "describe_cumulusci" / "Case_describe.json").read_text(encoding="utf-8"))
    (tmp_path / "Case.describe.json").write_text(json.dumps(described), encoding="utf-8")
    _csv(tmp_path, "Case", "Subject,IsEscalated,ContactId\nBroken,true,c1\n")
    _csv(tmp_path, "Contact", "Id,LastName\nc1,One\n")
    load(org, tmp_path)
    assert org.schema["Case"].prefix == "500"
    assert _rows(
        org, 'select Subject, IsEscalated, LastName from "Case" as c join "Contact" as p on p.Id = ContactId'
    ) == [("Broken", True, "One")]


def test_bare_numbers_point_only_where_the_name_of_the_column_says(org: Org, tmp_path: Path) -> None:
    _csv(tmp_path, "Account", "Id,Name\n1,A\n2,B\n")
    _csv(tmp_path, "Gift__c", "Id,Household_Account__c,Pieces__c\n1,2,1\n2,1,2\n")
    load(org, tmp_path)
    fields = org.schema["Gift__c"].fields
    assert (fields["Household_Account__c"]["type"], fields["Pieces__c"]["type"]) == ("reference", "double")


# Bad input


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"Lead": 'LastName,Company\na,"x\ny"\nb,"z'}, "Lead.csv, line 4: unterminated quote"),
        ({"Lead": "LastName,Company\na,b\nc,d,secret\n"}, "Lead.csv, line 3: Expected Number of Columns: 2 Found: 3"),
        ({"Lead": "LastName,lastname\na,b\n"}, "Lead.csv, line 1: column 1 has no name of its own"),
        ({"Lead": ""}, "Lead.csv: the file is empty; it needs a header of field names"),
        (
            {"Lead": 'LastName,AnnualRevenue\n"a\nb",1\nc,secret\n'},
            "Lead.csv, line 4, column AnnualRevenue: this is no currency",
        ),
        (
            {"Contact": "LastName,Birthdate\na,2020-02-30\n"},
            "Contact.csv, line 2, column Birthdate: this is no date",
        ),
        (
            {"Contact": f"LastName,FirstName\na,b\na,{'x' * 41}\n"},
            "Contact.csv, line 3, column FirstName: longer than 40 characters",
        ),
        (
            {"Contact": "LastName,AccountId\na,17\n"},
            "Contact.csv, line 2, column AccountId: no file has a record of 'Account' with this id",
        ),
        (
            {"Account": "Id,Name\nx,1\ny,2\nx,3\n"},
            "Account.csv, line 4, column Id: another record of the file has this id already",
        ),
        (
            {"Account": "Id,Name\n001B000000A1b2C,1\n" + id18("001B000000A1b2C") + ",2\n"},
            "Account.csv, line 3, column Id: another record of the file has this id already",
        ),
        (
            {"Contact": "Id,LastName\n1,a\n", "Lead": "Id,LastName\n1,b\n", "Task": "Subject,WhoId\ns,1\n"},
            "Task.csv, line 2, column WhoId: records of more than one object have this id",
        ),
    ],
)
def test_bad_input_is_named_by_file_line_and_column_and_nothing_is_loaded(
    org: Org, tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, content in files.items():
        _csv(tmp_path, name, content)
    with pytest.raises(LoadError) as raised:
        load(org, tmp_path)
    assert str(raised.value) == message
    assert "secret" not in str(raised.value)
    for name in files:
        assert _rows(org, f'select count(*) from "{name}"') == [(0,)]


def test_text_that_is_not_utf_8_is_refused_by_line(org: Org, tmp_path: Path) -> None:
    (tmp_path / "Lead.csv").write_bytes(b"LastName,Company\na,b\nc,\xff\n")
    with pytest.raises(LoadError, match=r"^Lead\.csv, line 3: not utf-8$"):
        load(org, tmp_path)


def test_a_directory_without_records_is_refused(org: Org, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"has neither <Object>\.csv files nor JSON trees"):
        load(org, tmp_path)
    with pytest.raises(LoadError, match="is no directory"):
        load(org, tmp_path / "nowhere")


# Data sets that others made


@needs_shared
@pytest.mark.parametrize(
    ("directory", "records", "joined"),
    [
        (
            "ebikes-lwc",
            {"Account": 3, "Product_Family__c": 4, "Product__c": 16},
            ("Product__c", "Product_Family__c", 16),
        ),
        ("dreamhouse-lwc", {"Broker__c": 8, "Property__c": 12, "Contact": 5}, ("Property__c", "Broker__c", 12)),
        ("lwc-recipes", {"Account": 10, "Contact": 6, "Opportunity": 20}, ("Opportunity", "Account", 20)),
    ],
)
def test_trees_of_sample_apps_load_with_their_plans(
    org: Org, directory: str, records: dict[str, int], joined: tuple[str, str, int]
) -> None:
    assert load(org, SHARED / directory) == records
    child, parent, count = joined
    reference = f"{parent}Id" if parent == "Account" else parent
    assert _rows(org, f'select count(*) from "{child}" as c join "{parent}" as p on p.Id = c."{reference}"') == [
        (count,)
    ]


def test_a_tree_with_nested_children_and_no_plan_loads(org: Org, tmp_path: Path) -> None:
    tree = {
        "records": [
            {
                "attributes": {"type": "Account", "referenceId": "a"},
                "Name": "Müller",
                "NumberOfEmployees": 7,
                "Contacts": {
                    "records": [
                        {"attributes": {"type": "Contact", "referenceId": "c"}, "LastName": "1", "DoNotCall": True}
                    ]
                },
            }
        ]
    }
    (tmp_path / "Account-Contact.json").write_text(json.dumps(tree), encoding="utf-8")
    assert load(org, tmp_path) == {"Account": 1, "Contact": 1}
    assert _rows(
        org,
        'select a.Name, NumberOfEmployees, LastName, DoNotCall from "Contact" as c'
        ' join "Account" as a on a.Id = AccountId',
    ) == [("Müller", 7, "1", True)]


@pytest.fixture
def npsp(tmp_path: Path) -> dict[str, Rows]:
    return write_under_api_names(tmp_path)


@needs_shared
def test_the_npsp_org_arrives_whole_value_by_value_and_link_by_link(
    org: Org, tmp_path: Path, npsp: dict[str, Rows]
) -> None:
    counts = load(org, tmp_path)
    assert counts == {name: len(rows) for name, rows in sorted(npsp.items())}
    assert sum(counts.values()) == 17_285 - 2  # the thirteenth file names two record types and is no object
    ids: dict[str, str] = {}
    stored: dict[str, list[dict[str, Any]]] = {}
    for name, rows in npsp.items():
        with org.cursor() as cursor:
            stored[name] = cursor.execute(f'select * from "{name}" order by Id').to_arrow_table().to_pylist()
        ids |= {row["Id"]: record["Id"] for row, record in zip(rows, stored[name], strict=True)}
    for name, rows in npsp.items():
        for row, record in zip(rows, stored[name], strict=True):
            for field, value in row.items():
                assert _same(record[field], ids.get(value, value)), f"{name}.{field}"


def _same(stored: Any, written: str) -> bool:
    if written == "" or stored is None:
        return written == "" and stored is None
    if isinstance(stored, bool):
        return str(stored).lower() == written.lower()
    if isinstance(stored, float):
        return stored == float(written)
    return str(stored) == written
