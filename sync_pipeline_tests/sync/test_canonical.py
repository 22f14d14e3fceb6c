from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync_pipeline.lake.sql import literal
from sync_pipeline.sync.canonical import canonical, common

STAMP = "TIMESTAMP WITH TIME ZONE"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'Asia/Tokyo'")  # the machine's zone must not matter
        yield con


def form(
    con: duckdb.DuckDBPyConnection, value: str | None, kind: str, among: str, length: int = 0, octets: int = 0
) -> str | None:
    sql = canonical("x", kind, among, length, octets)
    found = con.execute(f"select {sql} from (select cast({literal(value)} as {kind}) as x)").fetchall()
    return None if found[0][0] is None else str(found[0][0])


@pytest.mark.parametrize(
    ("one", "other", "among"),
    [
        ("VARCHAR", "VARCHAR", "VARCHAR"),
        ("DOUBLE", "BIGINT", "BIGINT"),
        ("BIGINT", "INTEGER", "BIGINT"),
        (STAMP, "DATE", "DATE"),
        ("BOOLEAN", "VARCHAR", "VARCHAR"),
        (STAMP, "VARCHAR", "VARCHAR"),
    ],
)
def test_two_types_are_compared_in_the_poorer_of_them(one: str, other: str, among: str) -> None:
    """SPEC 11.2."""
    assert common(one, other) == common(other, one) == among


@pytest.mark.parametrize(
    ("value", "kind", "among", "said"),
    [
        ("  Ada ", "VARCHAR", "VARCHAR", "Ada"),
        ("", "VARCHAR", "VARCHAR", None),
        ("a\r\nb", "VARCHAR", "VARCHAR", "a\nb"),
        ("true", "BOOLEAN", "BOOLEAN", "true"),
        (None, "BOOLEAN", "BOOLEAN", "false"),
        ("2.5", "DOUBLE", "BIGINT", "3"),
        ("-2.5", "DOUBLE", "BIGINT", "-2"),
        ("12", "BIGINT", "BIGINT", "12"),
        ("12", "BIGINT", "DOUBLE", "12.0"),
        ("2026-03-01 23:30:00+00", STAMP, "DATE", "2026-03-01"),
        ("2026-03-01", "DATE", "DATE", "2026-03-01"),
        ("2026-03-01 08:30:00.900+09", STAMP, STAMP, "2026-02-28T23:30:00Z"),
        ("2026-03-01 08:30:00+09", STAMP, "VARCHAR", "2026-02-28T23:30:00Z"),
        (None, STAMP, STAMP, None),
        ("12", "BIGINT", "VARCHAR", "12"),
    ],
)
def test_values_have_one_form(
    con: duckdb.DuckDBPyConnection, value: str | None, kind: str, among: str, said: str | None
) -> None:
    assert form(con, value, kind, among) == said


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), length=st.integers(0, 12))
def test_a_text_that_was_cut_and_read_back_is_the_same(con: duckdb.DuckDBPyConnection, text: str, length: int) -> None:
    """Law 9: what is written is the canonical form, so its canonical form must be itself."""
    once = form(con, text, "VARCHAR", "VARCHAR", length)
    assert form(con, once, "VARCHAR", "VARCHAR", length) == once
    assert once is None or not length or len(once) <= length


@settings(max_examples=50, deadline=None)
@example(text="x" * 22 + "\u00a0y")
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_a_text_is_cut_to_bytes_that_a_text_area_holds(con: duckdb.DuckDBPyConnection, text: str) -> None:
    """FIELD-25: what fits stays whole; what is cut fills the area to the last whole character, and is not cut again."""
    whole = form(con, text, "VARCHAR", "VARCHAR")
    once = form(con, text, "VARCHAR", "VARCHAR", octets=24)
    assert form(con, once, "VARCHAR", "VARCHAR", octets=24) == once
    if len((whole or "").encode()) <= 24:
        assert once == whole
    else:
        assert once == (whole or "").encode()[:24].decode(errors="ignore").strip(" \t\n")


def test_a_long_text_in_ascii_loses_only_what_is_too_much(con: duckdb.DuckDBPyConnection) -> None:
    """FIELD-25."""
    assert form(con, "x" * 30_001, "VARCHAR", "VARCHAR", 32_768, 30_000) == "x" * 30_000
