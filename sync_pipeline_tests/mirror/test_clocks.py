"""Clocks that are wrong: a system's, as its answers tell it, and ours. Nothing is lost, and it is told.

Each course ends with clocks that are right: whatever was left in the lake by wrong ones, the next cycle reads what was
missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipeline.connectors.clock import AGREEMENT, Clock
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.lake import ledger, table
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.future import FACTS, THE_BEGINNING
from sync_pipeline.model import SUCCEEDED, Object, Window
from sync_pipeline_tests.connectors.memory import Memory, Org
from sync_pipeline_tests.mirror.followed import POLICY, Followed
from sync_pipeline_tests.plain import PlainLake

FAR = datetime(2036, 1, 1, tzinfo=UTC)
WRONG = [timedelta(days=3650), timedelta(days=1), timedelta(minutes=10), timedelta(seconds=90)]
WRONG = [*WRONG, *(-apart for apart in WRONG)]
folders = count()


class Told(Memory):
    """A connector whose answers tell a time that is `date` ahead of the org's; our clock is `ours` ahead of it."""

    date = timedelta(0)
    ours = timedelta(0)

    def __init__(self, org: Org, clock: Clock | None = None) -> None:
        super().__init__(org, clock or Clock(lambda: org.at + self.ours))

    def metered(self) -> Memory:
        view = type(self)(self.org, self.clock)
        view.date = self.date
        return view

    def organization_id(self) -> str:
        self.clock.note({"Date": format_datetime(self.org.at + self.date)})
        return super().organization_id()

    def extract(self, obj: Object, fields: Any, window: Window) -> Extract:
        self.clock.note({"Date": format_datetime(self.org.at + self.date)})
        return super().extract(obj, fields, window)


class Timed(Followed):
    def __init__(self, folder: Path) -> None:
        super().__init__(PlainLake(folder), folder / "landing", POLICY)
        self.system = Told(self.org)
        object.__setattr__(self.source, "connector", self.system)

    def notices(self, kind: str) -> list[str]:
        found = self.lake.rows(f"select message from {ledger.table('notice')} where kind = '{kind}'")
        return [message for (message,) in found]

    def take_in(self) -> set[tuple[str, str]]:
        """Take in what changed since the last time, as deciding and feeds do; return ids and what they changed to."""
        changes, decided = table.full_name(*self.obj.changes_table), ledger.table("decided")
        with self.lake.transaction() as con:
            ((mark,),) = con.execute(f"select coalesce(max(detected_at), ?) from {decided}", [THE_BEGINNING]).fetchall()
            found = con.execute(f"select Id, _run_id from {changes} where _detected_at > ?", [mark]).fetchall()
            con.execute(f"delete from {decided}")
            con.execute(f"insert into {decided} select 'x', 'crm', max(_detected_at) from {changes}")
        return set(found)

    def spoil(self, name: str, assignment: str) -> None:
        with self.lake.transaction() as con:
            con.execute(f"update {ledger.table(name)} set {assignment}")


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    timed = Timed(tmp_path)
    timed.people("Ann", "Bob")
    timed.cycle()
    yield timed
    timed.lake.close()


def test_one_answer_with_a_date_of_2036_moves_nothing_and_is_told(timed: Timed) -> None:
    """Law 6."""
    timed.system.date = FAR - timed.org.at
    timed.people("Cy")
    assert timed.cycle().status == SUCCEEDED
    assert timed.watermark <= timed.org.at + AGREEMENT
    (said,) = timed.notices("clock")
    assert "days ahead of this machine's clock" in said
    timed.system.date = timedelta(0)
    timed.people("Dee")
    timed.cycle()
    assert timed.alive() == timed.truth()
    timed.cycle()
    assert len(timed.notices("clock")) == 1  # once a day


@pytest.mark.parametrize("kind", ["cycle", "full", "compare"])
def test_a_watermark_of_2036_is_put_right_by_the_next_run_which_reads_what_was_missed(timed: Timed, kind: str) -> None:
    """Law 6. So lakes are that an older version left."""
    timed.spoil("watermark", f"watermark = timestamptz '{FAR}'")
    missed = timed.people("Cy", "Dee")
    timed.pass_seconds(86_400)
    timed.org.update(missed[0], Name="Cyd")
    timed.pass_seconds(86_400)
    work = {
        "cycle": lambda: timed.cycle(),
        "full": lambda: timed.cycle(full=True),
        "compare": lambda: runs.compare_ids(timed.source, [timed.obj]),
    }
    assert work[kind]().status == SUCCEEDED
    timed.cycle()
    assert timed.alive() == timed.truth()
    assert timed.org.at - timedelta(seconds=5) <= timed.watermark <= timed.org.at
    (said,) = timed.notices("clock_put_right")
    assert f"{timed.obj.name} (read up to 2036-01-01 00:00 UTC, now {timed.org.at:%Y}-" in said


def test_where_no_run_tells_any_more_how_far_was_read_everything_is_read(timed: Timed) -> None:
    timed.spoil("watermark", f"watermark = timestamptz '{FAR}'")
    timed.spoil("job", f"window_end = timestamptz '{FAR}'")
    timed.people("Cy")
    assert timed.cycle().counts().read == 3
    assert timed.alive() == timed.truth()
    assert "now not at all" in timed.notices("clock_put_right")[0]


def own_times() -> list[tuple[str, str]]:
    return [
        (name, column)
        for name, kinds in ledger.TABLES.items()
        for column, kind in kinds.items()
        if kind == ledger.STAMP and (name, column) not in FACTS
    ]


def test_no_time_of_ours_stays_in_the_future_whatever_remembers_it(timed: Timed) -> None:
    """The kind: each column of the ledger, each mirror, each table of changes; facts of the systems stay."""
    mirror, changes = table.full_name(*timed.obj.table), table.full_name(*timed.obj.changes_table)
    with timed.lake.transaction() as con:
        for name, kinds in ledger.TABLES.items():
            con.execute(f"delete from {ledger.table(name)}" if name not in ("connection", "describe", "job") else "")
            if name in ("connection", "describe", "job"):
                continue
            rows = [[FAR if kind == ledger.STAMP else None for kind in kinds.values()]]
            ledger.insert(con, name, rows)
        con.execute(f"update {ledger.table('watermark')} set system = 'salesforce', object = '{timed.obj.name}'")
        con.execute(f"update {ledger.table('connection')} set connected_at = timestamptz '{FAR}'")
        con.execute(f"update {ledger.table('describe')} set described_at = timestamptz '{FAR}'")
        con.execute(f"update {mirror} set _synced_at = timestamptz '{FAR}', SystemModstamp = timestamptz '{FAR}'")
        con.execute(f"update {changes} set _detected_at = timestamptz '{FAR}'")
    timed.people("Cy")
    timed.cycle()
    limit = timed.org.at + AGREEMENT
    with timed.lake.reading() as con:
        ahead = [
            (name, column)
            for name, column in own_times()
            if con.execute(f"from {ledger.table(name)} where {column} > ?", [limit]).fetchone()
        ]
        assert ahead == []
        assert con.execute(f"from {mirror} where _synced_at > ?", [limit]).fetchone() is None
        assert con.execute(f"from {changes} where _detected_at > ?", [limit]).fetchone() is None
        assert con.execute(f"select happened_at from {ledger.table('activity')}").fetchall() == [(FAR,)]
        for name, column in (("decided", "detected_at"), ("taken", "synced_at")):  # all is looked at again
            assert con.execute(f"select {column} from {ledger.table(name)}").fetchall() == [(THE_BEGINNING,)]
    assert timed.alive() == timed.truth()


@pytest.mark.parametrize("year", [1970, 1999, 2021, 2099])
def test_a_record_whose_stamp_is_far_off_moves_nothing_and_is_mirrored(timed: Timed, year: int) -> None:
    """What the org itself stamped so, when its clock was wrong."""
    now, timed.org.at = timed.org.at, datetime(year, 6, 1, tzinfo=UTC)
    new = timed.org.insert(Name="Cy")
    timed.org.update("001000000000000000", Name="Anna")
    timed.org.at = now
    timed.cycle()
    assert timed.watermark <= timed.org.at
    if year < now.year:  # no window shows it
        runs.compare_ids(timed.source, [timed.obj])
    assert timed.alive() == timed.truth()
    timed.org.update(new, Name="Cyd")
    timed.cycle()
    assert timed.alive() == timed.truth()
    changes = len(timed.changes())
    timed.cycle()
    assert len(timed.changes()) == changes


def test_changes_are_told_in_order_though_our_clock_is_set_back(timed: Timed) -> None:
    """Who takes in changes remembers the latest time; a change with an earlier one would never be seen."""
    timed.system.date = timedelta(seconds=100)
    timed.people("Cy")
    timed.cycle()
    timed.system.date = timedelta(seconds=-100)
    query = f"select max(_detected_at) from {table.full_name(*timed.obj.changes_table)}"
    ((mark,),) = timed.lake.rows(query)
    timed.people("Dee")
    timed.org.update("001000000000000000", Name="Anna")
    timed.cycle(seconds=200)
    timed.cycle()
    seen = timed.lake.rows(
        f"select Id from {table.full_name(*timed.obj.changes_table)} where _detected_at > timestamptz '{mark}'"
    )
    assert len(seen) == 2
    synced = f"select Id from {table.full_name(*timed.obj.table)} where _synced_at > timestamptz '{mark}'"
    assert len(timed.lake.rows(synced)) == 2


# Which clock is wrong, by how much, what is done meanwhile, and how long after the cycle before.
STEP = st.tuples(
    st.sampled_from(["date", "ours"]),
    st.sampled_from([timedelta(0), *WRONG]),
    st.booleans(),
    st.sampled_from([1, 90, 400]),
)


@settings(max_examples=25)
@given(steps=st.lists(STEP, min_size=2, max_size=6))
def test_whichever_clock_is_wrong_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, timedelta, bool, int]]
) -> None:
    """Laws 1 and 6: one clock is wrong at a time, by seconds or years, in either direction, between any two cycles."""
    timed = Timed(tmp_path_factory.mktemp(f"clock{next(folders)}"))
    (first,) = timed.people("Ann")
    timed.cycle()
    taken = timed.take_in()
    right = timedelta(0)
    for clock, apart, is_new, seconds in [*steps, ("date", right, True, 1), ("date", right, False, 300)]:
        timed.system.date, timed.system.ours = right, right
        setattr(timed.system, clock, apart)
        if is_new:
            timed.people("new")
        else:
            timed.org.update(first, Name=f"again at {timed.org.at}")
        assert timed.cycle(seconds=seconds).status == SUCCEEDED
        taken |= timed.take_in()
    assert timed.alive() == timed.truth()
    before = len(timed.changes())
    timed.cycle()
    assert len(timed.changes()) == before
    assert taken >= set(timed.lake.rows(f"select Id, _run_id from {table.full_name(*timed.obj.changes_table)}"))
    timed.lake.close()
