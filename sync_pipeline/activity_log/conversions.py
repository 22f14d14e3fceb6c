"""Leads that were converted, told in the log of the person they were: Lead is Converted (CONV-5)."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipeline.activity_log.follow import MARKETO, Source, candidate, known, text_map
from sync_pipeline.catalog.activity_types import CRM_EVENT
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal
from sync_pipeline.sales_insight.mirrors import STAMP, TEXT, Mirrors
from sync_pipeline.sync.identity.end_reasons import CONVERTED

NAME = "conversions"
LEAD = {
    "Id": TEXT, "Status": TEXT, "ConvertedContactId": TEXT, "ConvertedAccountId": TEXT, "ConvertedOpportunityId": TEXT,
    "SystemModstamp": STAMP,
}  # fmt: skip


def sources(mirrors: Mirrors) -> Iterator[Source]:
    """Yield the source of conversions of leads that were linked; whoever was merged away is found when it is sent."""
    if not mirrors.has("lead"):
        return
    told = {
        "object": "l.pairing", "crmId": "l.crm_id", "status": 'c."Status"', "contactId": 'c."ConvertedContactId"',
        "accountId": 'c."ConvertedAccountId"', "opportunityId": 'c."ConvertedOpportunityId"',
    }  # fmt: skip
    chosen = candidate(
        key="l.crm_id",
        person="l.marketo_id",
        happened_at='c."SystemModstamp"',
        event="'Lead is Converted'",
        attributes=text_map(told),
    )
    ended = f"l.ended_because = {literal(CONVERTED)} and l.pairing = 'lead'"
    query = f"""
        select {chosen} from {ledger.table("link")} l join {mirrors.records("lead", LEAD)} c on c."Id" = l.crm_id
        where {ended} and l.crm_id not in {known(NAME)}
        qualify row_number() over (partition by l.crm_id order by l.ended_at desc) = 1
    """
    given = f"from {ledger.table('link')} l where {ended} and l.crm_id not in {known(NAME)}"
    yield Source(NAME, MARKETO, CRM_EVENT.name, query, given=f"select * {given}")
