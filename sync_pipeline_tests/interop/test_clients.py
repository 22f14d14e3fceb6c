"""What the table says of a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from interop.clients import Client, outcomes
from interop.environments import Python
from interop.errors import DifferenceError, SkipError


@contextmanager
def bare(tools: Path) -> Iterator[Path]:
    yield tools


@dataclass(frozen=True)
class Nowhere(Python):
    """An environment that cannot be had here."""

    def install(self) -> Path:
        raise SkipError("no such thing here")


@dataclass(frozen=True)
class Ready(Python):
    def install(self) -> Path:
        return self.requirements.parent


def raising(error: Exception) -> Callable[[Path], str]:
    def operation(stage: Path) -> str:
        raise error

    return operation


def test_an_operation_that_fails_or_is_skipped_does_not_keep_the_next_from_being_tried(tmp_path: Path) -> None:
    operations = {
        "read": raising(DifferenceError("2 records differ")),
        "bulk": raising(SkipError("no bulk here")),
        "state": raising(KeyError("stream")),
        "write": lambda stage: f"wrote to {stage.name}",
    }
    client = Client("some", Ready(tmp_path / "requirements.txt"), bare, operations)
    assert [(o.operation, o.verdict, o.note.splitlines()[0]) for o in outcomes(client)] == [
        ("read", "failed", "2 records differ"),
        ("bulk", "skipped", "no bulk here"),
        ("state", "failed", "KeyError: 'stream'"),
        ("write", "ok", f"wrote to {tmp_path.name}"),
    ]


def test_a_client_that_cannot_be_installed_is_skipped_with_the_reason(tmp_path: Path) -> None:
    client = Client("some", Nowhere(tmp_path / "requirements.txt"), bare, {"read": raising(AssertionError())})
    assert [(o.verdict, o.note) for o in outcomes(client)] == [("skipped", "no such thing here")]


def test_requirements_that_nobody_offers_are_a_reason_not_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    pins = tmp_path / "some" / "requirements.txt"
    pins.parent.mkdir()
    pins.write_text("no-such-package==0.0.1\n")
    with pytest.raises(SkipError, match="no-such-package"):
        Python(pins).install()
    assert not list(tmp_path.rglob("installed"))
