"""Adobe's own examples: a request that can be made here is answered in the shape that the guide shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sync_pipeline_tests.sandbox.conftest import SHARED
from sync_pipeline_tests.sandbox.marketo.examples import NEEDS, World, filled_world, path_of

FILE = SHARED / "payloads/marketo/adobe_docs_examples.json"
OURS = re.compile(r"<Identity|/rest/v1/|/bulk/v1/|/rest/asset/v1/(programs?|channels?|staticLists?)\b")
# Which of these cannot be made, and why.
CANNOT = {
    r"/rest/v1/named[aA]ccount": "named accounts are not used by the sync (MK-REST-14)",
    r"/rest/asset/v1/program/.*/(tag|smartList|approve|unapprove|delete)": "programs are read, created and updated",
    r"/rest/v1/campaigns/": "no smart campaign runs here",
    r"dependentAssets": "nothing depends on a custom object: there are no smart lists",
    r"GET /rest/v1/leads/\{id\}/smartCampaignMembership": "no smart campaign runs here: the list is empty",
}
# Keys that an example has and our answer has not, since the contract or another example says otherwise.
UNLIKE = {
    "object": "relationships name their other end `relatedTo` everywhere else and in the contract",
    "description": "left out where there is none; the contract allows no null",
    "tags": "no program has tags here",
    "queuedAt": "shown of a job that was only created, which every other example denies",
    "amount": "a number, though this example sends and shows a text",
    "postalCode": "not among the fields that the guide names as default",
}
# The records of this example are of an object of their own; only what all records have is compared.
OWN_RECORDS = re.compile(r"customobjects/\{apiName\}\.json\?_method=GET")

Json = dict[str, Any]


def _examples() -> list[Any]:
    if not FILE.exists():
        return []
    found = []
    for number, example in enumerate(json.loads(FILE.read_text(encoding="utf-8"))):
        request = example.get("request") or {}
        if "response" in example and OURS.match(request.get("path", "")):
            name = f"{request['method']} {request['path']}"
            reason = next((why for pattern, why in CANNOT.items() if re.search(pattern, name)), None)
            marks = [pytest.mark.skip(reason=reason)] if reason else []
            found.append(pytest.param(example, id=f"{number}-{example['file']}-{name[:60]}", marks=marks))
    return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    if not FILE.exists():
        pytest.skip("no examples here")
    with filled_world() as world:
        yield world


@pytest.mark.parametrize("example", _examples())
def test_an_official_example_is_answered_in_its_shape(world: World, example: Json) -> None:
    answer = _ask(world, example)
    assert answer.status_code == 200
    assert answer.json().get("success", True) is True, answer.text
    assert lacks(_expected(example), answer.json()) == []


def _expected(example: Json) -> Json:
    """Return the example's answer as far as its own request can lead to it."""
    expected: Json = json.loads(json.dumps(example["response"]))
    body = example["request_body"]
    if body and isinstance(body.get("input"), list) and isinstance(expected.get("result"), list):
        expected["result"] = expected["result"][: len(body["input"])]  # one example answers more than it asks
    if OWN_RECORDS.search(example["request"]["path"]):
        expected["result"] = [{key: record[key] for key in ("seq", "marketoGUID")} for record in expected["result"]]
    return expected


def _ask(world: World, example: Json) -> requests.Response:
    request, body = example["request"], example["request_body"]
    client = world.client
    if request["path"] == "<Identity":
        env = client.sandbox.env()
        given = {"client_id": env["MARKETO_CLIENT_ID"], "client_secret": env["MARKETO_CLIENT_SECRET"]}
        url = f"{client.sandbox.url}/identity/oauth/token"
        return requests.get(url, params={"grant_type": "client_credentials", **given}, timeout=30)
    for pattern, prepare in NEEDS.items():
        if pattern in request["path"]:
            prepare(world)
    if body and "/customobjects/schema.json" in request["path"] and body["action"] != "updateOnly":
        world.object_is_gone(body["apiName"])
    elif body and body.get("action") == "updateOnly":
        world.has_object(body["apiName"])
    path = path_of(world, example)
    if "import.json" in path or path.startswith("/bulk/v1/leads.json"):
        return client.send("POST", path.replace("{apiName}", "car_c"), files={"file": ("f.csv", "email\n")})
    if request["method"] == "POST" and path.startswith("/rest/asset/v1/staticList"):
        form = {"name": "My Static List", "folder": '{"id": 1034, "type": "Folder"}', "description": "A list"}
        return client.send("POST", path, data=form)
    return client.send(request["method"], path, json=_body(world, example))


def _body(world: World, example: Json) -> Any:
    """Return the body of an example, with our numbers where it names some of its own subscription."""
    body, path = example["request_body"], example["request"]["path"]
    if path.endswith("/activities/external.json"):
        world.has_type()
        number = world.client.result("/rest/v1/activities/external/type/attendConference/describe.json")[0]["id"]
        for record in body["input"]:
            record |= {"activityTypeId": number, "attributes": []}
    if path.endswith("schema.json") and body is None:
        return {"action": "createOnly", "displayName": "Car", "apiName": "car2"}
    if OWN_RECORDS.search(path):
        return {"filterType": "dedupeFields", "input": [{"vIN": "5YJSA1E41FF156789"}], "fields": ["marketoGUID"]}
    return body


def lacks(expected: Any, actual: Any, at: str = "") -> list[str]:
    """Return where an answer is not of the example's shape: a key is missing, or a value is of another type.

    Of a list, each kind of entry in the example must have its like in the answer.
    """
    if expected is None or actual is None:
        return []
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key, value in expected.items() if value is not None and key not in UNLIKE]
        missing = [f"{at}/{key} is missing" for key in keys if key not in actual]
        return missing + [
            gap for key in keys if key in actual for gap in lacks(expected[key], actual[key], f"{at}/{key}")
        ]
    if isinstance(expected, list) and isinstance(actual, list):
        if expected and not actual:
            return [f"{at} is empty"]
        return [
            min((lacks(one, other, at) for other in actual), key=len)[0]
            for one in expected
            if all(lacks(one, other, at) for other in actual)
        ]
    if _kind(expected) == _kind(actual):
        return []
    return [f"{at} is {type(actual).__name__}, not {type(expected).__name__}"]


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
