"""CSV files of a warehouse loaded into a subscription, and read back by REST value for value."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.population.load import LoadError, load
from sync_pipeline_tests.sandbox.conftest import SHARED
from sync_pipeline_tests.sandbox.marketo.conftest import Client

FILES = SHARED / "data/marketo/fivetran_dbt_marketo"


@pytest.fixture
def files() -> Path:
    if not FILES.exists():
        pytest.skip("no data set here")
    return FILES


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_real_data_set_is_loaded_and_read_back(files: Path, subscription: Subscription, client: Client) -> None:
    made = load(subscription, files)
    leads = rows(files / "marketo_lead_data.csv")
    assert made["lead"] == len(leads)
    client.sandbox.limits.calls = 10_000
    found = {str(one["id"]): one for one in client.people([lead["id"] for lead in leads])}
    for lead in leads:
        assert found[lead["id"]] == {
            "id": int(lead["id"]),
            "email": lead["email"],
            "firstName": lead["first_name"],
            "lastName": lead["last_name"],
            "createdAt": f"{lead['created_at'][:10]}T{lead['created_at'][11:19]}Z",
            "updatedAt": f"{lead['updated_at'][:10]}T{lead['updated_at'][11:19]}Z",
        }
    described = {field["rest"]["name"] for field in client.result("/rest/v1/leads/describe.json")}
    assert {row["restname"] for row in rows(files / "marketo_lead_describe_data.csv") if row["restname"]} <= described


def test_activities_of_a_real_data_set_keep_their_attributes(
    files: Path, subscription: Subscription, client: Client
) -> None:
    load(subscription, files)
    changes = rows(files / "marketo_activity_change_data_value_data.csv")
    token = client.since("2020-01-01T00:00:00Z")
    found: dict[str, Any] = {}
    while True:
        page = client.get("/rest/v1/activities.json", nextPageToken=token, activityTypeIds=13)
        found |= {one["marketoGUID"]: one for one in page["result"]}
        token = page["nextPageToken"]
        if not page["moreResult"]:
            break
    assert found.keys() == {change["id"] for change in changes}
    for change in changes:
        activity = found[change["id"]]
        told = {one["name"]: one["value"] for one in activity["attributes"]}
        assert told == {
            name: change[column]
            for name, column in (
                ("New Value", "new_value"),
                ("Old Value", "old_value"),
                ("Reason", "reason"),
                ("Source", "source"),
            )
            if change[column]
        }
        assert str(activity["leadId"]) == change["lead_id"]
        assert activity["primaryAttributeValue"] == change["primary_attribute_value"]


def test_programs_have_their_channels_and_new_persons_get_new_numbers(
    files: Path, subscription: Subscription, client: Client
) -> None:
    load(subscription, files)
    programs = rows(files / "marketo_program_data.csv")
    found = client.result("/rest/asset/v1/programs.json", maxReturn=200)
    assert {str(one["id"]) for one in found} == {program["id"] for program in programs}
    channels = {one["name"] for one in client.result("/rest/asset/v1/channels.json", maxReturn=200)}
    assert channels == {program["channel"] for program in programs}
    highest = max(int(lead["id"]) for lead in rows(files / "marketo_lead_data.csv"))
    assert client.sync({"email": "new@example.com"})[0]["id"] == highest + 1


def test_a_file_that_cannot_be_loaded_leaves_nothing_behind(tmp_path: Path, subscription: Subscription) -> None:
    (tmp_path / "company.csv").write_text("id,externalCompanyId,company\n1,C-1,Acme\n", encoding="utf-8")
    (tmp_path / "lead.csv").write_text(
        "id,email,leadScore\n1,a@example.com,5\n2,b@example.com,many\n", encoding="utf-8"
    )
    with pytest.raises(LoadError, match=r"lead\.csv, line 3, column leadScore: not of the field's type"):
        load(subscription, tmp_path)
    assert subscription.rows("select * from company") == []
    (tmp_path / "lead.csv").write_text("id,email,shoe_size\n1,a@example.com,42\n", encoding="utf-8")
    assert load(subscription, tmp_path) == {"company": 1, "lead": 1}
    assert subscription.rows('select "shoeSize", unsubscribed from lead') == [{"shoeSize": "42", "unsubscribed": False}]
    (tmp_path / "nonsense.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(LoadError, match="no object 'nonsense'"):
        load(subscription, tmp_path)
