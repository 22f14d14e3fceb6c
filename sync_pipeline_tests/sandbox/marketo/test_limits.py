"""Calls in twenty seconds, at once, a day: the limits and who shares them (MK-REST-16)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client

TYPES = "/rest/v1/leads/partitions.json"


def test_the_hundred_and_first_call_in_twenty_seconds_waits(client: Client, clock: Clock) -> None:
    for _ in range(50):
        client.get(TYPES)
    clock.pass_seconds(10)
    for _ in range(50):
        client.get(TYPES)
    assert client.error("GET", TYPES) == ("606", "Max rate limit '100' exceeded with in '20' secs")
    clock.pass_seconds(10)
    for _ in range(50):
        client.get(TYPES)
    assert client.error("GET", TYPES)[0] == "606"


def test_refused_calls_use_nothing_up(client: Client, sandbox: MarketoSandbox) -> None:
    for _ in range(150):
        assert client.error("GET", "/rest/v1/leads.json")[0] == "1002"
    assert sandbox.limits.left(sandbox.now()) == 50_000
    assert client.get(TYPES)["success"] is True


def test_the_day_begins_at_midnight_in_central_time(client: Client, sandbox: MarketoSandbox, clock: Clock) -> None:
    sandbox.limits.daily = 2
    client.get(TYPES)
    client.get(TYPES)
    assert client.error("GET", TYPES)[0] == "607"
    clock.pass_seconds(3600 * 20 - 60)  # 05:59 UTC
    client.log_in()
    assert client.error("GET", TYPES)[0] == "607"
    clock.pass_seconds(60)
    client.get(TYPES)


def test_everybody_uses_the_same_quota(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.limits.daily = 3
    other = sandbox.identity.add_service("other@sandbox.example")
    rival = Client(sandbox, sandbox.identity.token(other).text)
    rival.get(TYPES)
    client.get(TYPES)
    rival.get(TYPES)
    assert client.error("GET", TYPES)[0] == "607"


def test_an_eleventh_call_at_once_is_refused(client: Client, sandbox: MarketoSandbox) -> None:
    with ThreadPoolExecutor(10) as pool, sandbox.subscription.writing:  # writers wait inside their calls
        held = [
            pool.submit(Client(sandbox, client.token).sync, {"email": f"p{number}@example.com"}) for number in range(10)
        ]
        while sandbox.limits.most_at_once < 10:
            pass
        assert client.error("GET", TYPES) == ("615", "Concurrent access limit reached")
    assert [call.result()[0]["status"] for call in held] == ["created"] * 10


def test_what_comes_on_command_comes_once(client: Client, sandbox: MarketoSandbox) -> None:
    sandbox.faults.add("expire", path="/rest/*")
    assert client.error("GET", TYPES)[0] == "602"
    client.log_in()
    sandbox.faults.add("error", code="713", message="Transient Error", times=2)
    assert client.error("GET", TYPES) == ("713", "Transient Error")
    assert client.error("GET", TYPES)[0] == "713"
    sandbox.faults.add("status", status=502)
    assert client.send("GET", TYPES).status_code == 502
    sandbox.faults.add("quota", calls=1)
    client.get(TYPES)
    assert client.error("GET", TYPES)[0] == "607"
