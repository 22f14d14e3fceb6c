"""The case table, the rules and the refusals, row by row, and against the same written once more in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pytest

from sync_pipeline.model import Rule
from sync_pipeline.sync.decision import case_table
from sync_pipeline.sync.decision.case_table import CASES, REFUSALS, RESOLUTIONS, Outcome
from sync_pipeline_tests.sync import decisions
from sync_pipeline_tests.sync.decisions import CASE_ROWS, CONFLICT_ROWS, OUTCOMES, POSSIBLE, REFUSAL_ROWS, load


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        load(con, "given", decisions.USUAL, CASE_ROWS)
        load(con, "conflict", decisions.CONFLICT, CONFLICT_ROWS)
        load(con, "refusable", decisions.REFUSABLE, REFUSAL_ROWS)
        yield con


def answers(con: duckdb.DuckDBPyConnection, table: str, what: str) -> list[tuple[Any, ...]]:
    return con.execute(f"select {what} from {table} order by place").fetchall()


def test_each_row_of_the_case_table(con: duckdb.DuckDBPyConnection) -> None:
    """SF-LEAD-2, SF-LEAD-3, SF-CONTACT-3, SF-ACCOUNT-1 to 4; SPEC 31, decision 3."""
    number = case_table.case_sql()
    found = answers(con, "given", f"{case_table.name_sql(f'({number})')}, {case_table.outcome_sql(f'({number})')}")
    wanted = [(name, OUTCOMES[name]) for name, _ in CASE_ROWS]
    wrong = [(row[1], is_, to_be) for row, is_, to_be in zip(CASE_ROWS, found, wanted, strict=True) if is_ != to_be]
    assert wrong == []


def test_every_row_of_the_case_table_has_an_example() -> None:
    assert {name for name, _ in CASE_ROWS} == {case.name for case in CASES} == OUTCOMES.keys()


def test_what_each_rule_makes_of_a_conflict(con: duckdb.DuckDBPyConnection) -> None:
    """SF-CONTACT-11, UNSUB-4."""
    found = answers(con, "conflict", case_table.resolution_sql())
    wrong = [(row, is_) for row, (is_,) in zip(CONFLICT_ROWS, found, strict=True) if is_ != row[0]]
    assert wrong == []


def test_every_rule_that_can_meet_a_conflict_resolves_it() -> None:
    assert RESOLUTIONS.keys() == set(Rule) - {Rule.CRM_ONLY, Rule.MARKETO_ONLY}


def test_what_keeps_a_chosen_value_from_being_written(con: duckdb.DuckDBPyConnection) -> None:
    """FIELD-15, FIELD-25, FIELD-27, SF-CONTACT-10."""
    found = answers(con, "refusable", case_table.refusal_sql())
    wrong = [(row, is_) for row, (is_,) in zip(REFUSAL_ROWS, found, strict=True) if is_ != row[0]]
    assert wrong == []


def test_no_refusal_is_unknown_to_the_docs() -> None:
    assert {code for code, _ in REFUSALS} == set(case_table.REFUSED_BECAUSE)


class Asked(NamedTuple):
    """One field of one link, as `decisions.POSSIBLE` gives it."""

    crm: str | None
    marketo: str | None
    base: str | None
    known: bool
    rule: str
    crm_id: str | None
    marketo_id: str | None
    gone: bool
    tells_end: bool
    unfilled: bool
    waits: bool
    by_crm: bool
    by_marketo: bool
    behind: bool
    moved: str | None
    consent: bool


TAKE = {"crm": Outcome.TAKE_CRM, "marketo": Outcome.TAKE_MARKETO}
FROM = {Rule.CRM_ONLY: "crm", Rule.MARKETO_ONLY: "marketo"}
NO, YES = ("true", "a"), ("false", None)


def decided(of: Asked) -> Outcome:
    """Return what is to be done, as the specification has it and docs/deciding.md tells it.

    A record that is gone tells its end only (DEL-1); what was not read is not touched (FIELD-4); what is new gets what
    the other side has to give (SF-LEAD-4, SF-LEAD-5).
    """
    only, one_new = FROM.get(Rule(of.rule)), "crm" if of.crm_id is None else "marketo" if of.marketo_id is None else ""
    if (of.gone or of.unfilled) and not of.tells_end:
        return Outcome.KEEP
    if of.waits:
        return Outcome.KEEP
    if one_new:
        giver, value = ("marketo", of.marketo) if one_new == "crm" else ("crm", of.crm)
        gives = value is not None and only in (None, giver) and not (of.consent and value in YES)
        return TAKE[giver] if gives else Outcome.KEEP
    if of.crm == of.marketo:
        return Outcome.SAME
    if of.consent and not of.known and (of.crm in NO) != (of.marketo in NO):  # law 13
        side = "crm" if of.crm in NO else "marketo"
        return TAKE[side] if only in (None, side) else Outcome.SKIP
    if of.moved in ("neither", "crm", "marketo"):  # SF-CAMP-15
        return TAKE[of.moved] if of.moved in TAKE and only in (None, of.moved) else Outcome.KEEP
    return flowing(of, only) if only else compared(of)


def flowing(of: Asked, only: str) -> Outcome:
    """Return the same of a field that flows one way: an edit against it stays until the giver moves (SF-ACCOUNT-2)."""
    moved, value = (of.by_crm, of.crm) if only == "crm" else (of.by_marketo, of.marketo)
    if of.known:
        return TAKE[only] if moved else Outcome.KEEP
    return Outcome.KEEP if only == "marketo" and value is None else TAKE[only]


def compared(of: Asked) -> Outcome:
    """Return the same of a field that flows both ways: the side that changed counts (SPEC 31, decision 3)."""
    before = of.base if of.known else None
    changed = [side for side, value in (("crm", of.crm), ("marketo", of.marketo)) if value != before]
    if len(changed) > 1:
        return Outcome.CONFLICT
    return Outcome.SKIP if changed == ["crm"] and of.known and of.behind else TAKE[changed[0]]


def test_the_case_table_is_the_specification_for_all_that_can_be_given(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"create or replace table possible as {POSSIBLE}", {"rules": [str(rule) for rule in Rule]})
    names = ", ".join(Asked._fields)
    number = case_table.case_sql()
    found = con.execute(f"select {case_table.outcome_sql(f'({number})')}, {names} from possible").fetchall()
    wrong = [(row, wanted) for row in found if row[0] != (wanted := decided(Asked(*row[1:])))]
    assert wrong[:3] == []
    assert len(found) > 50_000
