"""Headers are hints: none that an answer brings, however it is spelled, raises out of a call or passes its bounds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from sync_pipeline.connectors import headers
from sync_pipeline.connectors.bounds import Bounds, Patience
from sync_pipeline.connectors.clock import AGREEMENT
from sync_pipeline.connectors.errors import ConnectorError, QuotaError, RetryableError
from sync_pipeline.connectors.http import Http, session
from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.marketo import answers as marketo_answers
from sync_pipeline.connectors.records import Operation, Record
from sync_pipeline.connectors.salesforce import answers
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.model import Window
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import Connect
from sync_pipeline_tests.connectors.test_extract import FIELDS, LEAD, read
from sync_pipeline_tests.marketo import connected, declared

pytestmark = pytest.mark.matrix

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ODD = [
    " ", "-0000", "0", "-1", "nan", "inf", "1e400", "abc", "9" * 30, "0x10", "1_000", "\u0661\u0662", ";", "=;=", ",",
    "Mon, 01 Jan 2036 00:00:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 -0000",
    "Fri, 31 Dec 9999 23:59:59 -1200", "Mon, 01 Jan 0001 00:00:00 +1400", "Mon, 99 Foo 99999 99:99:99 +9999999999",
    "charset=foo", "text/html; charset=undefined", "application/json; charset=idna", "application/json; charset=utf-16",
    "api-usage=", "api-usage=1/0", "api-usage=-1/5", "per-app-api-usage=1/5(appName=", "x" * 5_000,
]  # fmt: skip
ANY = st.one_of(st.sampled_from(ODD), st.text(), st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{1,6} [A-Z][a-z]{2} .{0,40}\Z"))


@given(text=ANY)
@example(text="Mon, 01 Jan 2036 00:00:00 -0000")
def test_every_parser_is_total_and_bounded(text: str) -> None:
    date = headers.date({"Date": text})
    assert date is None or (date.utcoffset() == timedelta(0) and date >= headers.EARLIEST)
    assert 0 <= headers.retry_after({"Retry-After": text}, NOW) <= headers.LONGEST_WAIT
    assert all(usage.used >= 0 and usage.limit > 0 for usage in headers.limit_usage({"Sforce-Limit-Info": text}))
    number = headers.count({"Sforce-NumberOfRecords": text}, "Sforce-NumberOfRecords")
    assert number is None or 0 <= number < 10**15
    assert ";" not in headers.media_type({"Content-Type": text})


def test_what_is_not_told_is_no_hint() -> None:
    nothing: dict[str, str] = {}
    told = headers.date(nothing), headers.retry_after(nothing, NOW), headers.limit_usage(nothing)
    assert told == (None, 0.0, ())
    assert (headers.count(nothing, "X"), headers.media_type(nothing)) == (None, "")


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("5", 5), (" 5 ", 5), ("0", 0), ("999999", headers.LONGEST_WAIT), ("9" * 30, headers.LONGEST_WAIT), ("-5", 0),
        ("nan", 0), ("1.5", 0), ("Sun, 01 Mar 2026 12:00:30 GMT", 30), ("Sun, 01 Mar 2026 12:00:30 -0000", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0), ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2036 12:00:30 GMT", 3_600),
    ],
)  # fmt: skip
def test_a_wait_is_told_in_seconds_or_as_a_date(told: str, seconds: float) -> None:
    assert headers.retry_after({"Retry-After": told}, NOW) == seconds


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ("api-usage=18/5000", [(18, 5000, "")]),
        ("api-usage=99999/100000; per-app-api-usage=17/250(appName=x)", [(99999, 100000, ""), (17, 250, "x")]),
        ("per-app-api-usage=17/250(appName=a b-c), api-usage=1/2", [(1, 2, ""), (17, 250, "a b-c")]),
        ("per-app-api-usage=17/250", [(17, 250, "without a name")]),
        ("API-usage=1/2", []),
        ("api-usage=1/", []),
        ("api-usage=1/0", []),
        ("xapi-usage=1/2", []),
        ("api-usage=1/" + "9" * 13, []),
    ],
)
def test_the_use_of_calls_is_told_of_the_org_and_of_the_connected_app(
    told: str, usage: list[tuple[int, int, str]]
) -> None:
    found = headers.limit_usage({"Sforce-Limit-Info": told})
    assert [(one.used, one.limit, one.app) for one in found] == usage


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("api-usage=99999/100000; per-app-api-usage=17/250(appName=x)", "99999 of the day's 100000 API calls are used"),
        ("api-usage=9/100000; per-app-api-usage=249/250(appName=x)", "249 of the day's 250 API calls of the .* x are"),
        ("per-app-api-usage=250/250(appName=x)", "250 of the day's 250 API calls of the connected app x are"),
    ],
)
def test_the_reserve_of_calls_heeds_both_limits(connect: Connect, sandbox: Sandbox, told: str, said: str) -> None:
    """LIM-4, LIM-5."""
    connector = connect()
    connector.names()
    sandbox.faults.add("header", name="Sforce-Limit-Info", value=told, times=None)
    connector.names()
    with pytest.raises(QuotaError, match=said):
        connector.names()


# --- every header, every odd value, every kind of request

READ = ("Date", "Sforce-Limit-Info", "Sforce-NumberOfRecords", "Sforce-Locator", "Retry-After")
BESIDES = ("Content-Type", "Content-Encoding", "Location", "Set-Cookie", "Link")
SENT = [
    "-0000", "-1", "nan", "abc", "9" * 30, "api-usage=1/0", "per-app-api-usage=1/5(appName=",
    "Mon, 01 Jan 2036 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200", "application/json; charset=idna",
]  # fmt: skip


def write(org: Salesforce, operation: Operation, record: Record) -> object:
    return SalesforceWriter(org, first_wait=0, sleep=lambda _: None).write(LEAD, operation, [record])


REQUESTS: dict[str, Callable[[Salesforce], object]] = {
    "identity": lambda org: org.organization_id(),
    "names": lambda org: org.names(),
    "describe": lambda org: org.describe("Lead").names,
    "count": lambda org: org.count(LEAD),
    "rest": lambda org: read(org._by_rest(QUERY, FIELDS)).num_rows,
    "bulk": lambda org: read(org._by_bulk_or_rest(QUERY, FIELDS)).num_rows,
    "update": lambda org: write(org, Operation.UPDATE, Record("00Q000000000001EAA", {"Company": "z"})),
    "merge": lambda org: write(org, Operation.MERGE, Record("00Q000000000001EAA", {}, "00Q000000000002EAA")),
}
QUERY = "select Id, LastName, Description, SystemModstamp from Lead"


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("name", [*READ, *BESIDES])
def test_no_header_of_salesforce_raises_out_of_a_call(
    connect: Connect, org: Org, sandbox: Sandbox, kind: str, name: str
) -> None:
    """What a call comes to is what it comes to without the header, or a typed error; the clock stays in its bounds."""
    org.insert("Lead", [{"LastName": "L", "Company": "C"}])
    calm = _outcome(REQUESTS[kind], connect(first_wait=0))
    for value in SENT:
        connector = connect(first_wait=0)
        sandbox.faults.add("header", name=name, value=value, times=None)
        found = _outcome(REQUESTS[kind], connector)
        sandbox.faults.clear()
        is_told = name in BESIDES or (name, kind) == ("Sforce-NumberOfRecords", "bulk")
        assert found == calm or (is_told and isinstance(found, str)), (value, found)
        assert connector.now() <= connector.clock.ours() + AGREEMENT, value


def _outcome(request: Callable[[Salesforce], object], org: Salesforce) -> object:
    try:
        return request(org)
    except ConnectorError as error:
        return str(error)


@pytest.mark.parametrize("name", [*READ, *BESIDES])
def test_no_header_of_marketo_raises_out_of_a_call(name: str) -> None:
    with connected() as system:
        person = declared("person")
        since = Window(system.clock.at - timedelta(minutes=5), system.clock.at)
        requests_: dict[str, Callable[[Marketo], object]] = {
            "describe": lambda marketo: marketo.describe("lead").names,
            "feed": lambda marketo: [page.name for page in marketo.extract(person, ("id",), since).pages()],
            "write": lambda marketo: marketo.write(person, Operation.UPSERT, [Record(None, {"email": "a@b.example"})]),
        }
        for kind, request in requests_.items():
            for value in SENT:
                marketo = system.connect()
                system.sandbox.faults.add("header", name=name, value=value, times=None)
                try:
                    request(marketo)
                except ConnectorError:
                    assert name in BESIDES, (kind, value)
                system.sandbox.faults.clear()
                assert marketo.now() <= marketo.clock.ours() + AGREEMENT, (kind, value)


@pytest.mark.parametrize("value", ODD)
def test_a_busy_server_may_tell_any_wait(value: str) -> None:
    busy = requests.Response()
    busy.status_code, busy._content, busy.url = 503, b"busy", "https://x.example/y"
    busy.headers["Retry-After"] = value
    for check in (answers.raise_error, marketo_answers.raise_status):
        with pytest.raises(RetryableError) as told:
            check(busy)
        assert 0 <= told.value.wait_seconds <= headers.LONGEST_WAIT


# --- headers by which the transport itself reads

QUICK = Patience(Bounds(request=10, idle=5))
BROKEN = [
    b"Content-Length: abc", b"Content-Length: -5", b"Content-Length: 99999999999999999999999", b"Content-Length: 1, 2",
    b"Content-Length: 500", b"Content-Length:", b"Transfer-Encoding: foo", b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip", b"Content-Encoding: foo, bar", b"Content-Encoding: deflate, gzip, br",
    b"Content-Type: application/json; charset=undefined", b"Content-Type: application/json; charset=idna",
    b"Content-Type: application/json; charset=foo\0bar", b"Content-Type: application/json; charset=utf-16",
    b"Content-Type: \xff\xfe", b"Set-Cookie: =;=;expires=99", b"X: " + b"y" * 70_000, b"no colon", b": no name",
    b"Date: \xff\xfe", b"\r\n".join(b"H%d: x" % n for n in range(200)),
]  # fmt: skip


@contextmanager
def answering(head: bytes) -> Iterator[str]:
    """Serve one body of JSON under any head, on loopback; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    body = b'{"a": "\xc3\xa9"}'
                    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n" + body)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("head", BROKEN)
def test_an_answer_whose_headers_contradict_it_is_read_or_asked_for_again(head: bytes) -> None:
    http = Http(session("test", "http://127.0.0.1", QUICK), lambda _: None, QUICK)
    with answering(head) as url:
        try:
            found = http.send("GET", url, {}).json()
        except RetryableError as error:
            found = error.code
    assert found in ({"a": "é"}, "CONNECTION_FAILED", "REQUEST_OVERDUE")
