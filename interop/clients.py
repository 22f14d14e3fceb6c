"""A client as the table knows it, and how its operations are tried one after the other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop.environments import Node, Python
from interop.errors import DifferenceError, SkipError


@dataclass(frozen=True)
class Client:
    """Software that nobody here wrote: its environment, its surroundings, what it shall do in them.

    Each operation is told its stage and says what it saw. It raises DifferenceError where the client and the sandbox
    do not agree, and SkipError where it cannot be tried.
    """

    name: str
    environment: Python | Node
    stage: Callable[[Path], AbstractContextManager[Any]]
    operations: Mapping[str, Callable[[Any], str]]


@dataclass(frozen=True)
class Outcome:
    """One line of the table; `verdict` is ok, failed or skipped, further lines of `note` tell the details."""

    client: str
    operation: str
    verdict: str
    note: str


def outcomes(client: Client) -> Iterator[Outcome]:
    """Yield what came of each operation, in order; one that fails does not keep the next from being tried."""
    try:
        tools = client.environment.install()
    except SkipError as reason:
        for operation in client.operations:
            yield Outcome(client.name, operation, "skipped", str(reason))
        return
    with client.stage(tools) as stage:
        for operation, attempt in client.operations.items():
            try:
                yield Outcome(client.name, operation, "ok", attempt(stage))
            except SkipError as reason:
                yield Outcome(client.name, operation, "skipped", str(reason))
            except DifferenceError as difference:
                yield Outcome(client.name, operation, "failed", str(difference))
            except Exception as error:  # what a client says may be of a shape that nobody thought of
                note = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
                yield Outcome(client.name, operation, "failed", note)
