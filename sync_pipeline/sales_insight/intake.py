"""Taking in what a sales tool tells: from Python, CSV, Parquet or JSON lines. Each record is checked and kept once.

A record that is refused does not keep the others from being taken (law 8). Messages name the record by its key and the
value by its name, and repeat no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import full_name
from sync_pipeline.lake.types import cast
from sync_pipeline.sales_insight import merges, tables
from sync_pipeline.sales_insight.inputs import PERSON, Input, Type, Value
from sync_pipeline.sales_insight.mirrors import MARKETO, look
from sync_pipeline.sales_insight.told import LeftOut, check_names, leave_out
from sync_pipeline.texts import VISIBLE_NUL, whole

Connection = duckdb.DuckDBPyConnection
READERS = {
    ".csv": "read_csv({}, header = true, all_varchar = true)",
    ".parquet": "read_parquet({})",
    ".jsonl": "read_ndjson_objects({})",
    ".ndjson": "read_ndjson_objects({})",
}
NOT_OF = {
    Type.TIME: "is no ISO time", Type.DAY: "is no ISO date", Type.WHOLE: "is no whole number from 0 up",
    Type.TRUTH: "is neither true nor false",
}  # fmt: skip


class InputError(Exception):
    """Nothing was taken: the file cannot be read, or names values that the input does not have."""


@dataclass(frozen=True)
class Refused:
    """A record that was not taken, by its key (None if it has none), the value that is wrong, and why."""

    key: str | None
    value: str
    message: str


@dataclass(frozen=True)
class Taken:
    """How many records were new, how many had been taken before, what was refused, and which attributes left out."""

    new: int
    known: int
    refused: Sequence[Refused]
    left_out: Sequence[LeftOut] = ()


def take(lake: Lake, into: Input, records: Iterable[Mapping[str, object]], now: datetime) -> Taken:
    """Take in records, `{"activity_id": ..., "kind": ..., ...}`; values that are left out or None are empty.

    Raises:
        InputError: a record names a value that the input does not have.
    """
    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return Taken(0, 0, ())
    texts = {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names}
    with lake.transaction() as con:
        con.register("given", pa.table(texts))
        try:
            return _take(con, into, names, {name: quoted(name) for name in names}, "given", now)
        finally:
            con.unregister("given")


def take_file(lake: Lake, into: Input, path: Path, now: datetime) -> Taken:
    """Take in a file of CSV with a header, Parquet, or JSON lines (`.jsonl`, `.ndjson`).

    Raises:
        InputError: the file is of another kind, cannot be read, or has columns that the input does not have.
    """
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path.name} is none of {', '.join(READERS)}")
    source = READERS[path.suffix.lower()].format(literal(str(path)))
    with lake.transaction() as con:
        try:
            if "json" in source:
                found = con.execute(f"select distinct unnest(json_keys(json)) from {source}").fetchall()
                columns = {name: f"json ->> {literal(name)}" for (name,) in found}
            else:
                columns = {row[0]: quoted(row[0]) for row in con.execute(f"describe from {source}").fetchall()}
            return _take(con, into, list(columns), columns, source, now)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise InputError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None


def _text(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None if value is None else whole(str(value))


def _take(
    con: Connection, into: Input, names: Sequence[str], columns: Mapping[str, str], source: str, now: datetime
) -> Taken:
    known = {value.name for value in into.values}
    if unknown := sorted(set(names) - known):
        raise InputError(f"{into.table} has no {', '.join(unknown)}; its values are {', '.join(sorted(known))}")
    tables.create(con)
    selected = commas(
        f"nullif(trim(replace(({columns.get(v.name, 'null')})::varchar, chr(0), '{VISIBLE_NUL}')), '') "
        f"as {quoted(v.name)}"
        for v in into.values
    )
    con.execute(f"create or replace temp table given_text as select distinct {selected} from {source}")
    left_out = leave_out(con, into)
    check_names(con, into)
    con.execute(f"create or replace temp table refused as {' union all '.join(_refusals(into))}")
    typed = commas(f"{cast(v.name, v.type.value)} as {quoted(v.name)}" for v in into.values)
    key = quoted(into.key)
    con.execute(
        f"create or replace temp table fit as select {typed} from given_text "
        f"where {key} is not null and not coalesce({key} in (select key from refused), false)"
    )
    fit, new = _change(con, into, now) if into.stamp else _add(con, into, now)
    found = con.execute("select distinct key, value, message from refused order by all").fetchall()
    return Taken(new, fit - new, tuple(Refused(*row) for row in found), tuple(left_out))


def _add(con: Connection, into: Input, now: datetime) -> tuple[int, int]:
    """Keep what fits and is new; what is known with other values is refused. Returns how many fit, how many are new."""
    key, table = quoted(into.key), full_name(tables.SCHEMA, into.table)
    kept = commas(quoted(value.name) for value in into.values)
    con.execute(
        f"insert into refused select {key}, {literal(into.key)}, 'was taken before with other values' from "
        f"(select {kept} from fit where {key} in (select {key} from {table}) except select {kept} from {table})"
    )
    con.execute(f"delete from fit where {key} in (select key from refused)")
    fit = _count(con, "fit")
    con.execute(f"delete from fit where {key} in (select {key} from {table})")
    if new := _count(con, "fit"):
        con.execute(
            f"insert into {table} by name select *, marketo_id as _person_id, {literal(now)} as _received_at from fit"
        )
        merges.follow(con, look(con, MARKETO))
    return fit, new


def _change(con: Connection, into: Input, now: datetime) -> tuple[int, int]:
    """Keep what fits and is later than what is known. Returns how many fit, and how many of them are new or changed.

    Rows are removed and put in anew; a person that was merged away is followed by the next run of what reads them.
    """
    key, table, at = quoted(into.key), full_name(tables.SCHEMA, into.table), literal(now)
    fit, stamp = _count(con, "fit"), quoted(into.stamp)
    con.execute(f"delete from fit f using {table} k where k.{key} = f.{key} and k.{stamp} >= f.{stamp}")
    if new := _count(con, "fit"):
        same = "k.marketo_id is not distinct from f.marketo_id"
        con.execute(f"""
            create or replace temp table told as
            select f.*, coalesce(if({same}, k._person_id, null), f.marketo_id) as _person_id,
                coalesce(k._received_at, {at}) as _received_at, {at} as _changed_at,
                k.* exclude ({commas(quoted(v.name) for v in into.values)}, _person_id, _received_at, _changed_at)
            from fit f left join {table} k on k.{key} = f.{key}
        """)
        con.execute(f"delete from {table} where {key} in (select {key} from fit)")
        con.execute(f"insert into {table} by name select * from told")
    return fit, new


def _count(con: Connection, table: str) -> int:
    return int((con.execute(f"select count(*) from {table}").fetchone() or (0,))[0])


def _refusals(into: Input) -> list[str]:
    """Return a query for each thing that may be wrong: key of the record, name of the value, message."""
    given = commas(quoted(value.name) for value in PERSON)
    wrong = [(f"coalesce({given}) is null", "marketo_id", "no person: give marketo_id, salesforce_id or email")]
    for value in into.values:
        wrong += _wrong(value)
    key = quoted(into.key)
    each = [
        f"select {key} as key, {literal(name)} as value, {literal(said)} as message from given_text where {test}"
        for test, name, said in wrong
    ]
    twice = f"select {key} from given_text group by {key} having count(*) > 1"
    return [
        *each,
        "from unreadable",
        f"select {key}, {literal(into.key)}, 'is given twice with different values' from given_text "
        f"where {key} in ({twice})",
    ]


def _wrong(value: Value) -> list[tuple[str, str, str]]:
    column = quoted(value.name)
    wrong = []
    if value.required:
        wrong.append((f"{column} is null", value.name, "is missing"))
    if value.choices:
        choices = commas(map(literal, value.choices))
        wrong.append(
            (f"not coalesce({column} in ({choices}), true)", value.name, f"is none of {', '.join(value.choices)}")
        )
    if value.type is not Type.TEXT and value.parse is None:
        said = NOT_OF[value.type]
        fits = cast(value.name, value.type.value)
        low = "" if value.type is not Type.WHOLE else f" or not regexp_full_match({column}, '[0-9]+')"
        wrong.append((f"{column} is not null and ({fits} is null{low})", value.name, said))
    return wrong
