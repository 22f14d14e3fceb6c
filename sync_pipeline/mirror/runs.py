"""The runs there are: a cycle, a backfill of months, a comparison of all ids, a refresh of formula fields.

Each is `cycle.run` with its own work per object; all end in `sync.run` and `sync.job`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sync_pipeline.lake import ledger
from sync_pipeline.mirror import reconcile
from sync_pipeline.mirror.cycle import Cycle, Done, Told, run
from sync_pipeline.mirror.read import Read, read_window
from sync_pipeline.mirror.source import Source
from sync_pipeline.mirror.windows import months_window, next_window
from sync_pipeline.model import Counts, Object, Window


def _quiet(_: Done) -> None:
    """Tell nobody."""


def watermarks(source: Source) -> dict[str, datetime]:
    """Return the end of the last committed window of each object that was read before."""
    with source.lake.reading() as con:
        return ledger.watermarks(con, source.connector.system)


def sync(
    source: Source, objects: Sequence[Object], *, since: datetime | None = None, full: bool = False, told: Told = _quiet
) -> Cycle:
    """Read what changed since each object's watermark, or everything where there is none (GEN-2, GEN-3).

    Args:
        since: reach back to here, if that is before the watermark. It never makes a window shorter: what lies between
            the watermark and a later time must be read all the same (law 6).
        full: read everything again, and repair what differs.
    """

    def work(at: Source, obj: Object, run_id: str) -> Read:
        now, mark = at.connector.now(), at.marks.get(obj.name)
        if obj.every and mark and now - mark < obj.every and since is None and not full:
            return Read(obj, Window(mark, mark), Counts(), committed=False)
        window = next_window(mark, now, at.policy.overlap, at.policy.lag)
        if full:
            return reconcile.reread(at, obj, Window(None, window.end), run_id, now)
        if since is not None and window.start is not None:
            window = Window(min(since, window.start), window.end)
        return read_window(at, obj, window, run_id, now)

    return run(source, objects, work, kind="full" if full else "cycle", told=told)


def backfill(
    source: Source, objects: Sequence[Object], first: date, last: date, *, from_beginning: bool, told: Told = _quiet
) -> Cycle:
    """Read the UTC months `first` to `last` whole, repair them and find what is missing.

    Args:
        from_beginning: `first` is the first month that is told apart, so it stands for all before it too.
    """

    def work(at: Source, obj: Object, run_id: str) -> Read:
        now = at.connector.now()
        window = months_window(first, last, now, at.policy.lag, from_beginning)
        return reconcile.reread(at, obj, window, run_id, now)

    return run(source, objects, work, kind="backfill", told=told)


def compare_ids(source: Source, objects: Sequence[Object], *, told: Told = _quiet) -> Cycle:
    """Compare the ids and stamps of all records with the mirrors; repair what was missed, mark what is gone (DEL-6)."""
    return run(source, objects, reconcile.compare, kind="reconcile", operation="Pull deletes", told=told)


def read_fields(source: Source, obj: Object, names: Sequence[str], *, told: Told = _quiet) -> Cycle:
    """Read these fields of all records, such as have become visible since the records were read (FIELD-4)."""

    def work(at: Source, obj: Object, run_id: str) -> Read:
        return reconcile.refresh(at, obj, run_id, names)

    return run(source, [obj], work, kind="refresh", told=told)


def refresh_formulas(source: Source, objects: Sequence[Object], *, told: Told = _quiet) -> Cycle:
    """Read all formula fields again: they change without a new stamp (FIELD-12)."""
    return run(source, objects, reconcile.refresh, kind="refresh", told=told)
