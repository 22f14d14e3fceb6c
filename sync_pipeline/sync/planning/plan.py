"""What a decision would write, and storing it: conflicts, refusals, the outbox.

A plan and the cycle that applies it are the same rows, so they give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, map_sql
from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Rule
from sync_pipeline.sync.decision import capacity, spelling
from sync_pipeline.sync.decision.case_table import Outcome, name_sql
from sync_pipeline.sync.delivery import unconfirmed_values
from sync_pipeline.sync.delivery.retries import PUSH, of_writes
from sync_pipeline.sync.identity.email_match import AMBIGUOUS, SHARED, mail_field
from sync_pipeline.sync.identity.end_reasons import TOLD
from sync_pipeline.sync.identity.mirror_sql import living, must_be_read
from sync_pipeline.sync.planning import person_partitions
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
# A side has made something else of our write, and nothing has been sent or changed since.
IS_FORM = f"kept_form = '{spelling.NEW}' and taken = '{Outcome.SAME}'"
CREATE, UPDATE, UPSERT, DELETE = "create", "update", "upsert", "delete"
# Marketo tells records apart by their keys, so what has another key there is another record (SF-OPP-11).
OTHER_KEY = "its key is another one"


# A field that the CRM needs of a new record is refused, and a default would say what is not so.
UNMAKEABLE = "from outcome where crm_id is null and marketo_id is not null and refusal is not null and is_needed"
NOT_CREATED = "NOT_CREATED"


@dataclass(frozen=True)
class Planned:
    """What a decision came to, for one pairing.

    Attributes:
        touched: links and new records that were looked at.
        creates, to_marketo, to_crm: writes.
        conflicts: fields that both sides had changed.
        refused: fields that differ and are not written, see `sync.error`.
        skipped: touched links of which nothing is to be written (GEN-13).
        gone: records that the CRM deleted, which is told to Marketo.
        merges: records to be merged, or converted, on the other side too.
    """

    touched: int = 0
    creates: int = 0
    to_marketo: int = 0
    to_crm: int = 0
    conflicts: int = 0
    refused: int = 0
    skipped: int = 0
    gone: int = 0
    merges: int = 0


def draft(con: Connection, request: DecisionRequest) -> Planned:
    """Gather what was decided into the temporary table `write`, one row a record and side; return the numbers."""
    to_marketo, to_crm = (
        f"taken = '{Outcome.TAKE_CRM}'",
        f"taken = '{Outcome.TAKE_MARKETO}' and is_key is distinct from true",
    )
    needed = [field.name for field in request.fields if field.is_key or field.name == request.pairing.belongs_by]
    other_key = f"{to_marketo} and is_key"
    can_create = literal(bool(request.pairing.key or needed))
    has_key = f"count(*) filter ({to_marketo} and field in ({commas(map(literal, needed)) or 'null'})) = {len(needed)}"
    # People may come a cycle later, where they are imported in bulk: a copy is made once, with all that it refers to.
    waits = f"coalesce(bool_or(waits), false) and {literal(request.pairing.custom)}"
    defaults = map_sql(request.pairing.defaults)
    deletes = f"t.gone and {literal(request.pairing.deletes)}"
    con.execute(f"""
        create or replace temp table write as
        with chosen as (
            select *, {name_sql("number")} || if(outcome = '{Outcome.CONFLICT}', ': ' || rule, '') as because
            from outcome where refusal is null
        )
        select uuid()::varchar as write_id, '{MARKETO}' as side,
            if({deletes}, '{DELETE}', if(t.marketo_id is null, '{UPSERT}', '{UPDATE}')) as operation,
            t.crm_id, t.marketo_id, null::varchar as into_id,
            map_from_entries(coalesce(list({{k: field, v: crm}}) filter ({to_marketo}), [])) as fields,
            map_from_entries(coalesce(list({{k: field, v: because}}) filter ({to_marketo}), [])) as because
        -- One equality: with a condition besides, DuckDB compares every record with every field.
        from touched t left join chosen c on c.crm_id = if({deletes}, null, t.crm_id)
        group by t.crm_id, t.marketo_id, t.gone
        having if(t.marketo_id is null, {can_create} and {has_key} and not ({waits}),
            coalesce(bool_or({to_marketo}), false) and not coalesce(bool_or({other_key}), false)) or {deletes}
        union all
        select uuid()::varchar, '{MARKETO}', '{DELETE}', crm_id, marketo_id, null, map {{}},
            map {{'{DELETE}': '{OTHER_KEY}'}}
        from chosen where {other_key} and marketo_id is not null and {literal(request.pairing.deletes)}
        group by crm_id, marketo_id
        union all
        select uuid()::varchar, '{MARKETO}', '{UPSERT}', crm_id, null, null,
            map_from_entries(list({{k: field, v: crm}}) filter (crm is not null)),
            map_from_entries(list({{k: field, v: '{OTHER_KEY}'}}) filter (crm is not null))
        from chosen where marketo_id is not null group by crm_id
        having bool_or({other_key}) and bool_and(crm is not null or not is_key)
        union all
        select uuid()::varchar, '{CRM}', '{UPDATE}', crm_id, marketo_id, null,
            map_from_entries(list({{k: crm_field, v: marketo}})), map_from_entries(list({{k: crm_field, v: because}}))
        from chosen where taken = '{Outcome.TAKE_MARKETO}' and crm_id is not null group by crm_id, marketo_id
        union all
        select uuid()::varchar, '{CRM}', '{CREATE}', null, n.marketo_id, null,
            map_concat({defaults}, n.keys,
                map_from_entries(coalesce(list({{k: crm_field, v: marketo}}) filter ({to_crm}), []))),
            map_from_entries(coalesce(list({{k: crm_field, v: because}}) filter ({to_crm}), []))
        from newcomer n left join chosen c on c.crm_id is null and c.marketo_id = n.marketo_id
        where n.complete and n.marketo_id not in (select marketo_id {UNMAKEABLE}) group by n.marketo_id, n.keys
        union all
        select uuid()::varchar, side, operation, crm_id, marketo_id, into_id, fields, map {{operation: because}}
        from merging
    """)
    person_partitions.assign(con, request.policy.partitions, request.pairing, request.fields)
    found = con.execute(f"""
        select (select count(*) from touched),
            count(*) filter (operation = 'upsert'),
            count(*) filter (operation <> 'upsert' and side = 'marketo'),
            count(*) filter (side = 'crm'),
            (select count(*) from outcome where outcome = 'conflict'),
            (select count(*) from outcome where refusal is not null)
                + (select count(*) from held where because = {literal(SHARED)}),
            (select count(*) from touched t where not exists (from write w
                where w.crm_id is not distinct from t.crm_id and w.marketo_id is not distinct from t.marketo_id)),
            (select count(*) from touched where gone), (select count(*) from merging)
        from write
    """).fetchone()
    return Planned(*(found or ()))


def store(con: Connection, request: DecisionRequest, now: datetime, applied: bool) -> None:
    """Put the draft into the outbox, in the caller's transaction.

    Where it is `applied` and not only looked at, conflicts and refusals go on record, the values on which both sides
    agree without a write are noted, and the changes count as decided on.
    """
    name, run, at = literal(request.pairing.name), literal(request.run_id), literal(now)
    con.execute(
        f"insert into {ledger.table('outbox')} by name select write_id, {run} as run_id, {at} as planned_at, side, "
        f"{name} as pairing, operation, crm_id, marketo_id, into_id, partition, {literal(applied)} as applied, "
        "fields, because "
        "from write"
    )
    if not applied:
        return
    con.execute(
        f"insert into {ledger.table('conflict')} by name select {at} as noted_at, {run} as run_id, {name} as pairing, "
        "crm_id, marketo_id, field, crm as crm_value, marketo as marketo_value, base as base_value, "
        f"case taken when '{Outcome.TAKE_CRM}' then '{CRM}' when '{Outcome.TAKE_MARKETO}' then '{MARKETO}' "
        f"else 'neither' end as winner, rule, {name_sql('number')} as because "
        f"from outcome o where outcome in ('{Outcome.CONFLICT}', '{Outcome.SKIP}') and not exists ({_noted(request)}) "
        f"union all by name select {at} as noted_at, {run} as run_id, {name} as pairing, crm_id, marketo_id, field, "
        "if(marketo_form is null, kept, crm) as crm_value, if(marketo_form is null, marketo, kept) as marketo_value, "
        "base as base_value, 'neither' as winner, rule, "
        f"if(marketo_form is null, {literal(spelling.BECAUSE[CRM])}, {literal(spelling.BECAUSE[MARKETO])}) as because "
        f"from outcome where {IS_FORM}"
    )
    _store_refusals(con, request, now)
    _agree(con, request, now)
    unconfirmed_values.forget(con, request)
    _move_marks(con, request, now)


def _noted(request: DecisionRequest) -> str:
    """Return SQL for the conflict of outcome `o` where it is on record: equal values whose write never arrived.

    After a crash, a lock or a refusal the record is decided anew, which is not another conflict.
    """
    values = {"crm_id": "crm_id", "crm_value": "crm", "marketo_value": "marketo", "base_value": "base"}
    same = " and ".join(f"c.{noted} is not distinct from o.{now}" for noted, now in values.items())
    return (
        f"from {ledger.table('conflict')} c where c.pairing = {literal(request.pairing.name)} and c.field = o.field "
        f"and c.marketo_id = o.marketo_id and {same} and not exists (from {ledger.table('outbox')} w "
        f"join {ledger.table('write_result')} r using (write_id) where w.planned_at >= c.noted_at "
        "and w.pairing = c.pairing and w.marketo_id = c.marketo_id and r.verdict = 'accepted' "
        f"and map_contains(w.fields, if(w.side = '{MARKETO}', o.field, o.crm_field)))"
    )


def _store_refusals(con: Connection, request: DecisionRequest, now: datetime) -> None:
    """Put each refusal on record once, for as long as it stands, and close what no longer does.

    A refusal stands while the field is refused, a rejection while there is still something to write. Of a field that
    flows one way, a move of the other side's record decides nothing, so nothing is closed by it.
    """
    crm, marketo = request.pairing.crm, request.pairing.marketo
    error = ledger.table("error")
    refused = f"""
        select coalesce(crm_id, marketo_id) as record_id, crm_field, refusal as code,  -- what is new has one id
            'not written: ' || crm_field || ' and ' || field || ' stay different'
                || coalesce({capacity.message_sql("refusal")}, ': ' || declined_because, '') as message
        from outcome where refusal is not null
        union all
        select crm_id, {literal(mail_field(request.pairing))}, {literal(AMBIGUOUS)},
            {literal(f"not created in Marketo: {SHARED}")} from held where because = {literal(SHARED)}
    """
    undecided = (
        f"select (coalesce(crm_id, marketo_id), crm_field) from outcome where taken = '{Outcome.KEEP}' and known "
        f"and not gone and rule in ('{Rule.CRM_ONLY}', '{Rule.MARKETO_ONLY}') and crm is distinct from marketo"
    )
    done_with = {
        side: "record_id in (select unnest([crm_id, marketo_id]) from touched) and not exists (from write w "
        f"where w.side = {literal(side)} and record_id in (w.crm_id, w.marketo_id))"
        for side in (CRM, MARKETO)
    }
    ledger.close_errors(
        con,
        f"({of_writes(crm)} and field is not null and record_id in (select unnest([crm_id, marketo_id]) from touched) "
        f"and (record_id, field, code) not in (select (record_id, crm_field, code) from ({refused})) "
        f"and (record_id, field) not in ({undecided})) "
        f"or ({of_writes(crm)} and field is null and {done_with[CRM]}) "
        f"or ({of_writes(marketo)} and field is null and {done_with[MARKETO]})",
        now,
    )
    if not con.execute(f"{refused} limit 1").fetchone():
        return
    con.execute(  # so that it is not looked at again until it changes, see `crm_creates`
        f"insert into {error} by name select {literal(now)} as noted_at, {literal(request.run_id)} as run_id, "
        f"{literal(crm.system)} as system, {literal(crm.name)} as object, {literal(PUSH)} as operation, "
        f"marketo_id as record_id, {literal(NOT_CREATED)} as code, "
        f"'not created in the CRM: it needs ' || string_agg(crm_field, ', ' order by crm_field) as message "
        f"{UNMAKEABLE} group by marketo_id"
    )
    known = (
        f"select (record_id, field, code) from {error} "
        f"where resolved_at is null and {of_writes(crm)} and field is not null"
    )
    con.execute(f"""
        insert into {error} by name
        select {literal(now)} as noted_at, {literal(request.run_id)} as run_id, {literal(crm.system)} as system,
            {literal(crm.name)} as object, {literal(PUSH)} as operation, record_id, crm_field as field,
            code, message
        from ({refused}) where (record_id, crm_field, code) not in ({known})
    """)


def _agree(con: Connection, request: DecisionRequest, now: datetime) -> None:
    """Note the equal values as agreed: the only way into the base without a confirmed write (law 6).

    What has another key is another record in Marketo. Where that is not deleted, the one before it stays and is
    nobody's any more: its link ends.
    """
    link, name, at = ledger.table("link"), literal(request.pairing.name), literal(now)
    con.execute(f"""
        create or replace temp table agreement as
        with same as (
            select crm_id, marketo_id,
                map_from_entries(list({{k: field, v: if(taken = '{Outcome.SAME}', crm, base)}})) as agreed from outcome
            where marketo_id is not null and (arrived is not null
                or (taken = '{Outcome.SAME}' and (not known or crm is distinct from base)))
            group by crm_id, marketo_id
        ), formed as (
            select crm_id, marketo_id, map_from_entries(list(
                {{k: if(marketo_form is null, '{CRM}', '{MARKETO}') || '.' || field, v: [base, kept]}})) as spelled
            from outcome where {IS_FORM} group by crm_id, marketo_id
        ), parted as (
            select crm_id, marketo_id, true as ends from {link}
            where pairing = {name} and ended_at is null and not {literal(request.pairing.deletes)}
                and crm_id in (select crm_id from write where side = '{MARKETO}' and operation = '{UPSERT}')
        )
        select crm_id, marketo_id, agreed, spelled, coalesce(ends, false) as ends
        from same full join parted using (crm_id, marketo_id) full join formed using (crm_id, marketo_id)
    """)
    con.execute(f"""
        update {link} l set agreed = map_concat(coalesce(l.agreed, map {{}}), coalesce(a.agreed, map {{}})),
            agreed_at = if(a.agreed is null, l.agreed_at, {at}),
            spelled = map_concat(coalesce(l.spelled, map {{}}), coalesce(a.spelled, map {{}})),
            ended_at = if(a.ends, {at}, l.ended_at), ended_because = if(a.ends, {literal(OTHER_KEY)}, l.ended_because)
        from agreement a
        where l.pairing = {name} and l.crm_id = a.crm_id and l.marketo_id = a.marketo_id and {TOLD}
            and (l.ended_at is null or not a.ends)
    """)


def _move_marks(con: Connection, request: DecisionRequest, now: datetime) -> None:
    pairing, name = request.pairing, literal(request.pairing.name)
    con.execute(f"delete from {ledger.table('decided')} where pairing = {name}")
    for side, obj in ((CRM, pairing.crm), (MARKETO, pairing.marketo)):
        con.execute(
            f"insert into {ledger.table('decided')} by name "
            f"select {name} as pairing, {literal(side)} as side, max(_detected_at) as detected_at "
            f"from {full_name(*obj.changes_table)}"
        )
    con.execute(f"""
        create or replace temp table later as
        select crm_id, 'waits for ' || min(field) as because from outcome where waits group by crm_id
        union all
        select id, 'written to since it was read' from changed join {ledger.table("link")} l on l.crm_id = id
        where l.pairing = {name} and {TOLD} and ({must_be_read(pairing)})
        union all
        select id, 'waits for what it became' from changed join {ledger.table("link")} l on l.crm_id = id
        where l.pairing = {name} and l.ended_at is null
            and id not in ({living(pairing)})
        union all
        select crm_id, because from held
        union all
        select null, 'a record of Marketo waits for what it refers to' from newcomer where not complete
    """)
    con.execute(f"delete from {ledger.table('pending')} where pairing = {name}")
    con.execute(
        f"insert into {ledger.table('pending')} by name select {name} as pairing, crm_id, "
        f"min(because) as because, {literal(now)} as since from later group by crm_id"
    )
