"""What the outbox holds of one pass, told in few lines: how many writes for which reason, and some of them.

The same query for a plan and for a pass that was applied, so both tell the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.email_match import ADDRESS, known_addresses

REASONS = ("object", "to", "how", "because", "records", "fields")
SAMPLES = ("object", "to", "how", "crm_id", "marketo_id", "fields", "because")
# An upsert by key is a create for everybody but the API.
_WRITE = "pairing as object, side as \"to\", if(operation = 'upsert', 'create', operation) as how"


def reasons(con: duckdb.DuckDBPyConnection, run_id: str) -> list[dict[str, Any]]:
    """Return one record for each kind of write and reason: how many records, and the names of the fields.

    A record whose fields are written for several reasons counts with each. Writes with the same fields for the same
    reasons are counted before they are unfolded, so a first load of a million takes no longer than its patterns.
    """
    found = con.execute(
        f"""
        with pattern as (
            select {_WRITE}, because, count(*) as records from {ledger.table("outbox")}
            where run_id = ? and again_of is null group by all
        ), reason as (
            select object, "to", how, records, row_number() over () as number, unnest(map_entries(because)) as entry
            from pattern
        ), each as (
            select object, "to", how, number, entry.value as because, any_value(records) as records,
                list(entry.key) as fields
            from reason group by object, "to", how, number, entry.value
        )
        select object, "to", how, because, sum(records)::bigint as records,
            list_sort(list_distinct(flatten(list(fields)))) as fields
        from each group by all order by object, "to", how, records desc, because
        """,
        [run_id],
    )
    return [dict(zip(REASONS, row, strict=True)) for row in found.fetchall()]


def samples(con: duckdb.DuckDBPyConnection, run_id: str, most: int) -> list[dict[str, Any]]:
    """Return up to `most` writes of each object, side and kind, with their values: these are personal data."""
    found = con.execute(
        f"select {_WRITE}, crm_id, marketo_id, fields, because from {ledger.table('outbox')} "
        "where run_id = ? and again_of is null "
        'qualify row_number() over (partition by object, "to", how order by crm_id) <= ? '
        'order by object, "to", how, crm_id',
        [run_id, most],
    )
    return [dict(zip(SAMPLES, row, strict=True)) for row in found.fetchall()]


def twins(con: duckdb.DuckDBPyConnection, pairings: Sequence[Pairing], run_id: str) -> int:
    """Return how many of a pass's new persons have the e-mail address of a person that Marketo has already (CONN-15).

    Nobody is matched by it (DEDUP-1), so they are there twice then.
    """
    count = 0
    for pairing in pairings:
        if pairing.merges:
            known = known_addresses(con, [(pairing.marketo, ADDRESS)])
            (found,) = con.execute(
                f"select count(*) from {ledger.table('outbox')} where run_id = ? and pairing = ? "
                f"and operation = 'upsert' and {address_sql(f'fields[{literal(ADDRESS)}]')} in ({known})",
                [run_id, pairing.name],
            ).fetchone() or (0,)
            count += int(found)
    return count
