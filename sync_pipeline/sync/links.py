"""Who is who: making links, and remembering on them what both sides have confirmed. SQL in the caller's transaction.

A link is the truth about a pair (SPEC 31, decision 2). The CRM's id is also written into Marketo, in the pairing's key,
so that a link whose making was interrupted is found again before anything is created twice (GEN-16).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.decide import MARKETO, Question, changed_sql, crm_value, marketo_value, references

Connection = duckdb.DuckDBPyConnection


def adopt(con: Connection, asked: Question, now: datetime) -> int:
    """Link the Marketo records that carry the id or the keys of a CRM record without a link; return how many.

    Of several records with one key the oldest is linked; the others are left to the report of duplicates.
    """
    pairing, marketo, link = asked.pairing, asked.pairing.marketo, ledger.table("link")
    name, id_ = literal(pairing.name), f"m.{quoted(marketo.key)}::varchar"
    linked = f"from {link} where ended_at is null and"
    changed = changed_sql(marketo, pairing, MARKETO)
    con.execute(f"""
        create or replace temp table stranger as select m.* from {asked.marketo} m
        where {id_} in ({changed}) and m.{quoted(DELETED_AT)} is null
            and {id_} not in (select marketo_id {linked} marketo_object = {literal(marketo.name)})
    """)
    if con.execute("from stranger limit 1").fetchone() is None:
        return 0
    found = con.execute(f"""
        insert into {link} by name
        select {name} as pairing, crm_id, {literal(marketo.name)} as marketo_object, {id_} as marketo_id,
            {literal(now)} as linked_at, {literal(asked.run_id)} as run_id, map {{}}::map(varchar, varchar) as agreed
        from ({_recognised(con, asked)}) m
        where crm_id not in (select crm_id {linked} pairing = {name})
        qualify row_number() over (partition by crm_id order by m.{quoted(marketo.key)}) = 1
    """).fetchone()
    return int(found[0]) if found else 0


def _recognised(con: Connection, asked: Question) -> str:
    """Return SQL for the records of `stranger`, each with the id of the CRM record that its key names."""
    key = quoted(asked.pairing.crm.key)
    if asked.pairing.key:
        name = quoted(asked.pairing.key)
        return f"select m.*, c.{key} as crm_id from stranger m join {asked.crm} c on c.{key} = m.{name}"
    references(con, asked, f"select {key} from {asked.crm}")
    keys = [field for field in asked.fields if field.is_key]
    values = commas(f"{crm_value(field, asked)} as key_{number}" for number, field in enumerate(keys))
    same = " and ".join(f"c.key_{number} = {marketo_value(field, asked)}" for number, field in enumerate(keys))
    alive = f"{quoted(DELETED_AT)} is null"
    named = f"select c.{key} as crm_id, {values} from {asked.crm} c where {alive}"
    return f"select m.*, c.crm_id from stranger m join ({named}) c on {same}"


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
        f"agreed, {literal(now)} as agreed_at, {literal(now)} as {side}_written_at from confirmed "
        "where is_new and crm_id is not null and marketo_id is not null"  # an import tells no ids: see `adopt`
    )


def end(con: Connection, obj: Object, marketo_id: str, because: str, now: datetime) -> None:
    """End the link of a Marketo record, whatever it is linked to."""
    con.execute(
        f"update {ledger.table('link')} set ended_at = ?, ended_because = ? "
        "where marketo_object = ? and marketo_id = ? and ended_at is null",
        [now, because, obj.name, marketo_id],
    )
