"""The declared views in the lake: each is made once what it reads is there, and made anew if it changed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import cache

import duckdb

from sync_pipeline.catalog.views import View
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import exists, full_name

# The end of the comment that a view of ours has.
_OURS = re.compile(r" \[[0-9a-f]{8}\]$")


def refresh(con: duckdb.DuckDBPyConnection, views: Iterable[View]) -> list[str]:
    """Make what is missing or was declared differently, in the caller's transaction; return the names."""
    own = "where database_name = 'lake'"
    kept = dict(con.execute(f"select schema_name || '.' || view_name, comment from duckdb_views() {own}").fetchall())
    foreign = {name for name, comment in kept.items() if not _OURS.search(comment or "")}
    there = cache(lambda name: exists(con, *name))
    made = []
    for view in views:
        name = f"{view.schema}.{view.name}"
        # The comment tells from which text a view was made: DuckDB keeps that in words of its own.
        comment = f"{view.description} [{zlib.crc32(view.sql.encode()):08x}]"
        if kept.get(name) == comment or not all(map(there, view.needs)):
            continue
        if name in foreign or (name not in kept and there((view.schema, view.name))):  # an analyst's own stays as it is
            continue
        con.execute(f"create schema if not exists {quoted('lake', view.schema)}")
        try:
            con.execute(f"create or replace view {full_name(view.schema, view.name)} as {view.sql}")
        except duckdb.BinderException:  # a column that it reads is hidden from the sync user
            continue
        con.execute(f"comment on view {full_name(view.schema, view.name)} is {literal(comment)}")
        made.append(name)
    return made
