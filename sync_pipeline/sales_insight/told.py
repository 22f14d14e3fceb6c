"""What a sales tool told, before it is judged: what a kind does not have is left out, names of persons are parsed.

SQL over the temporary table `given_text`, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from sync_pipeline.identifiers import IdentifierError
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.sales_insight.inputs import ACTIVITY, KINDS, Input, Value

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class LeftOut:
    """An attribute that records of a kind named although the kind has none, and how many of them did."""

    kind: str
    value: str
    records: int


def leave_out(con: Connection, into: Input) -> list[LeftOut]:
    """Empty the attributes that a record's kind does not have, and return which these were: the record is taken."""
    if into is not ACTIVITY:
        return []
    lacking = {
        value.name: [kind.name for kind in KINDS if value.name not in kind.attributes]
        for value in into.values
        if value.label
    }
    tests = {name: f"coalesce(kind in ({commas(map(literal, kinds))}), false)" for name, kinds in lacking.items()}
    each = " union all ".join(
        f"select kind, {literal(name)} as value, count(*) as records from given_text "
        f"where {test} and {quoted(name)} is not null group by kind"
        for name, test in tests.items()
    )
    found = [LeftOut(*row) for row in con.execute(f"from ({each}) order by all").fetchall()]
    if found:
        kept = commas(f"if({test}, null, {quoted(name)}) as {quoted(name)}" for name, test in tests.items())
        con.execute(f"create or replace temp table given_text as select distinct * replace ({kept}) from given_text")
    return found


def check_names(con: Connection, into: Input) -> None:
    """Fill `unreadable` with the addresses and ids that are not one plain value: key, value, message.

    Those that are stay as they were told, so that the same record is known again.
    """
    con.execute("create or replace temp table unreadable (key varchar, value varchar, message varchar)")
    for value in into.values:
        if value.parse is not None:
            _check(con, into, value, value.parse)


def _check(con: Connection, into: Input, value: Value, parse: Callable[[object], str]) -> None:
    column = quoted(value.name)
    texts = con.execute(f"select distinct {column} from given_text where {column} is not null").fetchall()
    messages = {text: message for (text,) in texts if (message := _refusal(parse, text))}
    if not messages:
        return
    con.register("refusal", pa.table({"text": list(messages), "message": list(messages.values())}))
    try:
        con.execute(
            f"insert into unreadable select {quoted(into.key)}, {literal(value.name)}, message "
            f"from given_text join refusal on text = {column}"
        )
    finally:
        con.unregister("refusal")


def _refusal(parse: Callable[[object], str], text: str) -> str:
    """Return why a text is not one plain value; empty if it is."""
    try:
        parse(text)
    except IdentifierError as error:
        return f"cannot be read: {error}"
    return ""
