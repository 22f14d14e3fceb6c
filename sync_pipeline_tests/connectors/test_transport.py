"""What no server can do to us: hold us, fill our memory, or send us, and our token, elsewhere (law 12)."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import requests

from sync_pipeline.commands.sync import waits_shown
from sync_pipeline.connectors.bounds import Bounds, Chain, Patience, Waiting
from sync_pipeline.connectors.csv_pages import stream_csv
from sync_pipeline.connectors.errors import (
    FatalError,
    OverdueError,
    RejectedError,
    RetryableError,
)
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.connectors.http import ATTEMPTS, Http, repeat, session
from sync_pipeline.connectors.marketo import Credentials as MarketoCredentials
from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials, own_instance

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk) -> Iterator[str]:
    """Serve each connection by `talk`, in a thread, until the client goes; give the address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                with client, suppress(OSError):
                    _receive(client)
                    talk(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _receive(client: socket.socket) -> None:
    """Take a request to its end: an answer to half of one would be lost with the connection."""
    head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]) and (more := client.recv(1 << 16)):
        body += more


def dripping(start: bytes) -> Talk:
    """Say the start at once and then a byte at a time, without end."""

    def talk(client: socket.socket) -> None:
        client.sendall(start)
        while True:
            client.sendall(b" ")

    return talk


def ticking(seconds: float) -> Callable[[], float]:
    """Return a clock that goes on by so much whenever somebody looks."""
    ticks = count()
    return lambda: next(ticks) * seconds


def http(patience: Patience, url: str) -> Http:
    return Http(session("test", url, patience), lambda answer: None, patience)


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD + b"Content-Length: 100000000\r\n\r\n", HEAD + b"\r\n"],
    ids=["status line", "headers", "body of a length", "body without one"],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_drips_is_left_when_the_time_of_a_request_is_over(start: bytes, stream: bool) -> None:
    patience = Patience(Bounds(request=1_000, job=1_000, answer=10**9), clock=ticking(150))

    def read(url: str) -> None:
        answer = http(patience, url).send("GET", f"{url}/drip", {}, stream=stream)
        list(stream_csv(answer, ["Id"], lambda chunk: None))

    with server(dripping(start)) as url, pytest.raises(RetryableError) as overdue:
        read(url)
    assert isinstance(overdue.value, OverdueError)
    assert "/drip: the answer was not there whole at its time (SYNC_REQUEST_SECONDS" in str(overdue.value)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_larger_than_allowed_is_not_taken_into_memory(packed: bool) -> None:
    """Packed, a megabyte is a kilobyte."""
    body = gzip.compress(b" " * 1_000_000) if packed else b" " * 1_000_000
    more = b"Content-Encoding: gzip\r\n" if packed else b""

    def talk(client: socket.socket) -> None:
        client.sendall(HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    patience = Patience(Bounds(answer=200_000))
    with server(talk) as url, pytest.raises(OverdueError, match=r"/x has more than 200,000 bytes \(SYNC_ANSWER_MEGA"):
        http(patience, url).send("GET", f"{url}/x", {})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://127.0.0.1:9/x", "https://evil.example/x", "//evil.example/x", "/elsewhere"])
def test_no_redirection_is_followed_at_login_or_later(status: int, to: str) -> None:
    """Not even to the same host: what is asked of a path is meant for it."""
    asked: list[bytes] = []

    def talk(client: socket.socket) -> None:
        asked.append(b"")
        client.sendall(
            b"HTTP/1.1 %d Moved\r\nConnection: close\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
            % (status, to.encode())
        )

    patience = Patience(first_wait=0, sleep=lambda _: None)
    with server(talk) as url:
        connectors: list[Connector] = [
            Salesforce(Credentials(url, "id", "secret"), patience=patience),
            Salesforce(Credentials(url, "id", refresh_token="r"), patience=patience),
            Marketo(MarketoCredentials(url, "id", "secret"), first_wait=0),
        ]
        for connector in connectors:
            asked.clear()
            with pytest.raises(RetryableError, match=r"REDIRECTED: POST .* and redirections are not followed"):
                connector.organization_id()
            assert len(asked) <= ATTEMPTS  # the same address, again and again


@pytest.mark.parametrize(
    ("login", "instance", "good"),
    [
        ("https://login.salesforce.com", "https://acme.my.salesforce.com", True),
        ("https://acme.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com", True),
        ("https://login.salesforce.com", "https://acme.my.salesforce.mil/x", True),
        ("https://crm.acme.example", "https://crm.acme.example", True),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", True),
        ("https://login.salesforce.com", "https://evil.example", False),
        ("https://login.salesforce.com", "https://salesforce.com.evil.example", False),
        ("https://login.salesforce.com", "https://evilsalesforce.com", False),
        ("https://login.salesforce.com", "https://acme.my.salesforce.com@evil.example", False),
        ("https://login.salesforce.com", "http://acme.my.salesforce.com", False),
        ("https://login.salesforce.com", "http://127.0.0.1:1", False),
        ("http://127.0.0.1:1", "https://acme.my.salesforce.com", False),
    ],
)
def test_the_token_goes_to_the_org_alone(login: str, instance: str, good: bool) -> None:
    if good:
        assert instance.startswith(own_instance(Credentials(login), instance))
    else:
        with pytest.raises(FatalError, match=r"STRANGE_INSTANCE|INSECURE_URL"):
            own_instance(Credentials(login), instance)


@pytest.mark.parametrize("address", ["https://evil.example/x", "//evil.example/x", "evil", "@evil.example"])
def test_an_address_that_an_answer_names_is_a_path_of_the_org_or_refused(address: str) -> None:
    with pytest.raises(RejectedError, match="an address that is not the org's own"):
        Salesforce(Credentials("https://login.salesforce.com", "id", "s")).call("GET", address)


def tried(error: Exception, patience: Patience) -> tuple[int, Exception]:
    """Return how often something was tried that always fails so, and what came of it."""
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)) as given_up:
        repeat(fail, patience)
    return len(tries), given_up.value


def test_a_wait_longer_than_a_request_may_take_is_not_begun_and_told() -> None:
    slept: list[float] = []
    patience = Patience(Bounds(request=900), sleep=slept.append)
    tries, error = tried(RetryableError("BUSY", "come back", wait_seconds=999_999), patience)
    assert (tries, slept) == (1, [])
    assert isinstance(error, OverdueError)
    assert str(error).startswith("BUSY: come back; to wait 999,999 s and try again would take more than the 900 s")
    assert "SYNC_REQUEST_SECONDS" in str(error)


def test_waits_together_end_at_the_time_of_a_request() -> None:
    at = [0.0]
    patience = Patience(Bounds(request=100), sleep=lambda s: at.__setitem__(0, at[0] + s), clock=lambda: at[0])
    tries, error = tried(RetryableError("BUSY", "come back", wait_seconds=30), patience)
    assert tries == 4
    assert at[0] <= 100
    assert isinstance(error, OverdueError)


def test_what_is_overdue_is_not_tried_again_at_once() -> None:
    assert tried(OverdueError("X", "over"), Patience())[0] == 1
    assert tried(RejectedError("X", "no"), Patience())[0] == 1


def test_nothing_is_sent_after_the_time_of_an_object() -> None:
    patience = Patience(Bounds(work=3_600), clock=ticking(4_000))
    view = Http(session("test", "http://127.0.0.1:9", patience), lambda answer: None, patience, is_work=True)
    with pytest.raises(OverdueError, match=r"OBJECT_OVERDUE: 1\.0 hours are over.*SYNC_OBJECT_SECONDS"):
        view.send("GET", "http://127.0.0.1:9/x", {})
    assert view.calls == 0


def test_a_job_that_never_ends_is_shown_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    at, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        at[0] += seconds

    waiting = Waiting(Patience(Bounds(job=7_200), sleep=sleep, clock=lambda: at[0]), "bulk job 750 on Lead")

    def wait() -> None:
        while True:
            waiting.pause(10, "InProgress")

    with caplog.at_level("INFO", "sync_pipeline.waiting"), pytest.raises(OverdueError, match="JOB_OVERDUE") as over:
        wait()
    assert "bulk job 750 on Lead is InProgress after 7,200 s, and no longer waited for (SYNC_JOB_SEC" in str(over.value)
    assert at[0] == 7_200
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "waiting for bulk job 750 on Lead: InProgress for 30 s"
    assert len(said) < 10  # rarer and rarer


@pytest.mark.parametrize(
    ("pages", "announced", "error"),
    [
        ([("a", 1), ("b", 1), ("a", 1)], -1, "read already"),
        ([("a", 1), ("a", 1)], 100, "read already"),
        ([("", 1)], -1, "read already, or none"),
        ([("a", 60), ("b", 60)], 100, "120 records of 100 announced"),
        ([(str(n), 0) for n in range(100)], 100, "0 records of 100 announced"),
        ([(str(n), 0) for n in range(100)], -1, "more than 50 pages"),
        ([(str(n), 1) for n in range(100)], 1_000, "more than 50 pages"),
    ],
)
def test_pages_without_end_are_left(pages: list[tuple[str, int]], announced: int, error: str) -> None:
    chain = Chain("GET /x", "marketo", 50, announced)

    def follow() -> None:
        for name, records in pages:
            chain.follow(name, records)

    with pytest.raises(RetryableError, match=error):
        follow()


def test_a_netrc_does_not_stand_in_for_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password other")
    monkeypatch.setenv("NETRC", str(netrc))
    prepared = session("test", "https://127.0.0.1").prepare_request(
        requests.Request("GET", "https://127.0.0.1/x", headers={"Authorization": "Bearer ours"})
    )
    assert prepared.headers["Authorization"] == "Bearer ours"


def test_what_is_waited_for_is_shown_beside_the_progress() -> None:
    shown: list[str] = []
    patience = Patience(sleep=lambda _: None)
    with waits_shown(shown.append):
        patience.wait(60, "BUSY: come back")
        patience.wait(0.2, "a moment")
    patience.wait(60, "afterwards")
    assert shown == ["waiting 60 s: BUSY: come back"]
