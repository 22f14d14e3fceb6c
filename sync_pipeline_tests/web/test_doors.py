"""What a server endures from those who have no token, and what those who have one get meanwhile."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
import requests

from sync_pipeline.web import protocol, server
from sync_pipeline.web.server import Endpoint, Fields, Reply, Server

TOKEN = "a token of many letters"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
HEAD = "POST /echo HTTP/1.1\r\nHost: x\r\n"
BEARER = f"Authorization: Bearer {TOKEN}\r\n"
MANY = 300 << 20
MEMORY = 80 << 20


def echo(given: Fields) -> Reply:
    return Reply({"got": dict(given)})


@pytest.fixture
def url() -> Iterator[str]:
    with Server([Endpoint("/echo", echo)], TOKEN) as serving:
        yield serving.url


def connected(url: str, sent: str = "") -> socket.socket:
    found = urlsplit(url)
    connection = socket.create_connection((str(found.hostname), found.port or 0), timeout=30)
    connection.sendall(sent.encode())
    return connection


def answered(connection: socket.socket) -> str:
    """Return the status line of an answer; empty if the connection was closed without any."""
    with suppress(ConnectionError):
        return connection.makefile("r", encoding="latin-1").readline().strip()
    return ""


def flooded(connection: socket.socket, most: int) -> int:
    """Send letters until so many are sent or the other end has enough; return how many it took."""
    sent, part = 0, b"x" * (1 << 18)
    with suppress(OSError):
        while sent < most:
            sent += connection.send(part)
    return sent


def is_answered(url: str) -> bool:
    answer = requests.post(f"{url}/echo", json={"a": 1}, headers=WITH_TOKEN, timeout=30)
    return bool(answer.status_code == 200 and answer.json() == {"got": {"a": 1}})


BEGUN = {
    "nothing": "",
    "half a head": HEAD,
    "no token, half a body": HEAD + "Content-Length: 10\r\n\r\nab",
    "a wrong token, half a body": HEAD + "Authorization: Bearer x\r\nContent-Length: 10\r\n\r\nab",
    "a token, half a body": HEAD + BEARER + "Content-Length: 10\r\n\r\nab",
    "chunks": HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
}


@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("number", [12, 200])
def test_slow_connections_block_nobody(url: str, begun: str, number: int) -> None:
    with ExitStack() as opened:
        for _ in range(number):
            opened.enter_context(connected(url, BEGUN[begun]))
        assert is_answered(url)


def test_more_connections_than_there_may_be_push_out_the_oldest(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 20)
    with ExitStack() as opened:
        first = [opened.enter_context(connected(url, HEAD)) for _ in range(60)]
        assert is_answered(url)
        assert answered(first[0]) == ""


@pytest.mark.parametrize("begun", ["nothing", "half a head"])
def test_a_head_that_does_not_end_is_cut_off(url: str, begun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with connected(url, BEGUN[begun]) as slow:
        with suppress(OSError):
            for _ in range(20):  # a byte now and then keeps nothing open
                slow.sendall(b"x")
                time.sleep(0.05)
        assert answered(slow) == ""


def test_a_second_head_that_does_not_end_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(url, f"{HEAD}{BEARER}Content-Length: 2\r\n\r\n{{}}") as slow:
        reading = slow.makefile("rb")
        assert b"200" in reading.readline()
        while reading.readline() not in (b"\r\n", b""):
            pass
        reading.read(len(json.dumps({"got": {}})))
        monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
        slow.sendall(HEAD.encode())
        assert answered(slow) == ""


def test_a_body_that_does_not_end_is_told_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 0.2)
    with connected(url, BEGUN["a token, half a body"]) as slow:
        assert "408" in answered(slow)


LARGE = {
    "a header": (HEAD + "X: ", ("400", "")),
    "a path": ("POST /", ("400", "")),
    "a body without a token": (f"{HEAD}Content-Length: {MANY}\r\n\r\n", ("401", "")),
    "a body with a token": (f"{HEAD}{BEARER}Content-Length: {MANY}\r\n\r\n", ("413", "")),
    "chunks without a token": (f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{MANY:x}\r\n", ("401", "")),
    "chunks with a token": (f"{HEAD}{BEARER}Transfer-Encoding: chunked\r\n\r\n{MANY:x}\r\n", ("413", "")),
    "a length that is none": (f"{HEAD}{BEARER}Content-Length: 1e9\r\n\r\n", ("400", "413", "")),
}


@pytest.mark.parametrize("what", LARGE)
def test_nothing_large_is_taken_into_memory(url: str, what: str) -> None:
    begun, statuses = LARGE[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with connected(url, begun) as large:
        took = flooded(large, MANY)
        said = answered(large)
        assert any(status in said for status in statuses)
    assert took < MANY // 4
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MEMORY
    assert is_answered(url)


@pytest.mark.parametrize("body", ["no token, half a body", "a wrong token, half a body"])
def test_the_token_is_looked_at_before_the_body(url: str, body: str) -> None:
    with connected(url, BEGUN[body]) as waiting:
        assert "401" in answered(waiting)


@pytest.mark.parametrize("name", ["Bearer", "bearer", "BEARER"])
def test_the_token_is_known_in_any_spelling_of_its_scheme_and_only_once(url: str, name: str) -> None:
    body = "Content-Length: 2\r\n\r\n{}"
    with connected(url, f"{HEAD}Authorization: {name} {TOKEN}\r\n{body}") as one:
        assert "200" in answered(one)
    with connected(url, f"{HEAD}{BEARER}{BEARER.replace('many', 'few')}{body}") as two:
        assert "401" in answered(two)


def test_a_large_refused_body_leaves_the_connection_of_a_polite_client_usable(url: str) -> None:
    with requests.Session() as session:
        refused = session.post(f"{url}/echo", data=b"x" * 200_000, headers=WITH_TOKEN, timeout=30)
        assert refused.status_code == 413
        assert session.post(f"{url}/echo", json={}, headers=WITH_TOKEN, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "got"),
    [
        ("a=1&b=", "application/x-www-form-urlencoded", {"a": "1", "b": ""}),
        ('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', "multipart/form-data; boundary=x",
         {"a": "1"}),
        ('{"a": 1}', "text/plain", {"a": 1}),
        ('{"a": "\\ud83d", "b": "\\ud83d\\ude00"}', "application/json", {"a": "\ufffd", "b": "\U0001f600"}),
        ("", "application/json", {}),
        ("[" * 60_000, "application/json", None),
        ('"a"', "application/json", None),
    ],
)  # fmt: skip
def test_bodies_of_every_form(url: str, body: str, kind: str, got: object) -> None:
    headers = {**WITH_TOKEN, "Content-Type": kind}
    for path in ("/echo", "/echo/"):
        answer = requests.post(url + path, data=body, headers=headers, timeout=30, allow_redirects=False)
        assert (answer.status_code, answer.json().get("got")) == ((400, None) if got is None else (200, got))


def test_other_methods_and_paths_are_told_so_in_json(url: str) -> None:
    told = requests.get(f"{url}/echo", headers=WITH_TOKEN, timeout=30)
    assert (told.status_code, told.json()["error"]) == (405, "Method Not Allowed")
    assert requests.get(f"{url}/echo", timeout=30).status_code == 401
    assert requests.get(f"{url}/", timeout=30).status_code == 401


def test_a_server_that_is_stopped_finishes_what_is_at_work() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(given: Fields) -> Reply:
        begun.set()
        go_on.wait(30)
        return Reply({"done": True})

    told: list[requests.Response] = []
    with Server([Endpoint("/slow", slow)], TOKEN) as serving:
        asking = threading.Thread(
            target=lambda: told.append(requests.post(f"{serving.url}/slow", headers=WITH_TOKEN, timeout=30))
        )
        asking.start()
        assert begun.wait(30)
        threading.Timer(0.3, go_on.set).start()
    asking.join()
    assert told[0].json() == {"done": True}
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{serving.url}/slow", headers=WITH_TOKEN, timeout=30)


def test_it_listens_on_this_machine_alone_if_nothing_else_is_said(url: str) -> None:
    assert urlsplit(url).hostname == "127.0.0.1"
