"""Which links of a pairing are decided on, in SQL: no record passes through Python.

Only links that a change on either side touched are looked at, and those left over from before, so the cost of a
decision does not grow with the records that nobody touched. Everything is left in temporary tables, which `plan`
reads; nothing is written here.
"""

from __future__ import annotations

import duckdb

from sync_pipeline.connectors.records import Verdict
from sync_pipeline.connectors.writes import UNSEEN
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, quoted, without
from sync_pipeline.lake.table import full_name
from sync_pipeline.sync.changed import find_changed
from sync_pipeline.sync.decision import crm_creates
from sync_pipeline.sync.decision.outcomes import outcomes, references
from sync_pipeline.sync.decision.spelling import of_link
from sync_pipeline.sync.delivery import on_demand, unconfirmed_creates, unconfirmed_values
from sync_pipeline.sync.identity import merges
from sync_pipeline.sync.identity.email_match import SHARED, is_wanted, met_sql
from sync_pipeline.sync.identity.end_reasons import MARKETO_DELETED, TOLD
from sync_pipeline.sync.identity.facts import in_crm
from sync_pipeline.sync.identity.mirror_sql import alive, must_be_read, unread, watermark
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM

Connection = duckdb.DuckDBPyConnection
NOT_SEEN = "taken by Marketo, and not seen yet"
# So long the Data Ingestion API goes on trying what it has taken: five tries after 5, 15, 20, 20 and 120 minutes.
TAKEN_IN = "6 hours"


def decide(con: Connection, request: DecisionRequest) -> None:
    """Fill the temporary tables `touched`, `outcome` and `merging`.

    `touched` holds the links to be decided and, without a `marketo_id`, the CRM records that Marketo does not know yet
    (SF-LEAD-4: nobody is looked for by e-mail). `outcome` holds one row for each of their fields: the two values, the
    base, the case that holds, what is taken, and the refusal that keeps it from being written.
    """
    find_changed(con, request.pairing)
    early = merges.find_merges(
        con, request.pairing, request.referred, request.run_id, request.policy.score, request.fields
    )
    _touched(con, request, early)
    crm_creates.find(con, request)
    con.execute(
        "insert into touched by name select marketo_id, false as by_crm, true as by_marketo, false as gone, "
        "false as stale from newcomer where complete"
    )
    references(con, request, "select crm_id from touched")
    outcomes(con, request, unanswered=unconfirmed_values.find(con, request.pairing))


def decide_pair(con: Connection, request: DecisionRequest, crm_id: str | None, marketo_id: str) -> None:
    """Fill the same tables for one Marketo record and what it is in the CRM, None if it is not there.

    For who asks on demand: the records are those of `read_from`, read this minute, whatever the mirrors say. What its
    link to another record agreed on, from which it has just been converted, say, is no consent of this one (law 13).
    """
    consent = [field.name for field in request.fields if field.consent]
    agreed = f"if(crm_id = {literal(crm_id)}, agreed, {without('agreed', consent)})"
    link = (
        f"select * replace ({agreed} as agreed) from {ledger.table('link')} where ended_at is null "
        f"and marketo_object = {literal(request.pairing.marketo.name)} and marketo_id = {literal(marketo_id)} limit 1"
    )
    con.execute(
        f"create or replace temp table touched as select {literal(crm_id)}::varchar as crm_id, "
        f"{literal(marketo_id)} as marketo_id, {of_link('l')}, true as by_crm, true as by_marketo, false as gone, "
        f"false as stale from (select 1) left join ({link}) l on true"
    )
    references(con, request, "select crm_id from touched")
    outcomes(con, request)
    merges.none(con)


def _touched(con: Connection, request: DecisionRequest, early: str) -> None:
    """Fill `touched`. Of a record that is gone only that is told, to the person it was linked to (DEL-1).

    Args:
        early: SQL for records that wait for something else, and for what.
    """
    pairing, name = request.pairing, literal(request.pairing.name)
    link, key, marketo_key = ledger.table("link"), quoted(pairing.crm.key), quoted(pairing.marketo.key)
    stale = unread(pairing) if pairing.is_rarely_read else "false"
    con.execute(f"create or replace temp table held as {_held(con, request, early)}")
    con.execute(f"""
        create or replace temp table touched as
        with living as (select {key} as id from {alive(pairing.crm, pairing)} where {key} in (select id from changed)),
        kept as (
            select * from {link} where pairing = {name} and crm_id in (select id from changed) and {TOLD}
                and (ended_at is null or crm_id not in (select id from living))
            qualify row_number() over (
                partition by crm_id order by ended_at desc nulls first, linked_at desc, marketo_id) = 1
        ),
        somebodys as (
            select marketo_object, marketo_id from {link} where ended_at is null
                and marketo_id in (select marketo_id from kept where ended_at is not null)
        )
        select t.id as crm_id, l.marketo_id, {of_link("l")}, t.by_crm, t.by_marketo, l.ended_at is not null as gone,
            {stale} as stale
        from changed t
        join {request.crm} c on c.{key} = t.id
        left join kept l on l.crm_id = t.id
        left join {alive(pairing.marketo, pairing)} m on m.{marketo_key}::varchar = l.marketo_id
        where (l.ended_at is not null or t.id in (select id from living))
            and (l.ended_at is null or (l.marketo_object, l.marketo_id) not in (from somebodys))
            and if(l.marketo_id is null,
                t.by_crm and ({_may_come_back(request)}), m.{marketo_key} is not null or ({stale}))
            and not ({must_be_read(pairing)}) and t.id not in (select crm_id from held)
            and t.id not in (select crm_id from merging where side = {literal(CRM)})
    """)


def _may_come_back(request: DecisionRequest) -> str:
    """Return SQL that tells whether a record without a link may become a person: not where one was deleted for good."""
    if request.policy.recreates:
        return "true"
    return (
        f"t.id not in (select crm_id from {ledger.table('link')} where pairing = {literal(request.pairing.name)} "
        f"and ended_because = {literal(MARKETO_DELETED)})"
    )


def _held(con: Connection, request: DecisionRequest, waiting: str) -> str:
    """Return SQL for the new records that may turn out to be linked in a moment, and why; they are looked at again.

    Taken for a stranger, what somebody has just created on demand would become a second person in Marketo (GEN-16),
    and so would a contact that came of a lead whose conversion has not been read yet (CONV-2), and what the CRM has
    merged for us since it was read.
    """
    pairing, crm = request.pairing, request.pairing.crm
    early = [
        waiting,
        *(
            f"select {quoted(crm.key)}, 'may come of a conversion' from {request.crm} "
            f"where {quoted(crm.stamp)} >= {watermark(other.crm)}"
            for other in request.referred.values()
            if other.becomes and other.becomes[0] == pairing.name
        ),
    ]
    begun = {"on demand": on_demand.creating_since(con), "for a member": unconfirmed_creates.since(con, pairing)}
    for why, since in ((why, since) for why, since in begun.items() if since):
        early.append(
            f"select {quoted(crm.key)}, {literal(f'may have been created {why}')} "
            f"from {full_name(*crm.changes_table)} where _change = 'insert' and _detected_at >= {literal(since)}"
        )
    if pairing.merges:
        early.append(
            f"select crm_id, 'merged since it was read' from ({in_crm(pairing)}) "
            f"where verdict = {literal(Verdict.ACCEPTED)} and answered_at >= {watermark(crm)}"
        )
    if request.policy.ingests:
        early.append(
            f"select crm_id, {literal(NOT_SEEN)} from {ledger.table('outbox')} "
            f"join {ledger.table('write_result')} using (write_id) where pairing = {literal(pairing.name)} "
            f"and code = {literal(UNSEEN)} and answered_at >= {watermark(pairing.marketo)} - interval '{TAKEN_IN}'"
        )
    if request.policy.match == "strict" and is_wanted(request.policy.match, pairing):
        early.append(
            f"select crm_id, {literal(SHARED)} from ({met_sql(pairing, request.referred.values())}) where not is_only"
        )
    told = " union all ".join(early)
    return (
        f"select id as crm_id, because from changed join ({told}) t(crm_id, because) on t.crm_id = id where id not in "
        f"(select crm_id from {ledger.table('link')} where pairing = {literal(pairing.name)} and ended_at is null)"
    )
