"""Converting leads by SOAP, on the sandbox."""

from __future__ import annotations

import pytest
import requests

from sync_pipeline.catalog.salesforce import CONTACT, LEAD
from sync_pipeline.connectors.errors import FatalError, RejectedError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Operation, Record, Value, Verdict
from sync_pipeline.connectors.salesforce import soap
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.convert import Converted, convert_lead
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.sandbox import Org, Sandbox

STATUS = "Closed - Converted"
SOAP = "/services/Soap/*"


@pytest.fixture
def lead(org: Org) -> str:
    return org.insert("Lead", [{"LastName": "Lee", "Company": "Acme & <Sons>"}])[0]


def value(org: Org, name: str, record: str | None, field: str) -> object:
    found = org.record(name, record or "")
    assert found
    return found[field]


def test_a_lead_becomes_a_contact_of_a_new_account_and_an_opportunity_if_it_has_a_name(
    connector: Salesforce, org: Org, lead: str
) -> None:
    """CONV-1, CONV-6."""
    done = convert_lead(connector, lead, STATUS, opportunity_name="Big & <new>")
    assert done == Converted(lead, done.account_id, done.contact_id, done.opportunity_id)
    assert value(org, "Account", done.account_id, "Name") == "Acme & <Sons>"
    assert value(org, "Contact", done.contact_id, "AccountId") == done.account_id
    assert value(org, "Opportunity", done.opportunity_id, "Name") == "Big & <new>"
    assert value(org, "Lead", lead, "ConvertedContactId") == done.contact_id


def test_a_lead_joins_an_account_and_a_contact_that_are_there_for_another_owner(
    connector: Salesforce, org: Org, lead: str
) -> None:
    """CONV-1, CONV-7."""
    (account,) = org.insert("Account", [{"Name": "Here"}])
    (contact,) = org.insert("Contact", [{"LastName": "Lee", "AccountId": account}])
    (owner,) = org.insert("User", [{"LastName": "Boss", "Username": "boss@x.example", "IsActive": True}])
    found = convert_lead(connector, lead, STATUS, account_id=account, contact_id=contact, owner_id=owner)
    assert found == Converted(lead, account, contact, None)
    assert value(org, "Lead", lead, "OwnerId") == owner


def test_a_refusal_is_told_in_the_orgs_own_words(connector: Salesforce, org: Org, lead: str) -> None:
    with pytest.raises(RejectedError) as refused:
        convert_lead(connector, lead, "Open - Not Contacted")
    assert refused.value.code == "INVALID_STATUS"
    convert_lead(connector, lead, STATUS)
    with pytest.raises(RejectedError) as refused:
        convert_lead(connector, lead, STATUS)
    assert (refused.value.code, refused.value.message) == (
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "cannot reference converted lead",
    )


def test_a_session_that_ends_is_renewed(connector: Salesforce, sandbox: Sandbox, lead: str) -> None:
    connector.user_id()
    sandbox.faults.add("expire", path=SOAP)
    assert convert_lead(connector, lead, STATUS).lead_id == lead
    sandbox.faults.add("expire", path=SOAP, times=None)
    with pytest.raises(FatalError, match="INVALID_SESSION_ID"):
        convert_lead(connector, lead, STATUS)


def test_the_token_is_in_the_envelope_only_as_it_leaves() -> None:
    envelope = soap.envelope("convertLead", "leadConverts", {"leadId": "<&>"})
    headers = {"Authorization": "Bearer 00D!a&b"}
    sent = requests.Request("POST", "http://127.0.0.1/", headers, data=envelope, auth=soap.authorize).prepare()
    assert b"a&amp;b" in (sent.body or b"")
    assert sent.headers["Content-Length"] == str(len(sent.body or b""))
    assert "Authorization" not in sent.headers
    assert (b"00D!" in envelope, b"<leadId>&lt;&amp;&gt;</leadId>" in envelope) == (False, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"<html><body/></html>"])
def test_what_is_no_fault_is_taken_for_none(body: bytes) -> None:
    assert soap.fault(body) is None


def test_a_lost_answer_is_no_failure_and_an_outage_is_none_of_the_leads(
    connector: Salesforce, sandbox: Sandbox, org: Org, lead: str
) -> None:
    sandbox.faults.add("status", path=SOAP, status=503)
    with pytest.raises(RetryableError):
        convert_lead(connector, lead, STATUS)
    assert value(org, "Lead", lead, "IsConverted") is False
    sandbox.faults.add("drop", path=SOAP, after_bytes=10)
    with pytest.raises(UnknownOutcomeError):
        convert_lead(connector, lead, STATUS)
    assert value(org, "Lead", lead, "IsConverted") is True


@pytest.mark.parametrize("operation", [Operation.MERGE, Operation.CONVERT])
def test_what_a_merge_hands_over_is_written_first_and_a_refusal_of_it_leaves_both(
    connector: Salesforce, org: Org, lead: str, operation: Operation
) -> None:
    """Law 13: the record that stays has the opt-out before the other one goes."""
    (account,) = org.insert("Account", [{"Name": "Here"}])
    no: dict[str, Value] = {"HasOptedOutOfEmail": True}
    contact = {"LastName": "Lee", "AccountId": account}
    winner, other = org.insert("Contact", [contact, {**contact, **no}])
    loser, obj = (other, CONTACT) if operation is Operation.MERGE else (lead, LEAD)
    writer = SalesforceWriter(connector)
    (refused,) = writer.write(obj, operation, [Record(loser, {"Nowhere__c": True}, winner)])
    assert (refused.verdict, value(org, "Contact", winner, "HasOptedOutOfEmail")) == (Verdict.REJECTED, False)
    assert not value(org, obj.source, loser, "IsDeleted" if obj is CONTACT else "IsConverted")
    (done,) = writer.write(obj, operation, [Record(loser, no, winner)])
    assert (done.verdict, value(org, "Contact", winner, "HasOptedOutOfEmail")) == (Verdict.ACCEPTED, True)
    assert value(org, obj.source, loser, "IsDeleted" if obj is CONTACT else "IsConverted")
