"""Keeping a lake small and fast that is written every five minutes: few files, few snapshots, no leftovers.

Readers are safe: a file is removed only some time after no snapshot needs it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync_pipeline.lake import ledger
from sync_pipeline.lake.connection import NAME, Lake
from sync_pipeline.lake.errors import LakeError
from sync_pipeline.lake.sql import literal

# A file that no snapshot needs stays for the queries that began before it was replaced.
GRACE = timedelta(hours=1)
# Runs, jobs, notices and resolved errors; the native sync keeps them five days (OPS-17).
RECORD = timedelta(days=90)
# A data file of which this share was deleted is written anew without the deleted rows.
REWRITE_SHARE = 0.2


@dataclass(frozen=True)
class Tidied:
    """Counts before and after: data and delete files, bytes of both, and snapshots; and of files that are not ours."""

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    snapshots_before: int
    snapshots_after: int
    strangers: int = 0


def size(lake: Lake) -> tuple[int, int, int]:
    """Return the number of data and delete files in use, their bytes, and the number of snapshots."""
    [(files, used)] = lake.rows(
        "select coalesce(sum(file_count + delete_file_count), 0), "
        f"coalesce(sum(file_size_bytes + delete_file_size_bytes), 0) from ducklake_table_info({literal(NAME)})"
    )
    [(snapshots,)] = lake.rows(f"select count(*) from ducklake_snapshots({literal(NAME)})")
    return int(files), int(used), snapshots


def tidy(lake: Lake, keep: timedelta, grace: timedelta = GRACE, keep_record: timedelta = RECORD) -> Tidied:
    """Move inlined rows to Parquet, merge small files, drop snapshots older than `keep` and the files they held.

    Args:
        keep: how long a snapshot can still be read (`from lake.salesforce.contact at (timestamp => …)`).
        grace: how long a file that nothing needs any more stays on disk.
        keep_record: how long runs, jobs, notices and resolved errors stay on record.

    Raises:
        LakeError: some of it could not be done; the rest is.
    """
    before = size(lake)
    with lake.transaction() as con:
        ledger.forget(con, datetime.now(UTC) - keep_record)
    # With a SQLite catalog DuckLake 1.5.5 compares times as text and so to the day only: what began on the day of
    # `older_than` counts as older. So snapshots are named one by one, and files wait a day more than asked for.
    cleanup = f"older_than => now() - {_interval(grace + timedelta(days=1))}" if grace else "cleanup_all => true"
    old = _snapshots_before(lake, keep)
    failed: list[str] = []
    for statement in (
        f"call ducklake_flush_inlined_data({literal(NAME)})",
        f"call ducklake_rewrite_data_files({literal(NAME)}, delete_threshold => {REWRITE_SHARE})",
        f"call ducklake_merge_adjacent_files({literal(NAME)})",
        *([f"call ducklake_expire_snapshots({literal(NAME)}, versions => {old})"] if old else []),
        f"call ducklake_cleanup_old_files({literal(NAME)}, {cleanup})",
    ):
        try:
            with lake.transaction() as con:
                con.execute(statement)
        except LakeError as error:  # the others are worth doing all the same
            failed.append(f"{statement.split('(')[0].removeprefix('call ')}: {error}")
    strangers = 0
    try:
        strangers = _remove_orphans(lake, max(grace, GRACE))
    except LakeError as error:
        failed.append(f"orphaned files: {error}")
    if failed:
        raise LakeError("; ".join(failed))
    after = size(lake)
    return Tidied(before[0], after[0], before[1], after[1], before[2], after[2], strangers)


def _remove_orphans(lake: Lake, age: timedelta) -> int:
    """Remove what transactions that died left in the folder; return how many files there are nobody's and stay.

    DuckLake would remove every Parquet file below the folder that this catalog does not know.
    """
    orphans = f"ducklake_delete_orphaned_files({literal(NAME)}, older_than => {literal(datetime.now(UTC) - age)}"
    with lake.transaction() as con:
        listed = [path for (path,) in con.execute(f"from {orphans}, dry_run => true)").fetchall()]
    ours = [path for path in listed if lake.unfinished.left(path)]
    if "://" not in lake.data:
        for path in ours:
            Path(path).unlink(missing_ok=True)
    elif ours and len(ours) == len(listed):  # an object store's files can only be removed all together
        with lake.transaction() as con:
            con.execute(f"call {orphans})")
    lake.unfinished.forget()
    return len(listed) - len(ours)


def _snapshots_before(lake: Lake, keep: timedelta) -> list[int]:
    """Return the numbers of the snapshots older than `keep`, but for the newest."""
    found = lake.rows(
        f"select snapshot_id from ducklake_snapshots({literal(NAME)}) where snapshot_time < now() - {_interval(keep)} "
        f"and snapshot_id < (select max(snapshot_id) from ducklake_snapshots({literal(NAME)}))"
    )
    return [snapshot for (snapshot,) in found]


def _interval(span: timedelta) -> str:
    return f"interval {literal(f'{span.total_seconds():.0f} seconds')}"
