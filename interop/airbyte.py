"""Airbyte's sources: commands that print messages as JSON, one a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from interop.errors import DifferenceError
from interop.stage import Stage

Message = Mapping[str, Any]
S = TypeVar("S", bound=Stage)


@dataclass(frozen=True)
class Source(Generic[S]):
    """A source by the name of its command; `config` is what it is told of the sandbox."""

    command: str
    config: Callable[[S], Message]

    def check(self, stage: S) -> str:
        """Have it try the connection."""
        (said,) = [one["connectionStatus"] for one in self._said(stage, "check") if "connectionStatus" in one]
        if said["status"] != "SUCCEEDED":
            raise DifferenceError(str(said))
        return "connected"

    def streams(self, stage: S) -> dict[str, Message]:
        """Return what it discovers, by name."""
        (catalog,) = [message["catalog"] for message in self._said(stage, "discover") if "catalog" in message]
        return {stream["name"]: stream for stream in catalog["streams"]}

    def read(
        self, stage: S, names: Sequence[str], state: Sequence[Message] = ()
    ) -> tuple[dict[str, list[Message]], list[Message]]:
        """Return the records by stream, and the last state of each stream; every field is there, null or not."""
        discovered = self.streams(stage)
        streams = [
            {
                "stream": discovered[name],
                "sync_mode": discovered[name]["supported_sync_modes"][-1],
                "destination_sync_mode": "append",
            }
            for name in names
        ]
        given: list[str | Path] = ["--catalog", stage.file("catalog.json", {"streams": streams})]
        if state:
            given += ["--state", stage.file("state.json", state)]
        # A source may leave null out of its messages.
        nulls = {name: dict.fromkeys(discovered[name]["json_schema"]["properties"]) for name in names}
        records: dict[str, list[Message]] = {name: [] for name in names}
        states: dict[str, Message] = {}
        for message in self._said(stage, "read", *given):
            if record := message.get("record"):
                records[record["stream"]].append({**nulls[record["stream"]], **record["data"]})
            elif said := message.get("state"):
                states[said["stream"]["stream_descriptor"]["name"]] = said
        return records, list(states.values())

    def _said(self, stage: S, verb: str, *arguments: str | Path) -> list[Message]:
        given = ["--config", stage.file("config.json", self.config(stage)), *arguments]
        return [json.loads(line) for line in stage.run([stage.tools / self.command, verb, *given])]
