"""The people feed and the duplicates over a million people: the first run, and what ten thousand edits cost."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, stated
from benchmarks.processes import RSS_UNIT
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.model import Object
from sync_pipeline.sales_insight import feed
from sync_pipeline.sales_insight.duplicates_report import report
from sync_pipeline.sales_insight.feed import Fed, Options

PEOPLE, EDITED, MANY = 1_000_000, 10_000, 10_000_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOVED = f"timestamptz '2024-01-01' + to_days((i * 7919 % 730)::int) as {{}}, timestamptz '{BEGIN}' as _synced_at"

# Seven in ten people are contacts, the others leads; one owner in fifty is a queue, one address in fifty is doubled.
CONTACT, PERSON_ID = "printf('003%012dAAA', i)", "i + 1"
OWNER = "if(i % 50 = 0, '00G000000000001AAA', printf('005%012dAAA', i % 500)) as OwnerId"
EMAIL = "printf('person%d@example.com', if(i % 50 = 1, i - 1, i))"
MIRRORS = {
    ("salesforce", "contact", "Id", "SystemModstamp"): (
        f"{CONTACT} as Id, printf('001%012dAAA', i // 5) as AccountId, {OWNER}, {EMAIL} as Email, "
        "timestamptz '2020-01-01' as CreatedDate, null::date as LastActivityDate",
        "i % 10 < 7",
    ),
    ("salesforce", "lead", "Id", "SystemModstamp"): (
        f"printf('00Q%012dAAA', i) as Id, false as IsConverted, {OWNER}, {EMAIL} as Email, "
        "timestamptz '2020-01-01' as CreatedDate, null::date as LastActivityDate",
        "i % 10 >= 7",
    ),
    ("salesforce", "opportunity", "Id", "SystemModstamp"): (
        "printf('006%012dAAA', i) as Id, i % 3 = 0 as IsClosed",
        "i % 4 = 0",
    ),
    ("salesforce", "opportunity_contact_role", "Id", "SystemModstamp"): (
        f"printf('00K%012dAAA', i) as Id, {CONTACT} as ContactId, printf('006%012dAAA', i - i % 4) as OpportunityId, "
        "i % 8 = 0 as IsPrimary",
        "i % 10 < 4",
    ),
    ("marketo", "person", "id", "updatedAt"): (
        f"{PERSON_ID} as id, printf('First %d', i % 5000) as firstName, printf('Last %d', i) as lastName, "
        f"printf('Company %d', i // 5) as company, printf('Title %d', i % 300) as title, {EMAIL} as email, "
        "printf('+49 %d', i) as phone, printf('https://linkedin.example/%d', i) as linkedInProfileURL, "
        "'Web' as leadSource, null::bigint as mergedInto, timestamptz '2020-01-01' as createdAt",
        "true",
    ),
}
LINKS = f"""
    select if(i % 10 < 7, 'contact', 'lead') as pairing, if(i % 10 < 7, {CONTACT}, printf('00Q%012dAAA', i)) as crm_id,
        'person' as marketo_object, ({PERSON_ID})::varchar as marketo_id, timestamptz '{BEGIN}' as linked_at
    from range({PEOPLE}) t(i)
"""


def people() -> Iterator[Bar]:
    """Measure a lake whose mirrors are written here; reading them is measured elsewhere."""
    with (
        orgs.new_folder() as folder,
        Lake.open(str(Path(folder, "catalog.sqlite")), str(Path(folder, "files"))) as lake,
    ):
        fill(lake)
        yield from _measured(lake)
    yield at_most(
        "peak memory of all of it", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 2**20, 2048, "MB"
    )


def addresses() -> Iterator[Bar]:
    """Measure the report of duplicates over ten million people, with the memory that a lake has by default."""
    with (
        orgs.new_folder() as folder,
        Lake.open(str(Path(folder, "catalog.sqlite")), str(Path(folder, "files"))) as lake,
    ):
        fill(lake, MANY, ("contact", "person"))
        seconds, found = _timed(lambda at: report(lake, Options().crm, at), 1)
        yield at_most(f"first report over {MANY:,} people, {found.groups:,} groups", seconds, 30, "s")
    yield at_most(
        "peak memory of it", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 2**20, 2048, "MB"
    )


def fill(lake: Lake, people: int = PEOPLE, only: Collection[str] = ()) -> None:
    """Write mirrors of so many people, those of the CRM for the first million."""
    for (system, name, key, stamp), (columns, where) in MIRRORS.items():
        if only and name not in only:
            continue
        count = people if system == "marketo" else min(people, PEOPLE)
        source = f"select {columns}, {MOVED.format(stamp)} from range({count}) t(i) where {where}"
        with lake.transaction() as con:
            kinds = {row[0]: row[1] for row in con.execute(f"describe {source}").fetchall() if row[0] != "_synced_at"}
            obj = Object(system, name, name, "", key=key, stamp=stamp)
            table.create_mirror(con, obj, kinds)
            con.execute(f"insert into {table.full_name(*obj.table)} by name {source}")
    with lake.transaction() as con:
        con.execute(f"insert into {ledger.table('link')} by name {LINKS}")


def _measured(lake: Lake) -> Iterator[Bar]:
    options = Options()
    seconds, done = _timed(lambda at: feed.start(lake, options, "start", at), 1)
    yield at_most(f"first feed of {done.people:,} people", seconds, 20, "s")
    seconds, done = _timed(lambda at: feed.increment(lake, options, "quiet", at), 2)
    yield at_most("increment without an edit", seconds, 2, "s")
    _expect(done, 0)
    for hour, count in ((3, 1_000), (4, EDITED)):
        _edit(lake, count, hour)
        seconds, done = _timed(lambda at: feed.increment(lake, options, "edits", at), hour)
        _expect(done, count)
        yield at_most(f"increment of {count:,} people", seconds, 2 if count == 1_000 else 5, "s")
    seconds, done = _timed(lambda at: feed.start(lake, options, "again", at), 5)
    yield at_most("comparison of everybody, nothing new", seconds, 20, "s")
    _expect(done, 0)
    seconds, found = _timed(lambda at: report(lake, options.crm, at), 6)
    yield at_most(f"first report of {found.groups:,} groups of duplicates", seconds, 30, "s")
    _edit(lake, EDITED, 7)
    seconds, found = _timed(lambda at: report(lake, options.crm, at), 8)
    yield stated(f"report after {EDITED:,} edits, {found.looked_at:,} addresses looked at", f"{seconds:.1f} s")


T = TypeVar("T")


def _timed(work: Callable[[datetime], T], hour: int) -> tuple[float, T]:
    began = time.perf_counter()
    done = work(BEGIN + timedelta(hours=hour))
    return time.perf_counter() - began, done


def _edit(lake: Lake, count: int, hour: int) -> None:
    with lake.transaction() as con:
        con.execute(
            f"""update lake.marketo.person set title = 'Edited {hour}', "updatedAt" = $1, _synced_at = $1
            where id in (select i * {PEOPLE // count} + 3 from range({count}) t(i))""",
            [BEGIN + timedelta(hours=hour)],
        )


def _expect(done: Fed, looked_at: int) -> None:
    changed = sum(done.changes.values())
    if changed > looked_at or (looked_at and changed < looked_at * 0.9):
        raise RuntimeError(f"{changed} changes of {looked_at} edits")
