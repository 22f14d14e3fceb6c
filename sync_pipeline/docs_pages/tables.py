"""The page of the lake's tables."""

from __future__ import annotations

from sync_pipeline.catalog.views import VIEWS
from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.lake import ledger
from sync_pipeline.lake.table import CHANGE_COLUMNS


def tables_page() -> str:
    """Return the page of the lake's tables."""
    mirror = [("every readable field", "by its described type", "under the system's own name")]
    mirror += [
        ("`_synced_at`", "timestamptz", "when the row was last written here"),
        ("`_deleted_at`", "timestamptz", "when the record was deleted, null while it lives; with `IsDeleted` (in "
         "Marketo `isDeleted`) still false, the record is gone for good or no longer visible"),
    ]  # fmt: skip
    said = {
        "_change": "insert, update, delete, undelete or merge",
        "_changed_at": "the record's own stamp",
        "_detected_at": "when we saw it; the table is partitioned by its month",
        "_run_id": "the run that saw it, see `sync.run`",
        "_fields": "the fields that really differ; null for an insert",
        "_before": "their values before, as text",
        "_after": "their values after, as text; the values of an insert are in the mirror",
    }
    changes = [(f"`{n}`", kind.lower(), said[n]) for n, kind in CHANGE_COLUMNS.items()]
    parts = [
        f"{NOTE}\n# Tables\n\n`sync-pipeline sql --attach` prints the statement that opens the lake in any DuckDB "
        "client. A query keeps the snapshot it began with; a sync never locks it out. Several queries that must agree "
        "name one: `from lake.salesforce.contact at (version => 4711)`, with a `snapshot_id` of `lake.snapshots()`; a "
        "`begin` alone does not hold a SQLite catalog still.\n",
        "## Mirrors: `lake.<system>.<object>`\n", table(("column", "type", "meaning"), mirror),
        "\n## Changes: `lake.<system>.<object>_changes`\n", table(("column", "type", "meaning"), changes),
        "\n## Ledger: `lake.sync.<table>`\n",
        table(("table", "columns"), [(f"`{name}`", ", ".join(f"`{c}`" for c in columns))
                                      for name, columns in ledger.TABLES.items()]),
        "\n## Views: `lake.<schema>.<view>`\n\nMade once the tables they read are there. Each custom object that is "
        "synced has one more, `people.<object>_event`: what happened to its records, by whom they belong to.\n",
        table(("view", "meaning", "reads"), [(f"`{v.schema}.{v.name}`", v.description,
                                              ", ".join(f"`{'.'.join(need)}`" for need in v.needs)) for v in VIEWS]),
    ]  # fmt: skip
    return "\n".join(parts)
