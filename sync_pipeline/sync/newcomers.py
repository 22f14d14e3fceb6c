"""Records of Marketo that the CRM is to be given, where a pairing says so: members of linked programs (SF-CAMP-4).

Persons are none of them: they reach the CRM on demand (GEN-11). A record that was linked once is no newcomer, so what
the CRM has removed does not come back by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.model import Field, Pairing
from sync_pipeline.sync.fields import Compared

Connection = duckdb.DuckDBPyConnection


def find(
    con: Connection, pairing: Pairing, fields: Sequence[Compared], referred: Mapping[str, Pairing], marketo: str
) -> None:
    """Fill `newcomer`: Marketo's id, what its keys refer to in the CRM, by field there, and whether that is complete.

    The first of the keys tells whether a record takes part at all: a member of a program that is not linked does not.

    Args:
        marketo: SQL name of the table that holds Marketo's records.
    """
    keys = [field for field in fields if field.is_key]
    if not pairing.creates or not keys:
        con.execute(
            "create or replace temp table newcomer (marketo_id varchar, keys map(varchar, varchar), complete bool)"
        )
        return
    parts = {field.name: [(source, _in_crm(source, field, referred)) for source in field.sources] for field in keys}
    entries = commas(f"{{k: {literal(s.name)}, v: {value}}}" for some in parts.values() for s, value in some)
    filled = [f"coalesce({commas([value for _, value in some])}, null) is not null" for some in parts.values()]
    id_, link = f"m.{quoted(pairing.marketo.key)}::varchar", ledger.table("link")
    con.execute(f"""
        create or replace temp table newcomer as
        with known as (
            select {id_} as marketo_id, [{entries}] as entries, {" and ".join(filled)} as complete,
                {filled[0]} as takes_part
            from {marketo} m where m.{quoted(DELETED_AT)} is null and {id_} not in (
                select marketo_id from {link} where marketo_object = {literal(pairing.marketo.name)})
        )
        select marketo_id, map_from_entries(list_filter(entries, lambda e: e.v is not null)) as keys, complete
        from known where takes_part
    """)


def _in_crm(source: Field, field: Compared, referred: Mapping[str, Pairing]) -> str:
    """Return SQL for the id of the CRM's record that a Marketo record `m` refers to, if this CRM field can hold it."""
    names = [n for n in field.refers_to if n in referred and referred[n].crm.source in source.reference_to]
    return (
        f"(select max(l.crm_id) from {ledger.table('link')} l where l.ended_at is null "
        f"and l.pairing in ({commas(map(literal, names)) or 'null'}) "
        f"and l.marketo_id = m.{quoted(field.marketo.name)}::varchar)"
    )
