from __future__ import annotations

from datetime import date

import pytest

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.soql.ast import Both, Comparison, Kind, Literal, Not, Path, Query, Selected
from sync_pipeline.sandbox.salesforce.soql.dates import period
from sync_pipeline.sandbox.salesforce.soql.parser import parse
from sync_pipeline_tests.sandbox.conftest import shared

# Ends in the middle of a bind variable: the source tests that its own parser can be told to overlook this.
BROKEN = 113


def test_every_published_query_parses_but_the_broken_one() -> None:
    cases = shared("cases/soql_parse_cases_jetstream.json")
    refused = []
    for case in cases:
        try:
            parse(case["soql"])
        except ApiError:
            refused.append(case["testCase"])
    assert refused == [BROKEN]


def test_published_queries_keep_their_object_limit_order_and_groups() -> None:
    for case in shared("cases/soql_parse_cases_jetstream.json"):
        if case["testCase"] == BROKEN:
            continue
        query, expected = parse(case["soql"]), case["output"]
        assert str(query.source) == expected["sObject"], case["soql"]
        assert query.limit == expected.get("limit"), case["soql"]
        assert query.offset == expected.get("offset"), case["soql"]
        assert len(query.select) == len(expected["fields"]), case["soql"]
        assert len(query.order) == len(_listed(expected.get("orderBy"))), case["soql"]
        assert [o.descending for o in query.order] == [
            o.get("order") == "DESC" for o in _listed(expected.get("orderBy"))
        ]
        assert (query.where is None) == ("where" not in expected), case["soql"]
        assert (query.having is None) == ("having" not in expected), case["soql"]


def _listed(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def test_conditions_keep_their_structure() -> None:
    query = parse("SELECT Id FROM A WHERE (NOT a = 1) AND (b = 'x' OR c > 2020-01-01T00:00:00Z)")
    assert isinstance(query.where, Both)
    first, second = query.where.conditions
    assert first == Not(Comparison(Path(("a",), 28), "=", Literal(Kind.NUMBER, "1", 32)))
    assert isinstance(second, Both)
    assert second.word == "OR"


def test_escapes_of_a_string_are_resolved_but_for_the_wildcards() -> None:
    query = parse(r"SELECT Id FROM A WHERE a LIKE 'it\'s 50\% \n \u00e9 \\'")
    assert isinstance(query.where, Comparison)
    assert isinstance(query.where.right, Literal)
    assert query.where.right.value == "it's 50\\% \n é \\"


def test_a_name_that_looks_like_an_amount_is_still_a_name() -> None:
    query = parse("SELECT Name foo1 FROM Account")
    assert isinstance(query, Query)
    assert query.select == (Selected(Path(("Name",), 7), "foo1"),)


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("SELEKT Name FROM Account", "unexpected token: SELEKT"),
        ("SELECT Id FROM", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM A WHERE a = 1 AND b = 2 OR c = 3", "unexpected token: 'OR'"),
        ("SELECT Id FROM A LIMIT x", "unexpected token: 'x'"),
        ("SELECT Id FROM A WHERE a = 'open", "expecting a right quote, found '<EOF>'"),
        ("SELECT Id FROM A ; DROP", "unexpected token: ';'"),
        ("SELECT COUNT(Id) FROM A HAVING COUNT(Id) > 1", "unexpected token: 'HAVING'"),
        ("SELECT Id FROM A LIMIT 99999999999", "unexpected token: '99999999999'"),
    ],
)
def test_a_malformed_query_is_refused_where_it_breaks(soql: str, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(soql)
    assert refused.value.code == "MALFORMED_QUERY"
    assert refused.value.message.endswith(message)


# A Sunday in the second quarter.
@pytest.mark.parametrize(
    ("literal", "first", "after"),
    [
        ("TODAY", "2026-05-17", "2026-05-18"),
        ("YESTERDAY", "2026-05-16", "2026-05-17"),
        ("THIS_WEEK", "2026-05-17", "2026-05-24"),
        ("LAST_WEEK", "2026-05-10", "2026-05-17"),
        ("NEXT_MONTH", "2026-06-01", "2026-07-01"),
        ("LAST_N_DAYS:7", "2026-05-10", "2026-05-18"),
        ("NEXT_N_DAYS:2", "2026-05-18", "2026-05-20"),
        ("N_DAYS_AGO:3", "2026-05-14", "2026-05-15"),
        ("LAST_90_DAYS", "2026-02-16", "2026-05-18"),
        ("THIS_QUARTER", "2026-04-01", "2026-07-01"),
        ("LAST_N_QUARTERS:2", "2025-10-01", "2026-04-01"),
        ("LAST_FISCAL_YEAR", "2025-01-01", "2026-01-01"),
        ("NEXT_N_FISCAL_QUARTERS:5", "2026-07-01", "2027-10-01"),
        ("N_MONTHS_AGO:5", "2025-12-01", "2026-01-01"),
    ],
)
def test_date_literals_are_half_open_periods(literal: str, first: str, after: str) -> None:
    assert period(literal, date(2026, 5, 17)) == (date.fromisoformat(first), date.fromisoformat(after))


UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2026, 1, 1), date(2026, 5, 17), date(2026, 12, 31)])
def test_last_this_and_next_units_lie_one_after_the_other(unit: str, today: date) -> None:
    ago = [period(f"N_{unit}S_AGO:{n}", today) for n in (2, 1, 0)]
    assert [end for _, end in ago[:-1]] == [start for start, _ in ago[1:]]
    assert ago[-1][0] <= today < ago[-1][1]
    assert period(f"LAST_N_{unit}S:2", today)[0] == ago[0][0]
    assert period(f"LAST_N_{unit}S:2", today)[1] == ago[-1][1 if unit == "DAY" else 0]
    assert period(f"NEXT_N_{unit}S:3", today)[0] == ago[-1][1]
    if unit != "DAY":
        named = [period(f"{which}_{unit}", today) for which in ("LAST", "THIS", "NEXT")]
        assert named[:2] == ago[1:]
        assert named[2] == period(f"NEXT_N_{unit}S:1", today)


@pytest.mark.parametrize("literal", ["LAST_DAYS:3", "TODAY:3", "THIS_N_YEARS:2", "LAST_N_FISCAL_WEEKS:1", "N_DAYS:3"])
def test_there_are_no_other_date_literals(literal: str) -> None:
    with pytest.raises(ValueError, match="no date literal"):
        period(literal, date(2026, 5, 17))
