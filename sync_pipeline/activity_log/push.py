"""Marketo's activities of chosen kinds as tasks of the CRM: once a day, from three months back (SF-ACT-5 to 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

import duckdb

from sync_pipeline.activity_log.follow import CRM, TASK, Source, candidate, known, text_map
from sync_pipeline.catalog.pushed import Pushed
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import SYNCED_AT, full_name
from sync_pipeline.model import Describe
from sync_pipeline.sales_insight.mirrors import MARKETO, Mirrors

NAME = "push"
MIRROR = full_name(MARKETO, "activity")
HISTORY = "interval 3 months"  # SF-ACT-6
TAKEN = ledger.table("taken")
SUBJECT_LENGTH = 255


def due(con: duckdb.DuckDBPyConnection, kinds: Collection[Pushed], now: datetime) -> dict[Pushed, datetime | None]:
    """Return the kinds that have not been told today, each with the mark up to which it was told, None if never."""
    found = con.execute(f"select source, synced_at, taken_at from {TAKEN} where feed = '{NAME}'").fetchall()
    told = {name: (mark, at) for name, mark, at in found}
    return {
        kind: told[kind.name][0] if kind.name in told else None
        for kind in kinds
        if kind.name not in told or told[kind.name][1].date() < now.date()
    }


def move_marks(con: duckdb.DuckDBPyConnection, kinds: Collection[Pushed], now: datetime) -> None:
    """Note that these kinds have been told today."""
    names = commas(literal(kind.name) for kind in kinds)
    con.execute(f"delete from {TAKEN} where feed = '{NAME}' and source in ({names})")
    con.execute(
        f"insert into {TAKEN} by name select '{NAME}' as feed, unnest([{names}]) as source, "
        f"coalesce((select max({quoted(SYNCED_AT)}) from {MIRROR}), timestamptz '-infinity') as synced_at, "
        f"{literal(now)} as taken_at"
    )


def sources(
    mirrors: Mirrors, kinds: dict[Pushed, datetime | None], described: Describe, now: datetime
) -> Iterator[Source]:
    """Yield the source of the kinds that are due; nothing from before a person was in the CRM is told (SF-ACT-7)."""
    if not kinds or not mirrors.has("activity"):
        return
    each = " union all ".join(
        f"select {literal(kind.name)} as kind, {literal(kind.subject)} as subject, {literal(kind.type_name)} as type, "
        f"{literal(kind.type_id)}::bigint as published, "
        f"{literal(mark) if mark else f'{literal(now)}::timestamptz - {HISTORY}'} as told_to, {mark is None} as is_new"
        for kind, mark in kinds.items()
    )
    values = {
        "Subject": f"left(concat_ws(': ', c.subject, a.\"primaryAttributeValue\"), {SUBJECT_LENGTH})",
        "Status": "'Completed'",
        "Priority": "'Normal'",
        "ActivityDate": "timezone('UTC', a.\"activityDate\")::date",
        "Description": 'a."attributes"',
    }
    chosen = candidate(
        key='a."marketoGUID"',
        person="p.crm_id",
        happened_at='a."activityDate"',
        event="c.subject",
        attributes=text_map({name: sql for name, sql in values.items() if name in described.names}),
    )
    query = f"""
        with chosen as (
            select k.*, coalesce(t.type_id, k.published) as type_id from ({each}) k
            left join {ledger.table("activity_type")} t on t.name = k.type
        ),
        {_persons(mirrors)}
        select {chosen}
        from {MIRROR} a join chosen c on c.type_id = a."activityTypeId" join person p on p.marketo_id = a."leadId"
        where if(c.is_new, a."activityDate", a.{quoted(SYNCED_AT)}) > c.told_to and a."activityDate" >= p.since
            and a."marketoGUID" not in {known(NAME)}
    """
    yield Source(NAME, CRM, TASK, query)


def _persons(mirrors: Mirrors) -> str:
    """Return the CTE of linked people, with the id on which they are told and since when the CRM has had them.

    What a converted lead did counts for its contact.
    """
    created = " union all ".join(
        f'select "Id" as crm_id, "CreatedDate" as since from {mirrors.crm_records(name)}'
        for name in ("contact", "lead")
    )
    link = ledger.table("link")
    return f"""
        person as (
            select try_cast(l.marketo_id as bigint) as marketo_id, min(c.since) as since,
                min_by(l.crm_id, if(l.pairing = 'contact', 0, 1)) filter (l.ended_at is null) as crm_id
            from {link} l join ({created}) c using (crm_id) where l.marketo_object = 'person' group by l.marketo_id
            having count(*) filter (l.ended_at is null) > 0
        )"""
