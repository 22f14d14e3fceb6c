"""A client with https and a host name wired in reaches the sandbox, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from interop.front import Front
from interop.salesforce.stage import front_of
from sync_pipeline.sandbox import Org, Sandbox


@pytest.fixture
def front() -> Iterator[Front]:
    with Org.open() as org, Sandbox(org) as sandbox, front_of(sandbox) as front:
        yield front


@pytest.fixture
def session(front: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[requests.Session]:
    """An ordinary client in a process that was told what `environment` says."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name, value in front.environment().items():
        monkeypatch.setenv(name, value)
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("url", ["https://login.salesforce.com", "https://x.my.salesforce.com", "https://127.0.0.1:1"])
def test_a_host_that_the_sandbox_stands_for_is_answered_by_it(session: requests.Session, url: str) -> None:
    answer = session.get(f"{url}/services/data", timeout=30)
    assert answer.json()[0]["url"] == "/services/data/v20.0"


def test_plain_http_through_the_proxy_reaches_the_sandbox_too(front: Front) -> None:
    """jsforce takes the proxy of HTTPS_PROXY for every request."""
    tunnel = HTTPConnection(urlsplit(front.environment()["HTTPS_PROXY"]).netloc, timeout=30)
    tunnel.set_tunnel("127.0.0.1:1")
    with closing(tunnel):
        tunnel.request("GET", "/services/data")
        assert tunnel.getresponse().status == 200


def test_any_other_host_is_refused(session: requests.Session) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        session.get("https://example.com", timeout=30)


def test_the_certificate_vouches_for_no_other_front(session: requests.Session) -> None:
    with Org.open() as org, Sandbox(org) as sandbox, front_of(sandbox) as other:
        proxies = {"https": other.environment()["HTTPS_PROXY"]}
        with pytest.raises(requests.exceptions.SSLError):
            session.get("https://login.salesforce.com", proxies=proxies, timeout=30)
