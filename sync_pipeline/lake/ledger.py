"""Our own memory, in schema `sync`, readable by all: where each object's windows ended, what each run did.

Tables are declared here once; a lake made by an older version gets the columns it lacks when it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.lake.table import full_name, grow
from sync_pipeline.lake.types import TEXT
from sync_pipeline.model import Counts, Describe, Field, Object, Window
from sync_pipeline.redactor import clean

Connection = duckdb.DuckDBPyConnection
SCHEMA = "sync"
STAMP = "timestamptz"
DAY = timedelta(days=1)
MISFIT = "VALUE_DOES_NOT_FIT"  # a value is null in the mirror because it is none of its field's type
AT_ONCE = 1_000  # rows of one statement

TABLES: dict[str, dict[str, str]] = {
    "connection": {"system": "varchar", "organization_id": "varchar", "connected_at": STAMP},
    "watermark": {"system": "varchar", "object": "varchar", "watermark": STAMP, "first_loaded_at": STAMP},
    "describe": {"system": "varchar", "source": "varchar", "described_at": STAMP, "fields": "varchar"},
    "notice": {
        "noted_at": STAMP, "run_id": "varchar", "system": "varchar", "object": "varchar",
        "kind": "varchar", "field": "varchar", "message": "varchar",
    },
    "run": {
        "run_id": "varchar", "kind": "varchar", "started_at": STAMP, "ended_at": STAMP,
        "status": "varchar", "message": "varchar",
    },
    "job": {
        "run_id": "varchar", "system": "varchar", "object": "varchar", "operation": "varchar",
        "status": "varchar", "started_at": STAMP, "ended_at": STAMP,
        "window_start": STAMP, "window_end": STAMP,
        **{name: "double" if name == "seconds" else "bigint" for name in Counts().as_dict()},
        "message": "varchar",
    },
    "error": {
        "noted_at": STAMP, "run_id": "varchar", "system": "varchar", "object": "varchar", "operation": "varchar",
        "record_id": "varchar", "field": "varchar", "code": "varchar", "message": "varchar",
        "resolved_at": STAMP,
    },
    # Who is who, and the values on which both sides last agreed, by Marketo field: the base of the next decision.
    "link": {
        "pairing": "varchar", "crm_id": "varchar", "marketo_object": "varchar", "marketo_id": "varchar",
        "linked_at": STAMP, "run_id": "varchar",
        "agreed": f"map({TEXT}, {TEXT})", "agreed_at": STAMP, "crm_written_at": STAMP, "marketo_written_at": STAMP,
        # Of the last write to each side, which fields it had; by side and field, what was sent and how it is kept.
        "crm_sent": f"{TEXT}[]", "marketo_sent": f"{TEXT}[]", "spelled": f"map({TEXT}, {TEXT}[])",
        # Of a link whose CRM record was merged or converted: the record that goes on.
        "ended_at": STAMP, "ended_because": "varchar", "heir_pairing": "varchar", "heir_id": "varchar",
    },
    # Of which field of the CRM, or of which several, the agreed values of a Marketo field are.
    "fed_by": {"pairing": "varchar", "marketo": "varchar", "crm": "varchar", "since": STAMP},
    # How far the changes of each side have been decided on, and the links to be looked at again without a change.
    "decided": {"pairing": "varchar", "side": "varchar", "detected_at": STAMP},
    "pending": {"pairing": "varchar", "crm_id": "varchar", "because": "varchar", "since": STAMP},
    # Which records took part when links were last settled: after another condition all of them are looked at (FILT-5).
    "condition": {"pairing": "varchar", "alive": "varchar"},
    # What a limit has stopped and still stops, and when an operator let it through once.
    "brake": {
        "pairing": "varchar", "kind": "varchar", "number": "bigint", "message": "varchar", "run_id": "varchar",
        "stopped_at": STAMP, "released_at": STAMP,
    },
    # When somebody switched the background sync off, and on again.
    "pause": {"began_at": STAMP, "because": "varchar", "ended_at": STAMP},
    # How many records waited to be written to a side, hourly (OPS-9, OPS-11).
    "backlog": {"measured_at": STAMP, "pairing": "varchar", "side": "varchar", "waiting": "bigint"},
    # How far each feed has taken in the tables that it is made of; a feed without a row has not been started.
    "taken": {"feed": "varchar", "source": "varchar", "synced_at": STAMP, "taken_at": STAMP},
    # Mappings that an operator chose: since when they hold, and the types by which a change of a field is noticed.
    "mapping": {
        "pairing": "varchar", "crm_field": "varchar", "marketo_field": "varchar", "crm_type": "varchar",
        "marketo_type": "varchar", "since": STAMP, "ended_at": STAMP, "ended_because": "varchar",
    },
    "conflict": {
        "noted_at": STAMP, "run_id": "varchar", "pairing": "varchar", "crm_id": "varchar", "marketo_id": "varchar",
        "field": "varchar", "crm_value": "varchar", "marketo_value": "varchar", "base_value": "varchar",
        "winner": "varchar", "rule": "varchar", "because": "varchar",
    },
    # Append-only: a write stays as it was planned, what became of it is in `write_result`.
    "outbox": {
        "write_id": "varchar", "run_id": "varchar", "planned_at": STAMP, "side": "varchar", "pairing": "varchar",
        "operation": "varchar", "crm_id": "varchar", "marketo_id": "varchar", "into_id": "varchar",
        "partition": "varchar", "applied": "boolean",
        "again_of": "varchar",  # the write that was refused over fields which this one leaves out
        "fields": f"map({TEXT}, {TEXT})", "because": f"map({TEXT}, {TEXT})",
    },
    # Values that were sent without an answer, and how far their system had been read when that was noticed.
    "tried": {
        "pairing": "varchar", "side": "varchar", "crm_id": "varchar", "fields": f"map({TEXT}, {TEXT})",
        "read_until": STAMP, "begun_at": STAMP,
    },
    # Values that a system refused, by record and Marketo field: they are not sent again until they change.
    "declined": {
        "pairing": "varchar", "side": "varchar", "record_id": "varchar", "field": "varchar", "value": "varchar",
        "code": "varchar", "message": "varchar", "refused_at": STAMP,
    },
    # Append-only: what somebody asked for on demand, and each thing that became of it, by number; the last one counts.
    "request": {
        "request_id": "varchar", "number": "integer", "noted_at": STAMP, "state": "varchar", "action": "varchar",
        "marketo_id": "varchar", "asked": "varchar", "step": "varchar", "fields": "varchar", "record_id": "varchar",
        "code": "varchar", "message": "varchar",
    },
    "write_result": {
        "write_id": "varchar", "run_id": "varchar", "answered_at": STAMP, "verdict": "varchar",
        "record_id": "varchar", "created": "boolean", "code": "varchar", "message": "varchar",
    },
    # What is to be logged on a person, once and only once; what cannot be logged says why in `code`. Append-only, but
    # for that somebody has let it be.
    "activity": {
        "activity_id": "varchar", "source": "varchar", "key": "varchar", "number": "bigint", "event": "varchar",
        "side": "varchar", "type": "varchar", "person": "varchar", "happened_at": STAMP, "queued_at": STAMP,
        "run_id": "varchar", "attributes": f"map({TEXT}, {TEXT})", "state": "varchar", "code": "varchar",
        "message": "varchar", "dismissed_at": STAMP,
    },
    # Stored before it is sent; the answer is in `write_result`. One without an answer may have arrived.
    "activity_send": {
        "write_id": "varchar", "activity_id": "varchar", "run_id": "varchar", "sent_at": STAMP, "person": "varchar",
    },
    # Marketo's activity types by name, as Get Activity Types last told them.
    "activity_type": {"name": "varchar", "type_id": "bigint", "told_at": STAMP},
}  # fmt: skip


@dataclass(frozen=True)
class Error:
    """What went wrong: with a record where `record_id` is given, with a whole job where it is not (OPS-7)."""

    code: str
    message: str
    record_id: str | None = None
    field: str | None = None


@dataclass(frozen=True)
class Notice:
    """What an operator should know.

    `kind` is new_field, vanished_field, retyped_field, new_picklist_value, odd_field or unmapped_field of a schema
    (OPS-16), and
    credentials, api_limit, permission, sync_down, clock or clock_put_right of a system (OPS-15).
    """

    kind: str
    field: str
    message: str


def table(name: str) -> str:
    return full_name(SCHEMA, name)


def create(con: Connection) -> bool:
    """Make the ledger's tables, or add the columns an older ledger lacks; True if the ledger is new."""
    return grow(con, SCHEMA, TABLES)


def insert(con: Connection, name: str, records: Iterable[Sequence[object]]) -> None:
    """Append records (one value per declared column) to a ledger table, in few statements.

    The columns are named: those that an older ledger lacked stand at its end, whatever their place here.
    """
    rows = [list(record) for record in records]
    if "message" in TABLES[name]:
        place = list(TABLES[name]).index("message")
        for row in rows:
            row[place] = clean(str(row[place])) if row[place] else row[place]
    one, columns = "(" + commas("?" for _ in TABLES[name]) + ")", commas(map(quoted, TABLES[name]))
    for some in (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)):
        con.execute(
            f"insert into {table(name)} ({columns}) values {commas([one] * len(some))}", [v for r in some for v in r]
        )


def organizations(con: Connection) -> dict[str, str]:
    """Return the organizations whose records this lake mirrors, by system."""
    return dict(con.execute(f"select system, organization_id from {table('connection')}").fetchall())


def watermarks(con: Connection, system: str) -> dict[str, datetime]:
    """Return the end of the last committed window of each object of `system`."""
    found = con.execute(f"select object, watermark from {table('watermark')} where system = ?", [system])
    return dict(found.fetchall())


def calls_since(con: Connection, system: str, at: datetime) -> int:
    """Return how many calls the runs that ended since then made to a system."""
    query = f"select coalesce(sum(calls), 0) from {table('job')} where system = ? and ended_at >= ?"
    (calls,) = con.execute(query, [system, at]).fetchone() or (0,)
    return int(calls)


def watermark_after(before: datetime | None, window: Window) -> datetime | None:
    """Return an object's watermark after `window` was read whole (law 6).

    It never moves back, and never over records that were not read: a window that begins after it, as when a month is
    repaired before the first load, leaves it where it is.
    """
    if window.start is None:
        return max(before, window.end) if before else window.end
    if before is None or window.start > before:
        return before
    return max(before, window.end)


def move_watermarks(con: Connection, read: Iterable[tuple[Object, Window]], now: datetime) -> None:
    """Note the windows that were read whole."""
    windows = {(obj.system, obj.name): window for obj, window in read}
    if not windows:
        return
    kept = con.execute(f"select system, object, watermark, first_loaded_at from {table('watermark')}").fetchall()
    before = {(system, name): (at, first) for system, name, at, first in kept}
    rows = []
    for key, window in windows.items():
        old, first = before.get(key, (None, now))
        moved = watermark_after(old, window)
        if moved != old:
            rows.append((*key, moved, first))
    replaced = commas("(?, ?)" for _ in rows)
    if rows:
        keys = [part for row in rows for part in row[:2]]
        con.execute(f"delete from {table('watermark')} where (system, object) in ({replaced})", keys)
    insert(con, "watermark", rows)


def fed_by(con: Connection) -> dict[str, dict[str, str]]:
    """Return by pairing, for each field of Marketo, the field of the CRM that its agreed values are of."""
    found: dict[str, dict[str, str]] = {}
    for pairing, marketo, crm in con.execute(f"select pairing, marketo, crm from {table('fed_by')}").fetchall():
        found.setdefault(pairing, {})[marketo] = crm
    return found


def remembered_describes(
    con: Connection, system: str, source: str | None = None
) -> dict[str, tuple[Describe, datetime]]:
    """Return what the system last said of each object, or of one, by its API name, and when."""
    query = f"select source, described_at, fields from {table('describe')} where system = $1 and source = "
    found = con.execute(query + "ifnull($2, source)", [system, source])
    return {
        source: (Describe(source, tuple(_field(told) for told in json.loads(fields))), at)
        for source, at, fields in found.fetchall()
    }


def _field(told: dict[str, Any]) -> Field:
    since = told.get("since")
    own = {"since": datetime.fromisoformat(since) if since else None}
    return Field(**{**told, **own, "reference_to": tuple(told["reference_to"]), "picklist": tuple(told["picklist"])})


def remember_describe(con: Connection, obj: Object, described: Describe, now: datetime) -> None:
    con.execute(f"delete from {table('describe')} where system = ? and source = ?", [obj.system, obj.source])
    fields = json.dumps([asdict(f) for f in described.fields], ensure_ascii=False, default=datetime.isoformat)
    insert(con, "describe", [(obj.system, obj.source, now, fields)])


def note_filled(con: Connection, obj: Object, names: Collection[str] | None = None) -> None:
    """Note that the values of these fields, or of all, have been read of all records."""
    told = remembered_describes(con, obj.system, obj.source).get(obj.source)
    late = {f.name for f in told[0].fields if f.since} if told else set()
    if told and (filled := late if names is None else late.intersection(names)):
        fields = tuple(replace(f, since=None) if f.name in filled else f for f in told[0].fields)
        remember_describe(con, obj, replace(told[0], fields=fields), told[1])


def add_errors(
    con: Connection, run_id: str, obj: Object, operation: str, errors: Iterable[Error], now: datetime
) -> None:
    """Note errors; one that is open already, for the same record and field, is not noted again."""
    if not (errors := list(errors)):
        return
    found = con.execute(
        f"select record_id, field, code from {table('error')} where system = ? and object = ? and resolved_at is null",
        [obj.system, obj.name],
    )
    open_errors = set(found.fetchall())
    new = [e for e in errors if (e.record_id, e.field, e.code) not in open_errors]
    rows = [(now, run_id, obj.system, obj.name, operation, e.record_id, e.field, e.code, e.message, None) for e in new]
    insert(con, "error", rows)


def close_errors(con: Connection, which: str, now: datetime) -> int:
    """Close the open errors for which this SQL holds; return how many.

    Where there are none nothing is written, as a look costs less.
    """
    still = f"resolved_at is null and ({which})"
    (count,) = con.execute(f"select count(*) from {table('error')} where {still}").fetchone() or (0,)
    if count:
        con.execute(f"update {table('error')} set resolved_at = ? where {still}", [now])
    return int(count)


def resolve_job_errors(con: Connection, objects: Iterable[Object], now: datetime) -> None:
    """Close the open errors of whole jobs of these objects: a job of each has now succeeded."""
    found = con.execute(
        f"select distinct system, object from {table('error')} where record_id is null and resolved_at is null"
    )
    failing = set(found.fetchall())
    done = [key for obj in objects if (key := (obj.system, obj.name)) in failing]
    if done:  # in one update; see `mirror.merge` for why not in several
        con.execute(
            f"update {table('error')} set resolved_at = ? where record_id is null and resolved_at is null "
            f"and (system, object) in ({commas('(?, ?)' for _ in done)})",
            [now, *(part for key in done for part in key)],
        )


def resolve_record_errors(
    con: Connection, obj: Object, operation: str, record_ids: Sequence[str], now: datetime
) -> None:
    """Close the open errors of an operation on these records: it has now succeeded."""
    own = "resolved_at is null and system = ? and object = ? and operation = ? and list_contains(?, record_id)"
    given = [obj.system, obj.name, operation, list(record_ids)]
    if con.execute(f"select 1 from {table('error')} where {own} limit 1", given).fetchone():
        con.execute(f"update {table('error')} set resolved_at = ? where {own}", [now, *given])


def resolve_value_errors(
    con: Connection, obj: Object, fields: Iterable[str], changed: str, still: Iterable[Error], now: datetime
) -> None:
    """Close the open errors of these fields of the records in table `changed`, but for those that are `still` wrong."""
    found = con.execute(
        f"select record_id, field from {table('error')} where system = ? and object = ? and resolved_at is null "
        f"and list_contains(?, field) and record_id in (select {quoted(obj.key)}::varchar from {changed})",
        [obj.system, obj.name, list(fields)],
    )
    done = set(found.fetchall()) - {(e.record_id, e.field) for e in still}
    if done:
        con.execute(
            f"update {table('error')} set resolved_at = ? where system = ? and object = ? and resolved_at is null "
            f"and (record_id, field) in ({commas('(?, ?)' for _ in done)})",
            [now, obj.system, obj.name, *(part for key in done for part in key)],
        )


def add_new_notices(con: Connection, run_id: str, obj: Object, notices: Sequence[Notice], now: datetime) -> None:
    """Note what is not on record yet, for what stays as it is until somebody acts (FIELD-26)."""
    if not notices:
        return
    query = f"select kind, field from {table('notice')} where system = ? and object = ?"
    known = set(con.execute(query, [obj.system, obj.name]).fetchall())
    add_notices(con, run_id, obj, [n for n in notices if (n.kind, n.field) not in known], now)


def add_notices(con: Connection, run_id: str, obj: Object, notices: Iterable[Notice], now: datetime) -> None:
    rows = [(now, run_id, obj.system, obj.name, n.kind, n.field, n.message) for n in notices]
    insert(con, "notice", rows)


def warn(con: Connection, run_id: str, system: str, notice: Notice, now: datetime) -> None:
    """Note what is wrong with a whole system, once a day for as long as it lasts (OPS-15)."""
    known = f"select 1 from {table('notice')} where system = ? and kind = ? and noted_at > ?"
    if not con.execute(known, [system, notice.kind, now - DAY]).fetchone():
        insert(con, "notice", [(now, run_id, system, None, notice.kind, None, notice.message)])


def forget(con: Connection, before: datetime) -> None:
    """Remove what was put on record before then; an error stays until it is resolved (OPS-17)."""
    for name, column in (
        ("run", "ended_at"),
        ("job", "ended_at"),
        ("notice", "noted_at"),
        ("request", "noted_at"),
        ("backlog", "measured_at"),
        ("error", "resolved_at"),
    ):
        con.execute(f"delete from {table(name)} where {quoted(column)} < ?", [before])
