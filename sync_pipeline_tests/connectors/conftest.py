"""A sandbox org whose clock is a minute behind: all its stamps lie before the end of any window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.sandbox import Org, Sandbox

Connect = Callable[..., Salesforce]


def a_minute_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture
def org() -> Iterator[Org]:
    with Org.open(clock=a_minute_ago) as org:
        yield org


@pytest.fixture
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


def app_credentials(sandbox: Sandbox) -> dict[str, str]:
    env = sandbox.env()
    return {
        "login_url": sandbox.url,
        "client_id": env["SALESFORCE_CLIENT_ID"],
        "client_secret": env["SALESFORCE_CLIENT_SECRET"],
    }


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Return a function that makes a connector to the sandbox; it is logged in by the first call."""

    def make(credentials: dict[str, str] | None = None, **options: Any) -> Salesforce:
        return Salesforce(Credentials(**(credentials or app_credentials(sandbox))), **{"first_wait": 0.01, **options})

    return make


@pytest.fixture
def connector(connect: Connect) -> Salesforce:
    return connect()
