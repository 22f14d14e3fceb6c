"""The step of a cycle that logs activities on both sides: what was lost is looked for, sources are taken in, then sent.

It comes after the two-way pass, whose links tell on whom a thing is logged, and writes only where write-back applies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from sync_pipeline import faults
from sync_pipeline.activity_log import (
    conversions,
    crm_activities,
    failures,
    memberships,
    push,
    sales,
    sales_tasks,
    send,
    types,
)
from sync_pipeline.activity_log.follow import CRM, MARKETO, TASK, Source, follow
from sync_pipeline.activity_log.logs import MarketoLog, TaskLog
from sync_pipeline.activity_log.memberships import MEMBERSHIPS
from sync_pipeline.activity_log.send import OPERATION, Log, Sent
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.catalog.pushed import Pushed
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.lake import Lake, LakeError, ledger
from sync_pipeline.model import FAILED, INCOMPLETE, SUCCEEDED, Counts, Describe, Object, worst
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.mirrors import Mirrors, look
from sync_pipeline.sales_insight.touched import Marks, marks, move_marks, newest

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Options:
    """What an administrator chooses.

    Attributes:
        types: custom activity types to log in, of those that Marketo has, by name.
        pushed: Marketo's own activities that the CRM is told of; none by default (SF-ACT-5).
        tasks: which sales activities become tasks, and how.
        task_key: the CRM's field for our id of a task, used where the org has it.
    """

    types: Collection[str] = tuple(one.name for one in ACTIVITY_TYPES)
    pushed: Collection[Pushed] = ()
    tasks: sales_tasks.Options = field(default_factory=sales_tasks.Options)
    task_key: str = ""


@dataclass(frozen=True)
class Logged:
    """What a step came to on one side: activities taken in by source, what was sent, and what it cost."""

    obj: Object
    queued: Mapping[str, int] = field(default_factory=dict)
    sent: Sent = field(default_factory=Sent)
    spent: Counts = field(default_factory=Counts)

    @property
    def status(self) -> str:
        if self.sent.error:
            return FAILED
        return INCOMPLETE if self.sent.rejected or self.sent.retry or self.sent.unsure else SUCCEEDED

    @property
    def said(self) -> str:
        """What was not done; empty if all was."""
        numbers = {
            "rejected": self.sent.rejected,
            "to be tried again": self.sent.retry,
            "whose answer was lost": self.sent.unsure,
        }
        told = [f"{number:,} {what}" for what, number in numbers.items() if number]
        told += [self.sent.error] if self.sent.error else []
        return f"activities in {self.obj.system}: {', '.join(told)}" if told else ""


@dataclass
class Step:
    """One step over both systems.

    Attributes:
        activity, task: the objects that stand for what is logged in Marketo and in the CRM.
        described: what the org says of its tasks; None if they have not been read, and then none is logged.
    """

    lake: Lake
    options: Options
    marketo: Marketo
    writer: SalesforceWriter
    activity: Object
    task: Object
    described: Describe | None
    run_id: str

    def run(self, now: datetime) -> list[Logged]:
        """Log what is to be logged; a system that is out of reach does not keep the other from being told."""
        before = {MARKETO: self.marketo.usage(), CRM: self.writer.usage()}
        told, error = self._types(now)
        usable = {name: type_id for name, type_id in types.usable(told).items() if name in self.options.types}
        logs: dict[str, Log] = {MARKETO: MarketoLog(self.marketo, self.activity, types.usable(told))}
        if self.described:
            logs[CRM] = TaskLog(self.writer, self.task, self.described, self.options.task_key)
        settled = {side: self._settle(side, log) for side, log in logs.items()}
        unsure = settled[CRM].unsure if CRM in settled else 0
        try:
            queued = self._take_in(usable, bool(unsure), now)
        except LakeError as failed:
            queued, error = {}, error or str(failed)
        except Exception as failed:
            queued, error = {}, error or faults.noted(failed, "what is to be logged")
        wanted = {MARKETO: tuple(usable), CRM: (TASK,)}
        done = []
        for side, log in logs.items():
            sent = Sent(error=error) if side == MARKETO else Sent()
            sent += settled[side]
            if not settled[side].error:
                sent += self._send(side, log, wanted[side])
            spent = _spent(before[side], (self.marketo if side == MARKETO else self.writer).usage())
            done.append(Logged(log.obj, queued.get(side, {}), sent, spent))
        return done

    def _types(self, now: datetime) -> tuple[dict[str, int], str]:
        """Return the activity types of Marketo, and why they could not be asked for."""
        if (told := types.remembered(self.lake, now)) is not None:
            return told, ""
        try:
            told = self.marketo.activity_types()
        except ConnectorError as failed:
            return {}, str(failed)
        except Exception as failed:
            return {}, faults.noted(failed, "the activity types of Marketo")
        types.remember(self.lake, told, now)
        return told, ""

    def _settle(self, side: str, log: Log) -> Sent:
        try:
            return send.settle(self.lake, side, log, self.run_id)
        except (ConnectorError, LakeError) as failed:
            return Sent(error=str(failed))
        except Exception as failed:
            return Sent(error=faults.noted(failed, f"the activities sent to {log.obj.system}"))

    def _send(self, side: str, log: Log, wanted: Collection[str]) -> Sent:
        try:
            return send.send(self.lake, side, log, self.run_id, wanted)
        except LakeError as failed:
            return Sent(error=str(failed))
        except Exception as failed:
            return Sent(error=faults.noted(failed, f"the activities for {log.obj.system}"))

    def _take_in(self, usable: Collection[str], unsure: bool, now: datetime) -> dict[str, dict[str, int]]:
        """Take in all sources; return how many activities are new, by side and source.

        While it is not known which tasks were made, none is told to Marketo: it could not be told which are ours.
        """
        queued: dict[str, dict[str, int]] = {}

        def take(con: Connection, sources: Iterable[Source]) -> None:
            for source in sources:
                if source.side == CRM or source.type in usable:
                    count = follow(con, source, self.run_id, now)
                    if count:
                        some = queued.setdefault(source.side, {})
                        some[source.name] = some.get(source.name, 0) + count

        with self.lake.transaction() as con:
            tables.create(con)
            mirrors = look(con, self.task.system)
            take(con, sales.sources(mirrors))
            take(con, failures.sources(mirrors))
            take(con, conversions.sources(mirrors))
            if self.described:
                take(con, sales_tasks.sources(mirrors, self.options.tasks, self.described, now))
                if due := push.due(con, self.options.pushed, now):
                    take(con, push.sources(mirrors, due, self.described, now))
                    push.move_marks(con, tuple(due), now)
        for name, read, some in self._following(usable, unsure, now):
            with self.lake.transaction() as con:
                mirrors, at = look(con, self.task.system), marks(con, name)
                if at != newest(con, mirrors, read):
                    take(con, some(mirrors, at))
                    move_marks(con, name, mirrors, read, now)
        return queued

    def _following(
        self, usable: Collection[str], unsure: bool, now: datetime
    ) -> Iterator[tuple[str, Sequence[str], Callable[[Mirrors, Marks], Iterator[Source]]]]:
        """Yield the sources that follow tables from mark to mark: name, tables, and the sources themselves."""
        if crm_activities.NAME in usable and not unsure:
            yield f"activities/{crm_activities.NAME}", crm_activities.TABLES, crm_activities.sources
        for of in MEMBERSHIPS:
            if of.type.name in usable:
                yield (
                    f"activities/{of.type.name}",
                    (of.members, of.about),
                    lambda mirrors, at, of=of: memberships.sources(mirrors, at, of, now),  # type: ignore[misc]
                )


def _spent(before: Usage, after: Usage) -> Counts:
    return Counts(calls=after.calls - before.calls, bytes=after.bytes - before.bytes)


def record(lake: Lake, run_id: str, done: Sequence[Logged], started: datetime, ended: datetime) -> str:
    """Put the step on record as a run with a job a side, if there was anything to do; return its status."""
    status = worst(logged.status for logged in done)
    busy = [one for one in done if one.queued or one.sent != Sent() or one.spent.calls]
    if busy:
        with lake.transaction() as con:
            ledger.insert(con, "job", [_job(run_id, one, started, ended) for one in busy])
            message = "; ".join(one.said for one in done if one.said)
            ledger.insert(con, "run", [(run_id, "activities", started, ended, status, message)])
    return status


def _job(run_id: str, one: Logged, started: datetime, ended: datetime) -> tuple[object, ...]:
    counts = Counts(read=sum(one.queued.values()), inserted=one.sent.accepted, failed=one.sent.rejected) + one.spent
    return (
        run_id, one.obj.system, one.obj.name, OPERATION, one.status, started, ended, None, None,
        *counts.as_dict().values(), one.said,
    )  # fmt: skip
