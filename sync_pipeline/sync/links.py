"""Who is who: making links, and remembering on them what both sides have confirmed. SQL in the caller's transaction.

A link is the truth about a pair (SPEC 31, decision 2). The CRM's id is also written into Marketo, in the pairing's key,
so that a link whose making was interrupted is found again before anything is created twice (GEN-16).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.decide import MARKETO, changed_sql

Connection = duckdb.DuckDBPyConnection


def adopt(con: Connection, pairing: Pairing, run_id: str, now: datetime) -> int:
    """Link the Marketo records that carry the id of a CRM record without a link; return how many.

    Of several records with one key the oldest is linked; the others are left to the report of duplicates.
    """
    name, crm, marketo = literal(pairing.name), pairing.crm, pairing.marketo
    key, id_, link = quoted(pairing.key), f"m.{quoted(marketo.key)}::varchar", ledger.table("link")
    linked = f"from {link} where ended_at is null and"
    found = con.execute(f"""
        insert into {link} by name
        select {name} as pairing, m.{key} as crm_id, {literal(marketo.name)} as marketo_object, {id_} as marketo_id,
            {literal(now)} as linked_at, {literal(run_id)} as run_id, map {{}}::map(varchar, varchar) as agreed
        from {full_name(*marketo.table)} m
        where {id_} in ({changed_sql(marketo, pairing, MARKETO)})
            and m.{key} is not null and m.{quoted(DELETED_AT)} is null
            and m.{key} in (select {quoted(crm.key)} from {full_name(*crm.table)})
            and m.{key} not in (select crm_id {linked} pairing = {name})
            and {id_} not in (select marketo_id {linked} marketo_object = {literal(marketo.name)})
        qualify row_number() over (partition by m.{key} order by m.{quoted(marketo.key)}) = 1
    """).fetchone()
    return int(found[0]) if found else 0


def remember(con: Connection, pairing: Pairing, names: dict[str, str], side: str, now: datetime) -> None:
    """Take the accepted writes in the temporary table `answered` into the links: only these enter the base (law 6).

    `answered` holds `crm_id`, `marketo_id`, `verdict`, `record_id`, `fields`.

    Args:
        names: Marketo's name of each field that was written, by the name it was written under.
    """
    link, name = ledger.table("link"), literal(pairing.name)
    entries = "map_from_entries([" + ", ".join(f"{{k: {literal(k)}, v: {literal(v)}}}" for k, v in names.items()) + "])"
    agreed = f"map_from_entries(list_transform(map_entries(fields), lambda e: {{k: {entries}[e.key], v: e.value}}))"
    con.execute(
        "create or replace temp table confirmed as select coalesce(crm_id, record_id) as crm_id, "
        "coalesce(marketo_id, record_id) as marketo_id, "
        f"crm_id is null or marketo_id is null as is_new, {agreed if names else 'fields'} as agreed "
        "from answered where verdict = 'accepted'"
    )
    con.execute(
        f"update {link} l set agreed = map_concat(coalesce(l.agreed, map {{}}), c.agreed), agreed_at = {literal(now)}, "
        f"{side}_written_at = {literal(now)} from confirmed c "
        f"where l.pairing = {name} and l.crm_id = c.crm_id and l.ended_at is null and not c.is_new"
    )
    con.execute(
        f"insert into {link} by name select {name} as pairing, crm_id, "
        f"{literal(pairing.marketo.name)} as marketo_object, marketo_id, {literal(now)} as linked_at, "
        f"agreed, {literal(now)} as agreed_at, {literal(now)} as {side}_written_at from confirmed where is_new"
    )


def end(con: Connection, obj: Object, marketo_id: str, because: str, now: datetime) -> None:
    """End the link of a Marketo record, whatever it is linked to."""
    con.execute(
        f"update {ledger.table('link')} set ended_at = ?, ended_because = ? "
        "where marketo_object = ? and marketo_id = ? and ended_at is null",
        [now, because, obj.name, marketo_id],
    )
