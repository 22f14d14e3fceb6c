"""What a sales tool tells and asks over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sync_pipeline.lake import Lake
from sync_pipeline.sales_insight.may_send import Permission
from sync_pipeline.web import actions
from sync_pipeline.web.server import Server
from sync_pipeline_tests.lake.conftest import open_lake

TOKEN = "a token of many letters"
CALL = {"activity_id": "a", "kind": "call", "happened_at": "2026-01-01T00:00:00Z", "email": "x@y.example"}
GONE = {"unsubscribe_id": "u", "happened_at": "2026-01-01T00:00:00Z", "email": "x@y.example"}


class Tool:
    def __init__(self, lake: Lake, url: str, pushed: list[int]) -> None:
        self.lake, self.url, self.pushed = lake, url, pushed

    def post(self, path: str, token: str = TOKEN, **body: Any) -> tuple[int, dict[str, Any]]:
        bearer = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{self.url}/actions/{path}", json=body, headers=bearer, timeout=60)
        return answer.status_code, answer.json()


def may_send(email: str, transactional: bool) -> Permission:
    return Permission(transactional, f"asked about {email}")


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    pushed: list[int] = []
    with open_lake(tmp_path_factory.mktemp("web")) as lake:
        endpoints = [actions.intake(lake, lambda: pushed.append(1)), actions.check(may_send)]
        with Server(endpoints, TOKEN) as server:
            yield Tool(lake, server.url, pushed)


def test_records_are_taken_once_and_what_is_refused_is_told(tool: Tool) -> None:
    """SIA-ACT-8, law 8."""
    fax = {**CALL, "activity_id": "b", "kind": "fax"}
    status, told = tool.post("sales_activity", records=[CALL, fax])
    assert (status, told["new"], [(r["key"], r["value"]) for r in told["refused"]]) == (200, 1, [("b", "kind")])
    assert tool.post("sales_activity", records=[CALL]) == (200, {"new": 0, "known": 1, "refused": [], "left_out": []})
    assert tool.post("sales_activity", records=[fax])[0] == 422
    assert tool.lake.rows("select activity_id from lake.actions.sales_activity") == [("a",)]
    assert tool.pushed == []


def test_signs_that_cannot_be_kept_cost_no_record(tool: Tool) -> None:
    """Law 8: a NUL is kept as its symbol, half a character as U+FFFD, and the same record is known again."""
    odd = {**CALL, "activity_id": "odd\0", "subject": "a\0b\ud83d"}
    for new in (1, 0):
        status, told = tool.post("sales_activity", records=[odd, {**CALL, "activity_id": f"beside {new}"}])
        assert (status, told["new"], told["refused"]) == (200, new + 1, [])
    found = tool.lake.rows("select subject from lake.actions.sales_activity where activity_id = 'odd\u2400'")
    assert found == [("a\u2400b\ufffd",)]


def test_a_new_unsubscribe_is_sent_on_at_once(tool: Tool) -> None:
    """SIA-UNS-1."""
    for _ in range(2):
        assert tool.post("unsubscribe", records=[GONE])[0] == 200
    assert tool.pushed == [1]


def test_a_check_is_answered_and_no_other_answer_looks_like_a_yes(tool: Tool) -> None:
    """SIA-UNS-6, SIA-UNS-8."""
    asked = {"email": "a@b.example"}
    assert tool.post("check", **asked) == (200, {"allowed": False, "because": "asked about a@b.example"})
    assert tool.post("check", **asked, transactional=True)[1]["allowed"]
    for status, told in (tool.post("check"), tool.post("check", token="other", **asked)):
        assert (status >= 400, "allowed" in told) == (True, False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("fax", {"records": []}, 404), ("unsubscribe", {"records": "all"}, 400), ("unsubscribe", {"records": [1]}, 400),
     ("unsubscribe", {"records": [{"colour": "red"}]}, 400)],
)  # fmt: skip
def test_a_body_of_another_form_is_refused(tool: Tool, path: str, body: dict[str, Any], status: int) -> None:
    assert tool.post(path, **body)[0] == status
