"""Person accounts: one person, an Account and a Contact, whichever door one comes in by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest

from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.salesforce.org import persons
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline.sandbox.salesforce.population.populate import populate
from sync_pipeline_tests.sandbox.conftest import Client, Clock, shared
from sync_pipeline_tests.sandbox.soap import converting, merging, results, soap

BORN = datetime(2026, 5, 17, 10, 0, 0)  # noqa: DTZ001 - the org stores UTC without zone
ANN = {"FirstName": "Ann", "LastName": "Lee", "PersonEmail": "ann@x.example", "Phone": "+49 1"}
PERSON_DESCRIBE = "payloads/salesforce/describe_cumulusci/Account_PersonAccount_describe.json"


@pytest.fixture
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(schema=Schema.standard(person_accounts=True), clock=clock) as org:
        yield org


@pytest.fixture
def ann(org: Org, clock: Clock) -> str:
    (ann,) = org.insert("Account", [ANN])
    clock.pass_seconds(60)
    return ann


def both(org: Org, account: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two halves of a person, which must agree."""
    assert disagreeing(org) == 0
    whole = org.record("Account", account) or {}
    return whole, org.record("Contact", whole["PersonContactId"]) or {}


def disagreeing(org: Org) -> int:
    """Return how many persons have halves that differ in anything that both hold, or lack one."""
    alike = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")
    fields = persons.pairs(org.schema["Account"].columns, org.schema["Contact"].columns) | {n: n for n in alike}
    assert len(fields) > 40
    differ = " or ".join(f'a."{a}" is distinct from c."{c}"' for a, c in fields.items())
    with org.cursor() as cursor:
        row = cursor.execute(
            f"select count(*) filter ({differ} or a.PersonContactId is distinct from c.Id"
            " or not a.IsPersonAccount or not c.IsPersonAccount"
            " or (a.MasterRecordId is not null and a.MasterRecordId is distinct from m.AccountId))"
            ' from "Contact" as c full join "Account" as a on a.Id = c.AccountId'
            ' left join "Contact" as m on m.Id = c.MasterRecordId where a.IsPersonAccount or c.IsPersonAccount'
        ).fetchone()
    assert row is not None
    return int(row[0])


def refused(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[Any, ...]:
    answer = client.send(method, f"sobjects/{path}", json=body)
    error = answer.json()[0]
    return answer.status_code, error["errorCode"], error["message"], error.get("fields")


def test_a_last_name_makes_an_account_a_person_with_a_contact(client: Client, org: Org) -> None:
    made = client.send("POST", "sobjects/Account", json={**ANN, "Industry": "Banking", "PersonDoNotCall": True})
    assert made.status_code == 201, made.text
    account, contact = both(org, made.json()["id"])
    assert (account["Name"], account["IsPersonAccount"], account["Industry"]) == ("Ann Lee", True, "Banking")
    assert (contact["Name"], contact["Email"], contact["Phone"]) == ("Ann Lee", "ann@x.example", "+49 1")
    assert (contact["DoNotCall"], contact["HasOptedOutOfEmail"], contact["AccountId"]) == (True, False, account["Id"])
    kind = client.values("SELECT RecordType.DeveloperName, PersonContact.Email FROM Account")
    assert [[parent[name] for name in parent if name != "attributes"] for parent in kind[0]] == [
        ["PersonAccount"],
        ["ann@x.example"],
    ]


def test_soql_sees_both_halves_and_can_tell_persons_from_companies(client: Client, org: Org, ann: str) -> None:
    org.insert("Account", [{"Name": "Acme"}])
    assert client.values("SELECT Name, PersonEmail FROM Account WHERE IsPersonAccount = true") == [
        ("Ann Lee", "ann@x.example")
    ]
    assert client.values("SELECT Name FROM Account WHERE IsPersonAccount = false") == [("Acme",)]
    assert client.values("SELECT AccountId, Email FROM Contact WHERE IsPersonAccount = true") == [
        (ann, "ann@x.example")
    ]


def test_who_does_not_see_the_account_does_not_see_its_contact(client: Client, org: Org, ann: str) -> None:
    (acme,) = org.insert("Account", [{"Name": "Acme"}])
    org.insert("Contact", [{"LastName": "Bob", "AccountId": acme}])
    org.hide_records("Account", "true", org.user_id)
    assert client.values("SELECT Id FROM Account") == []
    assert client.values("SELECT Name FROM Contact") == [("Bob",)]


def test_an_edit_of_either_half_moves_both_and_their_stamps(client: Client, org: Org, ann: str, clock: Clock) -> None:
    changed = {"PersonTitle": "Boss", "FirstName": "Bo", "PersonMailingCity": "Bonn"}
    assert client.send("PATCH", f"sobjects/Account/{ann}", json=changed).status_code == 204
    account, contact = both(org, ann)
    assert (contact["Title"], contact["Name"], contact["MailingCity"]) == ("Boss", "Bo Lee", "Bonn")
    assert account["SystemModstamp"] == contact["SystemModstamp"] == BORN + timedelta(seconds=60)
    clock.pass_seconds(60)
    mail = {"Email": "bo@x.example", "LastName": "Li", "Description": "x"}
    assert client.send("PATCH", f"sobjects/Contact/{contact['Id']}", json=mail).status_code == 204
    account, contact = both(org, ann)
    assert (account["PersonEmail"], account["Name"], account["Description"]) == ("bo@x.example", "Bo Li", "x")
    assert account["SystemModstamp"] == contact["SystemModstamp"] == BORN + timedelta(seconds=120)
    clock.pass_seconds(60)
    assert client.send("PATCH", f"sobjects/Account/{ann}", json={"Industry": "Energy"}).status_code == 204
    account, contact = both(org, ann)
    assert contact["LastModifiedDate"] == account["LastModifiedDate"] == BORN + timedelta(seconds=180)


def test_a_touch_of_one_half_is_a_touch_of_both(org: Org, ann: str) -> None:
    org.touch("Contact", [both(org, ann)[1]["Id"]])
    account, _ = both(org, ann)
    assert account["SystemModstamp"] > account["LastModifiedDate"]


def test_custom_fields_of_contact_are_fields_of_the_person(client: Client, org: Org, ann: str) -> None:
    org.add_field("Contact", {"name": "Age__c", "label": "Age", "type": "double", "precision": 3})
    org.add_field("Contact", {"name": "Twice__c", "type": "double", "calculated": True, "sql": "Age__c * 2"})
    org.add_field("Contact", {"name": "Boss__c", "type": "reference", "referenceTo": ["User"]})
    fields = {field["name"]: field for field in client.get("sobjects/Account/describe").json()["fields"]}
    assert (fields["Age__pc"]["label"], fields["Age__pc"]["custom"]) == ("Age", True)
    assert fields["Boss__pc"]["relationshipName"] == "Boss__pr"
    assert client.send("PATCH", f"sobjects/Account/{ann}", json={"Age__pc": 7}).status_code == 204
    assert client.values("SELECT Age__c, Twice__c FROM Contact") == [(7.0, 14.0)]
    assert client.values("SELECT Age__pc, Twice__pc FROM Account") == [(7.0, 14.0)]
    org.hide_field("Contact", "Age__c")
    assert client.refusal("SELECT Age__pc FROM Account")[1] == "INVALID_FIELD"
    org.drop_field("Contact", "Age__c")
    assert "Age__pc" not in org.schema["Account"].columns


def test_a_person_has_no_account_name_and_a_company_no_person_fields(client: Client, org: Org, ann: str) -> None:
    code = "INVALID_FIELD_FOR_INSERT_UPDATE"
    bad_names = "Account: bad field names on insert/update call: "
    person = org.person_types()[0]
    (acme,) = org.insert("Account", [{"Name": "Acme"}])
    status, code_told, message, fields = refused(
        client, "POST", "Account", {"RecordTypeId": person, "LastName": "x", "Name": "y"}
    )
    assert (status, code_told, fields) == (400, code, ["Name"])
    assert message.startswith("Unable to create/update fields: Name. ")
    assert refused(client, "PATCH", f"Account/{ann}", {"Name": "y"}) == (400, code, bad_names + "Name", ["Name"])
    extra = ["LastName", "PersonEmail", "mkto71_Lead_Score__pc"]
    given = dict(zip(extra, ("x", "a@b.example", 1), strict=True))
    for told in (
        refused(client, "POST", "Account", {"Name": "y", **given}),
        refused(client, "PATCH", f"Account/{acme}", given),
    ):
        assert told == (400, code, bad_names + ", ".join(extra), extra)


def test_each_kind_of_account_needs_its_own_name(client: Client, org: Org, ann: str) -> None:
    (acme,) = org.insert("Account", [{"Name": "Acme"}])
    for told, name in (
        (refused(client, "POST", "Account", {"Industry": "Energy"}), "Name"),
        (refused(client, "PATCH", f"Account/{acme}", {"Name": None}), "Name"),
        (refused(client, "POST", "Account", {"RecordTypeId": org.person_types()[0]}), "LastName"),
        (refused(client, "PATCH", f"Account/{ann}", {"LastName": ""}), "LastName"),
    ):
        assert told == (400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", [name])


def test_the_contact_of_a_person_is_deleted_moved_and_merged_only_as_its_account(
    client: Client, org: Org, ann: str
) -> None:
    half = both(org, ann)[1]["Id"]
    (acme,) = org.insert("Account", [{"Name": "Acme"}])
    (bob,) = org.insert("Contact", [{"LastName": "Bob", "AccountId": acme}])
    whole: tuple[Any, ...] = (400, "INVALID_PERSON_ACCOUNT_OPERATION", "cannot reference person contact", [])
    assert refused(client, "DELETE", f"Contact/{half}") == whole
    bad = "Account: bad field names on insert/update call: AccountId"
    assert refused(client, "PATCH", f"Contact/{half}", {"AccountId": acme})[2:] == (bad, ["AccountId"])
    for body in (merging("Contact", bob, half), merging("Contact", half, bob), merging("Account", acme, ann)):
        (told,) = results(client, body)
        assert told["errors"] == ["INVALID_PERSON_ACCOUNT_OPERATION"]
    for path, values in (
        ("Contact", {"LastName": "x", "AccountId": ann}),
        ("Account", {"Name": "x", "ParentId": ann}),
        ("Account", {"LastName": "x", "ParentId": acme}),
    ):
        assert refused(client, "POST", path, values)[1] == "INVALID_PERSON_ACCOUNT_OPERATION"
    assert disagreeing(org) == 0


def test_a_record_type_is_the_objects_own_and_of_the_accounts_kind(client: Client, org: Org, ann: str) -> None:
    business, foreign = org.insert(
        "RecordType",
        [
            {"Name": "Business", "DeveloperName": "Business", "SobjectType": "Account", "IsActive": True},
            {"Name": "Member", "DeveloperName": "Member", "SobjectType": "CampaignMember", "IsActive": True},
        ],
    )
    told = refused(client, "POST", "Account", {"Name": "x", "RecordTypeId": foreign})
    message = f"Record Type ID: this ID value isn't valid for the user: {foreign}"
    assert told == (400, "INVALID_CROSS_REFERENCE_KEY", message, ["RecordTypeId"])
    told = refused(client, "PATCH", f"Account/{ann}", {"RecordTypeId": business, "Phone": "1"})
    assert told[2] == "Cannot specify any additional fields when marrying or separating a Person-Account"
    infos = client.get("sobjects/Account/describe").json()["recordTypeInfos"]
    assert [info["developerName"] for info in infos] == ["PersonAccount", "Business", "Master"]
    assert [info["master"] for info in infos] == [False, False, True]


def test_deleting_restoring_and_erasing_a_person_takes_both_halves(client: Client, org: Org, ann: str) -> None:
    half = both(org, ann)[1]["Id"]
    assert client.send("DELETE", f"sobjects/Account/{ann}").status_code == 204
    assert [half_["IsDeleted"] for half_ in both(org, ann)] == [True, True]
    span = {"start": "2026-05-17T10:01:00Z", "end": "2026-05-17T10:02:00Z"}
    for name, one in (("Account", ann), ("Contact", half)):
        told = client.get(f"sobjects/{name}/deleted", params=span).json()["deletedRecords"]
        assert [record["id"] for record in told] == [one]
    (back,) = results(client, f"<u:undelete><u:ids>{half}</u:ids></u:undelete>")
    assert back["success"] == "true"
    assert [half_["IsDeleted"] for half_ in both(org, ann)] == [False, False]
    org.hard_delete("Account", [ann])
    assert org.record("Account", ann) is org.record("Contact", half) is None


def test_a_merge_of_persons_merges_both_halves_and_moves_what_hung_on_either(
    client: Client, org: Org, ann: str
) -> None:
    (bob,) = org.insert("Account", [{"LastName": "Bob"}])
    mine, his = both(org, ann)[1]["Id"], both(org, bob)[1]["Id"]
    (task,) = org.insert("Task", [{"Subject": "Call", "WhoId": his}])
    (deal,) = org.insert("Opportunity", [{"Name": "x", "AccountId": bob}])
    (done,) = results(client, merging("Account", ann, bob, PersonTitle="Boss"))
    assert (done["success"], sorted(done["updatedRelatedIds"])) == ("true", sorted([task, deal]))
    account, contact = both(org, ann)
    assert (account["PersonTitle"], contact["Title"], contact["AccountId"]) == ("Boss", "Boss", ann)
    gone, half = both(org, bob)
    assert (gone["MasterRecordId"], half["MasterRecordId"]) == (ann, mine)
    assert (half["IsDeleted"], half["AccountId"]) == (True, bob)
    assert (org.record("Task", task) or {})["WhoId"] == mine
    assert (org.record("Opportunity", deal) or {})["AccountId"] == ann


def test_bulk_made_persons_are_whole_and_external_ids_find_them(client: Client, org: Org) -> None:
    badge = {"name": "Badge__c", "type": "string", "length": 9, "externalId": True, "idLookup": True, "unique": True}
    org.add_field("Contact", badge)
    records = [
        {"attributes": {"type": "Account"}, "LastName": f"P{n}", "Badge__pc": str(n)} if n % 2 else
        {"attributes": {"type": "Account"}, "Name": f"C{n}"}
        for n in range(200)
    ]  # fmt: skip
    made = client.send("POST", "composite/sobjects", json={"records": records}).json()
    assert all(one["success"] for one in made)
    assert client.query("SELECT COUNT() FROM Contact WHERE IsPersonAccount = true")["totalSize"] == 100
    changed = client.send("PATCH", "sobjects/Account/Badge__pc/7", json={"PersonTitle": "Boss"})
    assert (changed.status_code, changed.json()["created"]) == (200, False)
    assert client.values("SELECT Name, Badge__c FROM Contact WHERE Title = 'Boss'") == [("P7", "7")]
    assert disagreeing(org) == 0


def test_the_describe_of_a_real_org_with_persons_is_all_that_an_org_needs(clock: Clock) -> None:
    """The schema alone decides: a recorded describe of Account, beside our Contact, makes persons."""
    standard = Schema.standard()
    standard.put(shared(PERSON_DESCRIBE))
    contact = standard["Contact"].describe
    flag = {"name": "IsPersonAccount", "type": "boolean", "createable": False, "updateable": False}
    standard.put({**contact, "fields": [*contact["fields"], flag]})
    with Org.open(schema=standard, clock=clock) as org:
        (ann,) = org.insert("Account", [ANN])
        account, contact = both(org, ann)
        assert (account["Name"], contact["Email"]) == ("Ann Lee", "ann@x.example")


def test_a_lead_without_a_company_becomes_a_person_and_joins_one(client: Client, org: Org) -> None:
    lead = {"FirstName": "Ann", "LastName": "Lee", "Email": "ann@x.example", "City": "Bonn", "mkto71_Lead_Score__c": 7}
    first, second, third = org.insert("Lead", [lead, {**lead, "Title": "Boss", "Email": "z@x.example"}, lead])
    (done,) = results(client, converting(first))
    account, contact = both(org, done["accountId"])
    assert (account["Name"], account["PersonEmail"], account["BillingCity"]) == ("Ann Lee", "ann@x.example", "Bonn")
    assert (contact["Id"], contact["MailingCity"]) == (done["contactId"], "Bonn")
    assert account["mkto71_Lead_Score__pc"] == 7
    assert (org.record("Lead", first) or {})["ConvertedContactId"] == contact["Id"]
    (refused_,) = results(client, converting(second, accountId=account["Id"], contactId=contact["Id"]))
    assert refused_["success"] == "false"
    (joined,) = results(client, converting(second, accountId=account["Id"], doNotCreateOpportunity="true"))
    assert (joined["accountId"], joined["contactId"]) == (account["Id"], contact["Id"])
    account, _ = both(org, account["Id"])
    assert (account["PersonTitle"], account["PersonEmail"]) == ("Boss", "ann@x.example")
    org.update("Lead", third, {"Company": "Acme"})
    (company,) = results(client, converting(third))
    assert (org.record("Account", company["accountId"]) or {})["IsPersonAccount"] is False


def test_a_lead_needs_no_company_where_persons_are_accounts(client: Client) -> None:
    assert client.send("POST", "sobjects/Lead", json={"LastName": "x"}).status_code == 201


def test_the_login_tells_that_the_org_has_persons(sandbox: Sandbox, client: Client) -> None:
    env = sandbox.env()
    password = escape(env["SALESFORCE_PASSWORD"] + env["SALESFORCE_SECURITY_TOKEN"])
    name = escape(env["SALESFORCE_USERNAME"])
    body = f"<u:login><u:username>{name}</u:username><u:password>{password}</u:password></u:login>"
    assert "<orgHasPersonAccounts>true</orgHasPersonAccounts>" in soap(client, body, token="").text


def test_a_populated_org_has_its_share_of_persons_and_a_staff_keeps_them_whole() -> None:
    until = datetime(2026, 11, 1, tzinfo=UTC)
    with Org.open(schema=Schema.standard(person_accounts=True)) as org:
        made = populate(org, 2_000, 7, until=until, persons=0.5)
        assert disagreeing(org) == 0
        with org.cursor() as cursor:
            share = cursor.execute('select avg(IsPersonAccount::int), count(*) from "Contact"').fetchone()
            (accounts,) = cursor.execute('select count(*) from "Account"').fetchone() or (0,)
            wrong = cursor.execute(
                'select count(*) from "Opportunity" as o join "OpportunityContactRole" as r on r.OpportunityId = o.Id'
                ' join "Contact" as c on c.Id = r.ContactId where c.IsPersonAccount and r.IsPrimary'
                " and o.AccountId is distinct from c.AccountId"
            ).fetchone()
        assert share is not None
        assert share[0] == pytest.approx(0.45, abs=0.06)  # one contact in ten was a lead at a company
        assert (accounts, wrong) == (made["Account"], (0,))
        kinds = {str(one).split()[1] for one in edit(org, 400, 3)}
        assert kinds >= {"updated", "created", "touched", "deleted", "undeleted", "merged"}
        assert disagreeing(org) == 0


def test_an_org_without_persons_cannot_be_populated_with_them() -> None:
    with Org.open() as org, pytest.raises(ValueError, match="no person accounts"):
        populate(org, 100, 1, persons=0.1)
