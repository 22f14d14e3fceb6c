"""Which links a pass looks at: those that a change on either side touched, and those left over from before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
Marks = Mapping[tuple[str, str], datetime]


def marks(con: Connection) -> Marks:
    """Return until when changes were decided on, by pairing and side; both are missing before the first time."""
    query = f"select pairing, side, max(detected_at) from {ledger.table('decided')} where detected_at is not null"
    return {(pairing, side): at for pairing, side, at in con.execute(f"{query} group by all").fetchall()}


def changed_sql(pairing: Pairing, side: str, decided: Marks) -> str:
    """Return SQL for the ids of one side's records that changed since they were last decided on, see `marks`."""
    obj = pairing.object(side)
    # By a literal DuckLake leaves out the files from before; by a subquery it would read them all.
    mark = decided.get((pairing.name, side))
    since = f"where _detected_at > {literal(mark)}" if mark else ""
    return f"select {quoted(obj.key)}::varchar as id from {full_name(*obj.changes_table)} {since}"


def is_quiet(con: Connection, pairing: Pairing, decided: Marks) -> bool:
    """Tell whether nothing changed on either side since it was last decided on, and nothing was left to be done."""
    changed = [f"exists ({changed_sql(pairing, side, decided)})" for side in (CRM, MARKETO)]
    left = f"exists (from {ledger.table('pending')} where pairing = {literal(pairing.name)})"
    (moved,) = con.execute(f"select {' or '.join([left, *changed])}").fetchone() or (True,)
    return not moved


def find_changed(con: Connection, pairing: Pairing) -> None:
    """Fill the temporary table `changed`: ids of CRM records, and which side moved; what is left over counts as both.

    A record that only Marketo changed is named by its link, open or ended.
    """
    name, decided = literal(pairing.name), marks(con)
    con.execute(f"""
        create or replace temp table changed as
        with pending as (select crm_id from {ledger.table("pending")} where pairing = {name})
        select id, bool_or(side = 'crm') as by_crm, bool_or(side = 'marketo') as by_marketo from (
            select id, 'crm' as side from ({changed_sql(pairing, CRM, decided)})
            union all select crm_id, 'crm' from pending
            union all select crm_id, 'marketo' from pending
            union all select crm_id, 'marketo' from {ledger.table("link")} where pairing = {name}
                and marketo_id in ({changed_sql(pairing, MARKETO, decided)})
        ) group by id
    """)


def look_again(con: Connection, records: str) -> int:
    """Have the next pass decide on CRM records again, unless they wait for that already; return how many.

    Args:
        records: SQL for the pairing, the id (null for what only Marketo knows), the reason, and since when.
    """
    pending = ledger.table("pending")
    found = con.execute(
        f"insert into {pending} by name select distinct * from ({records}) r(pairing, crm_id, because, since) "
        f"where not exists (from {pending} p where p.pairing = r.pairing and p.crm_id is not distinct from r.crm_id)"
    ).fetchone()
    return int(found[0]) if found else 0


def look_at_referring(con: Connection, pairings: Iterable[Pairing], made: str, now: datetime) -> None:
    """Have the records looked at again that refer to those whose link was just made, opened, moved or left.

    So far they named nobody in Marketo, or somebody who is no more; or they take part only as long as those do. What
    was never decided on, or changed since, is looked at anyway.

    Args:
        pairings: those whose records may refer to them.
        made: SQL for `pairing` and `crm_id` of the links.
    """
    decided = marks(con)
    for pairing in pairings:
        fields = [m for m in pairing.mappings if m.refers_to] if (pairing.name, CRM) in decided else []
        there = columns(con, *pairing.crm.table) if fields else {}
        key, table = quoted(pairing.crm.key), full_name(*pairing.crm.table)
        for field in (m for m in fields if m.crm in there):
            named = f"select crm_id from ({made}) where pairing in ({commas(map(literal, field.refers_to))})"
            look_again(
                con,
                f"select {literal(pairing.name)}, {key}, 'newly linked', {literal(now)} from {table} "
                f"where {quoted(field.crm)} in ({named}) and {quoted(DELETED_AT)} is null "
                f"and {key} not in ({changed_sql(pairing, CRM, decided)})",
            )
