"""Flow actions over HTTP, as a Marketo webhook asks for them (FLOW-18)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.web import flow
from sync_pipeline.web.server import Endpoint, Fields, Reply, Server
from sync_pipeline_tests.lake.conftest import open_lake
from sync_pipeline_tests.on_demand.world import FlowWorld

TOKEN = "a token of many letters"


def broken(given: Fields) -> Reply:
    raise RuntimeError(given["person"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowWorld]:
    with open_lake(tmp_path_factory.mktemp("web")) as lake:
        yield FlowWorld(lake)


@pytest.fixture(scope="module")
def url(world: FlowWorld) -> Iterator[str]:
    endpoints = [flow.endpoint(world.flow()), Endpoint("/broken", broken)]
    with Server(endpoints, TOKEN) as server:
        assert server.url.startswith("http://127.0.0.1:")
        yield server.url


def post(url: str, token: str = TOKEN, **given: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", **given.pop("headers", {})}
    return requests.post(url, headers=headers, timeout=60, **given)


def test_a_webhook_gets_the_crm_id_and_the_outcome_and_the_same_again(world: FlowWorld, url: str) -> None:
    """FLOW-18, FLOW-1, GEN-7."""
    person = world.person()
    asked = {"person": int(person), "request_id": f"{person}-1029-2026-05-17"}
    answer = post(f"{url}/flow/sync-person", json=asked)
    told = answer.json()
    assert (answer.status_code, told["status"], told["marketo_id"]) == (200, "done", person)
    assert world.links(person) == [("lead", told["crm_id"])]
    assert post(f"{url}/flow/sync-person", json=asked).json() == told
    skipped = post(f"{url}/flow/sync-person", data={"person": person}).json()
    assert (skipped["status"], skipped["code"], skipped["crm_id"]) == ("skipped", "NOTHING_DIFFERS", told["crm_id"])
    other = post(f"{url}/flow/delete", json=asked)
    assert (other.status_code, other.json()["code"]) == (409, "REQUEST_ID_USED")


def test_the_key_of_a_request_may_stand_in_its_header(world: FlowWorld, url: str) -> None:
    person, key = world.person(), {"Idempotency-Key": "in the header"}
    told = [post(f"{url}/flow/sync-person", json={"person": person}, headers=key).json() for _ in range(2)]
    assert told[0] == told[1]
    assert told[0]["request_id"] == "in the header"


def test_an_outcome_that_is_not_final_asks_for_the_same_request_again(world: FlowWorld, url: str) -> None:
    world.crm.before = [RetryableError("UNABLE_TO_LOCK_ROW", "locked")]
    asked = {"person": world.person(), "request_id": "locked"}
    answer = post(f"{url}/flow/sync-person", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNABLE_TO_LOCK_ROW")
    assert int(answer.headers["Retry-After"]) > 0


def test_nobody_is_answered_without_the_token(world: FlowWorld, url: str) -> None:
    person = world.person()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = requests.post(f"{url}/flow/sync-person", json={"person": person}, headers=headers, timeout=60)
        assert answer.status_code == 401
    assert world.links(person) == []
    with pytest.raises(ValueError, match="token"):
        Server([], "")


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/flow/sync-person", {"data": b"{"}, 400),
        ("/flow/sync-person", {"json": ["1"]}, 400),
        ("/flow/sync-person", {"json": {}}, 400),
        ("/flow/sync-person", {"json": {"person": "1", "colour": "red"}}, 400),
        ("/flow/fly", {"json": {"person": "1"}}, 400),
        ("/fly", {"json": {}}, 404),
        ("/flow/sync-person", {"data": b"x" * 70_000}, 413),
    ],
)
def test_what_is_no_request_is_told_so(url: str, path: str, given: dict[str, Any], status: int) -> None:
    answer = post(url + path, **given)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_a_failure_of_ours_tells_nothing_of_anybody(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = post(f"{url}/broken", json={"person": "ada@x.example"})
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal Server Error"})
    assert "RuntimeError at /broken" in caplog.text
    assert "ada@x.example" not in caplog.text
