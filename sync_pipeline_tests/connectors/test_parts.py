"""The parts of a connector that need no server: query text, addresses, waits, pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest

from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.errors import FatalError, RejectedError, RetryableError
from sync_pipeline.connectors.http import ATTEMPTS, checked_url, is_loopback, repeat
from sync_pipeline.connectors.salesforce import json_pages, soql
from sync_pipeline.model import Window

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 12, 0, 0, 5_000, tzinfo=UTC)


def test_a_query_without_order_and_limit() -> None:
    query = soql.select(["Id", "Name"], "Lead", soql.in_window("SystemModstamp", Window(START, END)))
    assert query == (
        "select Id, Name from Lead "
        "where SystemModstamp >= 2026-03-01T00:00:00.000Z and SystemModstamp < 2026-03-01T12:00:00.005Z"
    )
    assert soql.in_window("SystemModstamp", Window(None, END)) == "SystemModstamp < 2026-03-01T12:00:00.005Z"
    assert soql.in_ids("Id", ["00Q5g00000AbCdE"]) == "Id in ('00Q5g00000AbCdE')"


def test_a_stamp_is_written_in_utc() -> None:
    there = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert soql.stamp(there) == "2026-02-28T23:30:00.000Z"
    assert soql.stamp(datetime(1700, 1, 1, tzinfo=UTC)) == "1700-01-01T00:00:00.000Z"


@pytest.mark.parametrize("bad", ["", "1Lead", "Lead ", "Lead;", "a-b", "Lé", "Account.Name", "x\n"])
def test_what_is_no_name_becomes_no_query(bad: str) -> None:
    with pytest.raises(ValueError, match="not an API name"):
        soql.select(["Id"], bad)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("O'Neill", r"'O\'Neill'"),
        ("\\' or Name != '", r"'\\\' or Name != \''"),
        ('a\n\r\t\b\f%_"', r"""'a\n\r\t\b\f%_"'"""),
        (True, "true"),
        (1.5, "1.5"),
        (None, "null"),
        ("null", "'null'"),
    ],
)
def test_a_value_cannot_end_its_literal(value: str | float | bool | None, written: str) -> None:
    assert soql.literal(value) == written


@pytest.mark.parametrize("bad", ["", "short", "00Q5g00000AbCd'", "00Q5g00000AbCdEAAAA", "00Q5g00000AbCdé"])
def test_what_is_no_id_becomes_no_query(bad: str) -> None:
    with pytest.raises(ValueError, match="not a record id"):
        soql.in_ids("Id", ["00Q5g00000AbCdE", bad])


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:80", True),
        ("http://[::1]:8080", True),
        ("http://localhost/", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://0.0.0.0", False),
        ("https://login.salesforce.com", False),
    ],
)
def test_what_counts_as_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here
    if here or url.startswith("https:"):
        assert checked_url(url) == url.rstrip("/")
    else:
        with pytest.raises(FatalError, match="INSECURE_URL"):
            checked_url(url)


def waits(error: Exception, first_wait: float) -> list[float]:
    """Return how long would be waited after each failure, without waiting."""
    waited: list[float] = []

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        repeat(fail, Patience(first_wait=first_wait, sleep=waited.append))
    return waited


def test_waits_double_and_only_passing_errors_are_tried_again() -> None:
    waited = waits(RetryableError("BUSY", "later"), 1.0)
    assert len(waited) == ATTEMPTS - 1
    assert all(2**n <= wait <= 2**n + 1 for n, wait in enumerate(waited))
    assert waits(RejectedError("BAD", "never"), 1.0) == []


def test_a_server_that_names_a_wait_is_obeyed() -> None:
    assert min(waits(RetryableError("BUSY", "later", wait_seconds=30), 0.01)) == 30


def page(*records: Mapping[str, object], **more: object) -> bytes:
    said = {"totalSize": len(records), "done": True, "records": list(records), **more}
    return json.dumps(said, ensure_ascii=False).encode()


def parsed(body: bytes, *fields: str) -> json_pages.JsonPage:
    with duckdb.connect() as con:
        return json_pages.parse(con, body, fields)


def test_a_json_page_becomes_text_to_the_letter() -> None:
    texts = ["NA", "null", "true", "0.0", 'a "b"\n\r\t\\', "日本", "\u2028", "x" * 30_000]
    found = parsed(page(*({"attributes": {"type": "Lead"}, "Name": t} for t in texts)), "Name")
    assert found.rows.column("Name").to_pylist() == texts
    (others,) = parsed(page({"A": 1.5e7, "B": True, "C": None, "D": 12}), *"ABCD").rows.to_pylist()
    assert others == {"A": "15000000.0", "B": "true", "C": None, "D": "12"}


def test_fields_named_like_the_page_itself_are_kept_apart() -> None:
    found = parsed(page({"done": "no", "p": "q", "records": "r"}, nextRecordsUrl="/next", done=False), "done", "p")
    assert (found.done, found.next_url, found.rows.to_pylist()) == (False, "/next", [{"done": "no", "p": "q"}])


def test_a_nul_is_shown_and_a_written_escape_is_left_alone() -> None:
    found = parsed(page({"A": "x\0y", "B": "\\u0000", "C": "\\\0"}), "A", "B", "C")
    assert found.rows.to_pylist() == [{"A": "x\u2400y", "B": "\\u0000", "C": "\\\u2400"}]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", page({"A": "x"})[:-10], b"<html>", b"\xff\xfe", b'{"done":true}'])
def test_a_body_that_is_no_whole_page_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(RetryableError, match="PAGE_CUT_OFF"):
        parsed(body, "A")


def test_a_field_that_a_page_lacks_is_no_null() -> None:
    with pytest.raises(RejectedError, match="INVALID_FIELD: the result page has no field B, C"):
        parsed(page({"A": "x"}), "A", "B", "C")


def test_an_empty_page_has_its_columns() -> None:
    found = parsed(page(), "A", "B")
    assert (found.total, found.rows.num_rows) == (0, 0)
