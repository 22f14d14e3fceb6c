"""Lakes of an older version keep whole numbers as doubles: the columns are converted, and no value is lost."""

from __future__ import annotations

from sync_pipeline.lake import Lake, table
from sync_pipeline.mirror.drift import drift
from sync_pipeline.model import Field, Object


def test_columns_of_doubles_become_whole_and_what_lost_digits_is_read_again(lake: Lake) -> None:
    obj = Object("salesforce", "Whole", "whole_numbers", "")
    kinds = {"Id": "VARCHAR", "SystemModstamp": "TIMESTAMP WITH TIME ZONE", "N": "DOUBLE", "B": "DOUBLE"}
    with lake.transaction() as con:
        table.create_mirror(con, obj, kinds)
    name = table.full_name(*obj.table)
    with lake.transaction() as con:
        con.execute(f"insert into {name} (Id, N, B) values ('a', 4711, 12345678901234567), ('b', null, 1)")
    fields = tuple(
        Field(n, "double", precision=18) if kind == "DOUBLE" else Field(n, "id") for n, kind in kinds.items()
    )
    with lake.reading() as con:
        found = drift(table.fields_kept(con, obj), fields, fields)
        assert set(found.whole) == {"N", "B"}
        assert table.inexact(con, obj, found.whole) == {"B"}
    with lake.transaction() as con:
        for column in found.whole:
            table.widen_column(con, obj, column, "BIGINT")
    assert lake.rows(f"select Id, N, B, typeof(N) from {name} order by Id") == [
        ("a", 4711, 12345678901234568, "BIGINT"),
        ("b", None, 1, "BIGINT"),
    ]
