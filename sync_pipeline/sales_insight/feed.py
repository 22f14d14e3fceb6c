"""The people feed `actions.people`: preview, start, and increments of what really changed (SIA-FEED-8 to -18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.model import Counts
from sync_pipeline.sales_insight import merges, people, tables
from sync_pipeline.sales_insight.fields import KEY, NAMES
from sync_pipeline.sales_insight.mirrors import Mirrors, links, look
from sync_pipeline.sales_insight.people_changes import CHANGES, PEOPLE, apply, compare
from sync_pipeline.sales_insight.touched import marks, move_marks, touched_people

Connection = duckdb.DuckDBPyConnection
FEED = "people"
SOURCES = ("person", "contact", "lead", "opportunity_contact_role", "opportunity")
CAPACITY = 1_500_000  # people an instance of Sales Insight Actions holds (SIA-FEED-16)


class FeedError(Exception):
    """The feed cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Options:
    """What a deployment may choose: the CRM, the Marketo field of the LinkedIn address, when to warn of capacity."""

    crm: str = "salesforce"
    linkedin: str = "linkedInProfileURL"
    capacity: int = CAPACITY


@dataclass(frozen=True)
class Preview:
    """Who would be in the feed, a sample of them, and how many linked people have no user as their owner."""

    people: int
    without_user: int
    sample: Sequence[Mapping[str, Any]]
    notices: Sequence[Notice]
    warning: str = ""


@dataclass(frozen=True)
class Status:
    """When the feed last took in its tables, how many it holds in and out of scope, and all its changes by kind."""

    taken_at: datetime
    people: int
    left: int
    changes: Mapping[str, int]


@dataclass(frozen=True)
class Fed:
    """What a run of the feed came to: people looked at, changes by kind, and how many it now holds in scope."""

    looked_at: int
    changes: Mapping[str, int]
    people: int
    notices: Sequence[Notice] = field(default_factory=tuple)
    warning: str = ""

    @property
    def counts(self) -> Counts:
        kinds = {"insert": "inserted", "return": "undeleted", "update": "updated", "merge": "merged"}
        counted = {name: self.changes.get(kind, 0) for kind, name in kinds.items()}
        deleted = self.changes.get("leave", 0) + self.changes.get("delete", 0)
        skipped = max(self.looked_at - sum(self.changes.values()), 0)
        return Counts(read=self.looked_at, deleted=deleted, skipped=skipped, **counted)


def preview(lake: Lake, options: Options, sample: int = 10) -> Preview:
    """Count the people who qualify and show some; writes nothing (SIA-FEED-15).

    Raises:
        FeedError: Marketo's people have not been read yet.
    """
    with lake.reading() as con:
        mirrors = _mirrors(con, options)
        chosen = people.fields(options.linkedin)
        query = people.people_sql(mirrors, chosen)
        owned = f"(select count(*) from owned where not coalesce(starts_with(owner_id, '{people.USER_PREFIX}'), false))"
        qualify, without_user = con.execute(f"{query} select count(*), {owned} from fed").fetchone() or (0, 0)
        found = con.execute(f"{query} select * from fed order by {KEY} limit {sample:d}")
        shown = [dict(zip(NAMES, row, strict=True)) for row in found.fetchall()]
        notices = people.notices(mirrors, chosen)
        return Preview(qualify, without_user, shown, notices, _full(qualify, options))


def start(lake: Lake, options: Options, run_id: str, now: datetime) -> Fed:
    """Compare everybody: the first feed, and later a check of all of it that repairs what an increment missed."""
    return _run(lake, options, run_id, now, whole=True)


def increment(lake: Lake, options: Options, run_id: str, now: datetime) -> Fed:
    """Look at the people whom a change since the last run may concern; only different values count (SIA-FEED-8, -9).

    Raises:
        FeedError: the feed was not started (SIA-FEED-14), or Marketo's people have not been read.
    """
    return _run(lake, options, run_id, now, whole=False)


def status(lake: Lake) -> Status | None:
    """Return how the feed stands; None if it was never started."""
    with lake.reading() as con:
        if not marks(con, FEED):
            return None
        [(taken_at,)] = con.execute(
            f"select max(taken_at) from {ledger.table('taken')} where feed = '{FEED}'"
        ).fetchall()
        [(kept, left)] = con.execute(f"select count(*), count(_left_at) from {PEOPLE}").fetchall()
        kinds = con.execute(f"select _change, count(*) from {CHANGES} group by all order by all").fetchall()
        return Status(taken_at, kept - left, left, dict(kinds))


def _run(lake: Lake, options: Options, run_id: str, now: datetime, whole: bool) -> Fed:
    with lake.transaction() as con:
        mirrors, at = _mirrors(con, options), marks(con, FEED)
        if not at and not whole:
            raise FeedError("the people feed has not been started: look at its preview, then start it")
        tables.create(con)
        chosen = people.fields(options.linkedin)
        notices = people.notices(mirrors, chosen)
        among = "" if whole else "select marketo_id from touched"
        touched = f"from {links()}" if whole else touched_people(mirrors, PEOPLE, at)
        con.execute(f"create or replace temp table touched as {touched}")
        looked_at, changes = _scalar(con, "select count(*) from touched"), dict[str, int]()
        if whole or looked_at:
            compare(con, mirrors, people.people_sql(mirrors, chosen, among), among)
            changes = apply(con, run_id, now)
        if whole or "merge" in changes:
            merges.follow(con, mirrors)
        move_marks(con, FEED, mirrors, SOURCES, now)
        kept = _scalar(con, f"select count(*) from {PEOPLE} where _left_at is null")
        fed = Fed(looked_at, changes, kept, notices, _full(kept, options))
        _record(con, fed, run_id, now)
        con.execute("drop table touched; drop table if exists delta")
        return fed


def _mirrors(con: Connection, options: Options) -> Mirrors:
    mirrors = look(con, options.crm)
    missing = [] if mirrors.has("person") else ["marketo.person"]
    if not mirrors.has("contact") and not mirrors.has("lead"):
        missing.append(f"{options.crm}.contact")
    if missing:
        raise FeedError(f"there is no {' and no '.join(missing)} in the lake yet: run a sync of both systems first")
    return mirrors


def _full(people: int, options: Options) -> str:
    if people <= options.capacity:
        return ""
    return (
        f"{people:,} people qualify, but an instance of Sales Insight Actions holds {options.capacity:,} "
        "(SIA-FEED-16): all are fed here, yet a receiver may refuse those above"
    )


def _record(con: Connection, fed: Fed, run_id: str, now: datetime) -> None:
    """Put the run on record like a cycle's, so that `status` shows it; a notice is told once."""
    obj = tables.PEOPLE
    job = (run_id, obj.system, obj.name, "Feed", "Succeeded", now, now, None, None)
    ledger.insert(con, "job", [(*job, *fed.counts.as_dict().values(), fed.warning)])
    if fed.notices:
        query = f"select kind, field from {ledger.table('notice')} where system = ? and object = ?"
        told = con.execute(query, [obj.system, obj.name]).fetchall()
        ledger.add_notices(con, run_id, obj, [n for n in fed.notices if (n.kind, n.field) not in told], now)


def _scalar(con: Connection, query: str) -> int:
    return int((con.execute(query).fetchone() or (0,))[0])
