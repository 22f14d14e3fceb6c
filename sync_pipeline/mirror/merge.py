"""Taking a landing into the mirror: what is new, what really differs, what is gone.

Everything here is SQL over whole tables in the transaction of the caller; no record passes through Python. The order
in which records arrive does not matter (law 5): of two versions the later stamp stays, and of equal stamps, which
have a resolution of one second, the one read last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from sync_pipeline.connectors.clock import AGREEMENT
from sync_pipeline.lake import ledger
from sync_pipeline.lake.differences import Differences
from sync_pipeline.lake.landing import ROWS, Landing
from sync_pipeline.lake.ledger import Error
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, SYNCED_AT, full_name
from sync_pipeline.lake.types import STAMP, TEXT, cast
from sync_pipeline.model import Counts, Object

Connection = duckdb.DuckDBPyConnection

MOST_MISFITS = 100_000  # of one field in one reading; what is not on record is taken for an emptied field
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Merge:
    """One merge of landed records into the mirror of `obj`.

    Attributes:
        types: the landed fields and the types of their columns, in the order they landed.
        now: when the merge is done; goes to `_synced_at` and `_detected_at` (see `_after_all_before`).
        refresh: only update the given fields of records that are known and whose stamp has not moved; this is how
            formula fields, which change without a new stamp (FIELD-12), are brought up to date.
        current: the records were asked for by id and are as they are now, even if their stamps say that they are older.
    """

    obj: Object
    types: dict[str, str]
    run_id: str
    now: datetime
    refresh: bool = False
    current: bool = False

    @property
    def key(self) -> str:
        return quoted(self.obj.key)

    @property
    def stamp(self) -> str:
        return quoted(self.obj.stamp)

    @property
    def mirror(self) -> str:
        return full_name(*self.obj.table)

    @property
    def compared(self) -> list[str]:
        """The fields whose difference is a change."""
        own = {self.obj.key, self.obj.stamp, *self.obj.bookkeeping, *self.obj.disregarded}
        return [name for name in self.types if name not in own]

    @property
    def casts(self) -> str:
        return commas(f"{cast(name, kind)} as {quoted(name)}" for name, kind in self.types.items())

    def deleted(self, of: str = "") -> str:
        """SQL that tells whether a record is in the recycle bin; objects without one never are."""
        return f"coalesce({of}{quoted(self.obj.deleted)}, false)" if self.obj.deleted in self.types else "false"

    def gone_as(self, of: str = "") -> str:
        """SQL for the kind of a vanishing: a merge loser is never a plain delete (MERGE-18)."""
        master = self.obj.master
        return f"if({of}{quoted(master)} is not null, 'merge', 'delete')" if master in self.types else "'delete'"


def merge(con: Connection, plan: Merge, landing: Landing) -> tuple[Counts, list[Error]]:
    """Take the landed records into the mirror and its changes; return the counts and the values that did not fit.

    The caller's transaction decides whether any of it stays. It must not hold a second merge of the same object:
    DuckLake 1.5.5 loses rows when a table is updated twice in part within one transaction.
    """
    filled = landing.filled()
    if filled[ROWS] == 0:
        return Counts(), []
    future, plan = plan.now + AGREEMENT, replace(plan, now=_after_all_before(con, plan))
    first = con.execute(f"select 1 from {plan.mirror} limit 1").fetchone() is None
    if first and not plan.refresh and _load(con, plan, landing):
        counts = Counts(read=filled[ROWS], **_load_counts(con, plan))
        staged = plan.mirror
    else:
        _stage(con, plan, landing)
        _compare(con, plan, future)
        counts = Counts(read=filled[ROWS], **_apply(con, plan))
        staged = "staged"
    errors = _misfits(con, plan, landing, staged)
    if staged != plan.mirror:
        ledger.resolve_value_errors(con, plan.obj, plan.types, "delta", errors, plan.now)
    con.execute("drop table if exists staged; drop table if exists delta")
    return _with_skipped(counts, len(errors)), errors


def _with_skipped(counts: Counts, failed: int) -> Counts:
    values = counts.as_dict()
    return Counts(**{**values, "skipped": max(counts.read - counts.changed, 0), "failed": failed})


def _load(con: Connection, plan: Merge, landing: Landing) -> bool:
    """Fill an empty mirror in one insert; False, and nothing filled, if a record landed more than once."""
    for reader in landing.readers():
        _from_landing(
            con,
            reader,
            f"insert into {plan.mirror} by name select {plan.casts}, {literal(plan.now)} as {quoted(SYNCED_AT)}, "
            f"if({_text_deleted(plan)}, coalesce({cast(plan.obj.stamp, STAMP)}, {literal(plan.now)}), null) "
            f"as {quoted(DELETED_AT)} "
            "from landed",
        )
    # Hashes, in a third of the memory of the keys: if two keys share one, the careful way is taken for nothing.
    unique = f"select count(*), count(distinct hash({plan.key})) from {plan.mirror}"
    rows, keys = con.execute(unique).fetchone() or (0, 0)
    if rows != keys:
        con.execute(f"delete from {plan.mirror}")
        return False
    con.execute(
        f"insert into {full_name(*plan.obj.changes_table)} by name select {plan.key}, "
        f"if({plan.deleted()}, {plan.gone_as()}, 'insert') as _change, {plan.stamp} as _changed_at, "
        f"{literal(plan.now)} as _detected_at, {literal(plan.run_id)} as _run_id from {plan.mirror}"
    )
    return True


def _text_deleted(plan: Merge) -> str:
    return f"{quoted(plan.obj.deleted)} = 'true'" if plan.obj.deleted in plan.types else "false"


def _load_counts(con: Connection, plan: Merge) -> dict[str, int]:
    found = con.execute(
        f"select if({plan.deleted()}, {plan.gone_as()}, 'insert'), count(*) from {plan.mirror} group by all"
    )
    return _by_kind(dict(found.fetchall()))


def _by_kind(kinds: dict[str, int]) -> dict[str, int]:
    names = {"insert": "inserted", "update": "updated", "delete": "deleted", "undelete": "undeleted", "merge": "merged"}
    return {names[kind]: count for kind, count in kinds.items()}


def _stage(con: Connection, plan: Merge, landing: Landing) -> None:
    """Put the landed records, typed, each once, into the temporary table `staged`."""
    _from_landing(
        con,
        landing.reader(),
        f"create or replace temp table staged as select {plan.casts} from landed "
        f"qualify row_number() over (partition by {plan.key} order by {plan.stamp} desc nulls last) = 1",
    )
    if plan.obj.tombstones:
        _keep_last_values(con, plan)


def _keep_last_values(con: Connection, plan: Merge) -> None:
    """Give deleted records that came as tombstones the values that the mirror has of them."""
    own = {plan.obj.key, plan.obj.stamp, plan.obj.deleted, plan.obj.master}
    sets = [f"{quoted(name)} = m.{quoted(name)}" for name in plan.types if name not in own]
    if plan.obj.master in plan.types:  # a merge stays one, whatever is told of the loser later
        master = quoted(plan.obj.master)
        sets.append(f"{master} = coalesce(staged.{master}, m.{master})")
    con.execute(
        f"update staged set {commas(sets)} from {plan.mirror} m "
        f"where m.{plan.key} = staged.{plan.key} and {plan.deleted('staged.')}"
    )


def _from_landing(con: Connection, reader: pa.RecordBatchReader, statement: str) -> None:
    con.register("landed", reader)
    try:
        con.execute(statement)
    finally:
        con.unregister("landed")
        reader.close()


def _after_all_before(con: Connection, plan: Merge) -> datetime:
    """Return the time of a merge: now, or later than every earlier merge's where the clock was set back since.

    Whoever takes in what changed remembers the latest of these times; an earlier one would never be seen. Files that
    hold nothing from now on are left out by their statistics, so the two looks read hardly anything.
    """
    later = [
        f"select max({quoted(column)}) as latest from {table} where {quoted(column)} >= {literal(plan.now)}"
        for column, table in ((SYNCED_AT, plan.mirror), ("_detected_at", full_name(*plan.obj.changes_table)))
    ]
    (last,) = con.execute(f"select max(latest) from ({' union all '.join(later)})").fetchone() or (None,)
    return last + MICROSECOND if last else plan.now


def _compare(con: Connection, plan: Merge, future: datetime) -> None:
    """Put the staged records that are new, moved or different into `delta`, with what became of each.

    A stamp of the future in the mirror orders nothing: what is read later is the newer version, whatever its stamp.
    """
    differ = Differences(plan.compared, "s", "m")
    # Whose edit was the last is no change; of one in the second in which the record was read, it may be all there is.
    touched = Differences([name for name in plan.obj.bookkeeping if name in plan.types], "s", "m")
    alive, was_gone = f"not {plan.deleted('s.')}", f"m.{quoted(DELETED_AT)} is not null"
    new = f"m.{plan.key} is null"
    # A stamp that did not fit is none, which is older than any.
    same = f"s.{plan.stamp} is not distinct from m.{plan.stamp}"
    if plan.refresh:
        wanted = f"{same} and not ({was_gone}) and ({differ.any})"
    else:
        newer = f"coalesce(s.{plan.stamp} > m.{plan.stamp}, m.{plan.stamp} is null and s.{plan.stamp} is not null)"
        wanted = (
            f"{new} or {newer} or (s.{plan.stamp} is distinct from m.{plan.stamp} "
            f"and (m.{plan.stamp} > {literal(future)} or {literal(plan.current)})) "
            f"or ({same} and ({differ.any} or {touched.any} or ({was_gone} and {alive})))"
        )
    con.execute(f"""
        create or replace temp table delta as
        with compared as (
            select s.*, {new} as _new, m.{quoted(DELETED_AT)} as _was_deleted_at,
                {differ.fields} as _fields, {differ.before} as _before, {differ.after} as _after
            from staged s left join {plan.mirror} m on m.{plan.key} = s.{plan.key}
            where {wanted}
        )
        select *,
            if({plan.deleted()}, coalesce(_was_deleted_at, {plan.stamp}, {literal(plan.now)}), null)
                as {quoted(DELETED_AT)},
            case
                when {plan.deleted()} and _was_deleted_at is null then {plan.gone_as()}
                when _new then 'insert'
                when not {plan.deleted()} and _was_deleted_at is not null then 'undelete'
                when len(_fields) > 0 then 'update'
            end as _change
        from compared
    """)  # a row without _change was only touched


def _apply(con: Connection, plan: Merge) -> dict[str, int]:
    """Write `delta` to the mirror and the changes table; return how many of each kind."""
    kinds = dict(con.execute("select _change, count(*) from delta group by all").fetchall())
    if not kinds:
        return {}
    own = "" if plan.refresh else f", {quoted(DELETED_AT)} = d.{quoted(DELETED_AT)}"
    sets = commas(f"{quoted(n)} = d.{quoted(n)}" for n in plan.types if n != plan.obj.key)
    names = [*plan.types, SYNCED_AT, DELETED_AT]
    values = [f"d.{quoted(n)}" if n != SYNCED_AT else literal(plan.now) for n in names]
    insert = f"when not matched then insert ({commas(quoted(n) for n in names)}) values ({commas(values)})"
    con.execute(
        f"merge into {plan.mirror} m using delta d on m.{plan.key} = d.{plan.key} "
        f"when matched then update set {sets}, {quoted(SYNCED_AT)} = {literal(plan.now)}{own} "
        + ("" if plan.refresh else insert)
    )
    told = "_new"  # the mirror itself holds their values
    con.execute(
        f"insert into {full_name(*plan.obj.changes_table)} by name select {plan.key}, _change, "
        f"{plan.stamp} as _changed_at, {literal(plan.now)} as _detected_at, {literal(plan.run_id)} as _run_id, "
        f"if({told}, null, _fields) as _fields, if({told}, null, _before) as _before, "
        f"if({told}, null, _after) as _after from delta where _change is not null"
    )
    kinds.pop(None, None)
    return _by_kind(kinds)


def _misfits(con: Connection, plan: Merge, landing: Landing, staged: str) -> list[Error]:
    """Return an error for each value that is no value of its field's type; it is null in the mirror.

    Costs one count of the typed columns; only when a count differs from what landed is the landing read again.
    """
    typed = [name for name, kind in plan.types.items() if kind != TEXT]
    filled = landing.filled()
    if not typed:
        return []
    counted = con.execute(f"select count(*), {commas(f'count({quoted(n)})' for n in typed)} from {staged}").fetchone()
    _, *counts = counted or ()
    suspects = [n for n, count in zip(typed, counts, strict=True) if count != filled[n]]
    errors: list[Error] = []
    for name in suspects:
        bad = f"{quoted(name)} is not null and {cast(name, plan.types[name])} is null"
        _from_landing(
            con,
            landing.reader(),
            f"create or replace temp table misfit as select {plan.key} as k, {quoted(name)} as v from landed "
            f"where {bad} order by k limit {MOST_MISFITS}",
        )
        for key, value in con.execute("select k, left(v, 40) from misfit").fetchall():
            said = f"{plan.obj.source}.{name} should be {plan.types[name]} but is {value!r}; kept as null, not synced"
            errors.append(Error(ledger.MISFIT, said, key, name))
    con.execute("drop table if exists misfit")
    return errors


def fractional(con: Connection, plan: Merge, landing: Landing, names: Sequence[str]) -> frozenset[str]:
    """Return those of these fields of whole numbers of which a number landed that a column of them cannot hold."""
    if not names:
        return frozenset()
    bad = commas(
        f"coalesce(bool_or({cast(n, plan.types[n])} is null and isfinite(try_cast({quoted(n)} as double))), false)"
        f" as {quoted(n)}"
        for n in names
    )
    _from_landing(con, landing.reader(), f"create or replace temp table fraction as select {bad} from landed")
    found = con.execute("from fraction").fetchone() or ()
    con.execute("drop table fraction")
    return frozenset(name for name, is_there in zip(names, found, strict=True) if is_there)
