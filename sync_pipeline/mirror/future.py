"""Times that cannot be: what a wrong clock left in the lake, put right when a run begins.

A time of the future that is remembered stops whatever is compared with it: a watermark reads nothing more, a mark of
what was decided decides nothing more, a notice that is due once a day never comes again. Such times of ours are set to
now, and how far something was read or taken in to where that is certain, so that what was missed is read (law 6).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sync_pipeline.connectors.clock import AGREEMENT
from sync_pipeline.lake import ledger
from sync_pipeline.lake.connection import Connection, Lake
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import full_name
from sync_pipeline.model import FAILED

KIND = "clock_put_right"  # the notice that is owed for it
THE_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Not times of ours but facts of a system, or what was asked of one.
FACTS = {("activity", "happened_at"), ("job", "window_start"), ("job", "window_end")}
# How far something was read, decided or taken in: such a time says what is left to do.
MARKS = {("watermark", "watermark"), ("decided", "detected_at"), ("taken", "synced_at")}
OWN_STAMPS = ("_synced_at", "_detected_at")  # of the lake's other tables
# One of them is ahead wherever a run or a reading knew a wrong time.
SIGNS = {**{name: (column,) for name, column in sorted(MARKS)}, "run": ("started_at", "ended_at")}


def put_right(lake: Lake, run_id: str, system: str, now: datetime) -> None:
    """Put right what the lake remembers of the future, all in one transaction, with a notice; mostly there is nothing.

    Args:
        now: our own time; a system's may be behind it.
    """
    limit = now + AGREEMENT
    with lake.reading() as con:
        if not _is_ahead(con, limit):
            return
    with lake.transaction() as con:
        moved = _watermarks(con, limit)
        _write_back(con, moved)
        for name, column in sorted(MARKS - {("watermark", "watermark")}):
            table = ledger.table(name)
            con.execute(f"update {table} set {column} = ? where {column} > ?", [THE_BEGINNING, limit])
        for schema, name, columns in _own_times(con):
            _clamp(con, full_name(schema, name), columns, now, limit)
        ledger.warn(con, run_id, system, ledger.Notice(KIND, "", _said(moved)), now)


def _is_ahead(con: Connection, limit: datetime) -> bool:
    signs = (
        f"exists (from {ledger.table(name)} where {' or '.join(f'{column} > $1' for column in columns)})"
        for name, columns in SIGNS.items()
    )
    (found,) = con.execute(f"select {' or '.join(signs)}", [limit]).fetchone() or (False,)
    return bool(found)


def _watermarks(con: Connection, limit: datetime) -> list[tuple[str, str, datetime, datetime, datetime]]:
    """Return the watermarks ahead: system, object, when it was first loaded, what is told now, and what is certain.

    Certain is the end of the last window of a cycle that lies in the past: each began where the one before it ended.
    Where no such run is on record any more, everything is read again.
    """
    job, run = ledger.table("job"), ledger.table("run")
    found = con.execute(
        f"""
        with read as (
            select j.system, j.object, max(j.window_end) as read_to
            from {job} j join {run} r using (run_id)
            where j.status <> {literal(FAILED)} and j.window_end <= $1
                and (r.kind in ('cycle', 'full') or (r.kind = 'backfill' and j.window_start is null))
            group by all
        )
        select w.system, w.object, w.first_loaded_at, w.watermark, coalesce(read.read_to, $2)
        from {ledger.table("watermark")} w left join read using (system, object)
        where w.watermark > $1
        order by all
        """,
        [limit, THE_BEGINNING],
    )
    return found.fetchall()


def _write_back(con: Connection, moved: list[tuple[str, str, datetime, datetime, datetime]]) -> None:
    """Replace the watermarks that are moved back."""
    if not moved:
        return
    con.execute(
        f"delete from {ledger.table('watermark')} where (system, object) in ({commas('(?, ?)' for _ in moved)})",
        [part for row in moved for part in row[:2]],
    )
    ledger.insert(con, "watermark", [(system, name, to, first) for system, name, first, _, to in moved])


def _own_times(con: Connection) -> list[tuple[str, str, list[str]]]:
    """Return the columns of the lake's tables that hold times of ours and no marks, by schema and table."""
    own = [
        (ledger.SCHEMA, name, [c for c in kinds if kinds[c] == ledger.STAMP and (name, c) not in FACTS | MARKS])
        for name, kinds in ledger.TABLES.items()
    ]
    named = commas(map(literal, OWN_STAMPS))
    found = con.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns() where database_name = 'lake' "
        f"and schema_name <> '{ledger.SCHEMA}' and column_name in ({named}) "
        "and table_name in (select table_name from duckdb_tables() where database_name = 'lake') group by all"
    ).fetchall()
    return [*((schema, name, columns) for schema, name, columns in own if columns), *found]


def _clamp(con: Connection, table: str, columns: list[str], now: datetime, limit: datetime) -> None:
    """Set the times of a table that lie ahead to now, in one update; see `merge` for why not in several."""
    ahead = " or ".join(f"{quoted(column)} > {literal(limit)}" for column in columns)
    if con.execute(f"select 1 from {table} where {ahead} limit 1").fetchone():
        sets = commas(f"{quoted(c)} = if({quoted(c)} > {literal(limit)}, {literal(now)}, {quoted(c)})" for c in columns)
        con.execute(f"update {table} set {sets} where {ahead}")


def _said(moved: list[tuple[str, str, datetime, datetime, datetime]]) -> str:
    objects = ", ".join(f"{name} (read up to {_day(was)}, now {_day(to)})" for _, name, _, was, to in moved)
    read = f"what was changed since is read again of {objects}" if moved else "nothing had been passed over in reading"
    return f"the lake held times of the future, left by a wrong clock; they were put right: {read}"


def _day(at: datetime) -> str:
    return "not at all" if at == THE_BEGINNING else f"{at:%Y-%m-%d %H:%M} UTC"
