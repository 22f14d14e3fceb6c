"""A small org, a running sandbox around it, and a client of our own that is logged in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.bulk1_client import Bulk

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def shared(path: str) -> Any:
    """Return a recorded JSON file, or skip where the recordings are absent."""
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"no {path} here")
    return json.loads(file.read_text(encoding="utf-8"))


class Clock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 5, 17, 10, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Client:
    """Plain requests with a token; `get` and `post` name paths below the API version."""

    sandbox: Sandbox
    token: str
    version: str = "60.0"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if not path.startswith("/"):
            path = f"/services/data/v{self.version}/{path}"
        return requests.request(method, self.sandbox.url + path, headers=headers, timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def query(self, soql: str, resource: str = "query") -> dict[str, Any]:
        answer = self.get(resource, params={"q": soql})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def values(self, soql: str, resource: str = "query") -> list[tuple[Any, ...]]:
        """Return the answered records as tuples of their plain values."""
        records = self.query(soql, resource)["records"]
        return [tuple(value for name, value in record.items() if name != "attributes") for record in records]

    def refusal(self, soql: str, resource: str = "query") -> tuple[int, str, str]:
        """Return status, code and last line of the message of a query that is refused."""
        answer = self.get(resource, params={"q": soql})
        error = answer.json()[0]
        return answer.status_code, error["errorCode"], error["message"].splitlines()[-1]

    def bulk(self, soql: str, operation: str = "query", **more: str) -> dict[str, Any]:
        """Run a bulk job to its end and return it."""
        made = self.send("POST", "jobs/query", json={"operation": operation, "query": soql, **more})
        assert made.status_code == 200, made.text
        return self.ended(made.json()["id"])

    def ended(self, job: str) -> dict[str, Any]:
        for _ in range(1000):
            found: dict[str, Any] = self.get(f"jobs/query/{job}").json()
            if found["state"] in ("JobComplete", "Failed", "Aborted"):
                return found
            time.sleep(0.02)
        raise AssertionError(f"job {job} did not end")

    def pages(self, job: str, **parameters: Any) -> Iterator[requests.Response]:
        """Yield the result pages, following the locators."""
        while True:
            page = self.get(f"jobs/query/{job}/results", params=parameters)
            assert page.status_code == 200, page.text
            yield page
            if page.headers["Sforce-Locator"] == "null":
                return
            parameters["locator"] = page.headers["Sforce-Locator"]


def log_in(sandbox: Sandbox, username: str | None = None, password: str | None = None) -> Client:
    env = sandbox.env()
    form = {
        "grant_type": "password",
        "client_id": env["SALESFORCE_CLIENT_ID"],
        "client_secret": env["SALESFORCE_CLIENT_SECRET"],
        "username": username or env["SALESFORCE_USERNAME"],
        "password": password or env["SALESFORCE_PASSWORD"] + env["SALESFORCE_SECURITY_TOKEN"],
    }
    answer = requests.post(f"{sandbox.url}/services/oauth2/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return Client(sandbox, answer.json()["access_token"])


class Redirect(HTTPAdapter):
    """Sends what a client addresses to Salesforce's own hosts to the sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        request.url = re.sub(r"^https://[^/]+", self._url, request.url or "")
        return super().send(request, *arguments, **options)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(clock=clock) as org:
        yield org


@pytest.fixture
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return log_in(sandbox)


@pytest.fixture
def bulk(client: Client) -> Bulk:
    return Bulk(client)


@pytest.fixture
def in_json(client: Client) -> Bulk:
    return Bulk(client, "JSON", "application/json")


@pytest.fixture
def in_xml(client: Client) -> Bulk:
    return Bulk(client, "XML")
