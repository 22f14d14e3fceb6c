"""`query` and `queryAll`: SOQL by GET, in pages of a cursor that the server keeps."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.answers import Row, Writing, next_page, query_result, written
from sync_pipeline.sandbox.salesforce.cursors import Cursor
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.soql.compiler import compile_soql
from sync_pipeline.sandbox.salesforce.soql.plan import Plan

BATCH, SMALLEST_BATCH = 2000, 200


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
        return _answer(call, plan, rows, len(rows), batch)
    if plan.aggregate:
        said = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise ApiError("EXCEEDED_ID_LIMIT", said)
    return _page(call, call.sandbox.cursors.keep(_materialise(call, plan)), 0, batch)


def query_all(call: Call) -> Response:
    return query(call, deleted=True)


def query_more(call: Call, locator: str) -> Response:
    key, dash, offset = locator.partition("-")
    if not dash or not offset.isdigit():
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, key, int(offset), _batch(call.request.headers.get("Sforce-Query-Options", "")))


def _materialise(call: Call, plan: Plan) -> Cursor:
    """Run the query once more, into a table: pages of one result must not see later edits.

    The table has a connection of its own, which outlives a transaction that the query may be part of.
    """
    names = ", ".join(quote(f"c{i}") for i in range(len(plan.columns)))
    connection, lock = call.org.connection(), threading.Lock()
    with call.org.cursor() as cursor:
        found = cursor.execute(f"select * from ({plan.sql()}) as r({names})").to_arrow_reader()
        connection.register("found", found)
        connection.execute("create temp table result as from found")
        connection.unregister("found")
    row = connection.execute("select count(*) from result").fetchone()

    def rows(start: int, end: int) -> Sequence[Row]:
        with lock:
            condition = "rowid >= ? and rowid < ?"
            return connection.execute(f"select * from result where {condition}", [start, end]).fetchall()

    return Cursor(plan, row[0] if row else 0, rows, connection.close)


def _page(call: Call, locator: str, start: int, batch: int) -> Response:
    cursor = call.sandbox.cursors.get(locator)
    rows = cursor.rows(start, start + batch)
    end = start + len(rows)
    next_url = next_page(call.version, locator, end) if end < cursor.total else None
    return _answer(call, cursor.plan, rows, cursor.total, batch, next_url)


def _answer(
    call: Call, plan: Plan, rows: Sequence[Row], total: int, batch: int, next_url: str | None = None
) -> Response:
    def keep(children: Plan, siblings: list[Row]) -> str:
        return call.sandbox.cursors.keep(Cursor(children, len(siblings), lambda start, end: siblings[start:end]))

    if plan.seen:
        call.org.look_at(plan.object, [row[plan.id_index] for row in rows], plan.seen)
    records = written(Writing(call.org, call.version, batch, keep), plan, rows)
    return json_answer(query_result(total, records, next_url))


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
