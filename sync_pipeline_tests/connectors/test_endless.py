"""Every request that the connectors make x a server that never comes to an end: all ends within the bounds (law 12)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline_tests.connectors.operations import Time, of_org, of_subscription
from sync_pipeline_tests.connectors.recorded import Recorded, played, recorded
from sync_pipeline_tests.connectors.tapes import Endless, Told

JSON = {"Content-Type": "application/json"}
BOUNDS = Time().patience().bounds
MOST_REQUESTS = 500
SOME = 150  # of the matrix, in make test


@pytest.fixture(scope="module")
def on_tape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Recorded]]:
    with of_org(tmp_path_factory.mktemp("key")) as of_crm, of_subscription() as of_marketo:
        yield list(recorded([*of_crm, *of_marketo]))


def always(status: int, body: object, **headers: str) -> Endless:
    told = Told(status, {**JSON, **headers}, json.dumps(body).encode())
    return lambda _: told


def _refusal(code: str) -> object:
    return {"requestId": "1", "success": False, "errors": [{"code": code, "message": "wait"}]}


BUSY: dict[str, Endless] = {
    "comes back in eleven days": always(503, [{"errorCode": "SERVER_UNAVAILABLE"}], **{"Retry-After": "999999"}),
    "too many, for ever": always(429, {}, **{"Retry-After": "30"}),
    "locked": always(400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"}]),
    "session over": always(401, [{"errorCode": "INVALID_SESSION_ID", "message": "over"}]),
    **{f"refused {code}": always(200, _refusal(code)) for code in ("601", "602", "606", "607", "608", "611", "615")},
}


def going_on(good: Told) -> Iterator[tuple[str, Endless]]:
    """Yield answers that always announce more: another page, another one still, or a job that is under way."""
    try:
        told = json.loads(good.body)
    except ValueError:
        return
    if not isinstance(told, dict):
        return
    for name, more in _pages(told):
        yield f"more pages by {name}", lambda n, more=more: _with(good, told, more(n))  # type: ignore[misc]
        yield f"the same page by {name}", lambda _, more=more: _with(good, told, more(1))  # type: ignore[misc]
        yield f"empty pages by {name}", lambda n, more=more: _with(good, told, {**more(n), **_empty(told)})  # type: ignore[misc]
    for state in ("UploadComplete", "InProgress", "Of another version"):
        if "state" in told:
            yield f"a job {state}", always(200, {**told, "state": state})
    result = told.get("result")
    if isinstance(result, list) and result and isinstance(result[0], dict) and "status" in result[0]:
        for state in ("Created", "Queued", "Processing", "Importing"):
            yield f"a job {state}", always(200, {**told, "result": [{**result[0], "status": state}]})
    if isinstance(result, list) and result:
        full = {**told, "result": result * 200}
        yield "full pages whatever the offset", lambda n: _with(good, full, {})


def _pages(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "records" in told or "resultPages" in told:
        yield "URL", lambda n: {"done": False, "nextRecordsUrl": f"/services/data/v62.0/query/01g{n:015d}-{n}"}
    yield "token", lambda n: {"moreResult": True, "nextPageToken": f"TOKEN{n}"}


def _empty(told: dict[str, Any]) -> dict[str, Any]:
    return {name: [] for name in ("records", "resultPages", "result") if name in told}


def _with(good: Told, told: dict[str, Any], more: dict[str, Any]) -> Told:
    return replace(good, body=json.dumps({**told, **more}).encode())


def matrix(on_tape: Iterable[Recorded]) -> Iterator[tuple[Recorded, str, str, Endless]]:
    for one in on_tape:
        for kind, told in one.tape.told.items():
            for name, endless in (*BUSY.items(), *going_on(told[-1])):
                yield one, kind, name, endless


def _failures(cases: Iterable[tuple[Recorded, str, str, Endless]]) -> list[str]:
    """Return what took too long; a write's rounds may take a request's time each."""
    most = BOUNDS.job + 3 * BOUNDS.request
    found = []
    for one, kind, name, endless in cases:
        done = played(one, kind, endless)
        where = f"{one.does.name}: {kind}: {name}: "
        if done.error and not isinstance(done.error, ConnectorError):
            found.append(f"{where}{type(done.error).__name__}: {done.error}")
        if done.seconds > most or done.requests > MOST_REQUESTS:
            found.append(f"{where}{done.seconds:,.0f} s, {done.requests:,} requests")
    return found


def test_nothing_waits_or_reads_for_ever(on_tape: list[Recorded]) -> None:
    cases = list(matrix(on_tape))
    assert _failures(random.Random(1).sample(cases, SOME)) == []


@pytest.mark.bench
def test_nothing_waits_or_reads_for_ever_whatever_is_asked(on_tape: list[Recorded]) -> None:
    cases = list(matrix(on_tape))
    assert len(cases) > 2_000
    assert _failures(cases) == []
