"""Requests of every shape that Adobe's contract allows, and some that it does not: none is met by a fault of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sync_pipeline_tests.sandbox.marketo import contract
from sync_pipeline_tests.sandbox.marketo.conftest import Client
from sync_pipeline_tests.sandbox.marketo.examples import LIST_ID, PROGRAM_ID, filled_world

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))  # for each operation; 200 is a long look
# Operations that the sandbox has not: named accounts, forms, smart campaigns.
ABSENT = re.compile(r"named[aA]ccount|submitForm|campaigns/\{campaignId\}/")
KNOWN = {
    "leadId": 50, "listId": LIST_ID, "programId": PROGRAM_ID, "apiName": "car_c", "customObjectName": "car_c",
    "fieldApiName": "email", "batchId": 1001, "exportId": "none", "campaignId": 1,
}  # fmt: skip


def _operations() -> list[Any]:
    if not contract.FILE.exists():
        return []
    schemathesis = pytest.importorskip("schemathesis")
    loaded = contract.contract()
    paths = {path: item for path, item in loaded["paths"].items() if not ABSENT.search(path)}
    schema = schemathesis.openapi.from_dict({**loaded, "paths": paths})
    found = [result.ok() for result in schema.get_all_operations()]
    return [pytest.param(operation, id=operation.label) for operation in found]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with filled_world() as world:
        yield world.client


@pytest.mark.parametrize("operation", _operations())
def test_no_request_meets_a_fault_of_ours(operation: Any, client: Client) -> None:
    names = re.findall(r"\{(\w+)\}", operation.path)
    cases = operation.as_strategy()
    if names:
        cases |= operation.as_strategy(path_parameters={name: KNOWN.get(name, "x") for name in names})

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=cases)
    def look(case: Any) -> None:
        check(client, case)

    look()


def check(client: Client, case: Any) -> None:
    """See that an answer is one of the contract, or refused at HTTP level, and that no fault is unhandled."""
    answer = case.call(base_url=client.sandbox.url, headers={"Authorization": f"Bearer {client.token}"})
    if answer.status_code != 200:
        assert answer.status_code in (413, 414) or (answer.status_code == 404 and case.path.endswith("/file.json"))
        return
    body = answer.json()
    assert [error for error in body.get("errors", ()) if error["code"] == "611"] == [], case.as_curl_command()
    assert contract.complaints(case.method, case.path, body) == []
