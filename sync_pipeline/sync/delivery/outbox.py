"""Sending what was planned and putting every answer on record.

A write is stored before it is sent. Updates and upserts by key may be sent twice without harm, so after a crash the
writes without an answer are taken back and decided anew: if they did arrive, the next reading shows it and nothing
differs any more (law 4).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, groupby

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Blame, Operation, Record, Value, Verdict, tally
from sync_pipeline.connectors.writes import UNSEEN, Writer, left_out
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Field, Object, Pairing
from sync_pipeline.sync.changed import look_again
from sync_pipeline.sync.decision import declined
from sync_pipeline.sync.decision.decide import NOT_SEEN
from sync_pipeline.sync.decision.declined import Declined
from sync_pipeline.sync.delivery import unconfirmed_creates, unconfirmed_values
from sync_pipeline.sync.delivery.retries import PUSH, of_writes
from sync_pipeline.sync.identity import links
from sync_pipeline.sync.identity.facts import CONVERT, MERGE
from sync_pipeline.sync.identity.merges import SCORE
from sync_pipeline.sync.identity.mirror_sql import watermark
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.sides import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection
# A record is sent again without what was blamed on fields; a system may name one bad field an answer.
AGAIN = 3

VALUED = frozenset({Operation.CREATE, Operation.UPDATE, Operation.UPSERT})
AT_ONCE = 30_000  # writes between two commits: a crash repeats at most so many, and bulk jobs have no more
# A refused merge stays on record until somebody dismisses it: both records go their own ways, and nothing differs.
PUSH_MERGE = "Push merges"
IS_MERGE = f"operation in ({literal(MERGE)}, {literal(CONVERT)})"
LONGEST_NUMBER = 400  # digits: more than a double has; Python reads no number of some thousands
SCORES = {SCORE: Field(SCORE, "score")}  # what a merge hands over, mapped or not; all else is an opt-out
CHECKBOX = Field("", "boolean")


def record_sql(side: str) -> str:
    """Return SQL for the id by which a write's error names its record; one that is not made yet has the other's."""
    return "coalesce(crm_id, marketo_id)" if side == CRM else "coalesce(marketo_id, crm_id)"


@dataclass(frozen=True)
class Sent:
    """What became of the writes of one pairing to one side.

    `retry` counts those that the next cycle decides anew, `declined` the fields without which a record was written, or
    of which nothing was left to be written.
    """

    accepted: int = 0
    rejected: int = 0
    retry: int = 0
    declined: int = 0

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.retry + other.retry,
            self.declined + other.declined,
        )


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
    unconfirmed_creates.note(con, pairings, unanswered, now)
    unconfirmed_values.note(
        con, pairings, f"select pairing, side, crm_id, operation, planned_at, fields {unanswered} and applied"
    )
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
    way = _Way(lake, pairing, side, fields, writer, run_id, now, referring)
    total = Sent()
    for planned in _planned(lake, pairing, side, run_id):
        total += _send(way, planned)
    return total


@dataclass(frozen=True)
class _Way:
    """What all writes of one pairing to one side share."""

    lake: Lake
    pairing: Pairing
    side: str
    fields: Sequence[Compared]
    writer: Writer
    run_id: str
    now: Callable[[], datetime]
    referring: Sequence[Pairing]

    @property
    def obj(self) -> Object:
        return self.pairing.object(self.side)

    @property
    def kinds(self) -> dict[str, Field]:
        """The fields of the side, by their names."""
        if self.side == CRM:
            return {source.name: source for field in self.fields for source in field.sources}
        return {**SCORES, **{field.name: field.marketo for field in self.fields}}

    @property
    def names(self) -> dict[str, str]:
        """Marketo's name of each field, by the name under which the side has it; empty where they are the same."""
        return {s.name: f.name for f in self.fields for s in f.sources} if self.side == CRM else {}

    @property
    def of_consent(self) -> str:
        """Return SQL that tells whether accepted `fields` are of consent, under the side's names."""
        found = [f for f in self.fields if f.consent]
        names = [s.name for f in found for s in f.sources] if self.side == CRM else [f.name for f in found]
        return " or ".join(f"map_contains(fields, {literal(name)})" for name in names) or "false"

    def needed(self, operation: Operation) -> set[str]:
        """Return the fields without which a record is not to be written: they say which it is, or make it one."""
        own = [f for f in self.fields if f.is_key or f.name in (self.pairing.key, self.pairing.belongs_by)]
        if self.side == MARKETO:
            return {self.pairing.found_by, *(f.name for f in own)}
        new = operation is Operation.CREATE
        own += [f for f in self.fields if new and f.is_needed]
        return {source.name for field in own for source in field.sources}.union(self.pairing.defaults if new else ())


@dataclass(frozen=True)
class _Write:
    write_id: str
    operation: str
    crm_id: str | None
    marketo_id: str | None
    into_id: str | None
    partition: str | None
    fields: Mapping[str, str | None]
    again_of: str | None = None
    is_unseen: bool = False

    def without(self, names: Container[str]) -> _Write:
        """Return the write that follows this one, of the other fields."""
        rest = {name: value for name, value in self.fields.items() if name not in names}
        return replace(self, write_id=uuid.uuid4().hex, fields=rest, again_of=self.write_id)


def _planned(lake: Lake, pairing: Pairing, side: str, run_id: str) -> Iterator[list[_Write]]:
    """Yield the writes that go together: of one operation, and of new persons into one partition."""
    query = (
        f"select write_id, operation, crm_id, marketo_id, into_id, partition, fields from {ledger.table('outbox')} "
        "where run_id = ? and pairing = ? and side = ? and again_of is null "
        f"order by operation, partition, crm_id, write_id limit {AT_ONCE}"
    )
    for start in count(step=AT_ONCE):
        with lake.reading() as con:
            found = con.execute(f"{query} offset {start}", [run_id, pairing.name, side]).fetchall()
        for (operation, _), rows in groupby(found, key=lambda row: (row[1], row[5])):
            new = operation == Operation.UPSERT
            stays = _not_deleted(lake, pairing, side, run_id) if new else set()
            unseen = _unseen(lake, pairing, side, run_id) if new else set()
            some = [replace(_Write(*row), is_unseen=row[2] in unseen) for row in rows if row[2] not in stays]
            if some:
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


def _unseen(lake: Lake, pairing: Pairing, side: str, run_id: str) -> set[str]:
    """Return the new records that were taken before, and that no reading has shown since."""
    with lake.reading() as con:
        found = con.execute(
            f"select distinct o.crm_id from {ledger.table('outbox')} o "
            f"join {ledger.table('write_result')} r using (write_id) "
            "where o.pairing = ? and o.side = ? and o.operation = 'upsert' and o.run_id <> ? "
            f"and r.verdict = 'accepted' and r.code = '{UNSEEN}'",
            [pairing.name, side, run_id],
        ).fetchall()
    return {crm_id for (crm_id,) in found}


def _send(way: _Way, writes: list[_Write]) -> Sent:
    """Send writes, and again without the fields that the system blames, as long as it blames others."""
    total = Sent()
    for left in reversed(range(1 + AGAIN)):
        sent, writes = _send_once(way, writes, bool(left))
        total += sent
        if not writes:
            break
    return total


def _send_once(way: _Way, writes: list[_Write], may_again: bool) -> tuple[Sent, list[_Write]]:
    """Send writes and put the answers on record; return with them those that go on without what was blamed."""
    operation = Operation(writes[0].operation)
    key = way.pairing.found_by if operation is Operation.UPSERT else ""
    kinds = way.kinds
    records = [_record(write, way.side, kinds, key) for write in writes]
    answers: Sequence[Answer | None]
    try:
        answers = way.writer.write(way.obj, operation, records, key)
    except UnknownOutcomeError as error:
        if not any(error.answers):
            raise
        answers = error.answers
    told = [(write, answer) for write, answer in zip(writes, answers, strict=True) if answer]
    blamed = _blamed(way, operation, told)
    again = [write.without(blamed[write.write_id]) for write, _ in told if may_again and write.write_id in blamed]
    again = [write for write in again if write.fields]
    goes_on = {write.again_of or "" for write in again}
    whole = {w.write_id for w, a in told if a.verdict is Verdict.REJECTED and not _is_of_fields(w, blamed, goes_on)}
    with way.lake.transaction() as con:
        _remember(con, way, told, whole)
        _decline(con, way, told, blamed)
        _store_again(con, again)
    verdicts = tally(answer for _, answer in told)
    accepted, retry = verdicts[Verdict.ACCEPTED], len(writes) - verdicts[Verdict.ACCEPTED] - verdicts[Verdict.REJECTED]
    told_of = sum(len(names) for write_id, names in blamed.items() if write_id not in whole)
    return Sent(accepted, len(whole), retry, told_of), again


def _is_of_fields(write: _Write, blamed: Mapping[str, Mapping[str, Blame]], goes_on: Container[str]) -> bool:
    """Tell whether a refusal is that of fields alone: the rest goes on, or there is none."""
    all_are_blamed = write.write_id in blamed and blamed[write.write_id].keys() == write.fields.keys()
    return write.write_id in goes_on or all_are_blamed


def _blamed(way: _Way, operation: Operation, told: Sequence[tuple[_Write, Answer]]) -> dict[str, dict[str, Blame]]:
    """Return by write the fields that a system blames, of those refused that are worth another try without them."""
    if operation not in VALUED:
        return {}
    needed = way.needed(operation)
    found = ((write.write_id, left_out({*write.fields, *needed}, answer, needed)) for write, answer in told)
    return {write_id: fields for write_id, fields in found if fields}


def _decline(
    con: Connection,
    way: _Way,
    told: Sequence[tuple[_Write, Answer]],
    blamed: Mapping[str, Mapping[str, Blame]],
) -> None:
    """Keep what was blamed on fields, as a refusal of each of them."""
    names, crm = way.names, {field.name: field.crm.name for field in way.fields}
    found = [
        Declined(write.crm_id, write.marketo_id, names.get(name, name), crm.get(names.get(name, name), name),
                 write.fields[name], blame.code, blame.message)
        for write, _ in told
        for name, blame in blamed.get(write.write_id, {}).items()
    ]  # fmt: skip
    declined.note(con, way.pairing, way.side, way.run_id, found, way.now())


def _store_again(con: Connection, writes: Sequence[_Write]) -> None:
    """Store what goes on before it is sent, so that after a crash it is known what may have arrived (GEN-16)."""
    if not writes:
        return
    columns = {
        "write_id": [write.write_id for write in writes],
        "again_of": [write.again_of for write in writes],
        "names": [list(write.fields) for write in writes],
    }
    kept = "map_from_entries(list_filter(map_entries(o.{0}), lambda e: list_contains(names, e.key))) as {0}"
    con.register("going_on", pa.table(columns))
    try:
        con.execute(
            f"insert into {ledger.table('outbox')} by name select o.* replace (g.write_id as write_id, "
            f"g.again_of as again_of, {kept.format('fields')}, {kept.format('because')}) "
            f"from {ledger.table('outbox')} o join going_on g on o.write_id = g.again_of"
        )
    finally:
        con.unregister("going_on")


def _record(write: _Write, side: str, kinds: Mapping[str, Field], key: str) -> Record:
    values = {name: typed(value, kinds.get(name, CHECKBOX) if write.into_id else kinds[name])
              for name, value in write.fields.items()}  # fmt: skip
    if key:
        # The key is the CRM's id, unless it is a field like others and among them.
        values = {key: write.crm_id, **values}
        return Record(None, values, partition=write.partition or "", again=write.is_unseen)
    return Record(write.crm_id if side == CRM else write.marketo_id, values, write.into_id)


def typed(text: str | None, field: Field) -> Value:
    """Return a canonical value as the API of the field's system takes it.

    A text that is none of the field's type is sent as it is: the system refuses it for its record alone (law 8).
    """
    if text is None:
        return None
    match column_type(field):
        case "BOOLEAN" if text in ("true", "false"):
            return text == "true"
        case "BIGINT" if text.removeprefix("-").isdecimal() and len(text) <= LONGEST_NUMBER:
            return int(text)
        # Whole where the two meet as whole numbers: an import takes 12 for a percentage, but not 12.0.
        case "DOUBLE" if math.isfinite(number := _float(text)):
            return int(text) if text.lstrip("+-").isdigit() else number
        case "TIME":  # CRMs take a time of day with its zone, and it is always this one
            return f"{text}Z"
    return text


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _remember(con: Connection, way: _Way, answered: Sequence[tuple[_Write, Answer]], whole: Container[str]) -> None:
    """Put answers on record.

    Args:
        whole: the writes of which the record is refused, and not some of its fields.
    """
    pairing, obj, side, now = way.pairing, way.obj, way.side, way.now()
    con.register("answers", _table(answered, whole))
    try:
        con.execute(
            "create or replace temp table answered as "
            "select a.*, o.run_id, o.planned_at, o.operation, o.crm_id, o.marketo_id, "
            f"case when {IS_MERGE} then map {{}} when o.operation = '{Operation.CREATE}' then {links.OWN_VALUES} "
            "else fields end as fields "
            f"from answers a join {ledger.table('outbox')} o using (write_id)"
        )
    finally:
        con.unregister("answers")
    links.remember(con, pairing, way.names, side, now, way.referring)
    declined.forget_accepted(con, pairing, side, way.names)
    con.execute(
        f"insert into {ledger.table('write_result')} by name "
        f"select write_id, run_id, greatest({literal(now)}, {watermark(obj)}) as answered_at, "
        "verdict, record_id, created, code, message from answered"
    )
    unconfirmed_values.note(
        con,
        [pairing],
        f"select {literal(pairing.name)} as pairing, {literal(side)} as side, crm_id, operation, planned_at, fields "
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
        f"{record_id} as record_id, code, concat_ws(' ', message, blamed) as message from answered where whole"
    )
    look_again(
        con,
        f"select {literal(pairing.name)}, crm_id, 'try again: ' || code, {literal(now)} from answered "
        f"where verdict = '{Verdict.RETRY}' union all "
        f"select {literal(pairing.name)}, crm_id, 'not merged in the CRM', {literal(now)} from answered "
        f"where verdict = '{Verdict.REJECTED}' and {IS_MERGE} and {literal(side == CRM)} union all "
        f"select {literal(pairing.name)}, crm_id, {literal(NOT_SEEN)}, {literal(now)} from answered "
        f"where verdict = '{Verdict.ACCEPTED}' and code = '{UNSEEN}' union all "
        # What a system keeps against our write may be what its mirror has already: then no change tells of it (law 13).
        f"select {literal(pairing.name)}, crm_id, 'consent was written', {literal(now)} from answered "
        f"where verdict = '{Verdict.ACCEPTED}' and crm_id is not null and operation = '{Operation.UPDATE}' "
        f"and ({way.of_consent})",
    )


def _table(answered: Sequence[tuple[_Write, Answer]], whole: Container[str]) -> pa.Table:
    return pa.table(
        {
            "write_id": pa.array([w.write_id for w, _ in answered], pa.string()),
            "verdict": pa.array([a.verdict.value for _, a in answered], pa.string()),
            "record_id": pa.array([a.id for _, a in answered], pa.string()),
            "created": pa.array([a.created for _, a in answered], pa.bool_()),
            "code": pa.array([a.code for _, a in answered], pa.string()),
            "message": pa.array([a.message for _, a in answered], pa.string()),
            "blamed": pa.array([f"({', '.join(a.fields)})" if a.fields else None for _, a in answered], pa.string()),
            "whole": pa.array([w.write_id in whole for w, _ in answered], pa.bool_()),
        }
    )
