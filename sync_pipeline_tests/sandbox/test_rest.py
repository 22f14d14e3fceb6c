from __future__ import annotations

import pytest

from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline_tests.sandbox.conftest import Client, Clock, log_in, shared

RECORDED = "payloads/salesforce/describe_cumulusci"


@pytest.mark.parametrize("name", ["Account", "Contact", "Lead", "Opportunity", "Event"])
def test_a_describe_has_every_attribute_of_a_real_one(client: Client, name: str) -> None:
    real = shared(f"{RECORDED}/{name}_describe.json")
    ours = client.get(f"sobjects/{name}/describe").json()
    # The first two came with later versions than some recordings, so either way is right.
    later = {"associateEntityType", "associateParentEntity", "sobjectDescribeOption"}
    assert set(ours) - later == set(real) - later
    fields = {field["name"]: field for field in real["fields"]}
    for field in ours["fields"]:
        assert set(field) == set(real["fields"][0]), field["name"]
        if field["name"] in fields and not field["picklistValues"]:
            assert field["byteLength"] == fields[field["name"]]["byteLength"], field["name"]
            assert field["relationshipName"] == fields[field["name"]]["relationshipName"], field["name"]
    assert set(ours["childRelationships"][0]) == set(real["childRelationships"][0])


def test_describe_global_has_the_real_attributes_and_no_more(client: Client) -> None:
    real = {o["name"]: o for o in shared(f"{RECORDED}/Global_describe.json")["sobjects"]}
    ours = {o["name"]: o for o in client.get("sobjects").json()["sobjects"]}
    assert set(ours["Contact"]) == set(real["Contact"])
    assert ours["Contact"]["keyPrefix"] == "003"


def test_children_are_named_as_their_parent_names_them(client: Client) -> None:
    real = {
        (c["childSObject"], c["field"]): c["relationshipName"]
        for c in shared(f"{RECORDED}/Account_describe.json")["childRelationships"]
    }
    ours = {
        (c["childSObject"], c["field"]): c["relationshipName"]
        for c in client.get("sobjects/Account/describe").json()["childRelationships"]
    }
    both = real.keys() & ours.keys()
    assert ("Contact", "AccountId") in both
    assert {key: ours[key] for key in both} == {key: real[key] for key in both}


def test_a_real_describe_makes_an_object_that_describes_itself_so(client: Client, org: Org) -> None:
    real = shared(f"{RECORDED}/Case_describe.json")
    org.add_object(real)
    ours = client.get("sobjects/Case/describe").json()
    assert ours["fields"] == real["fields"]
    (case,) = org.insert("Case", [{"Subject": "x", "Origin": "Web"}])
    assert client.values("SELECT Id, Subject FROM Case") == [(case, "x")]


def test_a_describe_is_not_sent_again_unless_it_changed(client: Client, org: Org, clock: Clock) -> None:
    first = client.get("sobjects/Contact/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.get("sobjects/Contact/describe", headers=since).status_code == 304
    clock.pass_seconds(5)
    org.add_field("Contact", {"name": "New__c", "type": "string"})
    again = client.get("sobjects/Contact/describe", headers=since)
    assert again.status_code == 200
    assert "New__c" in [field["name"] for field in again.json()["fields"]]


def test_what_a_user_may_not_see_is_not_there_for_him(sandbox: Sandbox, org: Org) -> None:
    (other,) = org.insert("User", [{"Username": "o@x", "LastName": "Other", "Email": "o@x"}])
    sandbox.sessions.add_login("o@x", "pw", "", other)
    org.insert("Contact", [{"LastName": "Seen", "Email": "s@x"}, {"LastName": "Secret"}])
    org.hide_field("Contact", "Email", other)
    org.hide_object("Campaign", other)
    org.hide_records("Contact", "LastName = 'Secret'", other)
    admin, limited = log_in(sandbox), log_in(sandbox, "o@x", "pw")

    assert "Email" not in [f["name"] for f in limited.get("sobjects/Contact/describe").json()["fields"]]
    assert limited.refusal("SELECT Email FROM Contact")[1] == "INVALID_FIELD"
    assert limited.refusal("SELECT Id FROM Contact WHERE Email = 's@x'")[1] == "INVALID_FIELD"
    assert limited.refusal("SELECT Id FROM Campaign")[1] == "INVALID_TYPE"
    assert limited.get("sobjects/Campaign/describe").status_code == 404
    assert limited.values("SELECT LastName FROM Contact") == [("Seen",)]
    assert "Email" not in limited.query("SELECT FIELDS(STANDARD) FROM Contact")["records"][0]

    assert len(admin.values("SELECT Email FROM Contact")) == 2
    assert admin.get("sobjects/Campaign/describe").status_code == 200


def test_a_record_is_read_by_id(client: Client, org: Org) -> None:
    (ann,) = org.insert("Contact", [{"FirstName": "Ann", "LastName": "Lee"}])
    record = client.get(f"sobjects/Contact/{ann[:15]}").json()
    assert list(record)[:2] == ["attributes", "Id"]
    assert (record["Name"], record["MailingAddress"], record["IsDeleted"]) == ("Ann Lee", None, False)
    assert list(client.get(f"sobjects/Contact/{ann}?fields=Name,Email").json()) == ["attributes", "Name", "Email"]
    org.delete("Contact", [ann])
    assert client.get(f"sobjects/Contact/{ann}").status_code == 404


def test_the_organization_is_read_as_recorded(client: Client, org: Org) -> None:
    real = shared(f"{RECORDED}/Organization.json")
    ((organization,),) = client.values("SELECT Id FROM Organization")
    ours = client.get(f"sobjects/Organization/{organization}").json()
    assert set(ours) <= set(real)
    assert ours["attributes"]["url"].endswith(organization)


@pytest.mark.parametrize("path", ["nothing", "sobjects/Nothing", "sobjects/Contact/003000000000000AAA", "/nothing"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_wrong_method_is_told_the_right_ones(client: Client) -> None:
    answer = client.send("DELETE", "limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.json()[0]["message"]


@pytest.mark.parametrize("version", ["20.0", "42.0", "66.0"])
def test_any_version_is_served_and_answered_in_kind(client: Client, version: str) -> None:
    client.version = version
    (record,) = client.query("SELECT Id FROM User")["records"]
    assert record["attributes"]["url"].startswith(f"/services/data/v{version}/sobjects/User/")


def test_every_data_answer_tells_the_calls_used(client: Client) -> None:
    first = client.get("sobjects").headers["Sforce-Limit-Info"]
    second = client.get("query", params={"q": "nonsense"}).headers["Sforce-Limit-Info"]
    assert (first, second) == ("api-usage=1/100000", "api-usage=2/100000")
    assert client.get("limits").json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}


def test_addresses_work_with_and_without_a_slash_at_the_end(client: Client) -> None:
    for path in ("/services/data/", "/services/data", "/services/data/v60.0/", "sobjects/", "limits/"):
        assert client.get(path).status_code == 200, path
    assert client.get("query/", params={"q": "SELECT Id FROM User"}).status_code == 200


def test_versions_are_named_by_their_season(client: Client) -> None:
    labels = {version["version"]: version["label"] for version in client.get("/services/data").json()}
    assert (labels["20.0"], labels["60.0"], labels["62.0"]) == ("Winter '11", "Spring '24", "Winter '25")


def test_person_accounts_are_a_matter_of_schema(clock: Clock) -> None:
    schema = Schema.standard()
    schema.put(shared(f"{RECORDED}/Account_PersonAccount_describe.json"))
    with Org.open(schema=schema, clock=clock) as org, Sandbox(org) as sandbox:
        org.insert("Account", [{"FirstName": "Ann", "LastName": "Lee", "IsPersonAccount": True, "PersonEmail": "a@x"}])
        client = log_in(sandbox)
        assert client.values("SELECT Name, PersonEmail FROM Account") == [("Ann Lee", "a@x")]
        assert len(client.get("sobjects/Account/describe").json()["fields"]) == 250
