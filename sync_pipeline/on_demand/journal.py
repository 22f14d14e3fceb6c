"""What became of each request, in `sync.request`: written before anything is sent, and after (GEN-16).

The journal only grows, so that a request never gets in the way of a cycle's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from sync_pipeline.connectors.records import Value
from sync_pipeline.lake import Lake, LakeError, ledger
from sync_pipeline.on_demand.actions import Outcome, Request, Status
from sync_pipeline.on_demand.steps import Step
from sync_pipeline.sync.delivery.on_demand import CLOSED, MADE, PLANNED, SENDING

Connection = duckdb.DuckDBPyConnection
COMMITS = 5
# Steps that make or change another record than the person's own.
OTHERS = (Step.TASK, Step.JOIN, Step.MOVE, Step.LEAVE, Step.CONVERT, Step.DOUBLE)


@dataclass(frozen=True)
class Entry:
    """One line of a request's story; `content` is what the state is about, as JSON keeps it."""

    at: datetime
    state: str
    step: Step | None = None
    content: object = None
    record_id: str | None = None
    code: str = ""
    message: str = ""


def planned(steps: Sequence[Step], at: datetime) -> Entry:
    return Entry(at, PLANNED, content=list(steps))


def sending(step: Step, values: Mapping[str, Value], at: datetime) -> Entry:
    """A create goes out: until its answer is on record, it is to be looked for."""
    return Entry(at, SENDING, step, dict(values))


def made(step: Step, record_id: str | None, at: datetime) -> Entry:
    return Entry(at, MADE, step, record_id=record_id)


def closed(outcome: Outcome, at: datetime) -> Entry:
    return Entry(at, outcome.status, None, outcome.crm_id, outcome.record_id, outcome.code, outcome.message)


@dataclass
class Journal:
    """One request's story so far: `write` puts entries on record, `take` carries the story on once they are.

    Attributes:
        asked: how the request was worded when its id was first used.
        steps: the plan, None before there is one.
        over: each step that is done, with what it made or wrote.
        sent: the create whose answer is not known.
    """

    request: Request
    asked: str = ""
    marketo_id: str = ""
    steps: tuple[Step, ...] | None = None
    over: list[tuple[Step, str | None]] = field(default_factory=list)
    sent: Entry | None = None
    outcome: Outcome | None = None
    last: int = 0
    _waiting: list[Entry] = field(default_factory=list)

    @classmethod
    def read(cls, con: Connection, request: Request) -> Journal:
        """Return what is known of a request; nothing if it is new."""
        told = cls(request)
        rows = con.execute(
            "select number, marketo_id, asked, noted_at, state, step, fields, record_id, code, message "
            f"from {ledger.table('request')} where request_id = ? order by number",
            [request.id],
        ).fetchall()
        for number, marketo_id, asked, at, state, step, content, *rest in rows:
            told.marketo_id, told.asked = marketo_id or told.marketo_id, asked
            told.take(Entry(at, state, Step(step) if step else None, json.loads(content), *rest))
            told.last = number
        return told

    @property
    def is_another(self) -> bool:
        """Whether this id was used before, for something else."""
        return bool(self.asked) and self.asked != self.request.to_json()

    @property
    def record_id(self) -> str | None:
        """What the request made or changed besides the person's own record."""
        return next((record_id for step, record_id in reversed(self.over) if step in OTHERS), None)

    @property
    def crm_id(self) -> str | None:
        """The lead that the request created."""
        return next((record_id for step, record_id in self.over if step is Step.CREATE), None)

    def plan(self, entry: Entry) -> None:
        """Go by a plan that goes on record with the next entries."""
        self.steps = tuple(Step(step) for step in _list(entry.content))
        self._waiting.append(entry)

    def write(self, con: Connection, entries: Sequence[Entry]) -> None:
        request = self.request
        ledger.insert(
            con,
            "request",
            [
                (
                    request.id, self.last + place, e.at, e.state, request.action, self.marketo_id, request.to_json(),
                    e.step, json.dumps(e.content), e.record_id, e.code, e.message,
                )
                for place, e in enumerate([*self._waiting, *entries], start=1)
            ],
        )  # fmt: skip

    def take(self, *entries: Entry) -> None:
        entries, self._waiting = (*self._waiting, *entries), []
        for entry in entries:
            self.last += 1
            if entry.state == PLANNED:
                self.steps = tuple(Step(step) for step in _list(entry.content))
            elif entry.state == SENDING:
                self.sent = entry
            elif entry.state == MADE and entry.step:
                self.over.append((entry.step, entry.record_id))
                self.sent = None
            else:
                self.outcome = Outcome(
                    self.request.id, Status(entry.state), self.marketo_id, _text(entry.content), entry.record_id,
                    entry.code, entry.message,
                )  # fmt: skip


def commit(
    lake: Lake,
    journal: Journal,
    work: Callable[[Connection], None],
    entries: Sequence[Entry],
    sleep: Callable[[float], None],
) -> None:
    """Put entries on record with what belongs to them, in a short transaction of its own.

    One that met a cycle's is tried again: on a SQLite catalog they wait for one another, on PostgreSQL the later one
    is refused.
    """
    for tries in range(COMMITS, 0, -1):
        try:
            with lake.transaction() as con:
                journal.write(con, entries)
                work(con)
            break
        except LakeError as error:
            if tries == 1 or not isinstance(error.__cause__, duckdb.TransactionException):
                raise
            sleep(0.1)
    journal.take(*entries)


def _list(content: object) -> list[str]:
    return [str(one) for one in content] if isinstance(content, list) else []


def _text(content: object) -> str | None:
    return content if isinstance(content, str) else None


def half_done(con: Connection) -> list[tuple[str, str]]:
    """Return id and wording of the requests of which something was done and which are not over."""
    over = ", ".join(f"'{state}'" for state in CLOSED)
    return con.execute(
        f"select request_id, any_value(asked) from {ledger.table('request')} group by request_id "
        f"having bool_or(state in ('{SENDING}', '{MADE}')) and not bool_or(state in ({over})) "
        "order by min(noted_at)"
    ).fetchall()
