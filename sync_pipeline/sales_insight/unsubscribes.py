"""Unsubscribes between the sales tool and the CRM: at once to the CRM, both ways at night (SIA-UNS-1 to 5).

Nobody is ever subscribed again: an opt-out is only set. Marketo is told nothing here; it learns of an opt-out from the
CRM, as of any mapped field (SIA-UNS-5, UNSUB-1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.records import Operation, Record, Verdict
from sync_pipeline.connectors.writes import Writer
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import columns
from sync_pipeline.model import FAILED, INCOMPLETE, SUCCEEDED, Counts, id18
from sync_pipeline.sales_insight import tables, written
from sync_pipeline.sales_insight.mirrors import look
from sync_pipeline.sales_insight.opt_outs import OPT_OUT, PREFIXES, UNSUBSCRIBE, due_sql, news_sql, targets_sql
from sync_pipeline.sales_insight.written import Write

AT_ONCE = 3_000  # writes between two commits: a crash repeats at most so many
OPERATION = "Unsubscribe"
OBJECTS = {"contact": salesforce.CONTACT, "lead": salesforce.LEAD}


@dataclass(frozen=True)
class Done:
    """What a run came to.

    Attributes:
        found: unsubscribes that the CRM told the sales tool.
        due: opt-outs to be set in the CRM.
        accepted, rejected, retry: what became of those that were sent.
        nowhere: unsubscribes without a living lead or contact: they need an id of the CRM, a link or an address there.
        error: why nothing more was sent; empty if all was.
    """

    found: int = 0
    due: int = 0
    accepted: int = 0
    rejected: int = 0
    retry: int = 0
    nowhere: int = 0
    error: str = ""

    @property
    def status(self) -> str:
        return FAILED if self.error else INCOMPLETE if self.rejected or self.retry else SUCCEEDED

    @property
    def said(self) -> str:
        """What was not done; empty if all was."""
        numbers = {"rejected": self.rejected, "to be tried again": self.retry}
        told = [f"{number:,} {what}" for what, number in numbers.items() if number]
        return "; ".join([*told, *([self.error] if self.error else [])])


def push(lake: Lake, writer: Writer | None, run_id: str, now: datetime, fields: Sequence[str] = (OPT_OUT,)) -> Done:
    """Set the opt-out of whoever was unsubscribed in the sales tool and has had no answer from the CRM yet (SIA-UNS-1).

    Args:
        writer: the CRM; None to see only what is due.
        fields: the opt-out, and a field of one's own besides (SIA-UNS-3).
    """
    return _run(lake, writer, run_id, now, fields, whole=False)


def exchange(lake: Lake, writer: Writer | None, run_id: str, now: datetime, fields: Sequence[str] = (OPT_OUT,)) -> Done:
    """Bring both sides to the same unsubscribes (SIA-UNS-2): whoever is unsubscribed on one is on the other.

    What was unticked in the CRM alone is ticked again, and what was cleared in the sales tool alone comes back: a
    re-subscription counts once it is made on both sides (SIA-UNS-4).
    """
    return _run(lake, writer, run_id, now, fields, whole=True)


def waiting(lake: Lake, fields: Sequence[str] = (OPT_OUT,)) -> int:
    """Return how many opt-outs `push` would send; changes nothing."""
    with lake.reading() as con:
        if columns(con, *tables.UNSUBSCRIBES.table).keys() < tables.TABLES[tables.UNSUBSCRIBES.name].keys():
            return 0  # nothing was ever told here
        due = due_sql(look(con, salesforce.CONTACT.system), fields, whole=False)
        return len(con.execute(due).fetchall())


def clear(lake: Lake, keys: Collection[str], now: datetime) -> int:
    """Take unsubscribes back on the sales tool's side; the opt-out in the CRM stays. Returns how many were known."""
    if not keys:
        return 0
    with lake.transaction() as con:
        tables.create(con)
        found = con.execute(
            f"update {UNSUBSCRIBE} set _cleared_at = {literal(now)} "
            f"where _cleared_at is null and unsubscribe_id in ({commas(map(literal, sorted(keys)))})"
        ).fetchone()
    return int(found[0]) if found else 0


def _run(lake: Lake, writer: Writer | None, run_id: str, now: datetime, fields: Sequence[str], whole: bool) -> Done:
    with lake.transaction() as con:
        tables.create(con)
        mirrors = look(con, salesforce.CONTACT.system)
        found = _take_over(con, news_sql(mirrors, fields), now) if whole else 0
        due = sorted({id18(crm_id) for (crm_id,) in con.execute(due_sql(mirrors, fields, whole)).fetchall()})
        (nowhere,) = con.execute(
            f"{targets_sql(mirrors, fields)} select count(*) from told "
            "where unsubscribe_id not in (select unsubscribe_id from target)"
        ).fetchone() or (0,)
    sent, error = Counter[Verdict](), ""
    try:
        for answers in _sent(lake, writer, due, run_id, now, fields) if writer else ():
            sent += answers
    except ConnectorError as failed:
        error = f"crm: {failed}"
    done = Done(
        found, len(due), sent[Verdict.ACCEPTED], sent[Verdict.REJECTED], sent[Verdict.RETRY], int(nowhere), error
    )
    if whole or due:
        _record(lake, done, run_id, now)
    return done


def _take_over(con: written.Connection, news: str, now: datetime) -> int:
    """Note the CRM's opt-outs as unsubscribes of the sales tool, one a record."""
    key = f"{literal(salesforce.CONTACT.system + '/')} || crm_id"
    con.execute(
        f"create or replace temp table news as select {key} as unsubscribe_id, {literal(now)} as happened_at, "
        f"marketo_id, crm_id as salesforce_id, marketo_id as _person_id, {literal(now)} as _received_at, "
        f"{literal(salesforce.CONTACT.system)} as _from from ({news})"
    )
    (count,) = con.execute("select count(*) from news").fetchone() or (0,)
    if count:
        con.execute(f"delete from {UNSUBSCRIBE} where unsubscribe_id in (select unsubscribe_id from news)")
        con.execute(f"insert into {UNSUBSCRIBE} by name select * from news")
    return int(count)


def _sent(
    lake: Lake, writer: Writer, due: Sequence[str], run_id: str, now: datetime, fields: Sequence[str]
) -> Iterator[Counter[Verdict]]:
    for name in PREFIXES.values():
        ids = [crm_id for crm_id in due if PREFIXES[crm_id[:3]] == name]
        for start in range(0, len(ids), AT_ONCE):
            yield _send(lake, writer, name, ids[start : start + AT_ONCE], run_id, now, fields)


def _send(
    lake: Lake, writer: Writer, name: str, ids: Sequence[str], run_id: str, now: datetime, fields: Sequence[str]
) -> Counter[Verdict]:
    told = dict.fromkeys(fields, "true")
    writes = [Write(Operation.UPDATE, crm_id, told, "unsubscribed in the sales tool") for crm_id in ids]
    records = [Record(crm_id, dict.fromkeys(fields, True)) for crm_id in ids]
    answers = writer.write(OBJECTS[name], Operation.UPDATE, records)
    with lake.transaction() as con:
        written.plan(con, run_id, name, writes, now)
        return written.note(con, run_id, OBJECTS[name], OPERATION, list(zip(writes, answers, strict=True)), now)


def _record(lake: Lake, done: Done, run_id: str, now: datetime) -> None:
    obj = tables.UNSUBSCRIBES
    counts = Counts(read=done.due, inserted=done.found, updated=done.accepted, failed=done.rejected)
    job = (run_id, obj.system, obj.name, OPERATION, done.status, now, now, None, None)
    with lake.transaction() as con:
        ledger.insert(con, "job", [(*job, *counts.as_dict().values(), done.said)])
