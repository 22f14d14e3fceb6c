"""Turning a lead into a contact with its account, and an opportunity if one is wanted (CONV-1, CONV-6); merging."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipeline.connectors.document import kind_of, request_of
from sync_pipeline.connectors.errors import MalformedAnswerError, RejectedError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.salesforce import answers, soap
from sync_pipeline.connectors.salesforce.connector import Salesforce


@dataclass(frozen=True)
class Converted:
    """The ids of what a lead became."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


def convert_lead(
    org: Salesforce,
    lead_id: str,
    converted_status: str,
    *,
    account_id: str | None = None,
    contact_id: str | None = None,
    opportunity_name: str | None = None,
    owner_id: str | None = None,
    send_mail: bool = False,
) -> Converted:
    """Convert one lead; Salesforce offers it by SOAP alone.

    Args:
        converted_status: one of the lead statuses that the org counts as converted.
        account_id, contact_id: records that are there already; a contact needs its account.
        opportunity_name: None makes no opportunity.
        owner_id: a user; None leaves what is made to the lead's owner, who must not be a queue then.
        send_mail: whether Salesforce tells the owner by e-mail (CONV-7).

    Raises:
        RejectedError: the org refused; the words are its own (CANNOT_UPDATE_CONVERTED_LEAD, ENTITY_IS_DELETED …).
        RetryableError: a lock or an outage; nothing was done.
        UnknownOutcomeError: the answer was lost; the lead itself tells by `IsConverted` and `ConvertedContactId`.
    """
    asked = {
        "accountId": account_id,
        "contactId": contact_id,
        "convertedStatus": converted_status,
        "doNotCreateOpportunity": None if opportunity_name else "true",
        "leadId": lead_id,
        "opportunityName": opportunity_name,
        "ownerId": owner_id,
        "sendNotificationEmail": str(send_mail).lower(),
    }
    body = soap.envelope("convertLead", "leadConverts", {name: value for name, value in asked.items() if value})
    told = _called(org, body, "leadId", "accountId", "contactId")
    return Converted(told["leadId"], told["accountId"], told["contactId"], told.get("opportunityId") or None)


def merge(org: Salesforce, source: str, winner_id: str, loser_id: str) -> None:
    """Merge one record into another of the same object; the winner keeps its values, and gets the loser's children.

    Salesforce offers it by SOAP alone, for leads, contacts and accounts.

    Raises:
        RejectedError, RetryableError: as `convert_lead` does.
        UnknownOutcomeError: the answer was lost; the loser itself tells by `MasterRecordId`.
    """
    master = {"type": source, "Id": winner_id}
    _called(org, soap.envelope("merge", "request", {"masterRecord": master, "recordToMergeIds": loser_id}))


def _called(org: Salesforce, body: bytes, *wanted: str) -> dict[str, str]:
    """Send a call once and return the texts of its one result, those wanted among them."""
    try:
        answer = org.call("POST", org.soap_address, soap.HEADERS, once=True, data=body, auth=soap.authorize)
    except RetryableError as error:
        if error.may_be_done:
            raise UnknownOutcomeError(error.code, error.message) from error
        raise
    told = soap.texts(answer.content)
    if told.get("success") not in ("true", "false") or (told["success"] == "true" and not told.keys() >= set(wanted)):
        malformed = MalformedAnswerError(org.system, request_of(answer), kind_of(answer, "the XML of a result"))
        raise UnknownOutcomeError(malformed.code, malformed.message)
    if told["success"] == "false":
        code, message = told.get("statusCode", "UNKNOWN_EXCEPTION"), told.get("message", "no reason given")
        if code == answers.LIMIT:
            raise answers.over_limit(message)
        raise (RetryableError if code in answers.PASSING else RejectedError)(code, message)
    return told
