"""Reading one window of one object into its mirror: pages land, then one transaction takes them in.

The mirror, its changes and the watermark move together or not at all (law 6).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.errors import ConnectorError, RejectedError, RetryableError
from sync_pipeline.connectors.extract import CLOCK_JITTER, Extract, Page
from sync_pipeline.connectors.http import repeat
from sync_pipeline.lake import ledger, table
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.landing import Landing, Manifest
from sync_pipeline.lake.sql import quoted
from sync_pipeline.mirror.intake import Intake, Schema, ask_schema, take_in
from sync_pipeline.mirror.known import extract_known, with_known
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import Counts, Object, Window

T = TypeVar("T")
FIELD_GONE = frozenset({"INVALID_FIELD", "1006"})  # Salesforce's word and Marketo's


@dataclass(frozen=True)
class Read:
    """What reading a window came to.

    `committed` is False when there was nothing to write: the caller then notes the watermark together with those of
    the other quiet objects. `unseen` are ids of records that the mirror has in the window and the system did not give.
    `waiting` records of a first load are younger than its window's end: the next cycle reads them.
    """

    obj: Object
    window: Window
    counts: Counts
    errors: tuple[ledger.Error, ...] = ()
    committed: bool = True
    unseen: tuple[str, ...] = ()
    waiting: int = 0


def read_window(source: Source, obj: Object, window: Window, run_id: str, now: datetime, repair: bool = False) -> Read:
    """Read `window` of `obj` into its mirror.

    A landing that an earlier process left behind is gone on with.

    Args:
        repair: also tell which records the mirror has in the window and the system did not give.

    Raises:
        ConnectorError: the window could not be read whole; nothing is in the lake, pages that landed are kept.
        LakeError: the lake refused the transaction.
    """
    landing = source.landing(obj)
    asked = window
    schema, window = with_schema(source, obj, now, lambda schema: _land_window(source, obj, schema, asked, landing))
    if landing.rows == 0 and window.start is None:
        _check_empty(source, obj, window)
    if landing.rows == 0 and not schema.fresh and not repair:
        landing.clear()
        return Read(obj, window, Counts(), committed=False)
    unseen: tuple[str, ...] = ()

    def note(con: Connection) -> None:
        nonlocal unseen
        unseen = _unseen(con, obj, window, landing) if repair else ()
        ledger.move_watermarks(con, [(obj, window)], now)

    counts, errors = take_in(source, Intake(obj, schema, run_id, now), landing, note)
    landing.clear()
    waiting = _count_waiting(source, obj) if window.start is None else 0
    return Read(obj, window, counts, tuple(errors), unseen=unseen, waiting=waiting)


def _count_waiting(source: Source, obj: Object) -> int:
    """Return how many living records the system counts beyond those that are mirrored; 0 where it counts none."""
    if not obj.counted:
        return 0
    try:
        there = source.connector.count(obj)
    except ConnectorError:  # it is only told; whatever is wrong shows where something depends on it
        return 0
    query = f"select count(*) from {table.full_name(*obj.table)} where {quoted(table.DELETED_AT)} is null"
    ((here,),) = source.lake.rows(query)
    return max(there - int(here), 0)


def _check_empty(source: Source, obj: Object, window: Window) -> None:
    """Refuse to take an object for empty of which the system counts records: what is missing is not deleted.

    Raises:
        RejectedError: it counts some that belong to the window.
    """
    if obj.counted and (number := source.connector.count(obj, before=window.end)):
        raise RejectedError(
            "EMPTY_READ",
            f"{obj.name} reads as empty, but the system counts {number:,} records; nothing was taken in. May the sync "
            "user query all of them?",
        )


def with_schema(source: Source, obj: Object, now: datetime, read: Callable[[Schema], T]) -> tuple[Schema, T]:
    """Return the schema and what `read` made with it.

    A field that vanished since the last describe is found by a query's refusal; describe is then asked, and `read`
    called, once more.
    """
    schema = ask_schema(source, obj, now)
    try:
        return schema, read(schema)
    except RejectedError as error:
        if error.code not in FIELD_GONE or schema.fresh:
            raise
    schema = ask_schema(source, obj, now, afresh=True)
    return schema, read(schema)


def _land_window(source: Source, obj: Object, schema: Schema, window: Window, landing: Landing) -> Window:
    """Land all of a window, or the rest of it if another process began; return the window that landed."""
    # For a process that died just now the system's clock may have been later than it is.
    begun, latest = landing.manifest, window.end + CLOCK_JITTER
    if begun and begun.fields == schema.names and begun.window.start == window.start and begun.window.end <= latest:
        extract = source.connector.resume(obj, schema.names, begun.token)
        if extract:
            land(source, obj, with_known(source, obj, schema.names, begun.window, extract), landing)
            return begun.window
    if obj.known_by:
        extract = extract_known(source, obj, schema.names, window)
    else:
        told = source.connector.extract(obj, schema.names, window)
        extract = with_known(source, obj, schema.names, window, told)
    landing.begin(Manifest(window, schema.names, extract.token))
    land(source, obj, extract, landing)
    return window


def land(source: Source, obj: Object, extract: Extract, landing: Landing) -> None:
    """Land the pages that are not there yet, a few at a time.

    Raises:
        ConnectorError: a page failed for good, or fewer or more records arrived than the system announced.
    """
    patience = Patience(source.policy.bounds, source.policy.retry_wait)
    with ThreadPoolExecutor(source.policy.page_threads) as pool:
        waiting: set[Future[None]] = set()
        try:
            for page in extract.pages():
                if not landing.has(page.name):
                    page.begin()
                    waiting.add(pool.submit(_land_page, page, landing, patience))
                if len(waiting) >= 2 * source.policy.page_threads:
                    waiting = _some_done(waiting)
                source.landed(obj, landing.rows, extract.expected)
            while waiting:
                waiting = _some_done(waiting)
                source.landed(obj, landing.rows, extract.expected)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    arrived = landing.rows
    if extract.expected not in (arrived, -1):
        landing.clear()
        raise RetryableError("COUNT_DIFFERS", f"{arrived} of {extract.expected} announced records arrived")


def _some_done(waiting: set[Future[None]]) -> set[Future[None]]:
    done, rest = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return rest


def _land_page(page: Page, landing: Landing, patience: Patience) -> None:
    repeat(lambda: landing.add(page.name, page.read()), patience, patience.bounds.job)


def _unseen(con: Connection, obj: Object, window: Window, landing: Landing) -> tuple[str, ...]:
    """Return ids of living records that the mirror has in the window and that did not land."""
    key, stamp, deleted = quoted(obj.key), quoted(obj.stamp), quoted(table.DELETED_AT)
    landed = landing.key_table(obj.key)
    con.register("landed_keys", landed)
    try:
        found = con.execute(
            f"select {key}::varchar from {table.full_name(*obj.table)} where {deleted} is null and {stamp} < ? "
            f"and ({stamp} >= ? or ?) "
            f"and {key}::varchar not in (select {key} from landed_keys where {key} is not null)",
            [window.end, window.start or window.end, window.start is None],
        )
        return tuple(key for (key,) in found.fetchall())
    finally:
        con.unregister("landed_keys")
