"""The commands that speak to a sandbox which is being served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync_pipeline.cli import main
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.core.serve import write_env
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Org.open() as org, Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return a function that runs `sandbox ...` in an empty folder, without any settings."""
    monkeypatch.chdir(tmp_path)
    for name in sandbox.env():
        monkeypatch.delenv(name, raising=False)
    yield lambda *arguments: CliRunner().invoke(main, ["sandbox", *arguments])
    sandbox.faults.clear()


def test_faults_are_put_in_force_listed_and_taken_back(run: Run, sandbox: Sandbox) -> None:
    at = ("--url", sandbox.url)
    chosen = ("--times", "3", "--skip", "1", "--path", "*/query*", "--object", "Lead")
    made = run("fault", "add", "status", "--set", "status=429", "--set", "retry_after=2", *chosen, *at)
    assert made.exit_code == 0, made.stderr
    (fault,) = sandbox.faults.as_list()
    assert {"kind": "status", "status": 429, "retry_after": 2, "skip": 1, "object": "Lead"}.items() <= fault.items()
    assert run("fault", "add", "late", *at).exit_code == 0
    assert run("fault", "add", "lock", "--times", "always", "--every", "2", "--probability", "0.5", *at).exit_code == 0
    lines = [line.split() for line in run("fault", "list", *at).stdout.splitlines()]
    assert [line[1:3] for line in lines] == [["status", "times=3"], ["late", "times=always"], ["lock", "times=always"]]
    assert lines[2][3:] == ["every=2", "probability=0.5"]
    assert run("fault", "clear", lines[0][0], *at).exit_code == 0
    assert [one["kind"] for one in sandbox.faults.as_list()] == ["late", "lock"]
    assert run("fault", "clear", *at).exit_code == 0
    assert run("fault", "list", *at).stdout == "no faults are in force\n"


def test_every_kind_of_fault_is_told_with_its_settings(run: Run, sandbox: Sandbox) -> None:
    told = run("fault", "kinds", "--url", sandbox.url).stdout
    for name, kind in sandbox.faults.kinds.items():
        assert f"{name:12} {kind.does}\n" in told
        assert all(f"--set {setting}=" in told for setting in kind.settings)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["add", "earthquake"], 1, "no fault 'earthquake'"),
        (["add", "slow", "--set", "seconds=long"], 1, "seconds must be a number, not 'long'"),
        (["clear", "99"], 1, "there is no fault 99 in force"),
        (["add", "slow", "--set", "seconds"], 2, "is not of the form name=value"),
        (["add", "slow", "--times", "often"], 2, "neither a number nor always"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    run: Run, sandbox: Sandbox, arguments: list[str], code: int, said: str
) -> None:
    done = run("fault", *arguments, "--url", sandbox.url)
    assert done.exit_code == code
    assert said in done.stderr
    assert sandbox.faults.as_list() == []


def test_the_settings_that_serve_writes_lead_to_the_sandbox(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    assert "is no sandbox" in run("fault", "list").stderr
    write_env(tmp_path / ".env", sandbox.env())
    assert run("fault", "list").stdout == "no faults are in force\n"
    edits = run("edit", "--count", "3")
    assert (edits.exit_code, len(edits.stdout.splitlines())) == (0, 3)


def test_of_two_sandboxes_the_marketo_one_is_meant_where_it_is_said_or_is_alone(
    run: Run, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert "no sandbox is known: give --url, or set MARKETO_URL" in run("fault", "list", "--marketo").stderr
    with Subscription.open() as subscription, MarketoSandbox(subscription) as marketo:
        write_env(tmp_path / ".env", {**sandbox.env(), **marketo.env()})
        assert run("fault", "add", "slow").exit_code == 0
        assert run("fault", "add", "expire", "--marketo").exit_code == 0
        assert [one["kind"] for one in sandbox.faults.as_list()] == ["slow"]
        assert [one["kind"] for one in marketo.faults.as_list()] == ["expire"]
        write_env(tmp_path / ".env", marketo.env())
        assert "expire" in run("fault", "list").stdout
        edits = run("edit", "--count", "3")
        assert (edits.exit_code, len(edits.stdout.splitlines())) == (0, 3)
        assert len(subscription.rows("select id from lead")) > 0


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("https://acme.my.salesforce.com", 2, "https://acme.my.salesforce.com is no sandbox"),
        ("http://127.0.0.1:9", 1, "no sandbox answers at http://127.0.0.1:9"),
    ],
)
def test_only_a_sandbox_on_this_machine_is_spoken_to(run: Run, url: str, code: int, said: str) -> None:
    done = run("fault", "clear", "--url", url)
    assert (done.exit_code, said in done.stderr) == (code, True)
