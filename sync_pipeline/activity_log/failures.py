"""Writes that a system refused, told in the log of the person they were about (OPS-8)."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipeline.activity_log.follow import MARKETO, Source, candidate, known, text_map
from sync_pipeline.catalog.activity_types import CRM_EVENT
from sync_pipeline.catalog.flow_actions import PERSON_PREFIXES
from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.sales_insight.mirrors import Mirrors, links

NAME = "failures"


def sources(mirrors: Mirrors) -> Iterator[Source]:
    """Yield the source of refused writes of people whom Marketo has."""
    told = {
        "object": "o.pairing", "crmId": "o.crm_id", "side": "o.side", "operation": "o.operation", "code": "r.code",
        "message": "r.message",
    }  # fmt: skip
    chosen = candidate(
        key="r.write_id",
        person="coalesce(o.marketo_id, l.marketo_id::varchar)",
        happened_at="r.answered_at",
        event="'Sync Error'",
        attributes=text_map(told),
    )
    query = f"""
        select {chosen}
        from {ledger.table("write_result")} r join {ledger.table("outbox")} o using (write_id)
        left join {links()} l on l.crm_id = o.crm_id
        where r.verdict = '{Verdict.REJECTED}' and o.pairing in ({commas(map(literal, PERSON_PREFIXES.values()))})
            and coalesce(o.marketo_id, l.marketo_id::varchar) is not null and r.write_id not in {known(NAME)}
    """
    yield Source(NAME, MARKETO, CRM_EVENT.name, query)
