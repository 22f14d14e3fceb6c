"""`query` and `queryAll`: SOQL by GET, in pages of a cursor that the server keeps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import duckdb
from werkzeug.wrappers import Response

from sync_pipeline.sandbox.answers import query_result, write_records
from sync_pipeline.sandbox.errors import ApiError
from sync_pipeline.sandbox.http import Call, Route, json_answer
from sync_pipeline.sandbox.ids import record_id
from sync_pipeline.sandbox.plan import Plan
from sync_pipeline.sandbox.soql_sql import compile_soql
from sync_pipeline.sandbox.store import quote

BATCH, SMALLEST_BATCH = 2000, 200
KEPT = 50  # cursors; a client that leaves more open finds the oldest gone


@dataclass
class Cursor:
    """A result kept as a temporary table of a connection of its own."""

    plan: Plan
    connection: duckdb.DuckDBPyConnection
    total: int
    lock: threading.Lock


class Cursors:
    """The results that clients are still paging through, by query locator."""

    def __init__(self) -> None:
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._lock = threading.Lock()
        self._made = 0

    def keep(self, cursor: Cursor) -> str:
        with self._lock:
            self._made += 1
            locator = record_id("01g", self._made)
            self._cursors[locator] = cursor
            while len(self._cursors) > KEPT:
                self._cursors.popitem(last=False)[1].connection.close()
        return locator

    def get(self, locator: str) -> Cursor:
        with self._lock:
            cursor = self._cursors.get(locator)
        if cursor is None:
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor

    def close(self) -> None:
        with self._lock:
            for cursor in self._cursors.values():
                cursor.connection.close()
            self._cursors.clear()


def query(call: Call, deleted: bool = False) -> Response:
    soql = call.request.args.get("q", "")
    if not soql.strip():
        raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
    plan = compile_soql(call.reader(deleted), soql)
    batch = _batch(call.request.headers.get("Sforce-Query-Options", ""))
    with call.org.cursor() as cursor:
        if plan.count_only:
            row = cursor.execute(f"select count(*) from ({plan.sql()})").fetchone()
            return json_answer(query_result(row[0] if row else 0, []))
        rows = cursor.execute(plan.sql()).fetchmany(batch + 1)
    if len(rows) <= batch:
        return json_answer(query_result(len(rows), write_records(call.org, plan, rows, call.version)))
    locator = call.sandbox.cursors.keep(_materialise(call, plan))
    return _page(call, locator, 0, batch)


def query_all(call: Call) -> Response:
    return query(call, deleted=True)


def query_more(call: Call, locator: str) -> Response:
    key, dash, offset = locator.partition("-")
    if not dash or not offset.isdigit():
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, key, int(offset), _batch(call.request.headers.get("Sforce-Query-Options", "")))


def _materialise(call: Call, plan: Plan) -> Cursor:
    """Run the query once more, into a table: pages of one result must not see later edits."""
    connection = call.org.cursor()
    names = ", ".join(quote(f"c{i}") for i in range(len(plan.columns)))
    connection.execute(f"create temp table result as select * from ({plan.sql()}) as r({names})")
    row = connection.execute("select count(*) from result").fetchone()
    return Cursor(plan, connection, row[0] if row else 0, threading.Lock())


def _page(call: Call, locator: str, start: int, batch: int) -> Response:
    cursor = call.sandbox.cursors.get(locator)
    with cursor.lock:
        rows = cursor.connection.execute(
            "select * from result where rowid >= ? and rowid < ?", [start, start + batch]
        ).fetchall()
    end = start + len(rows)
    next_url = f"/services/data/v{call.version}/query/{locator}-{end}" if end < cursor.total else None
    records = write_records(call.org, cursor.plan, rows, call.version)
    return json_answer(query_result(cursor.total, records, next_url))


def _batch(options: str) -> int:
    """Return the page size that `Sforce-Query-Options: batchSize=500` asks for, within the real limits."""
    for option in options.split(","):
        name, _, value = option.strip().partition("=")
        if name == "batchSize" and value.isdigit():
            return max(SMALLEST_BATCH, min(int(value), BATCH))
    return BATCH


ROUTES = [
    Route("/services/data/v<version>/query", query),
    Route("/services/data/v<version>/queryAll", query_all),
    Route("/services/data/v<version>/query/<locator>", query_more),
    Route("/services/data/v<version>/queryAll/<locator>", query_more),
]
