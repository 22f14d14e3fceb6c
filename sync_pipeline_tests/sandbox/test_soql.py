"""What SOQL can beyond fields, conditions and order, and what it forbids."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipeline.sandbox import Org
from sync_pipeline_tests.sandbox.conftest import Client, Clock


@pytest.fixture
def ids(org: Org) -> dict[str, str]:
    """A chain of two accounts, a contact, a lead, and three tasks about them."""
    (top,) = org.insert("Account", [{"Name": "Top", "Phone": "1", "Industry": "Energy"}])
    (acme,) = org.insert("Account", [{"Name": "Acme", "ParentId": top, "Industry": "Energy", "Type": "Prospect"}])
    (ann,) = org.insert("Contact", [{"LastName": "Ann", "Title": "CTO", "AccountId": acme}])
    (lead,) = org.insert("Lead", [{"LastName": "Lea", "Company": "L", "Status": "New"}])
    (deal,) = org.insert(
        "Opportunity", [{"Name": "Deal", "AccountId": acme, "Amount": -1234.5, "CloseDate": "2026-05-03"}]
    )
    tasks = [{"Subject": "a", "WhoId": ann, "WhatId": acme}, {"Subject": "b", "WhoId": lead}, {"Subject": "c"}]
    org.insert("Task", [*tasks, {"Subject": "d", "WhatId": deal}])
    return {"top": top, "acme": acme, "ann": ann, "lead": lead, "deal": deal}


class TestTypeof:
    def test_each_object_answers_with_its_own_fields_and_others_with_those_of_the_name(
        self, client: Client, ids: dict[str, str]
    ) -> None:
        answer = client.query(
            "SELECT Subject, TYPEOF What WHEN Account THEN Industry, Parent.Name WHEN Campaign THEN StartDate"
            " ELSE Name END FROM Task ORDER BY Subject"
        )
        root = "/services/data/v60.0/sobjects"
        assert [record["What"] for record in answer["records"]] == [
            {
                "attributes": {"type": "Account", "url": f"{root}/Account/{ids['acme']}"},
                "Industry": "Energy",
                "Parent": {"attributes": {"type": "Account", "url": f"{root}/Account/{ids['top']}"}, "Name": "Top"},
            },
            None,
            None,
            {"attributes": {"type": "Name", "url": f"{root}/Opportunity/{ids['deal']}"}, "Name": "Deal"},
        ]

    def test_without_an_else_other_objects_are_null(self, client: Client, ids: dict[str, str]) -> None:
        answer = client.query("SELECT TYPEOF Who WHEN Contact THEN Title END FROM Task ORDER BY Subject")
        assert [record["Who"] and record["Who"]["Title"] for record in answer["records"]] == ["CTO", None, None, None]

    @pytest.mark.parametrize(
        ("soql", "message"),
        [
            (
                "SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact",
                "TYPEOF needs a polymorphic relationship",
            ),
            ("SELECT TYPEOF What WHEN Contact THEN Name END FROM Task", "What cannot be of type Contact"),
            (
                "SELECT TYPEOF What WHEN Account THEN Name WHEN Account THEN Phone END FROM Task",
                "WHEN clause operand [Account] is not unique",
            ),
            ("SELECT TYPEOF What WHEN Account THEN Name END, COUNT(Id) FROM Task", "Grouped query cannot have"),
        ],
    )
    def test_it_is_refused_elsewhere(self, client: Client, soql: str, message: str) -> None:
        assert client.refusal(soql)[:2] == (400, "MALFORMED_QUERY")
        assert client.refusal(soql)[2].startswith(message)

    def test_bulk_jobs_refuse_it(self, client: Client) -> None:
        soql = "SELECT TYPEOF What WHEN Account THEN Name END FROM Task"
        refused = client.send("POST", "jobs/query", json={"operation": "query", "query": soql})
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "API_ERROR")


def test_fields_are_shown_as_users_see_them(client: Client, org: Org, ids: dict[str, str]) -> None:
    labelled = [{"value": "New", "label": "Neu", "active": True, "defaultValue": False, "validFor": None}]
    org.retype_field("Lead", "Status", "picklist", picklistValues=labelled)
    assert client.values("SELECT Status, toLabel(Status) shown FROM Lead") == [("New", "Neu")]
    assert client.values("SELECT toLabel(Status) FROM Lead WHERE toLabel(Status) = 'neu'") == [("Neu",)]
    shown = client.values("SELECT FORMAT(Amount), FORMAT(CloseDate) d, FORMAT(CreatedDate) c FROM Opportunity")
    assert shown == [("-$1,234.50", "5/3/2026", "5/17/2026, 10:00 AM")]
    assert client.values("SELECT FORMAT(Amount), FORMAT(ExpectedRevenue) e FROM Opportunity")[0][1] is None


def test_objects_and_parents_have_names_of_their_own(client: Client, ids: dict[str, str]) -> None:
    soql = "SELECT c.LastName, a.Name, p.Name FROM Contact c, c.Account a, a.Parent p WHERE p.Name = 'top'"
    (record,) = client.query(soql)["records"]
    assert (record["LastName"], record["Account"]["Name"], record["Account"]["Parent"]["Name"]) == (
        "Ann",
        "Acme",
        "Top",
    )


def test_five_parents_are_reached_and_six_are_not(client: Client, ids: dict[str, str]) -> None:
    (record,) = client.query(f"SELECT {'Account.' + 'Parent.' * 4}Name FROM Contact")["records"]
    assert record["Account"]["Parent"]["Parent"] is None
    assert client.refusal(f"SELECT {'Account.' + 'Parent.' * 5}Name FROM Contact")[1] == "MALFORMED_QUERY"


def test_subtotals_come_with_rollup_and_cube(client: Client, ids: dict[str, str]) -> None:
    def groups(kind: str) -> list[tuple[Any, ...]]:
        return client.values(
            f"SELECT Industry, Type, COUNT(Id) n, GROUPING(Type) g FROM Account GROUP BY {kind}(Industry, Type)"
            " ORDER BY GROUPING(Industry), GROUPING(Type), Type"
        )

    rolled = [("Energy", None, 1, 0), ("Energy", "Prospect", 1, 0), ("Energy", None, 2, 1), (None, None, 2, 1)]
    assert groups("ROLLUP") == rolled
    assert groups("CUBE") == [*rolled[:3], (None, None, 1, 0), (None, "Prospect", 1, 0), rolled[3]]


def test_looking_at_a_record_is_noted_and_modifies_nothing(
    client: Client, org: Org, clock: Clock, ids: dict[str, str]
) -> None:
    before = org.record("Account", ids["acme"])
    clock.pass_seconds(60)
    client.query("SELECT Id FROM Account WHERE Name = 'Acme' FOR REFERENCE")
    seen = org.record("Account", ids["acme"])
    assert before is not None
    assert seen == {**before, "LastReferencedDate": clock().replace(tzinfo=None)}
    client.query("SELECT Id FROM Account FOR VIEW")
    viewed = org.record("Account", ids["acme"])
    assert viewed == {**(seen or {}), "LastViewedDate": clock().replace(tzinfo=None)}


class TestChildren:
    def test_many_children_come_in_pages_of_their_own(self, client: Client, org: Org, ids: dict[str, str]) -> None:
        org.insert("Contact", [{"LastName": f"{i:03}", "AccountId": ids["top"]} for i in range(450)])
        soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Name"
        options = {"Sforce-Query-Options": "batchSize=200"}
        acme, top = client.get("query", params={"q": soql}, headers=options).json()["records"]
        assert (acme["Contacts"]["done"], acme["Contacts"]["totalSize"]) == (True, 1)
        page, names = top["Contacts"], []
        assert (page["totalSize"], page["done"], len(page["records"])) == (450, False, 200)
        while True:
            names += [record["LastName"] for record in page["records"]]
            if page["done"]:
                break
            page = client.get(page["nextRecordsUrl"], headers=options).json()
        assert names == [f"{i:03}" for i in range(450)]

    def test_children_have_children(self, client: Client, ids: dict[str, str]) -> None:
        soql = "SELECT Name, (SELECT Name, (SELECT Title FROM Contacts) FROM ChildAccounts) FROM Account ORDER BY Name"
        acme, top = client.query(soql)["records"]
        assert acme["ChildAccounts"] is None
        (child,) = top["ChildAccounts"]["records"]
        assert (child["Name"], child["attributes"]["url"][-18:]) == ("Acme", ids["acme"])
        assert [contact["Title"] for contact in child["Contacts"]["records"]] == ["CTO"]


def test_large_results_of_one_transaction_are_kept_apart_and_outlive_it(client: Client, org: Org) -> None:
    org.insert("Account", [{"Name": f"{i:04}"} for i in range(2_100)])
    made = {"method": "POST", "url": "/services/data/v60.0/sobjects/Account", "referenceId": "made"}
    queries = [
        {"method": "GET", "url": f"/services/data/v60.0/query?q=SELECT+Name+FROM+Account{more}", "referenceId": name}
        for name, more in (("all", ""), ("most", "+WHERE+Name+!=+'0000'"))
    ]
    body = {"allOrNone": True, "compositeRequest": [{**made, "body": {"Name": "new"}}, *queries]}
    answers = client.send("POST", "composite", json=body).json()["compositeResponse"][1:]
    pages = [answer["body"] for answer in answers]
    assert [page["totalSize"] for page in pages] == [2_101, 2_100]
    rest = [client.get(page["nextRecordsUrl"]).json() for page in pages]
    assert [len(page["records"]) for page in rest] == [101, 100]
    assert all(page["done"] for page in rest)


def test_groups_have_no_second_page(client: Client, org: Org) -> None:
    org.insert("Account", [{"Name": f"{i:04}"} for i in range(2_100)])
    status, code, message = client.refusal("SELECT Name, COUNT(Id) FROM Account GROUP BY Name")
    assert (status, code) == (400, "EXCEEDED_ID_LIMIT")
    assert (
        message == "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
    )
    assert len(client.values("SELECT Name, COUNT(Id) FROM Account GROUP BY Name LIMIT 2000")) == 2_000


JOIN = "Id IN (SELECT AccountId FROM Contact)"
OTHER_JOIN = "Id NOT IN (SELECT AccountId FROM Opportunity)"


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        # quoted by public sources
        (f"SELECT Id FROM Account WHERE Name = 'x' OR {JOIN}", "not allowed with the 'OR' operator"),
        (
            f"SELECT Id FROM Account WHERE Name = 'x' AND (Phone = null OR {JOIN})",
            "only allowed at the top level WHERE",
        ),
        (f"SELECT Id FROM Account WHERE NOT {JOIN}", "only allowed at the top level WHERE"),
        (f"SELECT Id FROM Account WHERE {JOIN} AND {OTHER_JOIN} AND {JOIN}", "Maximum 2 semi join sub-selects"),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM"
            " OpportunityContactRole))",
            "Nesting of semi join sub-selects is not supported",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT WhatId FROM Task)",
            "Entity 'Task' is not supported for semi join",
        ),
        ("SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)", "The inner and outer selects should not"),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT LastName FROM Contact)",
            "semi join sub selects can only query id",
        ),
        ("SELECT Id FROM Account WHERE Name IN (SELECT Id FROM Contact)", "semi join sub selects can only query id"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact LIMIT 1)", "missing value at 'LIMIT'"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId, Id FROM Contact)", "must have exactly one field"),
        (
            "SELECT Id FROM Lead WHERE OwnerId IN (SELECT Account.OwnerId FROM Contact)",
            "more than one level of relation",
        ),
        ("SELECT COUNT(Id) FROM Account GROUP BY COUNT(Name)", "Grouped field should not be aggregated: COUNT"),
        ("SELECT Name n FROM Account", "only aggregate expressions use field aliasing"),
        ("SELECT (SELECT COUNT(Id) FROM Contacts) FROM Account", "only root queries support aggregate expressions"),
        ("SELECT MAX(CreatedDate) FROM Account LIMIT 1", "aggregate functions cannot also use LIMIT"),
        ("SELECT MAX(CreatedDate) FROM Account OFFSET 1", "aggregate functions cannot also use OFFSET"),
        ("SELECT MAX(CreatedDate) FROM Account ORDER BY Name", "Ordered field must be grouped or aggregated: Name"),
        ("SELECT COUNT() FROM Account ORDER BY Name", "Ordered field must be grouped or aggregated: Name"),
        ("SELECT Name, COUNT(Name) FROM Account GROUP BY Name", "Grouped field should not be aggregated: Name"),
        ("SELECT COUNT(IsDeleted) FROM Account", "field IsDeleted does not support aggregate operator COUNT"),
        ("SELECT SUM(Name) FROM Account", "field Name does not support aggregate operator SUM"),
        ("SELECT Description FROM Account GROUP BY Description", "field 'Description' can not be grouped"),
        ("SELECT Id FROM Account ORDER BY Description", "field 'Description' can not be sorted"),
        ("SELECT COUNT(CALENDAR_YEAR(CreatedDate)) FROM Account", "nested functional syntax can only be used"),
        # in our words
        ("SELECT Name FROM Account GROUP BY Name HAVING Phone = '1'", "Having field must be grouped or aggregated"),
        (
            "SELECT COUNT(Id), Account.Name, Owner.Name FROM Contact GROUP BY Account.Name, Owner.Name",
            "duplicate alias",
        ),
        ("SELECT Name FROM Account GROUP BY Name, Name", "duplicate grouping expression: name"),
        ("SELECT Id FROM Account WHERE COUNT(Id) > 1", "unexpected token: '('"),
        ("SELECT CALENDAR_YEAR(Name) y FROM Account", "field Name does not support date function"),
        ("SELECT Id FROM Account WHERE CreatedDate = LAST_DAYS:3", "unexpected token: 'LAST_DAYS:3'"),
        ("SELECT Id FROM Account WHERE DISTANCE(BillingAddress, GEOLOCATION(1, 2), 'mi') < 3", "nested functional"),
        ("SELECT convertCurrency(AnnualRevenue) FROM Account", "Invalid function name"),
        ("SELECT Id FROM Account WHERE FORMAT(AnnualRevenue) = '1'", "Invalid function name"),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Name, Phone, Fax, Industry)",
            "GROUP BY ROLLUP must contain 3 fields or less",
        ),
        ("SELECT (SELECT FIELDS(ALL) FROM Contacts) FROM Account", "The SOQL FIELDS function must have a LIMIT"),
    ],
)
def test_what_the_language_forbids_is_refused(client: Client, soql: str, message: str) -> None:
    status, code, said = client.refusal(soql)
    assert (status, code) in ((400, "MALFORMED_QUERY"), (400, "INVALID_FIELD"))
    assert message in said


def test_a_field_is_selected_once(client: Client) -> None:
    for selected in ("Name, FIELDS(STANDARD)", "Amount, FORMAT(Amount)", "Owner.Name, Owner.Name"):
        assert client.refusal(f"SELECT {selected} FROM Opportunity")[1:] == (
            "INVALID_FIELD",
            f"duplicate field selected: {'Amount' if 'Amount' in selected else 'Name'}",
        )
