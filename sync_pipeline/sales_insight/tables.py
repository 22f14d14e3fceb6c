"""The tables of schema `actions`, declared once; made, and given the columns they lack, before they are written."""

from __future__ import annotations

import duckdb

from sync_pipeline.lake import table
from sync_pipeline.lake.table import CHANGE_COLUMNS
from sync_pipeline.model import Object
from sync_pipeline.sales_insight.fields import FIELDS, KEY
from sync_pipeline.sales_insight.inputs import ACTIVITY, REMINDER, UNSUBSCRIBE, Input

SCHEMA = "actions"
STAMP = "TIMESTAMP WITH TIME ZONE"

PEOPLE = Object(
    SCHEMA,
    "people",
    "people",
    "A row is one person of the feed to Sales Insight Actions: linked to a lead or contact that a user owns. It has "
    "exactly 13 values; what begins with an underscore is ours.",
    key=KEY,
    stamp="_updated_at",
)
DUPLICATES = Object(
    SCHEMA,
    "duplicates",
    "duplicates",
    "A row is one record of a group that shares an e-mail address without being one linked pair.",
    key="record_id",
    stamp="found_at",
)
FUZZY = Object(
    SCHEMA,
    "fuzzy_duplicates",
    "fuzzy_duplicates",
    "A row is a pair of records that may be one person, with the probability and the reasons; made when asked for.",
    key="record",
    stamp="found_at",
)
UNSUBSCRIBES = Object(
    SCHEMA,
    UNSUBSCRIBE.table,
    UNSUBSCRIBE.table,
    "A row is one unsubscribe: told by the sales tool, or found in the CRM by the nightly run. It counts until it is "
    "cleared.",
    key=UNSUBSCRIBE.key,
    stamp="_received_at",
)
REMINDERS = Object(
    SCHEMA,
    REMINDER.table,
    REMINDER.table,
    "A row is one reminder task: the sales tool's, or Salesforce's; both sides follow one another (SIA-TASK).",
    key=REMINDER.key,
    stamp="_changed_at",
)


def _columns(given: Input) -> dict[str, str]:
    return {**{value.name: value.type.value for value in given.values}, "_person_id": "BIGINT", "_received_at": STAMP}


TABLES: dict[str, dict[str, str]] = {
    "people": {
        **{field.name: field.column for field in FIELDS},
        "_updated_at": STAMP, "_left_at": STAMP, "_left_because": "VARCHAR",
    },
    "people_changes": {
        KEY: "BIGINT", **{name: kind for name, kind in CHANGE_COLUMNS.items() if name != "_changed_at"},
        "_merged_into": "BIGINT",
    },
    "duplicates": {
        "email": "VARCHAR", "scopes": "VARCHAR[]", "system": "VARCHAR", "object": "VARCHAR", "record_id": "VARCHAR",
        "linked_to": "VARCHAR", "owner_id": "VARCHAR", "account_id": "VARCHAR", "last_activity_at": STAMP,
        "kept": "BOOLEAN", "because": "VARCHAR", "found_at": STAMP,
    },
    "fuzzy_duplicates": {
        "record": "VARCHAR", "other": "VARCHAR", "probability": "DOUBLE", "because": "VARCHAR[]", "found_at": STAMP,
    },
    ACTIVITY.table: _columns(ACTIVITY),
    UNSUBSCRIBE.table: {**_columns(UNSUBSCRIBE), "_from": "VARCHAR", "_cleared_at": STAMP},
    REMINDER.table: {**_columns(REMINDER), "_from": "VARCHAR", "_changed_at": STAMP},
}  # fmt: skip


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables, or bring older ones up to date, in the caller's transaction."""
    table.grow(con, SCHEMA, TABLES)
