from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync_pipeline.lake.sql import literal
from sync_pipeline.lake.table import EXACT
from sync_pipeline.lake.types import COLUMN_TYPES, cast
from sync_pipeline.model import Field
from sync_pipeline.sync.delivery.outbox import typed
from sync_pipeline.sync.mapping.canonical import FORMS, canonical, common

STAMP = "TIMESTAMP WITH TIME ZONE"
TYPES = {"VARCHAR": "string", **{column: name for name, column in COLUMN_TYPES.items()}}  # a describe's word for each


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'Asia/Tokyo'")  # the machine's zone must not matter
        yield con


def form(
    con: duckdb.DuckDBPyConnection,
    value: str | None,
    kind: str,
    among: str,
    length: int = 0,
    octets: int = 0,
    places: int | None = None,
) -> str | None:
    sql = canonical("x", kind, among, length, octets, places)
    found = con.execute(f"select {sql} from (select cast({literal(value)} as {kind}) as x)").fetchall()
    return None if found[0][0] is None else str(found[0][0])


@pytest.mark.parametrize(
    ("one", "other", "among"),
    [
        ("VARCHAR", "VARCHAR", "VARCHAR"),
        ("DOUBLE", "BIGINT", "BIGINT"),
        ("BIGINT", "INTEGER", "BIGINT"),
        (STAMP, "DATE", "DATE"),
        ("BOOLEAN", "VARCHAR", "BOOLEAN"),
        ("BIGINT", "VARCHAR", "BIGINT"),
        (STAMP, "VARCHAR", STAMP),
        ("DATE", "BOOLEAN", "VARCHAR"),
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
        ("12", "BIGINT", "DOUBLE", "12"),
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


@pytest.mark.parametrize(
    ("among", "places", "said", "same", "other"),
    [
        (
            "BIGINT",
            None,
            "4712",
            ["4712", "4712.0", " 4712 ", "+4712", "04712"],
            ["4,712", "4712 EUR", "n/a", "7.5"],
        ),
        ("BIGINT", None, "12345678901234567", ["1.2345678901234567e16"], ["12345678901234568"]),
        ("DOUBLE", 2, "4711.50", ["4711.5", "4711.50", "4711.499999", "+4711.5"], ["4711,50", "4.711,50"]),
        ("DOUBLE", None, "4711.5", ["4711.50", "04711.5"], ["4711.51", "4711,5"]),
        ("BOOLEAN", None, "true", ["true", "TRUE", "Yes", "1"], ["maybe", "2"]),
        ("BOOLEAN", None, "false", ["", "False", "no", "0"], ["off?"]),
        ("DATE", None, "2026-03-01", ["2026-03-01", "2026-03-01T23:00:00Z", "2026-03-02 08:00:00+09"], ["01/03/2026"]),
        (
            STAMP,
            None,
            "2026-03-01T23:00:00Z",
            ["2026-03-01 23:00:00Z", "2026-03-02T08:00:00+09:00"],
            ["2026-03-01 23:00:00", "2026-03-01"],
        ),
        ("TIME", None, "13:45:00", ["13:45", "13:45:00.000Z"], ["1:45 pm"]),
    ],
)
def test_a_text_is_the_value_that_a_person_means_by_it_beyond_doubt(
    con: duckdb.DuckDBPyConnection, among: str, places: int | None, said: str, same: list[str], other: list[str]
) -> None:
    assert [form(con, one, "VARCHAR", among, places=places) for one in same] == [said] * len(same)
    assert form(con, said, among, among, places=places) == said
    assert [form(con, one, "VARCHAR", among, places=places) for one in other] == other


KINDS = ("VARCHAR", "BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIME", STAMP)
EXTREMES = (
    *("nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "1e20", "1e37", "1e38", "-0.0", "0.005", "-0.005", "9" * 50),
    *("9007199254740993", "9223372036854775807", "-9223372036854775808", "999999999999999999", "-2.5", "1e400"),
    *("0001-01-01", "9999-12-31", "infinity", "-infinity", "0044-03-15 (BC)", "5881580-07-10", "2026-02-30"),
    *("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00", "294247-01-10 04:00:54.775806+00", "24:00:00"),
    *("290309-12-22 (BC) 00:00:00+00", "00:00:00", "23:59:59.999999", "true", "false", "", " ", "x" * 2**20, "\r\n"),
    *("\ufffd", "\U0010ffff" * 9000, "\u00a0"),
)  # fmt: skip
drawn = st.one_of(
    st.sampled_from(EXTREMES),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.dates().map(str),
    st.times().map(str),
)
PLACES = st.sampled_from([None, 0, 2, 8, 18])


@settings(max_examples=3, deadline=None)
@example(values=list(EXTREMES), places=None)
@example(values=list(EXTREMES), places=2)
@given(values=st.lists(drawn, max_size=200), places=PLACES)
def test_no_value_of_any_type_makes_it_raise_or_vanish(
    con: duckdb.DuckDBPyConnection, values: list[str], places: int | None
) -> None:
    """Laws 8 and 9: every column type, in a column of its own or a wider one, against every other.

    Only what is empty becomes null, and the form of a value is its own form.
    """
    con.execute("create or replace temp table stored as select unnest($1::varchar[]) as raw", [values])
    for kind, among in sorted({(one, common(one, other)) for one, other in product(KINDS, KINDS)}):
        length, octets = (10, 24) if kind == among == "VARCHAR" else (0, 0)  # no number is ever cut
        for column in (f"try_cast(raw as {kind})", "raw"):
            said = canonical("x", kind, among, length, octets, places)
            anew = canonical("said", "VARCHAR", among, length, octets, places)
            rows = f"select x, {said} as said from (select {column} as x from stored)"
            empty = (
                f"try(try_cast(x as {kind})) is null or trim(x::varchar, chr(32) || chr(9) || chr(10) || chr(13)) = ''"
            )
            wrong = f"said is distinct from {anew} or (said is null and not ({empty}))"
            assert con.execute(f"from ({rows}) where {wrong}").fetchall() == [], (kind, among, column)


@pytest.mark.parametrize("theirs", KINDS)
@pytest.mark.parametrize("ours", KINDS)
def test_what_is_written_and_read_back_is_what_was_meant(
    con: duckdb.DuckDBPyConnection, ours: str, theirs: str
) -> None:
    """Law 9, every type against every type: the form goes out as the API takes it, and comes back as a mirror has it.

    What cannot be a value of the other side's type is refused, and no null.
    """
    among = common(ours, theirs)
    for value in (*EXTREMES, "4711", "4711.5", "2026-03-01", "2026-03-01 08:30:00+09", "13:45:00", "Ada"):
        con.execute(f"create or replace temp table stored as select try_cast($1 as {ours}) as x", [value])
        ((said,),) = con.execute(f"select {canonical('x', ours, among)} from stored").fetchall()
        if said is None or (theirs != "VARCHAR" and not re.fullmatch(FORMS[theirs], said)):
            continue
        if theirs == "DOUBLE" and abs(float(said)) >= EXACT:
            continue  # the other side's form of it is agreed on when it is read
        sent = typed(said, Field("x", TYPES[theirs]))
        told = said if sent is None else str(sent).lower() if isinstance(sent, bool) else str(sent)
        con.execute("create or replace temp table landed as select $1 as x", [told])
        if con.execute(f"select {cast('x', theirs)} is null from landed").fetchall() == [(True,)]:
            assert theirs in ("BIGINT", "DOUBLE", "DATE", STAMP)  # too large, or no day: the system refuses it
            continue
        back = canonical("x", theirs, among)
        assert con.execute(f"select {back} from (select {cast('x', theirs)} as x from landed)").fetchall() == [(said,)]


def test_a_long_text_in_ascii_loses_only_what_is_too_much(con: duckdb.DuckDBPyConnection) -> None:
    """FIELD-25."""
    assert form(con, "x" * 30_001, "VARCHAR", "VARCHAR", 32_768, 30_000) == "x" * 30_000
