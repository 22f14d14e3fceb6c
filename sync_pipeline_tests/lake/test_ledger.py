from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import sync_pipeline
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Error, Notice
from sync_pipeline.model import Describe, Field, Object, Window
from sync_pipeline_tests.lake.conftest import open_lake

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEAD = Object("salesforce", "Lead", "lead", "")
CONTACT = Object("salesforce", "Contact", "contact", "")


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


@st.composite
def windows(draw: st.DrawFn) -> list[tuple[int | None, int]]:
    ends = st.integers(0, 20)
    starts = st.one_of(st.none(), st.integers(0, 20))
    drawn = draw(st.lists(st.tuples(starts, ends), max_size=8))
    return [(None if start is None else min(start, end), end) for start, end in drawn]


@given(windows())
def test_a_watermark_never_moves_back_and_never_over_what_was_not_read(read: list[tuple[int | None, int]]) -> None:
    mark: datetime | None = None
    seen: set[int] = set()
    from_beginning = False
    for start, end in read:
        window = Window(None if start is None else at(start), at(end))
        after = ledger.watermark_after(mark, window)
        assert mark is None or (after is not None and after >= mark)
        mark = after
        seen |= set(range(start or 0, end))
        from_beginning |= start is None
        if mark is not None:
            assert from_beginning
            assert all(minute in seen for minute in range(20) if at(minute) < mark)


def test_a_window_that_touches_the_watermark_moves_it_and_one_behind_a_gap_does_not() -> None:
    assert ledger.watermark_after(at(5), Window(at(5), at(9))) == at(9)
    assert ledger.watermark_after(at(5), Window(at(6), at(9))) == at(5)
    assert ledger.watermark_after(None, Window(at(0), at(9))) is None
    assert ledger.watermark_after(None, Window(None, at(9))) == at(9)


def test_watermarks_are_kept_by_object_with_the_time_of_the_first_load(lake: Lake) -> None:
    for minute in (1, 2):
        with lake.transaction() as con:
            ledger.move_watermarks(con, [(LEAD, Window(None, at(minute)))], at(minute))
    with lake.transaction() as con:
        ledger.move_watermarks(con, [(LEAD, Window(at(9), at(10))), (CONTACT, Window(None, at(5)))], at(10))
    assert ledger.watermarks(lake.cursor(), "salesforce") == {"lead": at(2), "contact": at(5)}
    first = lake.rows("select object, first_loaded_at from lake.sync.watermark order by 1")
    assert first == [("contact", at(10)), ("lead", at(1))]


def test_a_describe_is_remembered_as_it_was_told(lake: Lake) -> None:
    fields = (Field("Id", "id"), Field("Status", "picklist", label="Stąd", picklist=("a", "b"), reference_to=("User",)))
    with lake.transaction() as con:
        ledger.remember_describe(con, LEAD, Describe("Lead", fields[:1]), at(0))
        ledger.remember_describe(con, LEAD, Describe("Lead", fields), at(1))
        ledger.remember_describe(con, CONTACT, Describe("Contact", ()), at(2))
    remembered = ledger.remembered_describes(lake.cursor(), "salesforce")
    assert remembered == {"Lead": (Describe("Lead", fields), at(1)), "Contact": (Describe("Contact", ()), at(2))}


def test_an_error_is_noted_once_while_it_is_open(lake: Lake) -> None:
    job, value = Error("BUSY", "later"), Error("VALUE_DOES_NOT_FIT", "no", "00Q1", "Age")
    for minute in (1, 2):
        with lake.transaction() as con:
            ledger.add_errors(con, f"run{minute}", LEAD, "Pull updates", [job, value], at(minute))
            ledger.add_errors(con, f"run{minute}", CONTACT, "Pull updates", [job], at(minute))
    assert lake.rows("select count(*) from lake.sync.error") == [(3,)]
    with lake.transaction() as con:
        ledger.resolve_job_errors(con, [LEAD], at(3))
    left = lake.rows("select object, code from lake.sync.error where resolved_at is null order by 1")
    assert left == [("contact", "BUSY"), ("lead", "VALUE_DOES_NOT_FIT")]
    with lake.transaction() as con:
        ledger.add_errors(con, "run4", LEAD, "Pull updates", [job], at(4))
    assert lake.rows("select count(*) from lake.sync.error") == [(4,)]


def test_notices_are_appended(lake: Lake) -> None:
    with lake.transaction() as con:
        ledger.add_notices(con, "run1", LEAD, [Notice("new_field", "Age", "Age is new")], at(1))
        ledger.add_notices(con, "run1", LEAD, [], at(1))
    assert lake.rows("select object, kind, field, message from lake.sync.notice") == [
        ("lead", "new_field", "Age", "Age is new")
    ]


def test_an_older_ledger_gets_the_columns_and_tables_it_lacks_and_keeps_its_rows(tmp_path: Path) -> None:
    with open_lake(tmp_path) as lake, lake.transaction() as con:
        ledger.insert(con, "run", [("r1", "cycle", at(0), at(1), "Succeeded", "")])
        con.execute("alter table lake.sync.run drop column message")
        con.execute("drop table lake.sync.notice")
    with open_lake(tmp_path) as lake:
        assert lake.rows("select run_id, status, message from lake.sync.run") == [("r1", "Succeeded", None)]
        assert lake.rows("select count(*) from lake.sync.notice") == [(0,)]
        with lake.transaction() as con:
            ledger.insert(con, "run", [("r2", "cycle", at(0), at(1), "Failed", "why")])
        assert lake.rows("select run_id, status, message from lake.sync.run where message is not null") == [
            ("r2", "Failed", "why")
        ]


def test_a_value_goes_into_the_column_of_its_name_wherever_that_stands(lake: Lake) -> None:
    """An older ledger has the columns that came later at its end."""
    values = {"varchar": "'{}'", "bigint": "{}", "boolean": "true", "double": "{}", ledger.STAMP: f"'{at(1)}'"}
    with lake.transaction() as con:
        for name, kinds in ledger.TABLES.items():
            table = ledger.table(name)
            each = (f"{values.get(kind, 'null')}::{kind}".format(place) for place, kind in enumerate(kinds.values()))
            row = con.execute(f"select {', '.join(each)}").fetchone()
            con.execute(f"drop table {table}")
            con.execute(f"create table {table} ({', '.join(f'{c} {k}' for c, k in reversed(kinds.items()))})")
            ledger.insert(con, name, [row or ()])
            assert con.execute(f"select {', '.join(kinds)} from {table}").fetchone() == row, name


def test_no_statement_puts_values_into_a_ledger_s_columns_by_their_place() -> None:
    package = Path(sync_pipeline.__file__).parent
    into = re.compile(r"insert into \{(?:ledger\.)?table\([^{}]*\)\} (?!by name|\()|insert into \{[A-Za-z]+\} select")
    found = [(file.name, hit) for file in package.rglob("*.py") for hit in into.findall(file.read_text())]
    assert (found, into.search("insert into {ledger.table('pending')} select") is not None) == ([], True)


def test_the_organization_of_a_lake(lake: Lake) -> None:
    assert ledger.organizations(lake.cursor()).get("salesforce") is None
    with lake.transaction() as con:
        ledger.insert(con, "connection", [("salesforce", "00D000000000001EAA", at(0))])
    assert ledger.organizations(lake.cursor()).get("salesforce") == "00D000000000001EAA"
    assert ledger.organizations(lake.cursor()).get("veeva") is None


def test_the_record_is_forgotten_after_a_while_but_an_open_error_never(shared_lake: Lake) -> None:
    """OPS-17: a failure stays until it is resolved."""
    old, new = at(0), at(60)
    with shared_lake.transaction() as con:
        ledger.insert(
            con, "run", [(name, "cycle", end, end, "Succeeded", "") for name, end in (("a", old), ("b", new))]
        )
        ledger.add_errors(con, "a", LEAD, "Pull updates", [Error("X", "open"), Error("Y", "closed", "id1")], old)
        con.execute("update lake.sync.error set resolved_at = ? where code = 'Y'", [old])
        ledger.forget(con, at(30))
    assert shared_lake.rows("select run_id from lake.sync.run where run_id in ('a', 'b')") == [("b",)]
    assert shared_lake.rows("select code from lake.sync.error where object = 'lead' and run_id = 'a'") == [("X",)]
