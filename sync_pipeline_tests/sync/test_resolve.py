"""The case table, row by row, and what each rule makes of a conflict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Rule
from sync_pipeline.sync import resolve
from sync_pipeline.sync.resolve import CASES, REFUSALS, RESOLUTIONS, Outcome

USUAL: dict[str, Any] = {
    "crm": "a",
    "marketo": "a",
    "base": "a",
    "known": True,
    "rule": Rule.CRM_WINS,
    "waits": False,
    "marketo_id": "7",
    "crm_id": "8",
    "by_crm": True,
    "by_marketo": True,
    "crm_at": 1,
    "marketo_at": 2,
    "behind": False,
    "gone": False,
    "tells_end": False,
    "moved": None,
    "unfilled": False,
}
# name of the case -> what differs from USUAL, and what is done
EXAMPLES: list[tuple[str, dict[str, Any], Outcome]] = [
    ("the record was deleted in the CRM, and only that is told", {"gone": True, "crm": "b"}, Outcome.KEEP),
    ("its value has not been read since it became visible (FIELD-4)", {"unfilled": True, "crm": None}, Outcome.KEEP),
    ("the record it refers to is not in Marketo yet", {"waits": True, "crm": "b"}, Outcome.KEEP),
    ("new to Marketo, with nothing to bring", {"marketo_id": None, "crm": None, "known": False}, Outcome.KEEP),
    (
        "new to Marketo, with nothing to bring",
        {"marketo_id": None, "marketo": None, "rule": Rule.MARKETO_ONLY},
        Outcome.KEEP,
    ),
    ("new to Marketo", {"marketo_id": None, "marketo": None, "known": False}, Outcome.TAKE_CRM),
    ("new to the CRM, with nothing to bring", {"crm_id": None, "marketo": None, "known": False}, Outcome.KEEP),
    ("new to the CRM, with nothing to bring", {"crm_id": None, "crm": None, "rule": Rule.CRM_ONLY}, Outcome.KEEP),
    ("new to the CRM", {"crm_id": None, "crm": None, "known": False}, Outcome.TAKE_MARKETO),
    ("both sides agree", {}, Outcome.SAME),
    ("both sides agree", {"crm": None, "marketo": None}, Outcome.SAME),
    (
        "chosen to be synced, and changed on neither side since (SF-CAMP-15)",
        {"known": False, "marketo": "b", "moved": "neither"},
        Outcome.KEEP,
    ),
    (
        "chosen to be synced, and since then only the CRM changed it",
        {"known": False, "marketo": "b", "moved": "crm"},
        Outcome.TAKE_CRM,
    ),
    (
        "chosen to be synced, and since then only Marketo changed it",
        {"known": False, "marketo": "b", "moved": "marketo"},
        Outcome.TAKE_MARKETO,
    ),
    ("first meeting, the values differ", {"known": False, "marketo": "b", "moved": "both"}, Outcome.CONFLICT),
    (
        "the field flows to Marketo only, whose record alone moved",
        {"rule": Rule.CRM_ONLY, "marketo": "b", "by_crm": False},
        Outcome.KEEP,
    ),
    ("the field flows to Marketo only", {"rule": Rule.CRM_ONLY, "marketo": "b"}, Outcome.TAKE_CRM),
    (
        "the field flows to Marketo only",
        {"rule": Rule.CRM_ONLY, "marketo": "b", "gone": True, "tells_end": True},
        Outcome.TAKE_CRM,
    ),
    (
        "the field flows to Marketo only",
        {"rule": Rule.CRM_ONLY, "marketo": "b", "by_crm": False, "known": False},
        Outcome.TAKE_CRM,
    ),
    (
        "the field flows to the CRM only, whose record alone moved",
        {"rule": Rule.MARKETO_ONLY, "crm": "b", "by_marketo": False},
        Outcome.KEEP,
    ),
    (
        "the field flows to the CRM only, and was never filled",
        {"rule": Rule.MARKETO_ONLY, "crm": "b", "marketo": None, "known": False},
        Outcome.KEEP,
    ),
    ("the field flows to the CRM only", {"rule": Rule.MARKETO_ONLY, "crm": "b"}, Outcome.TAKE_MARKETO),
    ("the field flows to the CRM only", {"rule": Rule.MARKETO_ONLY, "crm": "b", "marketo": None}, Outcome.TAKE_MARKETO),
    ("first meeting, Marketo is empty", {"known": False, "marketo": None}, Outcome.TAKE_CRM),
    ("first meeting, the CRM is empty", {"known": False, "crm": None}, Outcome.TAKE_MARKETO),
    ("first meeting, the values differ", {"known": False, "marketo": "b"}, Outcome.CONFLICT),
    (
        "only the CRM changed it, to a step that Marketo has passed (SF-CAMP-9)",
        {"crm": "b", "behind": True},
        Outcome.SKIP,
    ),
    ("only the CRM changed it", {"crm": "b"}, Outcome.TAKE_CRM),
    ("only the CRM changed it", {"crm": None}, Outcome.TAKE_CRM),
    ("only Marketo changed it", {"marketo": "b"}, Outcome.TAKE_MARKETO),
    ("only Marketo changed it", {"marketo": "b", "base": None, "crm": None}, Outcome.TAKE_MARKETO),
    ("both sides changed it", {"crm": "b", "marketo": "c"}, Outcome.CONFLICT),
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def asked(con: duckdb.DuckDBPyConnection, given: dict[str, Any], what: str) -> Any:
    text = {"crm", "marketo", "base", "marketo_id", "crm_id", "moved"}
    columns = commas(f"{literal(v)}{'::varchar' if k in text else ''} as {k}" for k, v in given.items())
    return con.execute(f"select {what} from (select {columns})").fetchall()[0][0]


@pytest.mark.parametrize(("name", "differs", "outcome"), EXAMPLES, ids=[f"{e[0]}-{i}" for i, e in enumerate(EXAMPLES)])
def test_each_row_of_the_case_table(
    con: duckdb.DuckDBPyConnection, name: str, differs: dict[str, Any], outcome: Outcome
) -> None:
    """SF-LEAD-2, SF-LEAD-3, SF-CONTACT-3, SF-ACCOUNT-1 to 4; SPEC 31, decision 3."""
    given = USUAL | differs
    number = asked(con, given, resolve.case_sql())
    assert CASES[number].name == name
    assert asked(con, given | {"number": number}, resolve.outcome_sql("number")) == outcome
    assert asked(con, given | {"number": number}, resolve.name_sql("number")) == name


def test_every_row_of_the_case_table_has_an_example() -> None:
    assert {name for name, _, _ in EXAMPLES} == {case.name for case in CASES}


@pytest.mark.parametrize(
    ("rule", "differs", "taken"),
    [
        (Rule.CRM_WINS, {}, Outcome.TAKE_CRM),
        (Rule.CRM_WINS, {"behind": True}, Outcome.TAKE_MARKETO),
        (Rule.MARKETO_WINS, {}, Outcome.TAKE_MARKETO),
        (Rule.TRUE_WINS, {"crm": "true", "marketo": "false"}, Outcome.TAKE_CRM),
        (Rule.TRUE_WINS, {"crm": "false", "marketo": "true"}, Outcome.TAKE_MARKETO),
        (Rule.NEWEST, {"crm_at": 1, "marketo_at": 2}, Outcome.TAKE_MARKETO),
        (Rule.NEWEST, {"crm_at": 3, "marketo_at": 2}, Outcome.TAKE_CRM),
    ],
)
def test_what_each_rule_makes_of_a_conflict(
    con: duckdb.DuckDBPyConnection, rule: Rule, differs: dict[str, Any], taken: Outcome
) -> None:
    """SF-CONTACT-11, UNSUB-4."""
    assert asked(con, USUAL | {"rule": rule} | differs, resolve.resolution_sql()) == taken


def test_every_rule_that_can_meet_a_conflict_resolves_it() -> None:
    assert RESOLUTIONS.keys() == set(Rule) - {Rule.CRM_ONLY, Rule.MARKETO_ONLY}


REFUSABLE: dict[str, Any] = {
    "crm": "a",
    "marketo": "b",
    "taken": Outcome.TAKE_CRM,
    "blocked": False,
    "marketo_writable": True,
    "crm_writable": True,
    "crm_required": False,
    "crm_length": 5,
    "marketo_length": 5,
    "marketo_bytes": None,
    "ascii_only": False,
    "truncates": True,
    "stays": False,
}
TO_CRM = {"taken": Outcome.TAKE_MARKETO}


@pytest.mark.parametrize(
    ("code", "differs"),
    [
        (None, {}),
        (None, TO_CRM),
        ("BLOCKED", {"blocked": True}),
        (None, {"blocked": True, "marketo": None}),
        ("NOT_WRITABLE", {"marketo_writable": False}),
        ("NOT_WRITABLE", TO_CRM | {"crm_writable": False}),
        ("REQUIRED", TO_CRM | {"crm_required": True, "marketo": None}),
        ("NOT_IN_PICKLIST", TO_CRM | {"picklist": ["x"]}),
        (None, TO_CRM | {"picklist": ["b"]}),
        (None, TO_CRM | {"picklist": ["x"], "marketo": None}),
        ("STAYS", {"stays": True, "crm": None}),
        (None, {"stays": True}),
        ("NOT_ASCII", {"ascii_only": True, "crm": "ä@b.c"}),
        (None, {"ascii_only": True}),
        ("TOO_LONG", {"crm": "abcdef", "truncates": False}),
        ("TOO_LONG", {"crm": "ääa", "marketo_bytes": 4, "truncates": False}),
        (None, {"crm": "äa", "marketo_bytes": 4, "truncates": False}),
        ("TOO_LONG", TO_CRM | {"marketo": "abcdef", "truncates": False}),
    ],
)
def test_what_keeps_a_chosen_value_from_being_written(
    con: duckdb.DuckDBPyConnection, code: str | None, differs: dict[str, Any]
) -> None:
    """FIELD-15, FIELD-25, FIELD-27, SF-CONTACT-10."""
    given = REFUSABLE | differs
    picklist = given.pop("picklist", [])
    listed = f"[{commas(map(literal, picklist))}]::varchar[]"
    columns = commas(f"{literal(v)}{'::varchar' if k in ('crm', 'marketo') else ''} as {k}" for k, v in given.items())
    found = con.execute(f"select {resolve.refusal_sql()} from (select {columns}, {listed} as picklist)").fetchall()
    assert found == [(code,)]


def test_no_refusal_is_unknown_to_the_docs() -> None:
    assert {code for code, _ in REFUSALS} == set(resolve.REFUSED_BECAUSE)
