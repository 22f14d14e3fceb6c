from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.rules import Form
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline_tests.sandbox.conftest import Client, log_in

Error = tuple[int, str, str, list[str] | None]


def create(client: Client, name: str, values: dict[str, Any], **headers: str) -> Error:
    answer = client.send("POST", f"sobjects/{name}", json=values, headers=headers)
    if answer.status_code == 201:
        return 201, "", answer.json()["id"], None
    return first(answer.status_code, answer.json())


def first(status: int, body: list[dict[str, Any]]) -> Error:
    return status, body[0]["errorCode"], body[0]["message"], body[0].get("fields")


def update(client: Client, name: str, record: str, values: dict[str, Any]) -> Error:
    answer = client.send("PATCH", f"sobjects/{name}/{record}", json=values)
    return (204, "", "", None) if answer.status_code == 204 else first(answer.status_code, answer.json())


@pytest.fixture
def ann(org: Org) -> str:
    return org.insert("Contact", [{"FirstName": "Ann", "LastName": "Lee"}])[0]


def not_writable(*fields: str) -> Error:
    message = (
        f"Unable to create/update fields: {', '.join(fields)}. Please check the security settings of this field and"
        " verify that it is read/write for your profile or permission set."
    )
    return 400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, list(fields)


@pytest.fixture(scope="module")
def contact() -> SObject:
    return Schema.standard()["Contact"]


def refusal(form: Form, values: dict[str, Any], creating: bool = False) -> tuple[str, str, list[str] | None]:
    with pytest.raises(ApiError) as caught:
        form.fill(values, creating)
    return caught.value.code, caught.value.message, list(caught.value.fields or ())


LONG = "1" * 41
MISSING = " or request may be missing a required field at "


@pytest.mark.parametrize(
    ("field", "value", "code", "message"),
    [
        ("Phone", LONG, "STRING_TOO_LONG", f"Business Phone: data value too large: {LONG} (max length=40)"),
        ("Email", "badone", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: badone"),
        ("Email", "ann@house", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: ann@house"),
        (
            "CleanStatus",
            "Spotless",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Clean Status: bad value for restricted picklist field: Spotless",
        ),
        ("DoNotCall", None, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Do Not Call: value not of required type: "),
        ("LastName", " ", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        ("AccountId", "001xx", "MALFORMED_ID", "Account ID: id value of incorrect type: 001xx"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    contact: SObject, field: str, value: object, code: str, message: str
) -> None:
    for form in (Form(contact, "json"), Form(contact, "csv")):
        assert refusal(form, {field: value}) == (code, message, [field])
        assert refusal(form, {"LastName": "x", field: value}, creating=True) == (code, message, [field])


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("Birthdate", "17.10.2017", "date from VALUE_STRING value 17.10.2017"),
        ("Birthdate", "2017-02-30", "date from VALUE_STRING value 2017-02-30"),
        ("Birthdate", "2015-07-23T09:38:33+02:00", "date from VALUE_STRING value 2015-07-23T09:38:33+02:00"),
        ("EmailBouncedDate", "2017-10-17 00:00:00", "datetime from VALUE_STRING value 2017-10-17 00:00:00"),
        ("DoNotCall", "perhaps", "boolean from VALUE_STRING value perhaps"),
        ("Title", 7, "string from VALUE_NUMBER_INT value 7"),
        ("Title", {}, "string from START_OBJECT value {"),
    ],
)
def test_a_value_of_the_wrong_type_spoils_a_json_request_but_only_a_record_of_csv(
    contact: SObject, field: str, value: object, told: str
) -> None:
    code, message, fields = refusal(Form(contact, "json"), {field: value, "Email": "bad"})
    assert (code, fields) == ("JSON_PARSER_ERROR", [])
    assert message.startswith(f"Cannot deserialize instance of {told} or request may be missing a required field at [")
    code, message, fields = refusal(Form(contact, "csv"), {field: value})
    assert (code, fields) == ("INVALID_TYPE_ON_FIELD_IN_RECORD", [field])
    assert message == f"{contact.fields[field]['label']}: value not of required type: {value}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"LastName":"x","Birthdate":"soon"}', f"date from VALUE_STRING value soon{MISSING}[line:1, column:35]"),
        ('{"LastName": "x",\n "birthdate" : 7}', f"date from VALUE_NUMBER_INT value 7{MISSING}[line:2, column:17]"),
        ('{"Title":{}}', f"string from START_OBJECT value {{{MISSING}[line:1, column:11]"),
        ('{"Title":["a"]}', "string from START_ARRAY value [line:1, column:11]"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_its_place_in_the_request(client: Client, text: str, told: str) -> None:
    answer = client.send("POST", "sobjects/Contact", data=text)
    message = f"Cannot deserialize instance of {told}"
    assert (answer.status_code, answer.json()) == (400, [{"message": message, "errorCode": "JSON_PARSER_ERROR"}])


@pytest.mark.parametrize(
    "sent",
    [
        "2017-10-17T00:00:00Z",
        "2017-10-17T02:00:00.1234567+02:00",
        "2017-10-16T19:00:00.000-0500",
        "2017-10-17T00:00",
    ],
)
def test_a_time_is_kept_in_utc_and_seconds(contact: SObject, sent: str) -> None:
    stored = Form(contact, "json").fill({"EmailBouncedDate": sent}, creating=False)
    assert stored == {"EmailBouncedDate": datetime(2017, 10, 17)}  # noqa: DTZ001 - the org stores UTC without zone


@pytest.mark.parametrize("address", ["a@b.example", "o'neil+x@mail.b-c.example", "a.b_c@x.y.museum"])
def test_an_ordinary_address_is_accepted(contact: SObject, address: str) -> None:
    assert Form(contact, "json").fill({"Email": f" {address} "}, creating=False) == {"Email": address}


def test_a_number_out_of_its_range_is_refused(client: Client, org: Org) -> None:
    org.add_field("Account", {"name": "Score__c", "label": "Score", "type": "double", "precision": 4, "scale": 2})
    assert create(client, "Account", {"Name": "x", "Score__c": 99.99})[0] == 201
    assert create(client, "Account", {"Name": "x", "Score__c": 100}) == (
        400,
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Score: value outside of valid range on numeric field: 100",
        ["Score__c"],
    )
    assert create(client, "Account", {"Name": "x", "Score__c": "many"})[1] == "JSON_PARSER_ERROR"


def test_all_that_is_wrong_with_a_record_is_told_at_once(client: Client) -> None:
    sent = {"LastName": "x" * 81, "FirstName": "y" * 41, "Email": "z"}
    errors = client.send("POST", "sobjects/Contact", json=sent).json()
    assert [(e["errorCode"], e["fields"]) for e in errors] == [
        ("STRING_TOO_LONG", ["LastName"]),
        ("STRING_TOO_LONG", ["FirstName"]),
        ("INVALID_EMAIL_ADDRESS", ["Email"]),
    ]


def test_every_missing_required_field_is_named(client: Client) -> None:
    _, code, message, fields = create(client, "Opportunity", {"Name": "x"})
    assert (code, message) == ("REQUIRED_FIELD_MISSING", "Required fields are missing: [StageName, CloseDate]")
    assert fields == ["StageName", "CloseDate"]


def test_system_formula_and_compound_fields_are_not_writable(client: Client, ann: str) -> None:
    assert update(client, "Contact", ann, {"MasterRecordId": ann, "Name": "x"}) == not_writable(
        "MasterRecordId", "Name"
    )
    assert create(client, "Invoice__c", {"Total__c": 3}) == not_writable("Total__c")
    assert update(client, "Contact", ann, {"MailingAddress": {"city": "x"}}) == not_writable("MailingAddress")


def test_field_level_security_hides_a_field_or_only_locks_it(client: Client, org: Org, ann: str) -> None:
    org.rules.read_only("Contact", "Title", org.user_id)
    assert update(client, "Contact", ann, {"Title": "x"}) == not_writable("Title")
    org.hide_field("Contact", "Title", org.user_id)
    message = "No such column 'Title' on sobject of type Contact"
    assert update(client, "Contact", ann, {"Title": "x"}) == (400, "INVALID_FIELD", message, None)
    org.rules.clear()
    org.show_field("Contact", "Title", org.user_id)
    assert update(client, "Contact", ann, {"Title": "x"})[0] == 204


def test_an_object_may_be_hidden_or_closed_to_writes(client: Client, org: Org) -> None:
    assert client.send("DELETE", f"sobjects/User/{org.user_id}").json()[0]["errorCode"] == "INVALID_TYPE_FOR_OPERATION"
    org.hide_object("Lead", org.user_id)
    assert create(client, "Lead", {"LastName": "x", "Company": "y"})[:2] == (404, "NOT_FOUND")


def test_a_reference_must_lead_to_a_record_of_the_right_object(client: Client, org: Org, ann: str) -> None:
    label = "Account ID: id value of incorrect type: "
    assert update(client, "Contact", ann, {"AccountId": ann}) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        label + ann,
        ["AccountId"],
    )
    gone, hidden, fine = org.insert("Account", [{"Name": "gone"}, {"Name": "hidden"}, {"Name": "fine"}])
    org.delete("Account", [gone])
    org.hide_records("Account", "Name = 'hidden'", org.user_id)
    absent = fine[:13] + "zz"
    expected = {
        absent: (400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        gone: (400, "ENTITY_IS_DELETED", "entity is deleted"),
    }
    for target, error in expected.items():
        assert update(client, "Contact", ann, {"AccountId": target}) == (*error, [])
    assert update(client, "Contact", ann, {"AccountId": hidden})[1] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    assert update(client, "Contact", ann, {"AccountId": fine})[0] == 204


def test_only_a_record_that_is_there_and_seen_can_be_changed(client: Client, org: Org, ann: str) -> None:
    gone, hidden = org.insert("Contact", [{"LastName": "gone"}, {"LastName": "hidden"}])
    org.delete("Contact", [gone])
    org.hide_records("Contact", "LastName = 'hidden'", org.user_id)
    (account,) = org.insert("Account", [{"Name": "x"}])
    wrong = (400, "MALFORMED_ID", f"Record ID: id value of incorrect type: {account}", ["Id"])
    for one, error in {
        gone: (404, "ENTITY_IS_DELETED", "entity is deleted", []),
        hidden: (403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", []),
        ann[:13] + "zz": (404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
        account: wrong,
    }.items():
        assert update(client, "Contact", one, {"Title": "x"}) == error
        answer = client.send("DELETE", f"sobjects/Contact/{one}")
        assert first(answer.status_code, answer.json()) == error


def test_a_unique_value_is_held_by_one_living_record(client: Client, org: Org) -> None:
    (first_one,) = org.insert("Invoice__c", [{"External_Number__c": "A1"}])
    message = f"duplicate value found: External_Number__c duplicates value on record with id: {first_one[:15]}"
    assert create(client, "Invoice__c", {"External_Number__c": "a1"}) == (400, "DUPLICATE_VALUE", message, [])
    status, _, second, _ = create(client, "Invoice__c", {"External_Number__c": "A2"})
    assert status == 201
    assert update(client, "Invoice__c", second, {"External_Number__c": "A1"}) == (400, "DUPLICATE_VALUE", message, [])
    assert update(client, "Invoice__c", second, {"External_Number__c": "a2"})[0] == 204
    org.delete("Invoice__c", [first_one])
    assert update(client, "Invoice__c", second, {"External_Number__c": "A1"})[0] == 204


def test_a_converted_lead_refuses_edits(client: Client, org: Org) -> None:
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y", "IsConverted": True}])
    assert update(client, "Lead", lead, {"Title": "x"}) == (
        400,
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "cannot reference converted lead",
        [],
    )


def test_a_validation_rule_sees_the_whole_record(client: Client, org: Org, ann: str) -> None:
    org.rules.validate("Contact", lambda r: bool(r["Title"]) and not r["Phone"], "A title needs a phone", "Phone")
    org.rules.validate("Contact", lambda r: r["FirstName"] == "Bob", "No Bobs")
    assert update(client, "Contact", ann, {"Title": "x"}) == (
        400,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "A title needs a phone",
        ["Phone"],
    )
    assert update(client, "Contact", ann, {"Phone": "1"})[0] == 204
    assert update(client, "Contact", ann, {"Title": "x"})[0] == 204
    both = {"LastName": "x", "FirstName": "Bob", "Title": "y"}
    errors = client.send("POST", "sobjects/Contact", json=both).json()
    assert [(e["message"], e["fields"]) for e in errors] == [("A title needs a phone", ["Phone"]), ("No Bobs", [])]


def test_a_duplicate_rule_names_the_match_and_lets_pass_who_insists(client: Client, org: Org) -> None:
    org.rules.forbid_duplicates("Lead", "Email", "LastName", rule="Leads_By_Mail")
    person = {"LastName": "Lee", "Company": "Acme", "Email": "Ann@x.example"}
    (there,) = org.insert("Lead", [person])
    answer = client.send("POST", "sobjects/Lead", json={**person, "Email": "ann@X.example"})
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    assert error["message"] == "Use one of these records?"
    result = error["duplicateResult"]
    assert (result["allowSave"], result["duplicateRule"]) == (False, "Leads_By_Mail")
    (match,) = result["matchResults"][0]["matchRecords"]
    assert match["record"]["Id"] == there
    assert create(client, "Lead", {**person, "Email": "other@x.example"})[0] == 201
    assert create(client, "Lead", {**person, "Email": None})[0] == 201
    insist = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert create(client, "Lead", person, **insist)[0] == 201
    assert update(client, "Lead", there, {"Title": "x"})[1] == "DUPLICATES_DETECTED"


def test_a_queue_owns_leads_but_no_contacts(client: Client, org: Org, ann: str) -> None:
    queue, role = org.insert("Group", [{"Name": "West", "Type": "Queue"}, {"Name": "Boss", "Type": "Role"}])
    lead = {"LastName": "x", "Company": "y"}
    assert create(client, "Lead", {**lead, "OwnerId": queue})[0] == 201
    assert client.values("SELECT OwnerId, Owner.Name FROM Lead")[0][0] == queue
    assert create(client, "Lead", {**lead, "OwnerId": role})[1] == "INVALID_OPERATION"
    assert update(client, "Contact", ann, {"OwnerId": queue}) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        f"Owner ID: id value of incorrect type: {queue}",
        ["OwnerId"],
    )
    assert update(client, "Contact", ann, {"OwnerId": None})[2] == "Owner ID: owner cannot be blank"


def test_an_inactive_user_owns_nothing_new(client: Client, org: Org) -> None:
    (left,) = org.insert("User", [{"LastName": "Gone", "Username": "gone@x.example", "IsActive": False}])
    assert create(client, "Lead", {"LastName": "x", "Company": "y", "OwnerId": left}) == (
        400,
        "OPERATION_WITH_INACTIVE_USER_EXCEPTION",
        f"operation performed with inactive user [{left}] as owner of lead",
        [],
    )


def test_the_assignment_rule_decides_the_owner_of_a_new_lead(client: Client, org: Org) -> None:
    (queue,) = org.insert("Group", [{"Name": "Berlin", "Type": "Queue"}])
    org.rules.assign("Lead", lambda record: queue if record.get("Country") == "Germany" else None)
    lead = {"LastName": "x", "Company": "y", "Country": "Germany"}

    def owner(record: str) -> str:
        return str((org.record("Lead", record) or {})["OwnerId"])

    assigned = create(client, "Lead", lead)[2]
    assert owner(assigned) == queue
    assert owner(create(client, "Lead", {**lead, "Country": "France"})[2]) == org.user_id
    own = create(client, "Lead", lead, **{"Sforce-Auto-Assign": "FALSE"})[2]
    assert owner(own) == org.user_id
    assert update(client, "Lead", own, {"Title": "x"})[0] == 204
    assert owner(own) == org.user_id
    client.send("PATCH", f"sobjects/Lead/{own}", json={"Title": "y"}, headers={"Sforce-Auto-Assign": "TRUE"})
    assert owner(own) == queue


def test_a_record_meets_a_lock_on_command(client: Client, sandbox: Sandbox, ann: str) -> None:
    sandbox.faults.add("lock", path="*/sobjects/Contact/*")
    assert update(client, "Contact", ann, {"Title": "x"}) == (
        400,
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {ann}",
        [],
    )
    assert update(client, "Contact", ann, {"Title": "x"})[0] == 204


def test_one_user_may_write_what_another_may_not(client: Client, sandbox: Sandbox, org: Org, ann: str) -> None:
    (bob,) = org.insert("User", [{"LastName": "Bob", "Username": "bob@x.example", "IsActive": True}])
    sandbox.sessions.add_login("bob@x.example", "secret", "", bob)
    other = log_in(sandbox, "bob@x.example", "secret")
    org.rules.read_only("Contact", "Title", bob)
    assert update(other, "Contact", ann, {"Title": "x"}) == not_writable("Title")
    assert update(other, "Contact", ann, {"Phone": "1"})[0] == 204
    assert update(client, "Contact", ann, {"Title": "x"})[0] == 204
    assert (org.record("Contact", ann) or {})["LastModifiedById"] == org.user_id
