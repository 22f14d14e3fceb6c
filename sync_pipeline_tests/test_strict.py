"""What no test of a lake lets pass: a condition that is NULL where it is negated, and a flag that is NULL."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.strict import SAID, NullError, StrictPlainLake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with StrictPlainLake(tmp_path_factory.mktemp("lake")) as lake:
        yield lake


@pytest.fixture
def con(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    with lake.reading() as con:
        con.execute("create temp table record as (from (values (1, true), (2, null)) r(number, flag))")
        con.execute("create temp table other as (from (values (1), (null)) r(id))")
        yield con


@pytest.mark.parametrize(
    "negated",
    [
        "not flag",
        "not (flag and number > 0)",
        "not (number in (select id from other))",
        "number not in (select id from other)",
        "number not in (1, null)",
        "number not in (select max(o.id) from other o where o.id = record.number + 1)",
        "flag <> true",
        "coalesce(number in (select 3 from other o where o.id <> 1), false)",
        "flag != true",
    ],
)
@pytest.mark.parametrize(
    "statement",
    [
        "select number from record where {}",
        "from record where {}",
        "with one as (select number from record where {}) select * from one",
        "select count(*) filter ({}) from record",
        "select case when {} then 1 end from record",
        "select number from record qualify {} or row_number() over () > 5",
        "create or replace temp table made as select number from record where {}",
        "insert into other by name select number as id from record where {}",
        "delete from other using record where other.id = record.number + 5 or {}",
        "update other set id = 7 from record where {}",
    ],
)
def test_null_is_not_negated(con: duckdb.DuckDBPyConnection, statement: str, negated: str) -> None:
    with pytest.raises(NullError, match=SAID):
        con.execute(statement.format(negated))


def test_what_is_never_null_may_be_negated_and_means_the_same(con: duckdb.DuckDBPyConnection) -> None:
    for said in ("not coalesce(flag, false)", "coalesce(not flag, true)", "flag is distinct from true"):
        assert con.execute(f"select number from record where {said}").fetchall() == [(2,)]
    found = con.execute(
        "select number as one, not exists (from other where id = number) as is_free, one <> 1 as two, "
        "list_filter([1, 2], lambda e: e <> number) as others from record order by all"
    )
    assert found.fetchall() == [(1, False, False, [2]), (2, True, True, [1])]


def test_a_flag_is_not_null_where_it_is_made(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NullError, match="flag is NULL in 1 rows"):
        con.execute("create or replace temp table made as from record")
    con.execute("create or replace temp table made as select coalesce(flag, false) as flag from record")
