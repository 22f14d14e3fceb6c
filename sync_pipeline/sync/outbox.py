"""Sending what was planned and putting every answer on record.

A write is stored before it is sent. Updates and upserts by key may be sent twice without harm, so after a crash the
writes without an answer are taken back and decided anew: if they did arrive, the next reading shows it and nothing
differs any more (law 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, groupby

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.writes import Answer, Operation, Record, Value, Verdict, Writer, tally
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Field, Object, Pairing
from sync_pipeline.sync import creating, links, tried
from sync_pipeline.sync.fields import Compared
from sync_pipeline.sync.merging import CONVERT, MERGE, SCORE
from sync_pipeline.sync.retries import PUSH, of_writes
from sync_pipeline.sync.touched import CRM, look_again

Connection = duckdb.DuckDBPyConnection
AT_ONCE = 30_000  # writes between two commits: a crash repeats at most so many, and bulk jobs have no more
# A refused merge stays on record until somebody dismisses it: both records go their own ways, and nothing differs.
PUSH_MERGE = "Push merges"
IS_MERGE = f"operation in ({literal(MERGE)}, {literal(CONVERT)})"
SCORES = {SCORE: Field(SCORE, "score")}  # what a merge hands over, mapped or not


def record_sql(side: str) -> str:
    """Return SQL for the id by which a write's error names its record; one that is not made yet has the other's."""
    return "coalesce(crm_id, marketo_id)" if side == CRM else "coalesce(marketo_id, crm_id)"


@dataclass(frozen=True)
class Sent:
    """What became of the writes of one pairing to one side; `retry` counts those that the next cycle decides anew."""

    accepted: int = 0
    rejected: int = 0
    retry: int = 0

    def __add__(self, other: Sent) -> Sent:
        return Sent(self.accepted + other.accepted, self.rejected + other.rejected, self.retry + other.retry)


def take_back(con: Connection, pairings: Sequence[Pairing], run_id: str, now: datetime) -> None:
    """Remove the writes of these pairings that were never answered, of plans and of cycles that died.

    What a cycle had begun to apply is decided anew, as its changes count as decided on. A plan left its changes as they
    were, so nothing of it is left behind: it must not change what comes after it. What may have created a record stays
    until it is known whether it did.
    """
    names = commas(literal(pairing.name) for pairing in pairings) or "null"
    unanswered = (
        f"from {ledger.table('outbox')} o where run_id <> {literal(run_id)} and pairing in ({names}) "
        f"and not exists (from {ledger.table('write_result')} w where w.write_id = o.write_id)"
    )
    creating.note(con, pairings, unanswered, now)
    tried.note(con, pairings, f"select pairing, side, crm_id, operation, fields {unanswered} and applied")
    look_again(con, f"select pairing, crm_id, 'not answered', {literal(now)} {unanswered} and applied")
    con.execute(f"delete from {ledger.table('outbox')} where write_id in (select write_id {unanswered})")


def send(
    lake: Lake,
    pairing: Pairing,
    side: str,
    fields: Sequence[Compared],
    writer: Writer,
    run_id: str,
    now: Callable[[], datetime],
    referring: Sequence[Pairing] = (),
) -> Sent:
    """Send the planned writes of one pairing to one side, and remember what came of each.

    Args:
        referring: the pairings whose records may refer to what is made.

    Raises:
        ConnectorError: the system is out of reach; writes without an answer are decided anew by the next cycle.
    """
    total = Sent()
    for planned in _planned(lake, pairing, side, run_id):
        total += _send(lake, pairing, side, fields, writer, planned, now, referring)
    return total


@dataclass(frozen=True)
class _Write:
    write_id: str
    operation: str
    crm_id: str
    marketo_id: str | None
    into_id: str | None
    partition: str | None
    fields: Mapping[str, str | None]


def _planned(lake: Lake, pairing: Pairing, side: str, run_id: str) -> Iterator[list[_Write]]:
    """Yield the writes that go together: of one operation, and of new persons into one partition."""
    query = (
        f"select write_id, operation, crm_id, marketo_id, into_id, partition, fields from {ledger.table('outbox')} "
        f"where run_id = ? and pairing = ? and side = ? order by operation, partition, crm_id, write_id limit {AT_ONCE}"
    )
    for start in count(step=AT_ONCE):
        with lake.reading() as con:
            found = con.execute(f"{query} offset {start}", [run_id, pairing.name, side]).fetchall()
        for (operation, _), rows in groupby(found, key=lambda row: (row[1], row[5])):
            stays = _not_deleted(lake, pairing, side, run_id) if operation == Operation.UPSERT else set()
            if some := [_Write(*row) for row in rows if row[2] not in stays]:
                yield some
        if len(found) < AT_ONCE:
            return


def _not_deleted(lake: Lake, pairing: Pairing, side: str, run_id: str) -> set[str]:
    """Return the records whose old form was to be deleted and is still there: the new one waits for the next cycle."""
    with lake.reading() as con:
        found = con.execute(
            f"select crm_id from {ledger.table('outbox')} o "
            "where run_id = ? and pairing = ? and side = ? and operation = 'delete' and not exists ("
            f"from {ledger.table('write_result')} w where w.write_id = o.write_id and w.verdict = 'accepted')",
            [run_id, pairing.name, side],
        ).fetchall()
    return {crm_id for (crm_id,) in found}


def _send(
    lake: Lake,
    pairing: Pairing,
    side: str,
    fields: Sequence[Compared],
    writer: Writer,
    writes: list[_Write],
    now: Callable[[], datetime],
    referring: Sequence[Pairing] = (),
) -> Sent:
    obj = pairing.object(side)
    kinds = (
        {s.name: s for f in fields for s in f.sources}
        if side == CRM
        else {**SCORES, **{f.name: f.marketo for f in fields}}
    )
    operation = Operation(writes[0].operation)
    key = pairing.found_by if operation is Operation.UPSERT else ""
    records = [_record(write, side, kinds, key) for write in writes]
    answers: Sequence[Answer | None]
    try:
        answers = writer.write(obj, operation, records, key)
    except UnknownOutcomeError as error:
        if not any(error.answers):
            raise
        answers = error.answers
    names = {s.name: f.name for f in fields for s in f.sources} if side == CRM else {}
    told = [(write, answer) for write, answer in zip(writes, answers, strict=True) if answer]
    with lake.transaction() as con:
        _remember(con, pairing, obj, side, names, told, now(), referring)
    verdicts = tally(answer for _, answer in told)
    accepted, rejected = verdicts[Verdict.ACCEPTED], verdicts[Verdict.REJECTED]
    return Sent(accepted, rejected, retry=len(writes) - accepted - rejected)


def _record(write: _Write, side: str, kinds: Mapping[str, Field], key: str) -> Record:
    values = {name: typed(value, kinds[name]) for name, value in write.fields.items()}
    if key:
        # The key is the CRM's id, unless it is a field like others and among them.
        return Record(None, {key: write.crm_id, **values}, partition=write.partition or "")
    return Record(write.crm_id if side == CRM else write.marketo_id, values, write.into_id)


def typed(text: str | None, field: Field) -> Value:
    """Return a canonical value as the API of the field's system takes it."""
    if text is None:
        return None
    match column_type(field):
        case "BOOLEAN":
            return text == "true"
        case "BIGINT":
            return int(text)
        case "DOUBLE":
            return float(text)
    return text


def _remember(
    con: Connection,
    pairing: Pairing,
    obj: Object,
    side: str,
    names: dict[str, str],
    answered: list[tuple[_Write, Answer]],
    now: datetime,
    referring: Sequence[Pairing],
) -> None:
    con.register("answers", _table(answered))
    try:
        con.execute(
            "create or replace temp table answered as "
            "select a.*, o.run_id, o.operation, o.crm_id, o.marketo_id, "
            f"if(o.operation = '{Operation.CREATE}', {links.OWN_VALUES}, fields) as fields "
            f"from answers a join {ledger.table('outbox')} o using (write_id)"
        )
    finally:
        con.unregister("answers")
    links.remember(con, pairing, names, side, now, referring)
    con.execute(
        f"insert into {ledger.table('write_result')} by name "
        f"select write_id, run_id, {literal(now)} as answered_at, verdict, record_id, created, code, message "
        "from answered"
    )
    tried.note(
        con,
        [pairing],
        f"select {literal(pairing.name)} as pairing, {literal(side)} as side, crm_id, operation, fields "
        f"from answered where verdict = '{Verdict.RETRY}'",
    )
    record_id = record_sql(side)
    ledger.close_errors(
        con,
        f"{of_writes(obj)} and field is null "
        f"and record_id in (select {record_id} from answered where verdict <> '{Verdict.RETRY}')",
        now,
    )
    con.execute(
        f"insert into {ledger.table('error')} by name select {literal(now)} as noted_at, run_id, "
        f"{literal(obj.system)} as system, {literal(obj.name)} as object, "
        f"if({IS_MERGE}, {literal(PUSH_MERGE)}, {literal(PUSH)}) as operation, "
        f"{record_id} as record_id, code, message from answered where verdict = '{Verdict.REJECTED}'"
    )
    look_again(
        con,
        f"select {literal(pairing.name)}, crm_id, 'try again: ' || code, {literal(now)} from answered "
        f"where verdict = '{Verdict.RETRY}' union all "
        f"select {literal(pairing.name)}, crm_id, 'not merged in the CRM', {literal(now)} from answered "
        f"where verdict = '{Verdict.REJECTED}' and {IS_MERGE} and {literal(side == CRM)}",
    )


def _table(answered: list[tuple[_Write, Answer]]) -> pa.Table:
    return pa.table(
        {
            "write_id": pa.array([w.write_id for w, _ in answered], pa.string()),
            "verdict": pa.array([a.verdict.value for _, a in answered], pa.string()),
            "record_id": pa.array([a.id for _, a in answered], pa.string()),
            "created": pa.array([a.created for _, a in answered], pa.bool_()),
            "code": pa.array([a.code for _, a in answered], pa.string()),
            "message": pa.array([a.message for _, a in answered], pa.string()),
        }
    )
