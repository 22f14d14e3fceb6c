"""The SOAP calls that no REST resource offers: undelete, emptyRecycleBin, merge, convertLead.

Each takes the request's element and returns the results inside the response, one for each record in order.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from sync_pipeline.sandbox.salesforce.api import life
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.values import record_id
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.rules.convert import Conversion, convert
from sync_pipeline.sandbox.salesforce.rules.writer import Writer
from sync_pipeline.sandbox.salesforce.xml import elements, local

MOST = 200
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def undelete(writer: Writer, request: Element) -> str:
    return "".join(map(_saved, life.undelete(writer, _texts(request, "ids"))))


def empty_recycle_bin(writer: Writer, request: Element) -> str:
    """Only what is in the bin goes for good."""
    results = []
    for one in _texts(request, "ids"):
        record = record_id(one)
        found = writer.org.schema.by_prefix(record) if record else None
        known = writer.org.record(found.name, record) if found and record else None
        if found is None or record is None or not known or not known.get("IsDeleted"):
            error = ApiError("INVALID_ID_FIELD", f"ID: {one} is not in the recycle bin", fields=["Id"])
            results.append(_saved(Outcome(None, error=error)))
            continue
        writer.org.hard_delete(found.name, [record])
        results.append(_saved(Outcome(record)))
    return "".join(results)


def merge(writer: Writer, request: Element) -> str:
    return "".join(_merged(writer, one) for one in request if local(one) == "request")


def _merged(writer: Writer, request: Element) -> str:
    """The master record brings its id, its type and fields to change; `fieldsToNull` names those to empty."""
    master = next((one for one in request if local(one) == "masterRecord"), Element("masterRecord"))
    given = {local(one): one.text for one in master if local(one) not in ("fieldsToNull", "type", "Id", "id")}
    named = {local(one).lower(): one.text or "" for one in master}
    kind = named.get("type") or next((v for k, v in master.attrib.items() if k.endswith("}type")), "")
    nulls = dict.fromkeys(_texts(master, "fieldsToNull"))
    losers = _texts(request, "recordToMergeIds")
    try:
        moved = life.merge(writer, kind.rpartition(":")[2], named.get("id", ""), losers, {**given, **nulls})
    except ApiError as error:
        return f"<result>{_errors(error)}{elements({'id': None, 'success': 'false'})}</result>"
    winner = record_id(named["id"])
    merged = "".join(elements({"mergedRecordIds": record_id(one)}) for one in losers)
    related = "".join(elements({"updatedRelatedIds": one}) for one in moved)
    return f"<result>{elements({'id': winner})}{merged}{elements({'success': 'true'})}{related}</result>"


def convert_lead(writer: Writer, request: Element) -> str:
    return "".join(_converted(writer, one) for one in request if local(one) == "leadConverts")


def _converted(writer: Writer, request: Element) -> str:
    given = {local(one): (one.text or "").strip() for one in request if one.get(_NIL) != "true"}
    asked = Conversion(
        lead=record_id(given.get("leadId")) or "",
        status=given.get("convertedStatus", ""),
        account=record_id(given.get("accountId")),
        contact=record_id(given.get("contactId")),
        owner=record_id(given.get("ownerId")),
        opportunity_name=given.get("opportunityName") or None,
        without_opportunity=given.get("doNotCreateOpportunity") == "true",
        overwrite_lead_source=given.get("overwriteLeadSource") == "true",
    )
    try:
        done = convert(writer.org, asked, writer.user)
    except ApiError as error:
        before = elements({"accountId": None, "contactId": None})
        after = elements({"leadId": given.get("leadId"), "opportunityId": None, "success": "false"})
        return f"<result>{before}{_errors(error)}{after}</result>"
    ids = {"accountId": done.account, "contactId": done.contact, "leadId": done.lead}
    return f"<result>{elements({**ids, 'opportunityId': done.opportunity, 'success': 'true'})}</result>"


def _texts(request: Element, name: str) -> list[str]:
    return [(one.text or "").strip() for one in request if local(one) == name]


def _saved(outcome: Outcome) -> str:
    errors = _errors(outcome.error) if outcome.error else ""
    return f"<result>{errors}{elements({'id': outcome.id, 'success': 'false' if outcome.error else 'true'})}</result>"


def _errors(error: ApiError) -> str:
    """Return the errors of a record as SOAP lists them."""
    texts = []
    for one in (error, *error.also):
        fields = "".join(elements({"fields": name}) for name in one.fields or ())
        texts.append(f"<errors>{fields}{elements({'message': one.message, 'statusCode': one.code})}</errors>")
    return "".join(texts)


Operation = Callable[[Writer, Element], str]
OPERATIONS: dict[str, Operation] = {
    "undelete": undelete,
    "emptyRecycleBin": empty_recycle_bin,
    "merge": merge,
    "convertLead": convert_lead,
}


def answer(writer: Writer, request: Element) -> str:
    """Return the response of an operation, without its envelope.

    Raises:
        ApiError: more records than one call may bring.
    """
    if len(request) > MOST:
        raise ApiError(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {MOST} records in this call"
        )
    name = local(request)
    return f"<{name}Response>{OPERATIONS[name](writer, request)}</{name}Response>"
