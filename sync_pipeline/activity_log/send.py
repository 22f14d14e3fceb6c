"""Sending activities: stored before they are sent, every answer on record, and nothing sent twice.

An activity that was sent and has no answer may have arrived. It is looked for in the system and, once found, counts as
accepted. Only when it is not there long after it was sent is it sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import duckdb
import pyarrow as pa

from sync_pipeline.activity_log.follow import ACTIVITY
from sync_pipeline.connectors.errors import ConnectorError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Verdict, tally
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Object
from sync_pipeline.sales_insight import merges

Connection = duckdb.DuckDBPyConnection
SEND, RESULT = ledger.table("activity_send"), ledger.table("write_result")
OPERATION = "Update activities"  # OPS-5
AT_ONCE = 1_200  # four calls to Marketo, six to Salesforce
HELD = 20 * AT_ONCE  # read from the lake at once
# A batch of that size may still be under way for minutes after its process died, and a system may show it late.
SETTLES = timedelta(hours=1)
# Refusals that mean that the record is no more: Marketo's, and those of the CRM for one deleted, merged or converted.
NO_MORE = ("1004", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "CANNOT_UPDATE_CONVERTED_LEAD")
NOT_ARRIVED = Answer(Verdict.RETRY, code="NOT_ARRIVED", message="not there long after it was sent")


@dataclass(frozen=True)
class Entry:
    """An activity to be logged on a person of the side; `sent_at` is set if it was sent and its answer was lost."""

    activity_id: str
    type: str
    event: str
    happened_at: datetime
    attributes: Mapping[str, str]
    person: str
    sent_at: datetime | None = None

    @property
    def seen_from(self) -> datetime:
        """The moment from which it may stand in its system's log."""
        return min(self.happened_at, self.sent_at or self.happened_at)


class Log(Protocol):
    """The activities of one system; `obj` stands for them."""

    obj: Object

    def now(self) -> datetime:
        """Return the system's own time."""

    def add(self, entries: Sequence[Entry]) -> list[Answer]:
        """Log activities and return an answer to each, in their order.

        Raises:
            UnknownOutcomeError: some may have arrived; its answers tell which have.
            ConnectorError: none has.
        """

    def arrived(self, entries: Sequence[Entry], others: Collection[str]) -> Mapping[str, str]:
        """Return which of these entries are there: the system's id of each, by `activity_id`.

        Args:
            others: ids of records that stand for other entries.
        """


@dataclass(frozen=True)
class Sent:
    """What became of the activities of one side; `unsure` are those whose answer was lost."""

    accepted: int = 0
    rejected: int = 0
    retry: int = 0
    unsure: int = 0
    error: str = ""

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.retry + other.retry,
            self.unsure + other.unsure,
            self.error or other.error,
        )


def settle(lake: Lake, side: str, log: Log, run_id: str) -> Sent:
    """Find out what became of the activities whose answer was lost.

    Raises:
        ConnectorError: the system is out of reach.
    """
    with lake.reading() as con:
        found = con.execute(
            "select write_id, activity_id, type, event, happened_at, attributes, s.person, sent_at "
            f"from {SEND} s join {ACTIVITY} a using (activity_id) "
            f"where side = {literal(side)} and write_id not in (select write_id from {RESULT})"
        ).fetchall()
        entries = {row[0]: Entry(*row[1:]) for row in found}
        if not entries:
            return Sent()
        others = _others(con, entries)
        asked = [*entries.values(), *_led_on(con, log.obj.system, list(entries.values()))]
    now, there = log.now(), log.arrived(asked, others)
    answered = []
    for write_id, entry in entries.items():
        if entry.activity_id in there:
            answered.append((write_id, Answer(Verdict.ACCEPTED, there[entry.activity_id], message="found afterwards")))
        elif now - (entry.sent_at or now) > SETTLES:
            answered.append((write_id, NOT_ARRIVED))
    _remember(lake, log.obj, run_id, answered, now)
    # Those that are not there are sent again at once, so nothing is said of them.
    return Sent(accepted=len(there), unsure=len(entries) - len(answered))


def _others(con: Connection, entries: Mapping[str, Entry]) -> set[str]:
    """Return the ids of what was logged on the same persons otherwise."""
    persons = commas(literal(person) for person in {entry.person for entry in entries.values()}) or "null"
    found = con.execute(
        f"select record_id from {SEND} join {RESULT} using (write_id) "
        f"where person in ({persons}) and verdict = '{Verdict.ACCEPTED}'"
    )
    return {str(one) for (one,) in found.fetchall()}


def send(lake: Lake, side: str, log: Log, run_id: str, types: Collection[str]) -> Sent:
    """Send what is to be logged on a side, of these types, the oldest first; each at most once in a run.

    It stops when an answer is lost or the system is out of reach: what is left waits for the next run.
    """
    _follow_losers(lake, log)
    total = Sent()
    while found := _due(lake, side, run_id, types, log.obj.system):
        for start in range(0, len(found), AT_ONCE):
            total += _send(lake, log, run_id, found[start : start + AT_ONCE])
            if total.error:
                return total
    return total


def _follow_losers(lake: Lake, log: Log) -> None:
    """Have what was refused as its record is no more sent again, where another record has gone on for it since."""
    with lake.reading() as con:
        refused = con.execute(
            f"select distinct record_id from {ledger.table('error')} where resolved_at is null "
            f"and operation = '{OPERATION}' and system = {literal(log.obj.system)} "
            f"and code in ({commas(map(literal, NO_MORE))})"
        ).fetchall()
        gone_on = merges.survivors(con, log.obj.system, {record_id for (record_id,) in refused})
    if gone_on:
        with lake.transaction() as con:
            send_again(con, gone_on, log.now())


def _due(lake: Lake, side: str, run_id: str, types: Collection[str], system: str) -> list[Entry]:
    wanted = commas(map(literal, types)) or "null"
    with lake.reading() as con:
        found = con.execute(
            # Few columns tell what is due; of all the others only those rows are read.
            f"with due as materialized (select activity_id from {ACTIVITY} "
            f"where side = {literal(side)} and code is null and type in ({wanted}) and activity_id not in ("
            f"select activity_id from {SEND} s left join {RESULT} r using (write_id) "
            f"where coalesce(r.verdict, '') <> '{Verdict.RETRY}' or s.run_id = {literal(run_id)}) "
            f"order by happened_at, activity_id limit {HELD}) "
            f"select activity_id, type, event, happened_at, attributes, person from {ACTIVITY} join due "
            "using (activity_id) order by happened_at, activity_id"
        ).fetchall()
        return _led_on(con, system, [Entry(*row) for row in found])


def _led_on(con: Connection, system: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return entries addressed to what goes on for records that were merged away or converted (SIA-ACT-9)."""
    winner = merges.survivors(con, system, {entry.person for entry in entries})
    return [replace(entry, person=winner.get(entry.person, entry.person)) for entry in entries]


def _send(lake: Lake, log: Log, run_id: str, entries: Sequence[Entry]) -> Sent:
    now = log.now()
    writes = {uuid.uuid4().hex: entry for entry in entries}
    rows = [(write_id, e.activity_id, run_id, now, e.person) for write_id, e in writes.items()]
    with lake.transaction() as con:
        ledger.insert(con, "activity_send", rows)
    error, answers = "", list[Answer | None]()
    try:
        answers += log.add(entries)
    except UnknownOutcomeError as lost:
        error = str(lost)
        answers += lost.answers or [None] * len(entries)
    except ConnectorError as failed:
        error = str(failed)
        answers += [Answer(Verdict.RETRY, code=failed.code, message=failed.message)] * len(entries)
    answered = [(write_id, answer) for write_id, answer in zip(writes, answers, strict=True) if answer]
    _remember(lake, log.obj, run_id, answered, log.now())
    count = tally(answer for _, answer in answered)
    accepted, rejected, retry = (count[v] for v in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.RETRY))
    return Sent(accepted, rejected, retry, unsure=len(entries) - len(answered), error=error)


def send_again(con: Connection, persons: Collection[str], now: datetime) -> int:
    """Have the next run send what was rejected of these persons, and close those errors; return how many."""
    of_them = f"operation = '{OPERATION}' and record_id in ({commas(map(literal, persons)) or 'null'})"
    found = con.execute(
        f"update {RESULT} set verdict = '{Verdict.RETRY}' where verdict = '{Verdict.REJECTED}' and write_id in ("
        f"select write_id from {SEND} join {RESULT} using (write_id) where (person, answered_at) in ("
        f"select (record_id, noted_at) from {ledger.table('error')} where resolved_at is null and {of_them}))"
    ).fetchone()
    ledger.close_errors(con, of_them, now)
    return int(found[0]) if found else 0


def _remember(lake: Lake, obj: Object, run_id: str, answered: Sequence[tuple[str, Answer]], now: datetime) -> None:
    if not answered:
        return
    columns = {
        "write_id": [write_id for write_id, _ in answered],
        "verdict": [answer.verdict.value for _, answer in answered],
        "record_id": [answer.id for _, answer in answered],
        "code": [answer.code for _, answer in answered],
        "message": [answer.message for _, answer in answered],
    }
    with lake.transaction() as con:
        con.register("answers", pa.table({name: pa.array(some, pa.string()) for name, some in columns.items()}))
        try:
            con.execute(
                f"insert into {RESULT} by name select *, {literal(run_id)} as run_id, {literal(now)} as answered_at, "
                f"verdict = '{Verdict.ACCEPTED}' as created from answers"
            )
            con.execute(
                f"insert into {ledger.table('error')} by name select {literal(now)} as noted_at, "
                f"{literal(run_id)} as run_id, {literal(obj.system)} as system, {literal(obj.name)} as object, "
                f"'{OPERATION}' as operation, person as record_id, code, message "
                f"from answers join {SEND} using (write_id) where verdict = '{Verdict.REJECTED}'"
            )
        finally:
            con.unregister("answers")
