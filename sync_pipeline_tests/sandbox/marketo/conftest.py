"""A small subscription, a running sandbox around it, and a client whose every answer is held against the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo import contract


@dataclass
class Client:
    """Plain requests with a token."""

    sandbox: MarketoSandbox
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> None:
        env = self.sandbox.env()
        given = {
            "grant_type": "client_credentials",
            "client_id": env["MARKETO_CLIENT_ID"],
            "client_secret": env["MARKETO_CLIENT_SECRET"],
        }
        answer = self.session.get(f"{self.sandbox.url}/identity/oauth/token", params=given, timeout=30)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request; an answer in JSON must be what the contract promises for it."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = self.session.request(method, self.sandbox.url + path, headers=headers, timeout=30, **options)
        disguised = "_method" in (options.get("params") or {})
        if answer.headers["Content-Type"].startswith("application/json"):
            assert contract.complaints("GET" if disguised else method, path, answer.json()) == []
        return answer

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Return the body of a GET that went well."""
        return _well(self.send("GET", path, params=parameters))

    def post(self, path: str, body: object = None, **parameters: Any) -> dict[str, Any]:
        """Return the body of a POST that went well."""
        return _well(self.send("POST", path, json=body, params=parameters))

    def result(self, path: str, **parameters: Any) -> Any:
        return self.get(path, **parameters)["result"]

    def error(self, method: str, path: str, **options: Any) -> tuple[str, str]:
        """Return code and message of a call that is refused as a whole."""
        body = self.send(method, path, **options).json()
        assert body["success"] is False, body
        return body["errors"][0]["code"], body["errors"][0]["message"]

    # Activities

    def since(self, at: str = "2026-05-17T00:00:00Z") -> str:
        token: str = self.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=at)["nextPageToken"]
        return token

    def activities(self, *types: int, **more: Any) -> list[dict[str, Any]]:
        """Return all activities of these types, page by page."""
        return self.all("/rest/v1/activities.json", activityTypeIds=",".join(map(str, types)), **more)

    def all(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return what a feed has since the beginning of the day."""
        found: list[dict[str, Any]] = []
        token, more = self.since(), True
        while more:
            page = self.get(path, nextPageToken=token, **parameters)
            found += page["result"]
            token, more = page["nextPageToken"], page["moreResult"]
        return found

    # Persons

    def sync(self, *records: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.post("/rest/v1/leads.json", {"input": records, **more})["result"]
        return results

    def people(self, values: Sequence[object], by: str = "id", fields: str = "") -> list[dict[str, Any]]:
        parameters = {"filterType": by, "filterValues": ",".join(map(str, values))}
        found: list[dict[str, Any]] = self.result(
            "/rest/v1/leads.json", **parameters, **({"fields": fields} if fields else {})
        )
        return found

    def person(self, lead: int, fields: str = "") -> dict[str, Any]:
        return self.people([lead], fields=fields)[0]


def _well(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["success"] is True, body
    return body


def codes(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return of each result its status, or the code of the reason it was skipped for."""
    return [result["reasons"][0]["code"] if "reasons" in result else result["status"] for result in results]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def subscription(clock: Clock) -> Iterator[Subscription]:
    with Subscription.open(clock=clock) as subscription:
        yield subscription


@pytest.fixture
def sandbox(subscription: Subscription) -> Iterator[MarketoSandbox]:
    with MarketoSandbox(subscription) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: MarketoSandbox) -> Client:
    client = Client(sandbox)
    client.log_in()
    return client


@pytest.fixture
def program(subscription: Subscription) -> int:
    """A webinar, with a channel of four steps, the last one of which is a success."""
    steps = [("Not in Program", 0), ("Invited", 10), ("Registered", 20), ("Attended", 30)]
    statuses = [{"name": name, "step": step, "success": name == "Attended"} for name, step in steps]
    now = subscription.present()
    stamps = {"createdAt": now, "updatedAt": now}
    channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(statuses), **stamps}
    subscription.insert(CHANNEL, [channel])
    subscription.insert(
        PROGRAM, [{"id": 1044, "name": "Spring webinar", "type": "Event", "channel": "Webinar", **stamps}]
    )
    return 1044
