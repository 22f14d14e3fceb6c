"""What a request's writes leave in the ledger, as a cycle's do: outbox, result, link, error.

Here plan and result go on record together, after the answer: until then the journal keeps what was sent, and a cycle,
which takes back unanswered writes, never meets one of these. All is done in the caller's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from sync_pipeline.connectors.records import Answer, Blame, Operation
from sync_pipeline.lake import ledger
from sync_pipeline.lake.ledger import Error
from sync_pipeline.lake.sql import literal
from sync_pipeline.on_demand.writes import Work, Write
from sync_pipeline.sync.changed import look_again
from sync_pipeline.sync.decision.declined import Declined, note
from sync_pipeline.sync.identity import links
from sync_pipeline.sync.sides import CRM

Connection = duckdb.DuckDBPyConnection
NEW, UPDATES = "Push new", "Push updates"  # OPS-5


def answered(con: Connection, work: Work, write: Write, answer: Answer, now: datetime) -> None:
    """Note a write and what the system said of it."""
    write_id, values = uuid.uuid4().hex, write.record.values
    texts = {name: None if value is None else str(value) for name, value in values.items()}
    crm_id = None if write.pairing and write.operation is Operation.CREATE else work.person.crm_id
    pairing = write.pairing.name if write.pairing else write.obj.name
    con.execute(
        f"insert into {ledger.table('outbox')} by name select {literal(write_id)} as write_id, "
        "? as run_id, ?::timestamptz as planned_at, ? as side, ? as pairing, ? as operation, ?::varchar as crm_id, "
        "?::varchar as marketo_id, true as applied, map(?::varchar[], ?::varchar[]) as fields, "
        "map(?::varchar[], ?::varchar[]) as because",
        [
            work.request.id, now, write.side, pairing, write.operation, crm_id, work.person.marketo_id,
            list(texts), list(texts.values()), list(texts), [f"asked for: {work.request.action}"] * len(texts),
        ],
    )  # fmt: skip
    result = (write_id, work.request.id, now, answer.verdict, answer.id, answer.created, answer.code, answer.message)
    ledger.insert(con, "write_result", [result])


def accepted(con: Connection, work: Work, write: Write, answer: Answer, now: datetime) -> None:
    """Note a write that was accepted, the link that it makes or moves, and that its earlier errors are over."""
    answered(con, work, write, answer, now)
    person, open_ = work.person, "object = ? and record_id in (?, ?) and field is null and resolved_at is null"
    which = [write.obj.name, person.marketo_id, person.crm_id or person.marketo_id]
    if con.execute(f"from {ledger.table('error')} where {open_} limit 1", which).fetchone():
        con.execute(f"update {ledger.table('error')} set resolved_at = ? where {open_}", [now, *which])
    if write.pairing is None:
        return
    agreed = write.agreed
    con.execute(
        "create or replace temp table answered as select ?::varchar as crm_id, ?::varchar as marketo_id, "
        "'accepted' as verdict, ? as operation, ?::varchar as record_id, map(?::varchar[], ?::varchar[]) as fields",
        [
            write.record.id,
            work.person.marketo_id,
            write.operation,
            answer.id,
            list(agreed.text),
            list(agreed.text.values()),
        ],
    )
    links.remember(con, write.pairing, agreed.marketo_names, CRM, now)


def declined(con: Connection, work: Work, write: Write, blamed: Mapping[str, Blame], now: datetime) -> None:
    """Keep what the CRM blamed on fields, so that no cycle sends it again either."""
    if write.pairing is None:
        return
    agreed, person = write.agreed, work.person
    found = [
        Declined(
            person.crm_id, person.marketo_id, agreed.marketo_names[name], name, agreed.text[name], b.code, b.message
        )
        for name, b in blamed.items()
    ]
    note(con, write.pairing, CRM, work.request.id, found, now)


def failed(con: Connection, work: Work, code: str, message: str, now: datetime) -> None:
    """Note why a request came to nothing, on the person's record or, if it has none, on the person (OPS-7)."""
    person = work.person
    obj = person.pairing.crm if person.pairing else work.lead.crm
    error = Error(code, message, person.crm_id or person.marketo_id)
    ledger.add_errors(con, work.request.id, obj, UPDATES if person.pairing else NEW, [error], now)


def end(con: Connection, work: Work, now: datetime) -> None:
    """End the link to a record that is no more: the person is about to become another one (DEL-2)."""
    links.end(con, work.lead.marketo, work.person.marketo_id, work.person.ended, now)


def recognised(con: Connection, work: Work, now: datetime) -> None:
    """Link a person to the record that has its address; the next cycle writes the record's id on the person."""
    person, pairing = work.person, work.person.pairing
    if pairing is None:
        return
    con.execute(
        f"insert into {ledger.table('link')} by name select ? as pairing, ? as crm_id, ? as marketo_object, "
        "? as marketo_id, ?::timestamptz as linked_at, ? as run_id, map {}::map(varchar, varchar) as agreed",
        [pairing.name, person.crm_id, pairing.marketo.name, person.marketo_id, now, work.request.id],
    )
    again = f"select {literal(pairing.name)}, {literal(person.crm_id)}, 'newly linked', {literal(now)}"
    look_again(con, again)


def unclaimed(con: Connection, ids: Sequence[str]) -> list[str]:
    """Return those of these records that no write on record made and that are linked to nobody."""
    if not ids:
        return []
    claimed = con.execute(
        f"select record_id from {ledger.table('write_result')} where record_id in (select unnest(?)) "
        f"union select crm_id from {ledger.table('link')} where crm_id in (select unnest(?))",
        [list(ids), list(ids)],
    ).fetchall()
    return [one for one in ids if (one,) not in claimed]
