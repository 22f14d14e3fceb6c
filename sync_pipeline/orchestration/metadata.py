"""What a materialisation shows: counts, cost, and the table's columns as the system describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.sql import quoted
from sync_pipeline.mirror.cycle import Done
from sync_pipeline.model import Object

OWN = {
    table.SYNCED_AT: "when this row was last written here",
    table.DELETED_AT: "when the record was deleted; null while it lives",
}


def of_object(obj: Object, custom: bool) -> Mapping[str, Any]:
    """Return the metadata that an asset has before its first run."""
    return {
        "dagster/table_name": ".".join(("lake", *obj.table)),
        "changes table": ".".join(("lake", *obj.changes_table)),
        "source object": obj.source,
        "conflict rule": obj.rule.value,
        "custom object": custom,
    }


def of_done(lake: Lake, done: Done) -> dict[str, Any]:
    """Return what one object's part of a run shows; numbers become plots over time."""
    counts = done.counts
    shown: dict[str, Any] = {
        "rows read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "undeleted": counts.undeleted,
        "merged": counts.merged,
        "skipped": counts.skipped,
        "waiting for the next cycle": done.waiting,
        "values that did not fit": counts.failed,
        "API calls": counts.calls,
        "bytes": counts.bytes,
        "seconds": counts.seconds,
        "rows per second": round(counts.read / counts.seconds) if counts.seconds else 0,
        "window": str(done.window),
        **_table(lake, done.obj),
    }
    return shown


def rows_by_month(lake: Lake, obj: Object) -> dict[str, int]:
    """Return how many living records each partition holds, by its key (`2026-03-01`)."""
    month = f"strftime(date_trunc('month', {quoted(obj.stamp)}), '%Y-%m-%d')"
    found = lake.rows(
        f"select {month}, count(*) from {table.full_name(*obj.table)} "
        f"where {quoted(table.DELETED_AT)} is null group by 1"
    )
    return dict(found)


def _table(lake: Lake, obj: Object) -> dict[str, Any]:
    with lake.reading() as con:
        columns = table.columns(con, *obj.table)
        if not columns:
            return {}
        query = f"select count(*), count({quoted(table.DELETED_AT)}) from {table.full_name(*obj.table)}"
        rows, deleted = con.execute(query).fetchone() or (0, 0)
        described = ledger.remembered_describes(con, obj.system, obj.source).get(obj.source)
    says = (
        {f.name: f"{f.label} ({f.type}{', formula' * f.calculated})" for f in described[0].fields} if described else {}
    )
    return {
        "dagster/row_count": rows - deleted,
        "rows marked deleted": deleted,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, kind, says.get(name, OWN.get(name))) for name, kind in columns.items()]
        ),
    }
