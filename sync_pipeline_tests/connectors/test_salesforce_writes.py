"""Writing to the sandbox: who is sent when and with whom, what is tried again, and what must not be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.errors import FatalError, QuotaError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import app_credentials
from sync_pipeline_tests.connectors.writer_contract import verdicts

OBJECTS = catalog.objects("salesforce")
CONTACT, LEAD = catalog.by_name("contact", OBJECTS), catalog.by_name("lead", OBJECTS)
COLLECTIONS = "*/composite/sobjects"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def writer(connector: Salesforce, waits: list[float]) -> SalesforceWriter:
    return SalesforceWriter(connector, sleep=waits.append)


def people(count: int, **values: Any) -> list[Record]:
    return [Record(None, {"LastName": f"n{number}", **values}) for number in range(count)]


def leads(count: int, **values: Any) -> list[Record]:
    return people(count, Company="Acme", **values)


def contacts(org: Org, condition: str = "true") -> list[tuple[Any, ...]]:
    with org.cursor() as cursor:
        found = cursor.execute(f'select "LastName", "AccountId", "Id" from "Contact" where {condition} order by "Id"')
        return list(found.fetchall())


# --- calls


def test_two_hundred_records_go_in_one_call(writer: SalesforceWriter, sandbox: Sandbox, org: Org) -> None:
    """LIM-2."""
    answers = writer.write(CONTACT, Operation.CREATE, people(450))
    assert (verdicts(answers), sandbox.log.count(COLLECTIONS)) == ([Verdict.ACCEPTED] * 450, 3)
    assert [answer.id for answer in answers] == [row[2] for row in contacts(org)]


def test_children_of_one_parent_are_sent_together_and_answered_where_they_stood(
    writer: SalesforceWriter, org: Org
) -> None:
    accounts = org.insert("Account", [{"Name": f"a{number}"} for number in range(3)])
    records = [Record(None, {"LastName": f"n{n}", "AccountId": accounts[-n % 3]}) for n in range(9)]
    answers = writer.write(CONTACT, Operation.CREATE, [*records, Record(None, {"LastName": "alone"})])
    names = {row[2]: row[0] for row in contacts(org)}
    assert [names[answer.id or ""] for answer in answers] == [*(f"n{n}" for n in range(9)), "alone"]
    parents = [account for _, account, _ in contacts(org)]
    assert parents == [None, *sorted(parents[1:])]
    assert [row[0] for row in contacts(org, f"\"AccountId\" = '{accounts[0]}'")] == ["n0", "n3", "n6"]


def test_a_value_of_a_wrong_kind_spoils_only_its_own_record(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    records = people(100, DoNotCall=True)
    records[17] = Record(None, {"LastName": "n17", "DoNotCall": "perhaps"})
    answers = writer.write(CONTACT, Operation.CREATE, records)
    assert [place for place, one in enumerate(answers) if one.verdict is not Verdict.ACCEPTED] == [17]
    assert (answers[17].verdict, answers[17].code) == (Verdict.REJECTED, "JSON_PARSER_ERROR")
    assert len(contacts(org)) == 99


def test_a_call_that_is_refused_as_a_whole_is_halved_until_the_record_is_found(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    sandbox.faults.add("error", path=COLLECTIONS, code="INVALID_FIELD", message="No such column 'Shoe__c'")
    records = [*people(3), Record(None, {"LastName": "odd", "Email": "odd@x.example"})]
    assert verdicts(writer.write(CONTACT, Operation.CREATE, records)) == [Verdict.ACCEPTED] * 4
    assert sandbox.log.count(COLLECTIONS) == 3


SAME = "duplicate value found: Email duplicates value on record with id: 003000000000001"


@pytest.mark.parametrize(
    ("code", "message", "fields"),
    [
        ("INVALID_FIELD", "No such column 'Email' on sobject of type Contact", ("Email",)),
        ("DUPLICATE_VALUE", SAME, ("Email",)),
        ("STRANGE", "no idea", ()),
    ],
)
def test_a_field_that_only_the_text_names_is_blamed_but_what_is_there_already_is_not_made_without_it(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org, code: str, message: str, fields: tuple[str, ...]
) -> None:
    (here,) = org.insert("Contact", [{"LastName": "x"}])
    values: dict[str, Value] = {"LastName": "x", "Email": "x@x.example"}
    found = []
    for operation, record in ((Operation.UPDATE, Record(here, values)), (Operation.CREATE, Record(None, values))):
        sandbox.faults.add("reject", code=code, message=message, times=1)
        found += [answer.fields for answer in writer.write(CONTACT, operation, [record])]
    assert found == [fields, () if code == "DUPLICATE_VALUE" else fields]


def test_a_value_that_cannot_be_read_is_blamed_on_the_field_that_has_it(writer: SalesforceWriter) -> None:
    days = ("2000-02-29", "2000-02-30", "x")
    values: list[dict[str, Value]] = [
        {"LastName": str(n), "Birthdate": day, "Title": "soon"} for n, day in enumerate(days)
    ]
    answers = writer.write(CONTACT, Operation.CREATE, [Record(None, one) for one in values])
    assert [(answer.verdict, answer.code, answer.fields) for answer in answers] == [
        (Verdict.ACCEPTED, "", ()),
        (Verdict.REJECTED, "JSON_PARSER_ERROR", ("Birthdate",)),
        (Verdict.REJECTED, "JSON_PARSER_ERROR", ("Birthdate",)),
    ]


def test_records_that_are_alike_are_refused_together_without_further_calls(
    writer: SalesforceWriter, sandbox: Sandbox
) -> None:
    sandbox.faults.add("error", path=COLLECTIONS, status=404, code="NOT_FOUND", message="no such object")
    answers = writer.write(CONTACT, Operation.CREATE, people(4))
    assert answers == [Answer(Verdict.REJECTED, code="NOT_FOUND", message="no such object")] * 4
    assert sandbox.log.count(COLLECTIONS) == 1


# --- what passes


def test_what_meets_a_lock_goes_again_in_smaller_calls_and_nothing_else_does(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org, waits: list[float]
) -> None:
    """OPS-20."""
    sandbox.faults.add("lock", times=150, skip=50)
    answers = writer.write(CONTACT, Operation.CREATE, people(200))
    assert (verdicts(answers), len(contacts(org))) == ([Verdict.ACCEPTED] * 200, 200)
    assert (sandbox.log.count(COLLECTIONS), waits) == (1 + 2, [1.0])


def test_a_call_that_takes_too_long_is_halved(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org, waits: list[float]
) -> None:
    sandbox.faults.add("error", path=COLLECTIONS, status=500, code="REQUEST_RUNNING_TOO_LONG", message="stopped")
    answers = writer.write(CONTACT, Operation.CREATE, people(200))
    assert (verdicts(answers), sandbox.log.count(COLLECTIONS), len(waits)) == ([Verdict.ACCEPTED] * 200, 3, 1)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("REQUEST_LIMIT_EXCEEDED", "too much at once"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadRollup: System.DmlException: UNABLE_TO_LOCK_ROW, unable to"),
    ],
)
def test_limits_of_a_moment_and_locks_within_the_orgs_own_code_pass(
    writer: SalesforceWriter, sandbox: Sandbox, code: str, message: str
) -> None:
    sandbox.faults.add("reject", code=code, message=message)
    assert verdicts(writer.write(CONTACT, Operation.CREATE, people(2))) == [Verdict.ACCEPTED] * 2
    sandbox.faults.add("reject", code=code, message=message, times=None)
    (answer,) = writer.write(CONTACT, Operation.CREATE, people(1))
    assert (answer.verdict, answer.code, answer.message) == (Verdict.RETRY, code, message)


def test_an_outage_is_waited_for_as_long_as_the_org_asks_and_then_left(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org, waits: list[float]
) -> None:
    sandbox.faults.add("status", path=COLLECTIONS, status=503, retry_after=7)
    assert verdicts(writer.write(CONTACT, Operation.CREATE, people(300))) == [Verdict.ACCEPTED] * 300
    assert (waits, sandbox.log.count(COLLECTIONS)) == ([7.0], 1 + 2)
    sandbox.faults.add("status", path=COLLECTIONS, status=503, times=None)
    sandbox.log.clear()
    answers = writer.write(CONTACT, Operation.CREATE, people(300))
    assert {(a.verdict, a.code) for a in answers} == {
        (Verdict.RETRY, "SERVER_UNAVAILABLE"),
        (Verdict.RETRY, "NOT_SENT"),
    }
    assert (sandbox.log.count(COLLECTIONS), len(contacts(org))) == (4, 300)


def test_what_never_left_this_machine_was_surely_not_written(org: Org, waits: list[float]) -> None:
    with Sandbox(org) as sandbox:
        connector = Salesforce(Credentials(**app_credentials(sandbox)), first_wait=0.01)
        connector.user_id()
    writer = SalesforceWriter(connector, sleep=waits.append)
    (answer,) = writer.write(CONTACT, Operation.CREATE, people(1))
    assert (answer.verdict, answer.code, waits) == (Verdict.RETRY, "CONNECTION_FAILED", [1.0, 2.0, 4.0])


# --- what is lost


def test_a_lost_answer_keeps_the_answers_of_other_calls(writer: SalesforceWriter, sandbox: Sandbox, org: Org) -> None:
    sandbox.faults.add("drop", path=COLLECTIONS, skip=1, after_bytes=10)
    with pytest.raises(UnknownOutcomeError) as unknown:
        writer.write(CONTACT, Operation.CREATE, people(500))
    told = unknown.value.answers
    assert [one and one.verdict for one in told] == [Verdict.ACCEPTED] * 200 + [None] * 200 + [Verdict.RETRY] * 100
    assert (len(contacts(org)), sandbox.log.count(COLLECTIONS)) == (400, 2)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_gateway_that_gives_up_may_have_let_a_create_through(
    writer: SalesforceWriter, sandbox: Sandbox, status: int
) -> None:
    sandbox.faults.add("error", path=COLLECTIONS, status=status, code="UNKNOWN_EXCEPTION", message="?")
    with pytest.raises(UnknownOutcomeError):
        writer.write(CONTACT, Operation.CREATE, people(1))


def test_what_does_no_harm_twice_is_sent_again_when_its_answer_is_lost(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    ids = org.insert("Contact", [{"LastName": "x"} for _ in range(3)])
    sandbox.faults.add("drop", path=COLLECTIONS, after_bytes=10)
    answers = writer.write(CONTACT, Operation.UPDATE, [Record(one, {"LastName": "y"}) for one in ids])
    assert answers == [Answer(Verdict.ACCEPTED, one) for one in ids]
    sandbox.faults.add("drop", path=COLLECTIONS, after_bytes=10)
    answers = writer.write(CONTACT, Operation.DELETE, [Record(one, {}) for one in ids])
    assert answers == [Answer(Verdict.ACCEPTED, one) for one in ids]
    assert sandbox.log.count(COLLECTIONS) == 4


def test_an_answer_that_is_not_one_to_each_record_tells_nothing(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    for path in (COLLECTIONS, "*/composite"):
        org.insert("Contact", [{"LastName": "x", "Email": "ann@x.example"}])
        sandbox.faults.add("error", path=path, status=200, code="STRANGE", message="?")
        with pytest.raises(UnknownOutcomeError, match="MALFORMED_ANSWER"):
            writer.write(CONTACT, Operation.CREATE, people(2, Email="ann@x.example"))
        org.rules.forbid_duplicates("Contact", "Email")
    sandbox.faults.add("error", path=COLLECTIONS, status=200, code="STRANGE", message="?")
    changes = [Record(row[2], {"LastName": "y"}) for row in contacts(org)]
    org.rules.clear()
    assert verdicts(writer.write(CONTACT, Operation.UPDATE, changes)) == [Verdict.ACCEPTED] * 2


def test_a_session_that_ends_is_no_failure(writer: SalesforceWriter, sandbox: Sandbox, org: Org) -> None:
    writer.write(CONTACT, Operation.CREATE, people(1))
    sandbox.faults.add("expire")
    assert verdicts(writer.write(CONTACT, Operation.CREATE, people(1))) == [Verdict.ACCEPTED]
    assert len(contacts(org)) == 2


def test_a_quota_that_runs_out_on_the_way_leaves_the_rest_for_later(
    connector: Salesforce, writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    connector.user_id()
    sandbox.faults.add("error", path=COLLECTIONS, skip=1, status=403, code="REQUEST_LIMIT_EXCEEDED", message="over")
    answers = writer.write(CONTACT, Operation.CREATE, people(500))
    assert verdicts(answers) == [Verdict.ACCEPTED] * 200 + [Verdict.RETRY] * 300
    assert {one.code for one in answers[200:]} == {"REQUEST_LIMIT_EXCEEDED"}
    sandbox.faults.add("error", path=COLLECTIONS, status=403, code="REQUEST_LIMIT_EXCEEDED", message="over")
    with pytest.raises(QuotaError):
        writer.write(CONTACT, Operation.CREATE, people(500))
    assert len(contacts(org)) == 200


def test_what_cannot_go_on_is_told_before_anything_is_written(writer: SalesforceWriter, sandbox: Sandbox) -> None:
    sandbox.faults.add("error", path=COLLECTIONS, status=403, code="API_DISABLED_FOR_ORG", message="not enabled")
    with pytest.raises(FatalError):
        writer.write(CONTACT, Operation.UPDATE, people(1))


# --- what Salesforce does of itself


@pytest.fixture
def queue(org: Org) -> Iterator[str]:
    (queue,) = org.insert("Group", [{"Name": "West", "Type": "Queue"}])
    org.rules.assign("Lead", lambda lead: queue)
    yield queue
    org.rules.clear()


def owners(org: Org) -> dict[str, str]:
    with org.cursor() as cursor:
        return dict(cursor.execute('select "LastName", "OwnerId" from "Lead"').fetchall())


def test_new_leads_are_assigned_by_the_rule_unless_an_owner_is_given(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org, queue: str
) -> None:
    """FLOW-1, SF-LEAD-7."""
    own = Record(None, {"LastName": "own", "Company": "Acme", "OwnerId": org.user_id})
    answers = writer.write(LEAD, Operation.CREATE, [own, *leads(2)])
    assert verdicts(answers) == [Verdict.ACCEPTED] * 3
    assert owners(org) == {"own": org.user_id, "n0": queue, "n1": queue}


def test_many_new_leads_are_assigned_too(connector: Salesforce, org: Org, queue: str) -> None:
    """SF-LEAD-7."""
    writer = SalesforceWriter(connector, ingest_from=2)
    assert verdicts(writer.write(LEAD, Operation.CREATE, leads(3))) == [Verdict.ACCEPTED] * 3
    assert set(owners(org).values()) == {queue}


def test_a_lead_keeps_its_owner_when_it_is_changed(writer: SalesforceWriter, org: Org, queue: str) -> None:
    """FLOW-2."""
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "Acme"}])
    writer.write(LEAD, Operation.UPDATE, [Record(lead, {"LastName": "y"})])
    writer.write(LEAD, Operation.UPSERT, [Record(None, {"Id": lead, "LastName": "z"})], "Id")
    assert owners(org) == {"z": org.user_id}


def test_assignment_can_be_left_out(connector: Salesforce, org: Org, queue: str) -> None:
    SalesforceWriter(connector, assign_leads=False).write(LEAD, Operation.CREATE, leads(1))
    assert owners(org) == {"n0": org.user_id}


def test_a_refused_duplicate_names_the_record_it_was_taken_for(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    (here,) = org.insert("Contact", [{"LastName": "x", "Email": "ann@x.example"}])
    org.rules.forbid_duplicates("Contact", "Email")
    records = [*people(1, Email="ann@x.example"), *people(1, Email="bob@x.example")]
    refused, created = writer.write(CONTACT, Operation.CREATE, records)
    assert (refused.verdict, refused.code) == (Verdict.REJECTED, "DUPLICATES_DETECTED")
    assert refused.message == f"Use one of these records? ({here})"
    change = Record(created.id, {"Email": "ANN@x.example"})
    (answer,) = writer.write(CONTACT, Operation.UPDATE, [change])
    assert (answer.id, answer.code, here in answer.message) == (created.id, "DUPLICATES_DETECTED", True)
    assert len(contacts(org)) == 2


def test_duplicates_of_many_are_asked_for_25_a_call_and_200_in_all(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    org.insert("Contact", [{"LastName": "x", "Email": "ann@x.example"}])
    org.rules.forbid_duplicates("Contact", "Email")
    answers = writer.write(CONTACT, Operation.CREATE, people(230, Email="ann@x.example"))
    assert {answer.code for answer in answers} == {"DUPLICATES_DETECTED"}
    assert sum("(003" in answer.message for answer in answers) == 200
    assert sandbox.log.count("*/composite") == 8


def test_a_refusal_stands_where_its_duplicates_cannot_be_had(
    writer: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    org.insert("Contact", [{"LastName": "x", "Email": "ann@x.example"}])
    org.rules.forbid_duplicates("Contact", "Email")
    sandbox.faults.add("status", path="*/composite", status=503)
    (answer,) = writer.write(CONTACT, Operation.CREATE, people(1, Email="ann@x.example"))
    assert (answer.verdict, answer.message) == (Verdict.REJECTED, "Use one of these records?")
    sandbox.faults.add("drop", path="*/composite", after_bytes=5)
    with pytest.raises(UnknownOutcomeError):
        writer.write(CONTACT, Operation.CREATE, people(1, Email="ann@x.example"))


def test_validation_and_conversion_refuse_in_their_own_words(writer: SalesforceWriter, org: Org) -> None:
    """SF-LEAD-8."""
    org.rules.validate("Lead", lambda lead: lead["Company"] == "Bad", "No bad companies", "Company")
    statuses = [{"IsConverted": done, "LastName": "x", "Company": "y"} for done in (False, True)]
    open_, converted = org.insert("Lead", statuses)
    answers = writer.write(LEAD, Operation.UPDATE, [Record(one, {"Company": "Bad"}) for one in (open_, converted)])
    assert [(one.code, one.message, one.fields) for one in answers] == [
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No bad companies", ("Company",)),
        ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ()),
    ]
    assert verdicts(answers) == [Verdict.REJECTED] * 2


def test_find_looks_at_what_the_sync_user_made_even_if_it_was_deleted(writer: SalesforceWriter, org: Org) -> None:
    since = org.now()
    (other,) = org.insert("User", [{"LastName": "Other", "Username": "other@x.example"}])
    org.insert("Contact", [{"LastName": "x"}], user=other)
    sent = Record(None, {"LastName": "x", "Email": None})
    assert writer.find(CONTACT, sent, ("LastName", "Email"), since) is None
    (made,) = writer.write(CONTACT, Operation.CREATE, [sent])
    org.delete("Contact", [made.id or ""])
    assert writer.find(CONTACT, sent, ("LastName", "Email"), since) == made.id
