"""Every request that the connectors make x every answer that is none: an error that says so, and nothing else (law 8).

What is asked is found by itself: operations are recorded on the sandboxes, and each kind of request among them is then
answered otherwise. `make test` tries some of each, always the same; `make bench` tries all.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from sync_pipeline.cli import main
from sync_pipeline.connectors.errors import ConnectorError, CredentialsError, MalformedAnswerError
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.connectors import malformed
from sync_pipeline_tests.connectors.conftest import a_minute_ago
from sync_pipeline_tests.connectors.operations import of_org, of_subscription
from sync_pipeline_tests.connectors.recorded import Recorded, played, recorded
from sync_pipeline_tests.connectors.tapes import Told, shape

FAST = {
    "WRITE_BACK": "apply",
    "MARKETO_FIRST_DAY": (a_minute_ago() - timedelta(days=40)).date().isoformat(),
    "MARKETO_POLL_SECONDS": "0.1",
    "MARKETO_CALLS_IN_20_SECONDS": "100",
}
LONGEST = 3_000
SOME = 250  # of the matrix, in make test
# What is not read, as something else tells what became of it: the state of the job, its results.
UNREAD = {
    "PUT /services/data/v62.0/jobs/ingest/*/batches",
    "PATCH /services/data/v62.0/jobs/ingest/*",
    "PATCH /services/data/v62.0/jobs/query/*",
}


@pytest.fixture(scope="module")
def on_tape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Recorded]]:
    with of_org(tmp_path_factory.mktemp("key")) as of_crm, of_subscription() as of_marketo:
        yield list(recorded([*of_crm, *of_marketo]))


def matrix(on_tape: Iterable[Recorded]) -> list[tuple[Recorded, str, str, Told]]:
    found = []
    for one in on_tape:
        for kind, told in one.tape.told.items():
            for told_one in (told[0], told[-1])[: len(told)]:
                cases = [*malformed.gross(told_one), *malformed.fine(told_one)]
                found += [(one, kind, name, instead) for name, instead in cases]
    return found


def is_loss(result: object) -> bool:
    """Tell whether a result says itself that something was not done."""
    parts = result if isinstance(result, list) else [result]
    if result is None or any(isinstance(one, str) and "could not be told" in one for one in parts):
        return True
    return any(isinstance(one, Answer) and one.verdict is not Verdict.ACCEPTED for one in parts)


def failure(one: Recorded, kind: str, name: str, instead: Told, gross: bool) -> str:
    """Return what is wrong with how a spoilt answer was taken; empty if nothing is."""
    where = f"{one.does.name}: {kind} answered with {name}"
    done = played(one, kind, instead)
    error = done.error
    if isinstance(error, MalformedAnswerError):
        named = kind.partition(" ")[2].partition("*")[0].rstrip("/")
        return "" if named in str(error) else f"{where}: names no request: {error}"
    if isinstance(error, CredentialsError) and b"<h1>" in instead.body:
        return f"{where}: {error}"
    if error and not isinstance(error, ConnectorError):
        return f"{where}: {type(error).__name__}: {error}"
    if error:
        return "" if len(str(error)) < LONGEST else f"{where}: {len(str(error))} characters of message"
    if gross and kind not in UNREAD and done.result != one.result and not is_loss(done.result):
        return f"{where}: taken for good: {done.result}"
    return ""


def test_what_is_recorded_plays_again(on_tape: list[Recorded]) -> None:
    """Else a malformed answer might not be what an operation fails of."""
    different = [one.does.name for one in on_tape if str(played(one).result) != str(one.result)]
    assert different == []
    assert len({kind for one in on_tape for kind in one.tape.told}) > 60


def test_all_that_a_cycle_asks_is_tried(on_tape: list[Recorded], tmp_path: Path) -> None:
    """A new request of the connectors has to be an operation here, too."""
    known = {kind for one in on_tape for kind in one.tape.told}
    with Org.open(clock=a_minute_ago) as org, Sandbox(org) as crm, Subscription.open(clock=a_minute_ago) as people:
        org.insert("Lead", [{"LastName": "Ann", "Company": "Acme", "Email": "ann@x.example"}])
        with MarketoSandbox(people) as marketo:
            folders = {f"LAKE_{name.upper()}": str(tmp_path / name) for name in ("catalog", "data", "landing")}
            env = {**crm.env(), **marketo.env(), **folders, **FAST, "SALESFORCE_BULK_FROM": "1"}
            for command in (["check"], ["sync"], ["sync"], ["sync", "--reconcile"], ["plan"]):
                done = CliRunner().invoke(main, command, env=env)
                assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
            asked = {shape(entry.method, entry.path) for one in (crm, marketo) for entry in one.log.entries}
    assert asked - known == set(), sorted(asked - known)


def _failures(cases: Iterable[tuple[Recorded, str, str, Told]]) -> list[str]:
    gross = {name for name, _ in malformed.gross(Told(200, {}, b"xxxxx"))}
    return [said for one, kind, name, told in cases if (said := failure(one, kind, name, told, name in gross))]


def test_no_answer_of_another_shape_is_more_than_an_error(on_tape: list[Recorded]) -> None:
    cases = matrix(on_tape)
    assert _failures(random.Random(1).sample(cases, SOME)) == []


@pytest.mark.bench
def test_no_answer_of_another_shape_is_more_than_an_error_whatever_is_asked(on_tape: list[Recorded]) -> None:
    cases = matrix(on_tape)
    assert len(cases) > 10_000
    assert _failures(cases) == []
