"""Finding what windows cannot show: hard deletes, records missed, formula fields that changed without a stamp."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.landing import Landing, Manifest
from sync_pipeline.lake.sql import quoted
from sync_pipeline.lake.types import STAMP, cast
from sync_pipeline.mirror.intake import Intake, Schema, take_in
from sync_pipeline.mirror.read import Read, land, read_window, with_schema
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import Counts, Object, Window

# Above so many records to be looked at one by one, everything is read again: by Bulk API that costs fewer calls.
MOST_BY_ID = 5_000


def reread(source: Source, obj: Object, window: Window, run_id: str, now: datetime) -> Read:
    """Read a window whole, repair the mirror, and look up by id what the mirror has in it and the window had not.

    Such a record has moved to a later month, which is no loss, or is gone for good.
    """
    read = read_window(source, obj, window, run_id, now, repair=True)
    if not obj.compared:
        repaired = Counts()
    elif len(read.unseen) > MOST_BY_ID and not obj.known_by:
        repaired = compare(source, obj, run_id).counts
    else:
        repaired = look_up(source, obj, read.unseen, run_id, now)
    if window.start is None:
        with source.lake.transaction() as con:
            ledger.note_filled(con, obj)
    return replace(read, counts=read.counts + repaired, unseen=())


def compare(source: Source, obj: Object, run_id: str) -> Read:
    """Compare ids and stamps of all living records with the mirror.

    Raises:
        RejectedError: more than the allowed share is gone; nothing is marked (law 7).
    """
    now = source.connector.now()
    window = Window(None, now)
    if not obj.compared or not _is_mirrored(source, obj):
        return Read(obj, window, Counts(), committed=True)
    if obj.known_by:  # nobody lists them: what is known is read again, and the rest looked up
        return reread(source, obj, Window(None, now - source.policy.lag), run_id, now)
    fields = (obj.key, obj.stamp)
    landing = source.landing(obj, "alive")
    landing.begin(Manifest(window, fields, ""))
    land(source, obj, source.connector.extract_alive(obj, fields), landing)
    read = Read(obj, window, Counts(read=landing.rows))
    suspects = _suspects(source, obj, landing)
    if len(suspects) > MOST_BY_ID:
        again = read_window(source, obj, Window(None, now - source.policy.lag), run_id, now)
        read = replace(read, counts=read.counts + again.counts, errors=again.errors)
        suspects = _suspects(source, obj, landing)
        if len(suspects) > MOST_BY_ID:  # not in the recycle bin either: most likely the sync user lost sight of them
            with source.lake.reading() as con:
                _check_share(con, source, obj, len(suspects))
    counts = look_up(source, obj, suspects, run_id, now)
    landing.clear()
    return replace(read, counts=read.counts + counts)


def look_up(source: Source, obj: Object, ids: Sequence[str], run_id: str, now: datetime) -> Counts:
    """Read records by id, deleted ones included, into the mirror; mark those that are nowhere as deleted.

    A record that is nowhere was deleted for good or can no longer be seen by the sync user; its `IsDeleted` stays
    false, which tells it from one in the recycle bin (GEN-5).

    Raises:
        RejectedError: more than the allowed share of the object would be marked; nothing is (law 7).
    """
    if not ids:
        return Counts()
    landing = source.landing(obj, "ids")

    def land_records(schema: Schema) -> None:
        landing.begin(Manifest(Window(None, now), schema.names, ""))
        land(source, obj, source.connector.extract_ids(obj, schema.names, ids), landing)

    schema, _ = with_schema(source, obj, now, land_records)
    nowhere = sorted(set(ids) - set(landing.key_table(obj.key).column(0).to_pylist()))
    counts, _ = take_in(source, Intake(obj, schema, run_id, now, current=True), landing)
    landing.clear()
    if not nowhere:
        return counts
    # In a transaction of its own: see `merge` for why one transaction changes a mirror once.
    with source.lake.transaction() as con:
        _check_share(con, source, obj, len(nowhere))
        mark_gone(con, obj, nowhere, run_id, now)
    return counts + Counts(deleted=len(nowhere))


def refresh(source: Source, obj: Object, run_id: str, names: Collection[str] = ()) -> Read:
    """Read key, stamp and formula fields, or the fields of these names, of all living records.

    Changed are those whose stamp has not moved; the others come by themselves.
    """
    now = source.connector.now()
    window = Window(None, now)
    landing = source.landing(obj, "fields")

    def land_fields(schema: Schema) -> tuple[str, ...]:
        wanted = [f.name for f in schema.described.fields if (f.name in names if names else f.calculated)]
        fields = (obj.key, obj.stamp, *wanted)
        landing.begin(Manifest(window, fields, ""))
        if wanted:
            land(source, obj, source.connector.extract_alive(obj, fields), landing)
        return fields

    if obj.known_by and names:  # nobody lists them: what is known is read again
        return reread(source, obj, Window(None, now - source.policy.lag), run_id, now)
    if obj.known_by or not _is_mirrored(source, obj):
        return Read(obj, window, Counts())
    schema, fields = with_schema(source, obj, now, land_fields)
    if landing.rows == 0:
        landing.clear()
        return Read(obj, window, Counts())
    counts, errors = take_in(
        source,
        Intake(obj, schema, run_id, now, fields, refresh=True),
        landing,
        lambda con: ledger.note_filled(con, obj, fields),
    )
    landing.clear()
    return Read(obj, window, counts, tuple(errors))


def _is_mirrored(source: Source, obj: Object) -> bool:
    with source.lake.reading() as con:
        return bool(table.fields_kept(con, obj))


def _suspects(source: Source, obj: Object, alive: Landing) -> tuple[str, ...]:
    """Return ids that the mirror lacks, has in an older or deleted state, or has alive though the system does not."""
    key, stamp, deleted = quoted(obj.key), quoted(obj.stamp), quoted(table.DELETED_AT)
    nothing = pa.table({name: pa.array([], pa.string()) for name in (obj.key, obj.stamp)})
    with source.lake.reading() as con:
        con.register("alive", alive.reader() if alive.rows else nothing)
        found = con.execute(
            f"""
            with told as (select {key} as id, {cast(obj.stamp, STAMP)} as moved_at from alive),
            kept as (
                select {key}::varchar as id, {stamp} as moved_at, {deleted} as gone_at
                from {table.full_name(*obj.table)}
            )
            select coalesce(told.id, kept.id)
            from told full join kept on kept.id = told.id
            where (told.id is null and kept.gone_at is null)
                or (told.id is not null and kept.id is null)
                or (told.id is not null and (kept.gone_at is not null or told.moved_at is distinct from kept.moved_at))
            """
        ).fetchall()
        con.unregister("alive")
    return tuple(record for (record,) in found)


def _check_share(con: Connection, source: Source, obj: Object, gone: int) -> None:
    query = f"select count(*) from {table.full_name(*obj.table)} where {quoted(table.DELETED_AT)} is null"
    (living,) = con.execute(query).fetchone() or (0,)
    if gone > max(source.policy.most_deletes * living, 1):
        raise RejectedError(
            "TOO_MANY_DELETES",
            f"{gone} of {living} {obj.name} records are no longer there, above the limit of "
            f"{source.policy.most_deletes:.0%}; nothing was marked. Can the sync user still see them all? If they are "
            "really gone, SYNC_MOST_DELETES=1 for one run marks them",
        )


def mark_gone(con: Connection, obj: Object, ids: Sequence[str], run_id: str, now: datetime) -> None:
    """Note that these records are no longer to be seen, though nothing tells that they were deleted."""
    key, deleted = quoted(obj.key), quoted(table.DELETED_AT)
    con.register("gone", pa.table({"id": list(ids)}))
    con.execute(
        f"update {table.full_name(*obj.table)} set {deleted} = ?, {quoted(table.SYNCED_AT)} = ? "
        f"where {key}::varchar in (select id from gone)",
        [now, now],
    )
    con.execute(
        f"insert into {table.full_name(*obj.changes_table)} by name select id as {key}, 'delete' as _change, "
        "?::timestamptz as _changed_at, ?::timestamptz as _detected_at, ? as _run_id from gone",
        [now, now, run_id],
    )
    con.unregister("gone")
