"""Deleting, merging and partitioning persons over HTTP."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.errors import CallError, missing, mistyped
from sync_pipeline.sandbox.marketo.http import MOST, Call, Route, at_most, integer
from sync_pipeline.sandbox.marketo.records import life


def delete(call: Call) -> Response:
    """Ids in the body, or as a parameter when there is none."""
    leads = call.integers("id") if call.value("id") else []
    if not leads:
        leads = [lead_id(record, "id") for record in call.records(call.body())]
    at_most(leads, MOST, "records")
    return call.answer(life.delete(call.subscription, leads, call.author("deleteLead")))


def merge(call: Call, winner: str) -> Response:
    losers = call.integers("leadIds") or call.integers("leadId")
    if not losers:
        raise missing("leadIds")
    in_crm = call.flag("mergeInCRM")
    if in_crm and not call.subscription.native:
        raise CallError(1003, "mergeInCRM is only valid for subscriptions with a native CRM sync")
    life.merge(call.subscription, integer(winner), losers, call.author("mergeLeads"), in_crm)
    return call.answer()


def associate(call: Call, lead: str) -> Response:
    """Tell that a browser is this person's; the sandbox has no web activity that would become its."""
    call.required("cookie")
    if not call.subscription.known([integer(lead)]):
        raise CallError(1004, f"Lead '{lead}' not found")
    return call.answer()


def partitions(call: Call) -> Response:
    return call.answer(call.subscription.rows('select id, name, description from "partition" order by id'))


def move(call: Call) -> Response:
    records = call.records(call.body())
    wanted = [(lead_id(record, "id"), call.named(record, "partitionName")) for record in records]
    return call.answer(life.move(call.subscription, wanted, call.author("updateLeadPartition")))


def lead_id(record: dict[str, object], name: str) -> int:
    """Return the person's id that a record of a request names.

    Raises:
        CallError: it names none, or no number.
    """
    value = record.get(name)
    if value is None:
        raise missing(name)
    if isinstance(value, bool | float):
        raise mistyped(value, "integer")
    return integer(value)


ROUTES = [
    Route("/rest/v1/leads/delete.json", delete, ("POST",)),
    Route("/rest/v1/leads.json", delete, ("DELETE",)),  # which the contract no longer has, and old clients still send
    Route("/rest/v1/leads/<winner>/merge.json", merge, ("POST",)),
    Route("/rest/v1/leads/<lead>/associate.json", associate, ("POST",)),
    Route("/rest/v1/leads/partitions.json", partitions),
    Route("/rest/v1/leads/partitions.json", move, ("POST",)),
]
