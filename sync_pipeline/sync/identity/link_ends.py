"""What ends a link between a CRM record and a Marketo record, as both mirrors tell.

That a record was deleted, merged or converted is a fact; `succession` takes it into the links. What either system is
to be told of it is derived from the ended links, and planned like any write: deletions by `decide`, merges by `merges`.
"""

from __future__ import annotations

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.merges import winners
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.identity.end_reasons import (
    CONVERTED,
    DELETED,
    EXPIRED,
    FILTERED,
    GONE,
    LASTS,
    MARKETO_DELETED,
    MARKETO_MERGED,
    MERGED,
    PASSED_SQL,
    UNSEEN,
)

Connection = duckdb.DuckDBPyConnection
HEAVY = "agreed, crm_sent, marketo_sent, spelled"  # what links say of values: reading it costs more than all else


def find_ends(con: Connection, pairing: Pairing, heir: Pairing | None) -> None:
    """Fill `ending`: the links of changed records, and what ends each, `because`; null where nothing does.

    `goes_on` tells that the record went on as another one, `in_another` that its person did, by Marketo's merge, and
    `hands_on` that something else may come of the end, see `survivors`.

    Args:
        heir: the pairing whose records those of this one may turn into.
    """
    link = ledger.table("link")
    of_changed = f"pairing = {literal(pairing.name)} and crm_id in (select id from changed)"
    con.execute(f"""
        create or replace temp table kept as
        select * from (
            select * exclude ({HEAVY}) from {link} where {of_changed}
            qualify row_number() over (
                partition by crm_id order by {LASTS} desc, ended_at desc nulls first, linked_at desc, marketo_id) = 1
        )
        -- Merged in Marketo: unless it has been done there too, the CRM may make it one with somebody else.
        where {LASTS} or ended_because in ({PASSED_SQL})
            or (ended_because = {literal(MARKETO_MERGED)} and heir_id is not null)
    """)
    _crm_states(con, pairing, heir)
    _marketo_states(con, pairing)
    becomes, gone = pairing.becomes[0] if pairing.becomes else "", commas(map(literal, GONE))
    # What became another record may have a person still that was given to no other, while that one has none by now.
    owned = (
        f"from {link} x where ({LASTS} or x.linked_at >= k.ended_at) "
        "and x.marketo_object = k.marketo_object and x.marketo_id = k.marketo_id"
    )
    left_over = f"k.ended_because in ({PASSED_SQL}) and c.to_id = k.heir_id and in_marketo and not exists ({owned})"
    con.execute(f"""
        create or replace temp table ending as
        select k.*, c.to_pairing, c.to_id, m.winner, twin.crm_id as twin,
            coalesce(m.alive, true) as in_marketo,  -- so is whom we have made and not read yet
            coalesce(m.winner_alive, false) as in_winner,
            case
                when k.ended_because in ({PASSED_SQL}) then k.ended_because  -- a merge is not undone
                when k.ended_because = {literal(MARKETO_MERGED)} and (c.to_id = k.heir_id or c.to_id is null)
                then k.ended_because
                when c.to_id is not null and c.heir_known then c.passes
                when c.to_id is not null then k.ended_because  -- its heir has not been read yet
                when c.gone then if(c.in_bin, {literal(DELETED)}, {literal(UNSEEN)})
                when in_winner then {literal(MARKETO_MERGED)}
                when m.winner_unread then k.ended_because
                -- what we deleted ourselves was not deleted by somebody there (DEL-8)
                when not in_marketo then if(k.ended_because is null, {literal(MARKETO_DELETED)}, k.ended_because)
                when twin.crm_id is not null then {literal(MARKETO_MERGED)}
                when not coalesce(c.takes_part, true) then {literal(EXPIRED if pairing.expires else FILTERED)}
            end as because,
            coalesce(because in ({PASSED_SQL}), false) as goes_on,
            coalesce(because = {literal(MARKETO_MERGED)}, false) as in_another,
            (because is distinct from k.ended_because and (goes_on or in_another))
                or coalesce(because in ({gone}) and in_winner and not in_marketo, false)
                or coalesce({left_over}, false) as hands_on
        from kept k
        left join crm_state c using (crm_id)
        left join marketo_state m using (marketo_id)
        left join {link} twin on twin.pairing = {literal(becomes)} and twin.ended_at is null
            and twin.marketo_object = k.marketo_object and twin.marketo_id = k.marketo_id
    """)


def lasting(of: str) -> str:
    """Return SQL for the link of each CRM record that is open, or opens again should the record come back.

    Without the values last agreed on: reading these costs more than all else of the links.

    Args:
        of: a condition on the links that are asked about.
    """
    return f"""
        select * exclude ({HEAVY}) from {ledger.table("link")}
        where ({of}) and {LASTS}
        qualify row_number() over (
            partition by pairing, crm_id order by ended_at desc nulls first, linked_at desc, marketo_id) = 1
    """


def told(con: Connection, pairing: Pairing, heir: Pairing | None) -> str:
    """Return SQL for what the CRM's mirror tells of its records, and of the record that each turned into, `to_id`."""
    crm = pairing.crm
    master = column_or_null(con, crm, crm.master, "varchar")
    target = column_or_null(con, crm, pairing.becomes[1], "varchar") if pairing.becomes and heir else "null::varchar"
    merged = f"{quoted(DELETED_AT)} is not null and {master} is not null and {literal(pairing.merges)}"
    return f"""
        select {quoted(crm.key)} as crm_id, {quoted(DELETED_AT)} is not null as gone,
            coalesce({column_or_null(con, crm, crm.deleted, "boolean")}, false) or {master} is not null as in_bin,
            if({merged}, {literal(MERGED)}, if({target} is null, null, {literal(CONVERTED)})) as passes,
            if({merged}, {literal(pairing.name)}, {literal(heir.name if heir else None)}) as to_pairing,
            if({merged}, {master}, {target}) as to_id, coalesce({pairing.alive}, false) as takes_part
        from {full_name(*crm.table)}
    """


def _crm_states(con: Connection, pairing: Pairing, heir: Pairing | None) -> None:
    """Fill `crm_state`: what the CRM's mirror tells of the kept links' records, and whether it knows who goes on."""
    heirs = [(MERGED, pairing), (CONVERTED, heir)]
    is_known = " or ".join(
        f"(passes = {literal(how)} and to_id in (select {quoted(to.crm.key)} from {full_name(*to.crm.table)}))"
        for how, to in heirs
        if to
    )
    con.execute(f"""
        create or replace temp table crm_state as
        select *, coalesce({is_known}, false) as heir_known
        from ({told(con, pairing, heir)} where {quoted(pairing.crm.key)} in (select crm_id from kept))
    """)


def _marketo_states(con: Connection, pairing: Pairing) -> None:
    """Fill `marketo_state`: whether the kept links' records are alive, and who won where they were merged."""
    marketo = pairing.marketo
    table, key = full_name(*marketo.table), f"{quoted(marketo.key)}::varchar"
    into = column_or_null(con, marketo, marketo.master, "bigint")
    records = f"(select {key} as id, {into}::varchar as into_id from {table})"
    con.execute(f"""
        create or replace temp table marketo_state as
        with led as ({winners(records, "id", "into_id", "select marketo_id from kept")}),
        told as (select {key} as marketo_id, {quoted(DELETED_AT)} is null as alive from {table})
        select told.*, led.winner, led.winner is not null and w.alive is null as winner_unread,
            coalesce(w.alive, false) as winner_alive
        from told left join led on led.loser = told.marketo_id left join told w on w.marketo_id = led.winner
        where told.marketo_id in (select marketo_id from kept)
    """)


def column_or_null(con: Connection, obj: Object, name: str, kind: str) -> str:
    """Return SQL for a column of a mirror, or for null where the mirror lacks it."""
    return quoted(name) if name in columns(con, *obj.table) else f"null::{kind}"
