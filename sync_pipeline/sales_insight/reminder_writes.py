"""Writing reminders to Salesforce as its tasks: planned before they are sent, looked for when an answer is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.errors import ConnectorError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.writes import Writer
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Object
from sync_pipeline.sales_insight import reminder_tasks, tables, written
from sync_pipeline.sales_insight.reminder_tasks import DROPPED, FIELDS, LINK, PAIRING, VALUES
from sync_pipeline.sales_insight.written import Write
from sync_pipeline.sync.decision.case_table import Outcome

OPERATION = "Reminder tasks"
AT_ONCE = 1_000  # writes between two commits
# A creation may still be under way for minutes after its process died, and a system may show it late.
SETTLES = timedelta(hours=1)
NOT_ARRIVED = Answer(Verdict.RETRY, code="NOT_ARRIVED", message="not there long after it was sent")
TASK = salesforce.TASK


class Org(Writer, Protocol):
    """Salesforce, as far as reminders go."""

    def made(self, obj: Object, fields: Sequence[str], since: datetime) -> Iterator[dict[str, Any]]:
        """Yield fields of all records that the sync user made at `since` or later, deleted ones too."""


def due(con: written.Connection, now: datetime) -> Iterator[Write]:
    """Yield what `decide` found to be written to Salesforce: tasks to be made, changed and deleted."""
    ours = commas(f"our_{name}" for name in FIELDS.values())
    new = con.execute(f"select task_id, who_id, owner_id, {ours} from going where who_id is not null order by task_id")
    for task_id, who, owner, *values in new.fetchall():
        told = _spelled(dict(zip(FIELDS.values(), values, strict=True)))
        fields = {"WhoId": who, **({"OwnerId": owner} if owner else {}), **told}
        given = {name: value for name, value in fields.items() if value is not None}
        yield Write(Operation.CREATE, None, given, "new in the sales tool", task_id)
    refused = reminder_tasks.refused_sql("crm_id", "greatest(o1._changed_at, o1.crm_at)", now)
    changed = con.execute(
        f"select crm_id, marketo_id, map_from_entries(list({{k: field, v: marketo}})) from outcome o1 "
        f"where taken = '{Outcome.TAKE_MARKETO}' and crm_id not in ({refused}) group by all order by crm_id"
    )
    for crm_id, task_id, values in changed.fetchall():
        yield Write(Operation.UPDATE, crm_id, _spelled(values), "changed in the sales tool", task_id)
    refused = reminder_tasks.refused_sql("crm_id", "e.deleted_at", now)
    dropped = con.execute(
        f"select crm_id, task_id from ending e where because = '{DROPPED}' and crm_id not in ({refused}) order by all"
    )
    for crm_id, task_id in dropped.fetchall():
        yield Write(Operation.DELETE, crm_id, {}, DROPPED, task_id)


def _spelled(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return values under Salesforce's names and in its words."""
    return {
        crm: VALUES.get(crm, {}).get(str(values[name]), values[name]) for crm, name in FIELDS.items() if name in values
    }


def _agreed(fields: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
    """Return what was written in our own names and words, as a link keeps it."""
    back = {crm: {theirs: our for our, theirs in words.items()} for crm, words in VALUES.items()}
    return [(FIELDS[n], back.get(n, {}).get(str(v), v)) for n, v in fields.items() if n in FIELDS]


def sent(lake: Lake, org: Org, writes: Sequence[Write], run_id: str, now: datetime) -> Iterator[Counter[Verdict]]:
    for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE):
        some = [write for write in writes if write.operation is operation]
        for start in range(0, len(some), AT_ONCE):
            batch = some[start : start + AT_ONCE]
            answers, error = _send(org, operation, batch)
            told = [(write, answer) for write, answer in zip(batch, answers, strict=True) if answer]
            yield _note(lake, told, run_id, now)
            if error:
                raise error


def _send(
    org: Org, operation: Operation, batch: Sequence[Write]
) -> tuple[Sequence[Answer | None], ConnectorError | None]:
    """Return the answers, None for those that were lost, and what went wrong with the whole."""
    try:
        return org.write(TASK, operation, [Record(write.crm_id, write.fields) for write in batch]), None
    except UnknownOutcomeError as error:
        return error.answers or [None] * len(batch), error
    except ConnectorError as error:
        return [Answer(Verdict.RETRY, code=error.code, message=error.message)] * len(batch), error


def _note(lake: Lake, answered: Sequence[tuple[Write, Answer]], run_id: str, now: datetime) -> Counter[Verdict]:
    """Put answers on record, and on the links what was accepted."""
    done = [(w, a) for w, a in answered if a.verdict is Verdict.ACCEPTED]
    at = literal(now)
    with lake.transaction() as con:
        counted = written.note(con, run_id, TASK, OPERATION, answered, now)
        con.execute(
            "create or replace temp table confirmed "
            "(crm_id varchar, task_id varchar, agreed map(varchar, varchar), operation varchar)"
        )
        for w, a in done:
            agreed = _agreed(w.fields)
            row = [w.crm_id or a.id, w.other_id, [n for n, _ in agreed], [v for _, v in agreed], w.operation.value]
            con.execute("insert into confirmed values (?, ?, map(?::varchar[], ?::varchar[]), ?)", row)
        if any(w.operation is not Operation.CREATE for w, _ in done):
            con.execute(
                f"update {LINK} l set agreed = map_concat(l.agreed, c.agreed), agreed_at = {at}, "
                f"crm_written_at = {at}, "
                f"ended_at = if(c.operation = 'delete', {at}, null), "
                f"ended_because = if(c.operation = 'delete', '{DROPPED}', null) from confirmed c "
                f"where l.pairing = '{PAIRING}' and l.crm_id = c.crm_id and l.ended_at is null"
            )
        con.execute(
            f"insert into {LINK} by name select '{PAIRING}' as pairing, crm_id, '{tables.REMINDERS.name}' as "
            f"marketo_object, task_id as marketo_id, {at} as linked_at, {literal(run_id)} as run_id, agreed, "
            f"{at} as agreed_at, {at} as crm_written_at from confirmed where operation = 'create'"
        )
    return counted


def forget_unanswered(con: written.Connection) -> None:
    """Remove updates and deletes that were never answered: they may be sent twice, and are decided anew."""
    con.execute(
        f"delete from {ledger.table('outbox')} where pairing = '{PAIRING}' and operation <> 'create' "
        f"and write_id not in (select write_id from {ledger.table('write_result')})"
    )


def settle(lake: Lake, org: Org, run_id: str, now: datetime) -> None:
    """Look for the tasks whose creation has no answer, before anything is made or taken over twice (GEN-16)."""
    found = lake.rows(
        f"select write_id, marketo_id, fields, planned_at from ({reminder_tasks.unanswered_sql()}) order by planned_at"
    )
    if not found:
        return
    linked = {crm_id for (crm_id,) in lake.rows(f"select crm_id from {LINK} where pairing = '{PAIRING}'")}
    made: dict[tuple[object, object], list[str]] = {}
    for one in org.made(TASK, ("WhoId", "Subject"), found[0][3] - timedelta(minutes=1)):
        if one["Id"] not in linked:
            made.setdefault((one["WhoId"], one["Subject"]), []).append(one["Id"])
    answered = []
    for write_id, task_id, fields, planned_at in found:
        write = Write(Operation.CREATE, None, fields, other_id=task_id, write_id=write_id)
        if ids := made.get((fields.get("WhoId"), fields.get("Subject"))):
            answered.append((write, Answer(Verdict.ACCEPTED, ids.pop(0), created=True)))
        elif now - planned_at > SETTLES:
            answered.append((write, NOT_ARRIVED))
    _note(lake, answered, run_id, now)
