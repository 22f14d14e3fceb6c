"""Who is who: making links, and remembering on them what both sides have confirmed. SQL in the caller's transaction.

A link is the truth about a pair (SPEC 31, decision 2). The CRM's id is also written into Marketo, in the pairing's key,
so that a link whose making was interrupted is found again before anything is created twice (GEN-16).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, without
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.changed import look_at_referring
from sync_pipeline.sync.identity.end_reasons import EXPIRED, REMOVED, TOLD
from sync_pipeline.sync.identity.mirror_sql import watermark
from sync_pipeline.sync.mapping.compared import Compared

Connection = duckdb.DuckDBPyConnection
# Of a creation, the values that the other side has: of these it is on record why they were chosen. What stands in for
# an empty value is none of them (CONN-18).
OWN_VALUES = "map_from_entries(list_filter(map_entries(fields), lambda e: map_contains(because, e.key)))"


def remember(
    con: Connection,
    pairing: Pairing,
    names: dict[str, str],
    side: str,
    now: datetime,
    referring: Iterable[Pairing] = (),
) -> None:
    """Take the accepted writes in the temporary table `answered` into the links: only these enter the base (law 6).

    `answered` holds `crm_id`, `marketo_id`, `operation`, `verdict`, `record_id`, `fields`.

    Args:
        names: Marketo's name of each field that was written, by the name it was written under.
        referring: the pairings whose records may refer to what is new; those that do are looked at again.
    """
    link, name, obj = ledger.table("link"), literal(pairing.name), pairing.object(side)
    # After all that was read of this side, whatever the clocks tell: until the next reading the mirror is of before.
    written_at = f"greatest({literal(now)}, {watermark(obj)})"
    entries = "map_from_entries([" + ", ".join(f"{{k: {literal(k)}, v: {literal(v)}}}" for k, v in names.items()) + "])"
    agreed = f"map_from_entries(list_transform(map_entries(fields), lambda e: {{k: {entries}[e.key], v: e.value}}))"
    con.execute(
        "create or replace temp table confirmed as select coalesce(crm_id, record_id) as crm_id, "
        "coalesce(marketo_id, record_id) as marketo_id, "
        f"crm_id is null or marketo_id is null as is_new, operation = 'delete' as is_gone, "
        f"{agreed if names else 'fields'} as agreed "
        "from answered where verdict = 'accepted'"
    )
    # What the CRM deleted ended its link already; what was deleted here for another reason ends it now.
    ends = f"c.is_gone and (l.ended_at is null or l.ended_because = {literal(EXPIRED)})"
    because = f"if(l.ended_at is null, 'deleted with its key', {literal(REMOVED)})"
    con.execute(  # one update of links in a transaction; see `mirror.merge` for why not two
        f"update {link} l set agreed = map_concat(coalesce(l.agreed, map {{}}), c.agreed), agreed_at = {literal(now)}, "
        f"ended_at = if({ends}, {literal(now)}, l.ended_at), ended_because = if({ends}, {because}, l.ended_because), "
        f"{side}_written_at = {written_at}, {side}_sent = map_keys(c.agreed) from confirmed c "
        f"where l.pairing = {name} and l.crm_id = c.crm_id and l.marketo_id = c.marketo_id and {TOLD} and not c.is_new"
    )
    con.execute(
        f"insert into {link} by name select {name} as pairing, crm_id, "
        f"{literal(pairing.marketo.name)} as marketo_object, marketo_id, {literal(now)} as linked_at, "
        f"agreed, {literal(now)} as agreed_at, {written_at} as {side}_written_at, map_keys(agreed) as {side}_sent "
        "from confirmed "
        "where is_new and crm_id is not null and marketo_id is not null"  # an import tells no ids: see `adopt`
    )
    look_at_referring(con, referring, f"select {name} as pairing, crm_id from confirmed where is_new", now)


def remap(con: Connection, pairing: Pairing, fields: Sequence[Compared], now: datetime) -> None:
    """Forget what was agreed on of Marketo's fields that another field of the CRM feeds now, on all links (FIELD-19).

    Which field feeds which stays on record, also while it is not to be seen: it may come back, and its values with it.
    """
    names, name = commas(literal(field.name) for field in fields), literal(pairing.name)
    if remapped := [field.name for field in fields if field.remapped]:
        con.execute(
            f"update {ledger.table('link')} set agreed = {without('agreed', remapped)} "
            f"where pairing = {name} and agreed is not null"
        )
    con.execute(f"delete from {ledger.table('fed_by')} where pairing = {name} and marketo in ({names})")
    ledger.insert(con, "fed_by", [(pairing.name, field.name, field.fed_by, now) for field in fields])


def end(con: Connection, obj: Object, marketo_id: str, because: str, now: datetime) -> None:
    """End the link of a Marketo record, whatever it is linked to."""
    con.execute(
        f"update {ledger.table('link')} set ended_at = ?, ended_because = ? "
        "where marketo_object = ? and marketo_id = ? and ended_at is null",
        [now, because, obj.name, marketo_id],
    )
