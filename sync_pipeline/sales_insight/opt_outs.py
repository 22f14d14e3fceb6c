"""Whose e-mail opt-out in the CRM an unsubscribe concerns, and whose is still to be set. Pure SQL text (SIA-UNS)."""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipeline.catalog.mappings_person import EMAIL_OPT_OUT
from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.merges import ours_sql
from sync_pipeline.sales_insight.mirrors import STAMP, TEXT, TRUTH, Mirrors, links

OPT_OUT = EMAIL_OPT_OUT.crm
PREFIXES = {"003": "contact", "00Q": "lead"}  # facts of the platform
UNSUBSCRIBE, PEOPLE = full_name(*tables.UNSUBSCRIBES.table), full_name(*tables.PEOPLE.table)
# Ids are compared by the 15 characters that identify a record: a sales tool may know either form (GEN-19).
SHORT = "left({}, 15)"


def records_sql(mirrors: Mirrors, fields: Sequence[str]) -> str:
    """Return SQL for the leads and contacts that are mirrored.

    `id` has 15 characters; `opted_out` is true where all `fields` are, `opted_out_of_any` where one is; `next` is the
    record that one became by a merge or a conversion; `gone` is true where it is deleted or can no longer be written.
    """
    wanted = {
        "Id": TEXT,
        "Email": TEXT,
        "MasterRecordId": TEXT,
        "SystemModstamp": STAMP,
        **dict.fromkeys(fields, TRUTH),
    }
    opted = [f"coalesce({quoted(name)}, false)" for name in fields]
    each = []
    for name in PREFIXES.values():
        is_lead = name == "lead"
        more = {"IsConverted": TRUTH, "ConvertedContactId": TEXT} if is_lead else {}
        converted = '"IsConverted"' if is_lead else "false"
        became = 'coalesce("MasterRecordId", "ConvertedContactId")' if is_lead else '"MasterRecordId"'
        each.append(
            f'select {SHORT.format(quoted("Id"))} as id, "Id" as crm_id, {literal(name)} as object, '
            f"{address_sql(quoted('Email'))} as email, {' and '.join(opted)} as opted_out, "
            f"{' or '.join(opted)} as opted_out_of_any, coalesce({became}, ours.into_id) as next, "
            f"coalesce({quoted(DELETED_AT)} is not null or {converted} or ours.into_id is not null, false) as gone "
            f'from {mirrors.records(name, {**wanted, **more})} left join ({ours_sql()}) ours on ours.loser_id = "Id"'
        )
    return f"({' union all '.join(each)})"


def targets_sql(mirrors: Mirrors, fields: Sequence[str]) -> str:
    """Return the CTEs of a query, `with recursive ...`, to be followed by a select.

    `target` holds the records that each unsubscribe concerns: those linked to its person; without a link the one that
    is named by id, and without an id all that share its address, as in Marketo (UNSUB-2). A record that was merged or
    converted hands it on. `record` is `records_sql`.
    """
    return f"""
        with recursive record as materialized ({records_sql(mirrors, fields)}),
        told as (
            select *, {address_sql("email")} as address from {UNSUBSCRIBE} where _cleared_at is null
        ),
        linked as (
            select unsubscribe_id, l.crm_id from told join {links()} l on l.marketo_id = told._person_id
        ),
        named as (
            from linked
            union
            select unsubscribe_id, salesforce_id from told where salesforce_id is not null
            union
            select unsubscribe_id, crm_id from told join record on record.email = told.address
            where salesforce_id is null and unsubscribe_id not in (select unsubscribe_id from linked) and not gone
        ),
        led(unsubscribe_id, crm_id) as (
            from named
            union
            select unsubscribe_id, r.next from led join record r on r.id = {SHORT.format("led.crm_id")}
            where r.gone and r.next is not null
        ),
        target as (
            select led.unsubscribe_id, coalesce(r.crm_id, led.crm_id) as crm_id,
                coalesce(r.opted_out, false) as opted_out, told._received_at
            from led join told using (unsubscribe_id)
            left join record r on r.id = {SHORT.format("led.crm_id")}
            where not coalesce(r.gone, false) and length(led.crm_id) in (15, 18)
                and left(led.crm_id, 3) in ({commas(map(literal, PREFIXES))})
        )"""


def due_sql(mirrors: Mirrors, fields: Sequence[str], whole: bool) -> str:
    """Return a query for the ids of the records whose opt-out is to be set now.

    Args:
        whole: ask the mirrors: also what was refused before, or taken back in the CRM since, is written again, as a
            re-subscription is never synced (SIA-UNS-4). Otherwise only what has had no answer yet.
    """
    answered = (
        f"select {SHORT.format('o.crm_id')} as id, arg_max(w.verdict, w.answered_at) as verdict, "
        f"max(w.answered_at) as answered_at from {ledger.table('outbox')} o "
        f"join {ledger.table('write_result')} w using (write_id) "
        f"where o.side = 'crm' and o.pairing in ({commas(map(literal, PREFIXES.values()))}) "
        f"and o.fields[{literal(fields[-1])}] = 'true' group by all"
    )
    read_at = f"select min(watermark) from {ledger.table('watermark')} where system = {literal(mirrors.crm)} and "
    read_at += f"object in ({commas(map(literal, PREFIXES.values()))})"
    settled = (
        f"w.verdict = 'accepted' and w.answered_at >= coalesce(({read_at}), timestamptz '-infinity')"
        if whole
        else "w.verdict <> 'retry' and w.answered_at >= t._received_at"
    )
    return (
        f"{targets_sql(mirrors, fields)} select distinct crm_id from target t where not opted_out "
        f"and not exists (from ({answered}) w where w.id = {SHORT.format('t.crm_id')} and {settled}) order by crm_id"
    )


def news_sql(mirrors: Mirrors, fields: Sequence[str]) -> str:
    """Return a query for the people of the feed who opted out in the CRM and of whom the sales tool knows nothing."""
    return (
        f"{targets_sql(mirrors, fields)} select p.marketo_id, r.crm_id from {PEOPLE} p "
        "join record r on r.crm_id in (p.salesforce_contact_id, p.salesforce_lead_id) "
        "where r.opted_out_of_any and not r.gone and p._left_at is null "
        "and r.crm_id not in (select crm_id from target) "
        "and p.marketo_id not in (select _person_id from told where _person_id is not null)"
    )
