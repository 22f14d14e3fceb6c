"""Records that were not written: asking for another try, or letting them be (OPS-17). SQL in the caller's transaction.

An error stays open until its record is written, no longer differs, or somebody dismisses it; no time closes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import columns
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.changed import look_again
from sync_pipeline.sync.identity.mirror_sql import alive

Connection = duckdb.DuckDBPyConnection
ASKED = "asked for"
PUSH = "Push updates"  # the operation of a refused or rejected write on record (OPS-3)


def of_writes(obj: Object) -> str:
    """Return SQL for the errors that writes to an object's records met."""
    own = f"system = {literal(obj.system)} and object = {literal(obj.name)}"
    return f"{own} and operation = {literal(PUSH)} and record_id is not null"


def retry(con: Connection, pairings: Sequence[Pairing], record_ids: Sequence[str], now: datetime) -> int:
    """Have the next cycle decide anew on these CRM or Marketo records and what they are linked to; return how many.

    What is still different, or not there yet, is then written again, though neither record moved; the error closes if
    it goes through. Of a record that the CRM did not let be created the error closes at once: it is a new record again.
    """
    names, ids = commas(literal(p.name) for p in pairings), commas(map(literal, record_ids))
    if not (names and ids):
        return 0
    _forget_declined(con, ids)
    linked = look_again(
        con,
        f"select pairing, crm_id, {literal(ASKED)}, {literal(now)} from {ledger.table('link')} "
        f"where ended_at is null and pairing in ({names}) and (crm_id in ({ids}) or marketo_id in ({ids}))",
    )
    linked += sum(_make_again(con, p, ids, now) for p in pairings if columns(con, *p.crm.table))
    return linked + sum(_create_again(con, pairing, ids, now) for pairing in pairings if pairing.creates)


def _forget_declined(con: Connection, ids: str) -> None:
    """Let what a system declined of these records be sent again (`declined`)."""
    both = f"from {ledger.table('link')} where crm_id in ({ids}) or marketo_id in ({ids})"
    if con.execute(f"from {ledger.table('declined')} limit 1").fetchone():
        con.execute(
            f"delete from {ledger.table('declined')} where record_id in ({ids}) or record_id in ("
            f"select crm_id {both} union all select marketo_id {both})"
        )


def _make_again(con: Connection, pairing: Pairing, ids: str, now: datetime) -> int:
    """Have the CRM's records looked at that Marketo did not let be made."""
    refused = (
        f"select record_id from {ledger.table('error')} where resolved_at is null and {of_writes(pairing.marketo)}"
    )
    linked = f"select crm_id from {ledger.table('link')} where pairing = {literal(pairing.name)} and ended_at is null"
    key = quoted(pairing.crm.key)
    return look_again(
        con,
        f"select {literal(pairing.name)}, {key}, {literal(ASKED)}, {literal(now)} from {alive(pairing.crm, pairing)} "
        f"where {key} in ({ids}) and {key} in ({refused}) and {key} not in ({linked})",
    )


def _create_again(con: Connection, pairing: Pairing, ids: str, now: datetime) -> int:
    linked = f"select marketo_id from {ledger.table('link')} where marketo_object = {literal(pairing.marketo.name)}"
    refused = (
        f"{of_writes(pairing.crm)} and field is null and record_id in ({ids}) "
        f"and not coalesce(record_id in ({linked}), true)"
    )
    found = con.execute(
        f"select count(distinct record_id) from {ledger.table('error')} where resolved_at is null and {refused}"
    ).fetchone()
    ledger.close_errors(con, refused, now)
    return int(found[0]) if found else 0


def dismiss(con: Connection, records: Mapping[str, Collection[str]], now: datetime) -> int:
    """Close the open errors of these records, ids by object; return how many. They stay as they are, and may differ."""
    pairs = commas(f"({literal(name)}, {literal(one)})" for name, ids in records.items() for one in ids)
    return ledger.close_errors(con, f"(object, record_id) in ({pairs or '(null, null)'})", now)
