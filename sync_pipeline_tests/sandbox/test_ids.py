from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipeline.model import id18
from sync_pipeline.sandbox.salesforce.org.ids import record_id, record_id_sql

NUMBERS = st.integers(min_value=0, max_value=62**9 - 1)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(NUMBERS, min_size=1, max_size=50, unique=True), st.sampled_from(["003", "00Q", "a0X", "01g"]))
def test_ids_made_by_sql_are_those_made_by_python(numbers: list[int], prefix: str) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {record_id_sql(prefix, 'n')} from (select unnest(?::bigint[]) as n)", [numbers]
        ).fetchall()
    assert [row[0] for row in rows] == [record_id(prefix, number) for number in numbers]


@given(st.lists(NUMBERS, min_size=2, max_size=20))
def test_ids_are_valid_and_sort_like_their_numbers(numbers: list[int]) -> None:
    ids = [record_id("003", number) for number in numbers]
    assert all(id18(one[:15]) == one and len(one) == 18 for one in ids)
    assert sorted(ids) == [record_id("003", number) for number in sorted(numbers)]
