from __future__ import annotations

import json
from typing import Any

import pytest

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import Client, Clock, shared


@pytest.fixture
def ids(org: Org, clock: Clock) -> dict[str, str]:
    """Two accounts, three contacts, one of them in the bin, and a lead that a queue owns."""
    acme, beta = org.insert(
        "Account", [{"Name": "Acme", "AnnualRevenue": 350_000_000}, {"Name": "Beta", "AnnualRevenue": 1.5}]
    )
    clock.pass_seconds(60)
    ann, bob, gone = org.insert(
        "Contact",
        [
            {
                "FirstName": "Ann",
                "LastName": "Müller",
                "AccountId": acme,
                "Email": "Ann@Example.org",
                "MailingCity": "Köln",
                "Birthdate": "1700-02-28",
            },
            {"LastName": 'O\'Hara "Bob"', "AccountId": beta, "Description": "a\nb", "DoNotCall": True},
            {"LastName": "Gone", "AccountId": acme},
        ],
    )
    org.delete("Contact", [gone])
    (queue,) = org.insert("Group", [{"Name": "Inbound", "Type": "Queue"}])
    (lead,) = org.insert("Lead", [{"LastName": "Q", "Company": "C", "OwnerId": queue}])
    return {"acme": acme, "beta": beta, "ann": ann, "bob": bob, "gone": gone, "queue": queue, "lead": lead}


def test_an_answer_has_the_recorded_shape(client: Client, ids: dict[str, str]) -> None:
    recorded = shared("payloads/salesforce/wiremock_sf_functions_python/query-with-associated-data.json")
    expected = json.loads(recorded["response"]["body"])["records"][0]
    record = client.query("SELECT Name, Owner.Name from Account LIMIT 1")["records"][0]
    assert _shape(record) == _shape(expected)


def test_a_subquery_has_the_recorded_shape(client: Client, ids: dict[str, str]) -> None:
    recorded = shared("payloads/salesforce/wiremock_sf_functions_python/query-with-subquery.json")
    expected = json.loads(recorded["response"]["body"])
    soql = recorded["request"]["queryParameters"]["q"]["equalTo"]
    answer = client.query(soql.replace("LIMIT 5", "ORDER BY Name LIMIT 1"))
    assert list(answer) == list(expected)
    assert _shape(answer["records"][0]) == _shape(expected["records"][0])


def _shape(record: Any) -> Any:
    """The names, their order and the kinds of values, without the values."""
    if isinstance(record, dict):
        return [(name, _shape(value)) for name, value in record.items()]
    if isinstance(record, list):
        return [_shape(record[0])]
    return type(record)


def test_values_are_written_as_salesforce_writes_them(client: Client, ids: dict[str, str]) -> None:
    text = client.get("query", params={"q": "SELECT AnnualRevenue FROM Account ORDER BY Name"}).text
    assert '"AnnualRevenue":3.5E8' in text
    assert '"AnnualRevenue":1.5' in text
    record = client.query("SELECT Birthdate, CreatedDate, DoNotCall, Email, Fax FROM Contact WHERE LastName='Müller'")
    values = {k: v for k, v in record["records"][0].items() if k != "attributes"}
    assert values == {
        "Birthdate": "1700-02-28",
        "CreatedDate": "2026-05-17T10:01:00.000+0000",
        "DoNotCall": False,
        "Email": "Ann@Example.org",
        "Fax": None,
    }


def test_text_survives_line_breaks_quotes_and_letters_beyond_ascii(client: Client, ids: dict[str, str]) -> None:
    assert client.values("SELECT LastName, Description FROM Contact WHERE DoNotCall = TRUE") == [
        ('O\'Hara "Bob"', "a\nb")
    ]
    assert client.values("SELECT MailingCity FROM Contact WHERE MailingCity = 'KÖLN'") == [("Köln",)]


def test_an_address_is_an_object_or_null(client: Client, ids: dict[str, str]) -> None:
    addresses = client.values("SELECT MailingAddress FROM Contact ORDER BY LastName")
    assert addresses[0] == (
        {
            "city": "Köln",
            "country": None,
            "geocodeAccuracy": None,
            "latitude": None,
            "longitude": None,
            "postalCode": None,
            "state": None,
            "street": None,
        },
    )
    assert addresses[1] == (None,)


def test_deleted_records_are_seen_by_query_all_and_all_rows_only(client: Client, ids: dict[str, str]) -> None:
    soql = "SELECT Id, IsDeleted FROM Contact WHERE LastName = 'Gone'"
    assert client.values(soql) == []
    assert client.values(soql, "queryAll") == [(ids["gone"], True)]
    assert client.values(f"{soql} ALL ROWS") == [(ids["gone"], True)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name LIKE 'ann%'", ["ann"]),
        ("LastName LIKE '%ü_ler'", ["ann"]),
        ("Email = 'ann@example.ORG'", ["ann"]),
        ("Email != 'ann@example.org'", ["bob"]),  # a null differs from every value
        ("NOT Email = 'ann@example.org'", ["bob"]),
        ("Email NOT IN ('ann@example.org', 'x')", ["bob"]),
        ("Email = null", ["bob"]),
        ("Email = ''", ["bob"]),  # an empty text is a null
        ("Email != ''", ["ann"]),
        ("Email IN (null, 'ann@example.org')", ["ann", "bob"]),
        ("Account.Name = 'acme'", ["ann"]),
        ("AccountId IN (SELECT Id FROM Account WHERE AnnualRevenue > 1e6)", ["ann"]),
        ("AccountId NOT IN (SELECT Id FROM Account WHERE AnnualRevenue > 1000000)", ["bob"]),
        ("CreatedDate = TODAY", ["ann", "bob"]),
        ("CreatedDate < TODAY", []),
        ("CreatedDate >= 2026-05-17T12:01:00+02:00", ["ann", "bob"]),
        ("CreatedDate > 2026-05-17T10:01:00Z", []),
        ("Birthdate < 1970-01-01", ["ann"]),
        ("(DoNotCall = true AND Account.Name LIKE 'b%') OR Birthdate = 1700-02-28", ["ann", "bob"]),
        ("NOT (DoNotCall = true AND Email = null)", ["ann"]),
        ("FirstName > 'a' AND FirstName < 'b'", ["ann"]),
    ],
)
def test_conditions_find_what_salesforce_would(
    client: Client, ids: dict[str, str], where: str, expected: list[str]
) -> None:
    found = client.values(f"SELECT Id FROM Contact WHERE {where} ORDER BY LastName")
    assert [one for (one,) in found] == [ids[name] for name in expected]


def test_an_id_is_found_in_its_short_form(client: Client, ids: dict[str, str]) -> None:
    assert client.values(f"SELECT Id FROM Contact WHERE Id = '{ids['ann'][:15]}'") == [(ids["ann"],)]


def test_a_queue_that_owns_a_lead_is_seen_through_its_name(client: Client, ids: dict[str, str]) -> None:
    (record,) = client.query("SELECT Owner.Name, Owner.Type FROM Lead")["records"]
    assert record["Owner"]["attributes"]["url"].endswith(f"/Group/{ids['queue']}")
    assert (record["Owner"]["Name"], record["Owner"]["Type"]) == ("Inbound", "Group")


def test_parents_are_reached_through_several_levels(client: Client, ids: dict[str, str]) -> None:
    (record,) = client.query("SELECT Account.Owner.Name FROM Contact WHERE FirstName = 'Ann'")["records"]
    assert record["Account"]["Owner"]["Name"] == "Sync Integration"
    deep = "Account.Parent.Parent.Parent.Parent.Parent.Name"
    assert client.refusal(f"SELECT {deep} FROM Contact")[:2] == (400, "MALFORMED_QUERY")


def test_multi_select_values_are_sets(client: Client, org: Org) -> None:
    org.add_field("Contact", {"name": "Topics__c", "type": "multipicklist", "picklistValues": ["a", "b", "c"]})
    org.insert("Contact", [{"LastName": "ab", "Topics__c": "a;b"}, {"LastName": "c", "Topics__c": "c"}])
    assert client.values("SELECT LastName FROM Contact WHERE Topics__c INCLUDES ('a;b', 'x')") == [("ab",)]
    assert client.values("SELECT LastName FROM Contact WHERE Topics__c EXCLUDES ('a')") == [("c",)]


def test_aggregates_and_groups(client: Client, ids: dict[str, str]) -> None:
    count = client.query("select count() from Contact")
    assert count == {"totalSize": 2, "done": True, "records": []}
    grouped = client.query(
        "SELECT AccountId, COUNT(Id) n, MAX(CreatedDate) FROM Contact GROUP BY AccountId"
        " HAVING COUNT(Id) > 0 ORDER BY AccountId"
    )["records"]
    assert grouped[0] == {
        "attributes": {"type": "AggregateResult"},
        "AccountId": ids["acme"],
        "n": 1,
        "expr0": "2026-05-17T10:01:00.000+0000",
    }
    assert client.refusal("SELECT Name, COUNT(Id) FROM Contact GROUP BY AccountId")[2] == (
        "Field must be grouped or aggregated: Name"
    )


def test_order_puts_nulls_first_unless_told_otherwise(client: Client, ids: dict[str, str]) -> None:
    assert client.values("SELECT FirstName FROM Contact ORDER BY FirstName") == [(None,), ("Ann",)]
    assert client.values("SELECT FirstName FROM Contact ORDER BY FirstName DESC NULLS LAST") == [("Ann",), (None,)]


def test_all_fields_need_a_small_limit(client: Client, ids: dict[str, str]) -> None:
    assert "SystemModstamp" in client.query("SELECT FIELDS(STANDARD) FROM Contact")["records"][0]
    assert client.refusal("SELECT FIELDS(ALL) FROM Contact")[1:] == (
        "MALFORMED_QUERY",
        "The SOQL FIELDS function must have a LIMIT of at most 200",
    )


def test_errors_carry_the_recorded_texts(client: Client) -> None:
    catalogue = shared("payloads/salesforce/error_catalogue.json")["errors"]
    for recorded in catalogue:
        if recorded["where"] != "query" or not recorded["evidence"].startswith("recorded"):
            continue
        soql = recorded["message"].splitlines()[1] if "\n" in recorded["message"] else "SELEKT Name FROM Account"
        answer = client.get("query", params={"q": soql})
        assert answer.status_code == recorded["http"]
        assert answer.json() == [{"message": recorded["message"], "errorCode": recorded["errorCode"]}]


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT Foo.Name FROM Contact", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."),
        ("SELECT (SELECT Id FROM Foos) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Foos'"),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2020'", "INVALID_FIELD", "value of filter criterion for field"),
        ("SELECT Id FROM Contact WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered"),
        ("SELECT Id, Id FROM Contact", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM Contact USING SCOPE team", "MALFORMED_QUERY", "USING SCOPE team is not supported"),
        ("SELECT Id FROM Contact WHERE Id = :x", "MALFORMED_QUERY", "Bind variables only allowed in Apex code"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: Client, soql: str, code: str, message: str) -> None:
    status, found, last = client.refusal(soql)
    assert (status, found) == (400, code)
    assert last.startswith(message)


def test_a_value_cannot_leave_its_quotes(client: Client, ids: dict[str, str]) -> None:
    hostile = "x' OR true -- {rows} {parents} %"
    escaped = hostile.replace("'", "\\'")
    assert client.values(f"SELECT Id FROM Contact WHERE LastName = '{escaped}'") == []
    assert client.values(f"SELECT Id, (SELECT Id FROM Contacts WHERE LastName = '{escaped}') FROM Account LIMIT 1")


class TestPages:
    def test_a_cursor_pages_through_all_rows_as_they_were(self, client: Client, org: Org) -> None:
        org.insert("Account", [{"Name": f"{i:05}"} for i in range(4_500)])
        page = client.query("SELECT Name FROM Account")
        assert (page["totalSize"], page["done"], len(page["records"])) == (4_500, False, 2_000)
        org.hard_delete("Account", [page["records"][0]["attributes"]["url"][-18:]])
        names = [record["Name"] for record in page["records"]]
        while not page["done"]:
            page = client.get(page["nextRecordsUrl"]).json()
            names += [record["Name"] for record in page["records"]]
        assert sorted(names) == [f"{i:05}" for i in range(4_500)]

    def test_the_batch_size_is_the_clients_wish_within_limits(self, client: Client, org: Org) -> None:
        org.insert("Account", [{"Name": "x"}] * 700)
        for wish, size in ((500, 500), (1, 200), (9_000, 700)):
            headers = {"Sforce-Query-Options": f"batchSize={wish}"}
            answer = client.get("query", params={"q": "SELECT Id FROM Account"}, headers=headers).json()
            assert len(answer["records"]) == size

    def test_an_unknown_locator_is_refused(self, client: Client) -> None:
        answer = client.get("query/01g000000000000AAA-2000")
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")

    def test_a_uri_above_16_kb_is_too_long(self, client: Client, sandbox: Sandbox) -> None:
        assert (
            client.get("query", params={"q": f"SELECT Id FROM Contact WHERE Name = '{'x' * 17_000}'"}).status_code
            == 414
        )
