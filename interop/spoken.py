"""The operations of clients that are libraries: a script of theirs speaks, the sandbox is looked at afterwards.

A script is called with an operation's name and prints lines of `["Object", {record}]`: the records that it read, or
what it wrote (the key, the fields written, whether it deleted the record in the end).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from interop.errors import SkipError
from interop.stage import Stage

S = TypeVar("S", bound=Stage)
Command = Callable[[Path], Sequence[str | Path]]
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Step(Generic[S]):
    """What a script is asked for by the name of `operation`, and who says of each object's records how they compare.

    `first` gets the stage ready; it may raise SkipError.
    """

    operation: str
    verdict: Callable[[S, str, Records], str]
    objects: Sequence[str]
    first: Callable[[S], None] | None = None


def spoken(
    steps: Mapping[str, Step[S]],
    command: Command,
    environment: Callable[[Path], Mapping[str, str]] = lambda tools: {},
    unable: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Callable[[S], str]]:
    """Return the operations of a script, by title.

    Args:
        command: how to call it, given the client's tools; and
        environment: the further variables that it needs.
        unable: why it cannot do an operation, by the name that the script would have for it.
    """

    def attempt(step: Step[S]) -> Callable[[S], str]:
        def operation(stage: S) -> str:
            if step.operation in unable:
                raise SkipError(unable[step.operation])
            if step.first:
                step.first(stage)
            said = stage.records([*command(stage.tools), step.operation], **environment(stage.tools))
            return "; ".join(step.verdict(stage, name, said.get(name, [])) for name in step.objects)

        return operation

    return {title: attempt(step) for title, step in steps.items()}
