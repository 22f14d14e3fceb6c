"""What became of creations whose answer was lost: what they made is found in what was read since, or they made nothing.

SQL in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.delivery import unconfirmed_creates
from sync_pipeline.sync.identity import links
from sync_pipeline.sync.identity.mirror_sql import watermark
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM

Connection = duckdb.DuckDBPyConnection


def find(con: Connection, request: DecisionRequest, now: datetime) -> None:
    """Link what lost creations have made, and give up those that made nothing though they had the time for it.

    A record was made by one that was first read afterwards, is linked to nobody, and has the values that were sent in
    the fields that tell people apart. Of several alike, each is taken once.
    """
    pairing, begun = request.pairing, unconfirmed_creates.since(con, request.pairing)
    if begun is None:
        return
    key, still_running = quoted(pairing.crm.key), unconfirmed_creates.STILL_RUNNING.total_seconds()
    con.execute(f"""
        create or replace temp table answered as
        with sent as (
            select *, row_number() over (partition by alike order by planned_at, write_id) as place from (
                select *, {_alike(pairing, lambda name: f"fields[{literal(name)}]")} as alike
                from ({unconfirmed_creates.lost(pairing)}))
        ), made as (
            select *, row_number() over (partition by alike order by record_id) as place from (
                select {key} as record_id, {_alike(pairing, lambda name: f"{quoted(name)}::varchar")} as alike
                from {request.crm}
                where {key} in (select {key} from {full_name(*pairing.crm.changes_table)}
                        where _change = 'insert' and _detected_at >= {literal(begun)})
                    and {key} not in (select crm_id from {ledger.table("link")} where crm_id is not null)
                    and {key} not in (select record_id from {ledger.table("write_result")} where record_id is not null))
        )
        select write_id, run_id, operation, null::varchar as crm_id, marketo_id, record_id,
            {links.OWN_VALUES} as fields,
            if(record_id is null, '{Verdict.RETRY}', '{Verdict.ACCEPTED}') as verdict
        from sent left join made using (alike, place)
        where record_id is not null or lost_at + {still_running} * interval 1 second <= {watermark(pairing.crm)}
    """)
    links.remember(con, pairing, {s.name: f.name for f in request.fields for s in f.sources}, CRM, now)
    con.execute(
        f"insert into {ledger.table('write_result')} by name select write_id, run_id, {literal(now)} as answered_at, "
        "verdict, record_id, record_id is not null as created, if(record_id is null, 'NOT_MADE', null) as code "
        "from answered"
    )


def _alike(pairing: Pairing, value: Callable[[str], str]) -> str:
    """Return SQL for the values by which records are told apart, as the CRM compares them: without letter case."""
    return "[" + commas(f"coalesce(lower(trim({value(name)})), '')" for name in pairing.traced_by) + "]"
