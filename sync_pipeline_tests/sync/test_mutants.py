"""Every small mistake in the case table, the rules and the refusals is found by the rows of `decisions`.

A mistake that changes nothing is named here, with the reason, and is tried with all that can be given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pytest

from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Rule
from sync_pipeline.sync.decision import case_table
from sync_pipeline.sync.decision.case_table import CASES, REFUSALS
from sync_pipeline_tests.sync import decisions
from sync_pipeline_tests.sync.decisions import (
    AGREE,
    CHOSEN_CRM,
    CHOSEN_MARKETO,
    CRM_CHANGED,
    CRM_EMPTY,
    CRM_MOVED,
    MARKETO_CHANGED,
    MARKETO_EMPTY,
    MARKETO_MOVED,
    MEETING,
    NEVER_FILLED,
    NEW_TO_CRM,
    NEW_TO_MARKETO,
    NO_IN_CRM,
    NO_IN_MARKETO,
    NO_NEWS_TO_CRM,
    NO_NEWS_TO_MARKETO,
    PASSED,
    TO_CRM_ONLY,
    TO_MARKETO_ONLY,
    load,
)
from sync_pipeline_tests.sync.mutants import mutants

Conditions = Sequence[tuple[str, str]]  # what each is called, and its SQL; the first that holds counts
EXCLUDE = "no two of them hold at once"
# Neighbours that may be swapped, and why.
MAY_BE_SWAPPED = {
    (NEW_TO_MARKETO, NO_NEWS_TO_CRM): "a record is missing on one side at most",
    (NEW_TO_CRM, AGREE): "what is new and equal is nothing, and brings nothing",
    (AGREE, NO_IN_CRM): EXCLUDE,
    (NO_IN_CRM, NO_IN_MARKETO): EXCLUDE,
    (CHOSEN_CRM, CHOSEN_MARKETO): EXCLUDE,
    (CHOSEN_MARKETO, MARKETO_MOVED): "a field has an agreed value, or is one that was just chosen",
    (TO_MARKETO_ONLY, CRM_MOVED): EXCLUDE,
    (CRM_MOVED, NEVER_FILLED): EXCLUDE,
    (TO_CRM_ONLY, MARKETO_EMPTY): "what flows to the CRM only, and was never filled, is gone by then",
    (MARKETO_EMPTY, CRM_EMPTY): "both sides empty are both sides equal",
    (MEETING, PASSED): "without an agreed value the base is empty, and Marketo's value is not by then",
    (CRM_CHANGED, MARKETO_CHANGED): "neither changed it, and both are equal",
    ("NOT_WRITABLE", "NOT_WRITABLE"): "each is of one direction, and both have one code",
    ("REQUIRED", "STAYS"): "each is of one direction",
    ("STAYS", "NOT_IN_PICKLIST"): "each is of one direction",
    ("NOT_IN_PICKLIST", "NOT_ASCII"): "each is of one direction",
    ("TOO_LONG", "TOO_LONG"): "each is of one direction, and both have one code",
}
# Parts of conditions that may be changed, by what they are part of, and why.
MAY_BE_CHANGED = {
    (
        NO_NEWS_TO_MARKETO,
        "(NOT TRY_CAST(crm AS BOOLEAN))",
    ): "null counts as false here, and an empty value brings nothing anyway",
    (
        NO_NEWS_TO_CRM,
        "(NOT TRY_CAST(marketo AS BOOLEAN))",
    ): "null counts as false here, and an empty value brings nothing anyway",
    ("NOT_IN_PICKLIST", "((taken = 'take_marketo') AND (len(picklist) > 0)"): "whether null is in a list is null",
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        load(con, "given", decisions.USUAL, decisions.CASE_ROWS)
        load(con, "conflict", decisions.CONFLICT, decisions.CONFLICT_ROWS)
        load(con, "refusable", decisions.REFUSABLE, decisions.REFUSAL_ROWS)
        con.execute(f"create table possible as {decisions.POSSIBLE}", {"rules": [str(rule) for rule in Rule]})
        con.execute(f"create table refusable_at_all as {decisions.REFUSABLE_AT_ALL}")
        yield con


def first_that_holds(conditions: Conditions) -> str:
    return f"case {' '.join(f'when {when} then {literal(name)}' for name, when in conditions)} end"


def with_one_mistake(con: duckdb.DuckDBPyConnection, conditions: Conditions) -> Iterator[tuple[object, str]]:
    """Yield what was done to the conditions, and the SQL that came of it."""
    before = list(conditions)
    for place, (name, when) in enumerate(before):
        yield (name, "forgotten"), first_that_holds(before[:place] + before[place + 1 :])
        for mutant in mutants(con, when):
            yield (name, mutant), first_that_holds([*before[:place], (name, mutant), *before[place + 1 :]])
        if place + 1 < len(before):
            two = [before[place + 1], before[place]]
            yield (name, before[place + 1][0]), first_that_holds([*before[:place], *two, *before[place + 2 :]])


def survives(con: duckdb.DuckDBPyConnection, rows: str, sql: str) -> bool:
    return not con.execute(f"select 1 from {rows} where ({sql}) is distinct from expected limit 1").fetchall()


def is_excused(what: object) -> bool:
    name, mistake = what if isinstance(what, tuple) else ("", "")
    return what in MAY_BE_SWAPPED or any(of == name and part in mistake for of, part in MAY_BE_CHANGED)


@pytest.mark.parametrize(
    ("conditions", "rows", "all_rows"),
    [([(case.name, case.when) for case in CASES], "given", "possible"), (REFUSALS, "refusable", "refusable_at_all")],
    ids=["cases", "refusals"],
)
def test_every_mistake_in_a_condition_or_their_order_is_found_by_a_row(
    con: duckdb.DuckDBPyConnection, conditions: Conditions, rows: str, all_rows: str
) -> None:
    right = first_that_holds(conditions)
    assert survives(con, rows, right)
    left = [(what, sql) for what, sql in with_one_mistake(con, conditions) if survives(con, rows, sql)]
    assert [what for what, _ in left if not is_excused(what)] == []
    for what, sql in left:  # what is excused must change nothing, whatever is given
        differs = f"select * from {all_rows} where ({sql}) is distinct from ({right}) limit 1"
        assert con.execute(differs).fetchall() == [], what


def test_every_mistake_in_a_rule_is_found_by_a_row(con: duckdb.DuckDBPyConnection) -> None:
    assert survives(con, "conflict", case_table.resolution_sql())
    assert [sql for sql in mutants(con, case_table.resolution_sql()) if survives(con, "conflict", sql)] == []
